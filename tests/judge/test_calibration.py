"""How often a diagnosis is right, by how sure it says it is: run for real, with the culprits that are known.

The breakages matrix says its culprits itself. More cases come from the folder in KNOWNGOOD_TRUTH, if it is set: files
of JSON lines with ``id``, ``python``, ``steps``, ``probe``, ``culprit`` and perhaps ``culprit_also`` and ``installer``.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from knowngood.model import Confidence

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
