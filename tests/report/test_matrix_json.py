"""The document matrix.json: valid against its schema, and read back as it was written."""

import json
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from itertools import cycle
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from knowngood import report
from knowngood.errors import UsageError
from knowngood.model import Group, InstallerName, JudgedRun, Outcome, Phase, Reason, Status
from knowngood.report import matrix_json, matrix_reader
from report.factory import METRICS, combo, mission, passing, run, whole
from report.hostile import CORPUS, poisoned

SCHEMA: dict[str, Any] = json.loads((Path(report.__file__).parent / "matrix.schema.json").read_text(encoding="utf-8"))


def grouped() -> JudgedRun:
    """Return a run whose failing cells have a cause."""
    judged = mission()
    return replace(judged, groups=(Group(cause="built for NumPy 1", cells=judged.cells[1:3]),))


def parsed(judged: JudgedRun) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(matrix_json.render(judged))
    return document


@pytest.mark.parametrize(
    "judged", [mission(), whole(mission()), grouped(), replace(mission(), cells=()), poisoned(cycle(CORPUS).__next__)]
)
def test_the_json_is_valid_against_its_schema(judged: JudgedRun) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(parsed(judged))


@pytest.mark.parametrize(
    ("name", "words"), [("status", Status), ("phase", Phase), ("reason", Reason), ("outcome", Outcome)]
)
def test_the_schema_lists_every_member_of_the_enums(name: str, words: type[StrEnum]) -> None:
    assert SCHEMA["$defs"][name]["enum"] == [str(word) for word in words]


def test_the_schema_lists_every_installer() -> None:
    assert SCHEMA["$defs"]["cell"]["properties"]["installer"]["enum"] == [str(name) for name in InstallerName]


def test_the_schema_describes_every_key_that_is_written_and_requires_it() -> None:
    document = parsed(mission())
    for written, described in (
        (document, SCHEMA),
        (document["run"], SCHEMA["properties"]["run"]),
        (document["matrix"], SCHEMA["properties"]["matrix"]),
        (document["cells"][0], SCHEMA["$defs"]["cell"]),
        (document["cells"][2]["drift"][0], SCHEMA["$defs"]["drift"]),
        (document["cells"][0]["checks"][0], SCHEMA["$defs"]["check"]),
        (document["cells"][0]["arrays"]["vectors"], SCHEMA["$defs"]["array"]),
        (document["run"]["indexes"][0], SCHEMA["$defs"]["index"]),
        (parsed(grouped())["causes"][0], SCHEMA["$defs"]["cause"]),
    ):
        assert list(written) == list(described["properties"]) == described["required"]


def test_a_cell_has_everything_that_is_known_of_it() -> None:
    cell = parsed(mission())["cells"][2]
    assert cell["combo"] == "legacy-wrong-order"
    assert cell["verdict"] == {"status": "fail", "phase": "drift", "reason": "pin-violated"}
    assert cell["expected"] == {
        "status": "fail",
        "reason": "the last step replaces the pinned torch",
        "match": None,
        "culprit": None,
        "probe": None,
        "check": None,
    }
    assert cell["as_expected"] is True
    assert list(cell["installed"]) == sorted(cell["installed"])
    assert cell["drift"][0] == {
        "package": "torch",
        "step": 2,
        "before": "2.1.2",
        "after": "2.9.0",
        "violates": "torch==2.1.2",
    }
    assert cell["environment_bytes"] == 967_000_000
    assert cell["log"] == "logs/legacy-wrong-order/embedding.log"


def test_numbers_that_are_not_finite_are_strings() -> None:
    metrics: Mapping[str, float] = {"a": float("nan"), "b": float("inf"), "c": float("-inf"), "d": 1e308}
    cells = (passing(combo("legacy"), metrics=metrics),)
    shown = matrix_json.render(JudgedRun(run=run(cells), cells=cells))
    assert json.loads(shown, parse_constant=pytest.fail)["cells"][0]["metrics"] == {
        "a": "nan",
        "b": "inf",
        "c": "-inf",
        "d": 1e308,
    }


def test_arrays_come_from_the_checks_and_stay_on_one_line() -> None:
    shown = matrix_json.render(mission())
    assert parsed(mission())["cells"][0]["arrays"]["vectors"]["shape"] == [1, 2]
    assert '"data": "AACAPwAAAAA="\n' in shown
    assert parsed(mission())["cells"][0]["metrics"] == METRICS | {"peak_memory_mib": 812}


def test_the_same_run_is_the_same_text() -> None:
    assert matrix_json.render(mission()) == matrix_json.render(mission())
    assert matrix_json.render(mission()).endswith("}\n")


def without_arrays(judged: JudgedRun) -> JudgedRun:
    """Return a run without what ``matrix.json`` is not read for."""
    cells = [replace(cell, checks=tuple(replace(check, arrays={}) for check in cell.checks)) for cell in judged.cells]
    return replace(judged, cells=tuple(cells))


@pytest.mark.parametrize(
    "judged",
    [
        whole(mission()),
        replace(mission(), cells=()),
        without_arrays(whole(mission())),
        poisoned(cycle(CORPUS).__next__),
    ],
)
def test_what_was_read_is_written_as_it_was_but_for_the_recorded_arrays(judged: JudgedRun) -> None:
    document = parsed(judged)
    for cell in document["cells"]:
        cell["arrays"] = {}

    assert parsed(matrix_reader.parse(document)) == document


def test_the_causes_of_a_run_are_read_with_their_cells() -> None:
    read = matrix_reader.loads(matrix_json.render(grouped()))

    assert read.groups == (Group(cause="built for NumPy 1", cells=read.cells[1:3]),)


def test_the_probes_of_a_combo_are_read_from_its_cells() -> None:
    both = combo("both", probes=("a", "b"))
    cells = (passing(both, probe="a"), passing(both, probe="b"))
    read = matrix_reader.loads(matrix_json.render(JudgedRun(run=run(cells), cells=cells)))

    assert [cell.combo.probes for cell in read.cells] == [("a", "b"), ("a", "b")]
    assert [facts.combo.id for facts in read.run.combos] == ["both"]


def test_keys_of_a_later_version_are_ignored_and_most_keys_of_a_cell_may_be_missing() -> None:
    other = parsed(mission())
    other["more"] = other["cells"][0]["more"] = 1
    for cell in other["cells"]:
        del cell["reused"], cell["flaky"], cell["arrays"], cell["numbers"]
    del other["causes"]

    read = matrix_reader.parse(other)
    assert [cell.verdict for cell in read.cells] == [cell.verdict for cell in mission().cells]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"schema": None}, "its schema is None; this version of knowngood reads schema 2"),
        ({"schema": 1}, "its schema is 1; this version of knowngood reads schema 2"),
        ({"schema": []}, "its schema is []; "),
        ({"cells": None}, "cells: "),
        ({"run": None}, "run: "),
        ({"cells": [{}]}, "cells[0].combo: Field required"),
        ({"cells": [7]}, "cells[0]: "),
    ],
)
def test_a_document_that_is_not_a_report_is_refused_with_the_place(changes: dict[str, object], cause: str) -> None:
    with pytest.raises(UsageError) as refused:
        matrix_reader.parse(parsed(mission()) | changes, name="reports/m/matrix.json")

    assert refused.value.what == "reports/m/matrix.json cannot be read"
    assert refused.value.cause.startswith(cause)
    assert refused.value.next_step


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        ("", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it has no schema"),
    ],
)
def test_a_text_that_is_not_a_report_is_refused(data: bytes | str, cause: str) -> None:
    with pytest.raises(UsageError) as refused:
        matrix_reader.loads(data, name="x.json")

    assert refused.value.what == "x.json cannot be read"
    assert refused.value.cause.startswith(cause)


def test_a_verdict_of_a_later_version_is_refused() -> None:
    later = parsed(mission())
    later["cells"][0]["verdict"]["status"] = "fine"

    with pytest.raises(UsageError) as refused:
        matrix_reader.parse(later)
    assert refused.value.cause.startswith("cells[0].verdict.status: ")
