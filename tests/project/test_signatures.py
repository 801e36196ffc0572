"""Known breakages as data: every signature is valid and matches the breakage that it was made from."""

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from knowngood.errors import UsageError
from knowngood.judge.verdict import judge
from knowngood.project.runs import read
from knowngood.project.signatures import OURS, load
from support.facts import RULES

ROOT = Path(__file__).parents[2]
TABLES: list[dict[str, Any]] = tomllib.loads(OURS.read_text(encoding="utf-8"))["signature"]
BREAKAGES = tomllib.loads((ROOT / "matrices" / "breakages.toml").read_text(encoding="utf-8"))
COMBOS = {combo["id"]: combo for combo in BREAKAGES["combo"]}

SIGNED = """[[signature]]
id = 'a'
family = 'f'
priority = 1
culprit = 'x'
cause = 'y.'
[signature.match]
"""


def test_there_are_at_least_25_signatures_and_their_ids_differ() -> None:
    assert len(load(OURS)) == len(TABLES) >= 25


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table["id"])
def test_a_signature_says_what_it_matches_and_what_fixes_it(table: dict[str, Any]) -> None:
    assert table["match"].keys() & {"message", "output", "type", "frames"}
    assert table["culprit"]
    assert table["cause"].endswith(".")
    assert table.get("reference", "https://").startswith("https://")
    for constraint in table["fix"]:
        Requirement(constraint)
    reproduced = table.get("reproduction_of")
    assert (reproduced in COMBOS) if reproduced else {"python", "steps", "source"} <= table["reproduction"].keys()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[[signature]\n", "Expected ']]' at the end of an array declaration (at line 1, column 12)"),
        (
            "[[signature]]\nid = 'a'\n",
            "line 1: signature[0] lacks the key 'family'; line 1: signature[0] lacks the key ",
        ),
        (SIGNED.replace("'a'", "'A b'"), "line 2: signature[0].id: 'A b' has other characters than a-z, 0-9, dots, "),
        (SIGNED.replace("= 1", "= 101"), "line 4: signature[0].priority: 101 is not from 0 to 100"),
        (SIGNED.replace("= 1", "= '1'"), "line 4: signature[0].priority must be a number, not a string"),
        (SIGNED.replace("culprit", "culprits"), "; line 5: unknown key signature[0].culprits, did you mean 'culprit'?"),
        (SIGNED + "message = '('\n", "line 8: signature[0].match.message: invalid regular expression: missing ), "),
        (SIGNED + "installed = ['a b']\n", "line 8: signature[0].match.installed: 'a b' is not a valid requirement: "),
        ("signature = 5\n", "line 1: signature must be an array, not a number"),
        ("a = " + "[" * 9999 + "]" * 9999 + "\n", "nested too deeply"),
    ],
)
def test_an_invalid_signatures_file_is_refused_with_its_cause(tmp_path: Path, text: str, cause: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError) as refused:
        load(OURS, own)

    assert cause in refused.value.cause
    assert str(own) in refused.value.what


def test_a_users_own_signature_replaces_ours_with_the_same_id(tmp_path: Path) -> None:
    ours = load(OURS)[0]
    own = tmp_path / "own.toml"
    own.write_text(
        f"[[signature]]\nid = '{ours.id}'\nfamily = 'own'\npriority = 50\nculprit = 'x'\ncause = 'y.'\n"
        "match = { message = 'z' }\n",
        encoding="utf-8",
    )

    loaded = {signature.id: signature for signature in load(OURS, own)}

    assert loaded[ours.id].family == "own"
    assert len(loaded) == len(TABLES)


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every reproduction, run for real with small packages from the index: signature id -> its cell."""
    folder = tmp_path_factory.mktemp("reproductions")
    probes = {probe["id"]: probe["source"] for probe in BREAKAGES["probe"]}
    lines, combos = ['[matrix]\ntimeout = "2m"\n'], {}
    for table in TABLES:
        combo = COMBOS[table["reproduction_of"]] if "reproduction_of" in table else table["reproduction"]
        source = combo.get("source") or probes[combo["probes"][0]]
        combos[table["id"]] = f"r-{table['id']}"
        python = combo.get("python", "3.11")
        lines.append(
            f"[[probe]]\nid = 'p-{table['id']}'\nsource = {json.dumps(source)}\n"
            f"[[combo]]\nid = 'r-{table['id']}'\npython = {json.dumps(python)}\nprobes = ['p-{table['id']}']\n"
            f"steps = {json.dumps(combo['steps'])}\ntimeout = {json.dumps(combo.get('timeout', '2m'))}\n"
        )
    (folder / "matrix.toml").write_text("\n".join(lines), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "knowngood", "run", "matrix.toml", "--progress", "none"], cwd=folder, check=False
    )
    run = read(next((folder / ".knowngood" / "runs").glob("*/*/events.jsonl")))
    assert run is not None
    # Each signature is tried alone: a better one that would go before it does not matter here.
    by_combo = {facts.combo.id: facts for facts in run.combos}
    known = {signature.id: signature for signature in load(OURS)}
    return {
        name: judge(
            type(run)(info=run.info, combos=(by_combo[combo],), finished=True),
            replace(RULES, signatures=(known[name],)),
        ).cells[0]
        for name, combo in combos.items()
    }


@pytest.mark.network
@pytest.mark.parametrize("name", [table["id"] for table in TABLES])
def test_a_signature_matches_its_own_reproduction(reproduced: dict[str, Any], name: str) -> None:
    cell = reproduced[name]

    assert cell.diagnosis is not None, cell.verdict
    assert cell.diagnosis.signature == name, (cell.message, cell.diagnosis)
