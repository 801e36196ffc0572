"""Write what a run of known breakages recorded where the tests of the judge find it, to be judged without a network.

Usage: python .ci/record_diagnoses.py SOURCE MATRIX TRUTH [FIXES]

MATRIX is a matrix file that was run; TRUTH has a line of JSON for each combo: ``id``, ``culprit``, and perhaps
``culprit_also`` and ``conflict_with``. FIXES is the matrix.json of a run in which each combo had the fix that its
diagnosis offers. The combos replace those of SOURCE in tests/judge/recorded/diagnoses.jsonl.xz.
"""

import json
import lzma
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from knowngood.judge.evidence import Rules
from knowngood.judge.verdict import judge_combo
from knowngood.model import ComboFacts
from knowngood.project.project import Project

TARGET = Path(__file__).parents[1] / "tests" / "judge" / "recorded" / "diagnoses.jsonl.xz"
FACTS = TypeAdapter(ComboFacts)


def entry(
    source: str, facts: ComboFacts, rules: Rules, case: Mapping[str, Any], works: Mapping[str, bool]
) -> dict[str, Any] | None:
    """Return the line of one combo; None for one that passes. ``works`` is fix -> whether the combo passed with it."""
    (cell, *_) = judge_combo(facts, rules)
    if cell.diagnosis is None or not case.get("culprit"):
        return None
    return {
        "source": source,
        "culprits": [case["culprit"], *(case.get("culprit_also") or ())],
        "other": case.get("conflict_with") or None,
        "unfixable": case.get("fix") == [],
        "works": dict(works),
        "facts": shared(facts),
    }


def shared(facts: ComboFacts) -> Any:
    """Return facts as JSON without what is not judged, and without where things were on this machine."""
    probes = tuple(replace(probe, transcript=replace(probe.transcript, reads={})) for probe in facts.probes)
    text = FACTS.dump_json(replace(facts, basis=None, probes=probes)).decode()
    text = re.sub(r"(?:/[\w.+-]+)+/env/(?=bin/|lib/)", "/project/env/", text)
    text = re.sub(r"(?:/[\w.+-]+)+/(?=(?:lib/python|include/python))", "/usr/", text.replace("/project/env/", "\0"))
    text = re.sub(r"https?://[^\s\"'\\<>]*?/(?=[\w.-]+(?:\.whl|\.tar\.gz|\.zip))", "https://index/", text)
    text = text.replace("\0", "/project/env/")
    return json.loads(re.sub(r"/(?:tmp|root|home|work|opt)(?:/[\w.+-]+)+/", "/project/", text))


def merge(source: str, entries: Iterable[dict[str, Any]]) -> None:
    """Replace the lines of ``source``."""
    kept = [line for line in read() if line["source"] != source]
    lines = [json.dumps(line, separators=(",", ":")) for line in (*kept, *entries)]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(lzma.compress("\n".join(lines).encode()))


def read() -> list[dict[str, Any]]:
    """Return all lines."""
    return [json.loads(line) for line in lzma.decompress(TARGET.read_bytes()).splitlines()] if TARGET.exists() else []


def main(source: str, matrix: str, truth: str, fixed: str = "") -> None:
    """Record a run."""
    project = Project.open(Path(matrix))
    run = project.runs.find(None).read()
    cases = {case["id"]: case for case in map(json.loads, Path(truth).read_text(encoding="utf-8").splitlines())}
    cells = json.loads(Path(fixed).read_text(encoding="utf-8"))["cells"] if fixed else []
    passed = {cell["combo"]: cell["verdict"]["status"] in ("pass", "moved") for cell in cells}
    entries = []
    for facts in run.combos if run is not None else ():
        combo = facts.combo.id
        (cell, *_) = judge_combo(facts, project.rules)
        fix = " ".join(cell.diagnosis.fix) if cell.diagnosis else ""
        works = {fix: passed[combo]} if fix and combo in passed else {}
        if (line := entry(source, facts, project.rules, cases.get(combo, {}), works)) is not None:
            entries.append(line)
    merge(source, entries)


if __name__ == "__main__":
    main(*sys.argv[1:])
