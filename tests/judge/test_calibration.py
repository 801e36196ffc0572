"""How often a diagnosis is right, by how sure it says it is: from recorded facts, and run for real.

The recorded facts are those of real breakages with known culprits, and whether the offered fixes worked when they were
run; .ci/record_diagnoses.py writes them. For real, the breakages matrix says its culprits itself. More cases come from
the folder in KNOWNGOOD_TRUTH, if it is set: files of JSON lines with ``id``, ``python``, ``steps``, ``probe``,
``culprit`` and perhaps ``culprit_also`` and ``installer``.
"""

import json
import lzma
import os
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from knowngood.install.registry import OUTPUTS
from knowngood.judge.evidence import Rules
from knowngood.judge.verdict import judge_combo
from knowngood.model import ComboFacts, Confidence, Diagnosis
from knowngood.project.signatures import OURS, load

RECORDED = Path(__file__).parent / "recorded" / "diagnoses.jsonl.xz"
ROOT = Path(__file__).parents[2]
MOST_WRONG = {Confidence.CERTAIN: 2 / 125, Confidence.LIKELY: 1 / 10}

Table = Mapping[Confidence, tuple[int, int]]
"""Confidence -> how many diagnoses were right, and how many were wrong."""


def tally(cells: list[dict[str, Any]], culprits: Mapping[str, set[str]]) -> Table:
    """Count the diagnoses of ``cells``; ``culprits`` are the right ones, by combo."""
    counts: Counter[tuple[str, bool]] = Counter()
    for cell in cells:
        if cell["diagnosis"] and cell["combo"] in culprits:
            counts[cell["diagnosis"]["confidence"], cell["diagnosis"]["culprit"] in culprits[cell["combo"]]] += 1
    return {confidence: (counts[confidence, True], counts[confidence, False]) for confidence in Confidence}


def printed(table: Table) -> str:
    """Return the table as text."""
    rows = [f"{confidence:<9} {right:>5} {wrong:>5}" for confidence, (right, wrong) in table.items()]
    return "\n".join([f"{'':<9} right wrong", *rows])


def recorded() -> list[tuple[dict[str, Any], Diagnosis | None]]:
    """Return the recorded breakages, each with what is said of it now."""
    rules = Rules(signatures=load(OURS), installers=OUTPUTS)
    facts = TypeAdapter(ComboFacts)
    cases = [json.loads(line) for line in lzma.decompress(RECORDED.read_bytes()).splitlines()]
    return [(case, judge_combo(facts.validate_python(case["facts"]), rules)[0].diagnosis) for case in cases]


@pytest.fixture(scope="module")
def judged() -> list[tuple[dict[str, Any], Diagnosis | None]]:
    return recorded()


def right(case: Mapping[str, Any], diagnosis: Diagnosis | None) -> tuple[bool, bool, bool | None]:
    """Return whether culprit, other party and fix are right; a fix that was not run is neither right nor wrong."""
    if diagnosis is None:
        return False, False, False
    parties = {*case["culprits"], case["other"]} - {diagnosis.culprit}
    fix = case["works"].get(" ".join(diagnosis.fix)) if diagnosis.fix else case["unfixable"]
    return diagnosis.culprit in case["culprits"], diagnosis.conflicts_with in parties, fix


def test_recorded_diagnoses_are_as_sure_as_they_are_right(
    judged: list[tuple[dict[str, Any], Diagnosis | None]], capsys: pytest.CaptureFixture[str]
) -> None:
    by_source: dict[str, Counter[tuple[Confidence, bool]]] = defaultdict(Counter)
    for case, diagnosis in judged:
        confidence = diagnosis.confidence if diagnosis is not None else Confidence.UNKNOWN
        for source in (case["source"], "all"):
            by_source[source][confidence, right(case, diagnosis)[0]] += 1
    tables = {
        source: {confidence: (counts[confidence, True], counts[confidence, False]) for confidence in Confidence}
        for source, counts in by_source.items()
    }

    with capsys.disabled():
        for source, table in sorted(tables.items()):
            sys.stdout.write(f"\n{source}\n{printed(table)}\n")

    assert set(tables) == {"all", "breakages", "fresh", "reports", "sample"}
    assert_calibrated(tables["all"])


def test_recorded_reports_are_explained_by_general_rules(
    judged: list[tuple[dict[str, Any], Diagnosis | None]],
) -> None:
    reports = [(right(case, said), said) for case, said in judged if case["source"] == "reports"]

    culprits, others, fixes = (sum(bool(each[part]) for each, _ in reports) for part in range(3))

    assert len(reports) == 15
    assert (culprits >= 13, others >= 12, fixes >= 11) == (True, True, True), (culprits, others, fixes)
    assert not [said for _, said in reports if said is not None and said.signature is not None]


def run(matrix: Path) -> list[dict[str, Any]]:
    """Run a matrix beside which ``.knowngood`` may be written, and return its cells."""
    report = matrix.parent / "report"
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "knowngood",
        "run",
        matrix.name,
        "--progress",
        "none",
        "--report-dir",
        report,
    ]
    subprocess.run(command, cwd=matrix.parent, check=False)
    cells: list[dict[str, Any]] = json.loads((report / "matrix.json").read_text(encoding="utf-8"))["cells"]
    return cells


def cases(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the breakages in the files of ``folder``, without those that take gigabytes."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if case.get("culprit") and not case.get("heavy"):
                yield case


def written(case: Mapping[str, Any]) -> str:
    """Return the tables of a matrix file for one case."""
    name = json.dumps(case["id"])
    installer = f"installer = {json.dumps(case['installer'])}\n" if case.get("installer") else ""
    return (
        f"[[probe]]\nid = {name}\nsource = {json.dumps(case['probe'])}\n"
        f"[[combo]]\nid = {name}\npython = [{json.dumps(case['python'])}]\nsteps = {json.dumps(case['steps'])}\n"
        f"probes = [{name}]\n{installer}"
    )


def assert_calibrated(table: Table) -> None:
    sys.stdout.write(f"{printed(table)}\n")
    for confidence, most in MOST_WRONG.items():
        right, wrong = table[confidence]
        assert wrong <= most * (right + wrong), printed(table)


def test_diagnoses_are_counted_by_how_sure_they_are() -> None:
    cells: list[dict[str, Any]] = [
        {"combo": combo, "diagnosis": {"confidence": confidence, "culprit": culprit}}
        for combo, confidence, culprit in [("a", "certain", "x"), ("b", "certain", "y"), ("c", "likely", "z")]
    ]
    cells.append({"combo": "d", "diagnosis": None})

    table = tally(cells, {"a": {"x"}, "b": {"x"}, "c": {"w", "z"}, "d": {"x"}})

    assert table[Confidence.CERTAIN] == (1, 1)
    assert table[Confidence.LIKELY] == (1, 0)
    assert table[Confidence.POSSIBLE] == (0, 0)
    with pytest.raises(AssertionError, match="certain       1     1"):
        assert_calibrated(table)


@pytest.mark.network
def test_diagnoses_of_the_breakages_matrix_are_as_sure_as_they_are_right(tmp_path: Path) -> None:
    text = (ROOT / "matrices" / "breakages.toml").read_text(encoding="utf-8")
    (tmp_path / "breakages.toml").write_text(text, encoding="utf-8")
    combos = tomllib.loads(text)["combo"]
    culprits = {combo["id"]: {combo["expect"]["culprit"]} for combo in combos if "culprit" in combo.get("expect", {})}

    assert_calibrated(tally(run(tmp_path / "breakages.toml"), culprits))


@pytest.mark.network
@pytest.mark.skipif("KNOWNGOOD_TRUTH" not in os.environ, reason="KNOWNGOOD_TRUTH names no folder")
def test_diagnoses_of_other_cases_are_as_sure_as_they_are_right(tmp_path: Path) -> None:
    known = list(cases(Path(os.environ["KNOWNGOOD_TRUTH"])))
    text = '[matrix]\ntimeout = "1m"\n' + "".join(map(written, known))
    (tmp_path / "truth.toml").write_text(text, encoding="utf-8")
    culprits = {case["id"]: {case["culprit"], *case.get("culprit_also", ())} for case in known}

    assert_calibrated(tally(run(tmp_path / "truth.toml"), culprits))
