"""The report in the Common Test Report Format, checked against its published schema."""

import json
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowngood.model import JudgedRun, Seconds
from knowngood.report.ci import ctrf
from report.factory import combo, diagnosed, mission, only, passing, run, suite_cell, whole
from report.hostile import CORPUS, anything, dangerous, poisoned

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "ctrf.json"
# Version 0.3.0, as the project of the format publishes it; its license is beside it.
SCHEMA: dict[str, Any] = json.loads((HERE / "schemas" / "ctrf.schema.json").read_text(encoding="utf-8"))
RUNS = st.lists(anything(), min_size=1, max_size=12).map(lambda texts: poisoned(cycle(texts).__next__))


def parsed(judged: JudgedRun) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ctrf.render(judged), parse_constant=pytest.fail)
    jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(document)
    return document


def by_name(judged: JudgedRun) -> dict[str, dict[str, Any]]:
    return {test["name"]: test for test in parsed(judged)["results"]["tests"]}


def test_the_report_is_the_golden_one() -> None:
    assert ctrf.render(mission()) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("judged", [mission(), whole(mission()), only(diagnosed()), JudgedRun(run=run(()), cells=())])
def test_the_report_is_valid_against_the_published_schema(judged: JudgedRun) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert parsed(judged)["reportFormat"] == "CTRF"


def test_each_cell_is_one_test_and_the_counts_are_right() -> None:
    results = parsed(mission())["results"]
    counts = results["summary"]
    statuses = [test["status"] for test in results["tests"]]
    assert statuses == ["passed", "passed", "passed", "passed", "failed", "other", "skipped"]
    assert counts["tests"] == 7
    assert {status: counts[status] for status in ("passed", "failed", "skipped", "pending", "other")} == {
        status: statuses.count(status) for status in ("passed", "failed", "skipped", "pending", "other")
    }


def test_a_declared_failure_has_passed_and_keeps_its_verdict() -> None:
    test = by_name(mission())["legacy-numpy2"]
    assert (test["status"], test["rawStatus"]) == ("passed", "fail (expected)")
    assert "trace" not in test
    assert test["extra"]["asExpected"] is True
    assert test["extra"]["installed"]["numpy"] == "2.3.5"


def test_an_undecided_cell_has_neither_passed_nor_failed() -> None:
    test = by_name(mission())["modern"]
    assert test["status"] == "other"
    assert "not counted as a failure" in test["message"]
    assert test["retries"] == 2


def test_a_failure_has_its_message_its_explanation_and_its_fix() -> None:
    test = by_name(only(diagnosed(as_expected=False)))["legacy-loose"]
    assert test["message"].startswith("FAIL (declared: other evidence) in drift")
    assert "--only legacy-loose --keep" in test["trace"]
    assert test["extra"]["culprit"] == "huggingface-hub"
    assert test["extra"]["fix"] == ["huggingface-hub<0.26", "torch==2.1.2"]


def test_a_cell_that_passed_after_it_had_failed_is_flaky() -> None:
    judged = only(passing(combo("a"), flaky="1/2", attempts=2), diagnosed(), passing(combo("b")))
    assert [test["flaky"] for test in by_name(judged).values()] == [True, False, False]
    assert parsed(judged)["results"]["summary"]["flaky"] == 1


def test_times_are_milliseconds_and_the_sum_counts_a_shared_environment_once() -> None:
    both = combo("a", probes=("x", "y"))
    spent = Seconds(resolve=1.0, create=0.5, install=2.0, probe=0.25)
    judged = only(passing(both, probe="x", seconds=spent), passing(both, probe="y", seconds=spent))
    assert [test["duration"] for test in by_name(judged).values()] == [3750, 3750]
    times = parsed(judged)["results"]["summary"]
    assert times["start"] == 1795504200000
    assert times["stop"] - times["start"] == 4000


def test_a_report_names_its_shard() -> None:
    judged = mission()
    assert "shardId" not in parsed(judged)["results"]["environment"]
    info = replace(judged.run.info, shard="2/8")
    shard = replace(judged, run=replace(judged.run, info=info))
    assert parsed(shard)["results"]["environment"]["shardId"] == "2/8"


@pytest.mark.parametrize("raw", CORPUS)
def test_a_run_full_of_one_hostile_text_is_inert(raw: str) -> None:
    assert_inert(poisoned(lambda: raw))


@settings(max_examples=40, deadline=None)
@given(RUNS)
def test_with_any_hostile_text_the_report_is_strict_and_valid(judged: JudgedRun) -> None:
    assert_inert(judged)


def assert_inert(judged: JudgedRun) -> None:
    shown = ctrf.render(judged)
    assert shown == ctrf.render(judged)
    assert shown.isascii()
    results = parsed(judged)["results"]
    names = [test["name"] for test in results["tests"]]
    assert len(names) == len(set(names)) == len(judged.cells) == results["summary"]["tests"]
    assert (results["summary"]["passed"], results["summary"]["failed"], results["summary"]["other"]) == (2, 3, 1)
    assert not dangerous("".join(texts(json.loads(shown))).replace("\n", "").replace("\t", ""))


def texts(value: object) -> list[str]:
    """Return every text in a decoded document, keys too."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


def test_the_tests_of_a_suite_follow_the_cells_and_are_counted() -> None:
    results = parsed(only(suite_cell(as_expected=False)))["results"]

    assert [(test["suite"][1:], test["name"], test["status"]) for test in results["tests"][1:]] == [
        (["one", "tests/test_a.py"], "test_good", "passed"),
        (["one", "tests/test_a.py.TestB"], "test_bad[a::b]", "failed"),
        (["one", "tests/test_a.py"], "test_left", "skipped"),
        (["one", "tests/test_a.py"], "test_hangs", "failed"),
    ]
    counts = results["summary"]
    assert (counts["tests"], counts["failed"], counts["skipped"], counts["suites"]) == (5, 3, 1, 2)
