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
from knowngood.model import InstallerName, JudgedRun, Outcome, Phase, Reason, Status
from knowngood.report import matrix_json
from report.factory import METRICS, combo, mission, passing, run, whole
from report.hostile import CORPUS, poisoned

SCHEMA: dict[str, Any] = json.loads((Path(report.__file__).parent / "matrix.schema.json").read_text(encoding="utf-8"))


def parsed(judged: JudgedRun) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(matrix_json.render(judged))
    return document


@pytest.mark.parametrize(
    "judged", [mission(), whole(mission()), replace(mission(), cells=()), poisoned(cycle(CORPUS).__next__)]
)
def test_the_json_is_as_its_schema_says(judged: JudgedRun) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(parsed(judged))


@pytest.mark.parametrize(
    ("name", "words"), [("status", Status), ("phase", Phase), ("reason", Reason), ("outcome", Outcome)]
)
def test_the_schema_knows_every_word_of_the_model(name: str, words: type[StrEnum]) -> None:
    assert SCHEMA["$defs"][name]["enum"] == [str(word) for word in words]


def test_the_schema_knows_every_installer() -> None:
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
    ):
        assert list(written) == list(described["properties"]) == described["required"]


def test_a_cell_tells_all_that_is_known_of_it() -> None:
    cell = parsed(mission())["cells"][2]
    assert cell["combo"] == "legacy-wrong-order"
    assert cell["verdict"] == {"status": "fail", "phase": "drift", "reason": "pin-violated"}
    assert cell["expected"] == {
        "status": "fail",
        "reason": "the last step replaces the pinned torch",
        "match": None,
        "culprit": None,
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
