"""The report as JUnit XML, read back by the library that writes it."""

from dataclasses import replace
from itertools import cycle
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, Skipped
from junitparser.xunit2 import JUnitXml, TestCase, TestSuite

from knowngood.model import Check, JudgedRun, Outcome, Phase, Reason, Reused, Status
from knowngood.report.ci import junit
from report.factory import TESTS, cell, combo, diagnosed, mission, only, passing, run, suite_cell
from report.hostile import CORPUS, anything, dangerous, poisoned

GOLDEN = Path(__file__).parent / "golden" / "junit.xml"
RUNS = st.lists(anything(), min_size=1, max_size=12).map(lambda texts: poisoned(cycle(texts).__next__))


def suite_of(judged: JudgedRun) -> TestSuite:
    (suite,) = JUnitXml.fromstring(junit.render(judged).encode())
    assert isinstance(suite, TestSuite)
    return suite


def cases_of(judged: JudgedRun) -> dict[str, TestCase]:
    return {str(case.name): case for case in suite_of(judged) if isinstance(case, TestCase)}


def properties(of: TestSuite | TestCase) -> dict[str, str]:
    return {str(item.name): str(item.value) for item in of.properties()}  # type: ignore[no-untyped-call]


def test_the_document_is_the_golden_one() -> None:
    assert junit.render(mission()) == GOLDEN.read_text(encoding="utf-8")


def test_each_cell_is_one_test_case_and_the_counts_are_right() -> None:
    suite = suite_of(mission())
    assert [case.name for case in suite] == [cell.combo.id for cell in mission().cells]
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (7, 1, 1, 1)
    root = ElementTree.fromstring(junit.render(mission()))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("7", "1", "1")


def test_a_declared_failure_has_passed_with_the_verdict_in_its_output_and_properties() -> None:
    case = cases_of(mission())["legacy-numpy2"]
    assert case.is_passed
    assert "fail (expected)" in str(case.system_out)
    verdict = properties(case)
    assert (verdict["verdict"], verdict["status"], verdict["reason"]) == ("fail (expected)", "fail", "check-failed")


def test_an_unexpected_pass_is_a_failure() -> None:
    (result,) = cases_of(mission())["modern-loose"].result
    assert isinstance(result, Failure)
    assert str(result.message).startswith("UNEXPECTED PASS in probe")
    assert result.type == "pass.all-passed"


def test_an_undecided_cell_is_an_error_and_never_a_failure() -> None:
    (result,) = cases_of(mission())["modern"].result
    assert isinstance(result, Error)
    assert "not counted as a failure" in str(result.message)
    ours = cell(combo("a"), Status.ERROR, Phase.PROBE, Reason.HARNESS_BUG, as_expected=None, message="KeyError")
    (result,) = cases_of(only(ours))["a"].result
    assert isinstance(result, Error)


def test_a_cell_that_was_not_run_is_skipped() -> None:
    (result,) = cases_of(mission())["modern-py313"].result
    assert isinstance(result, Skipped)


def test_a_failure_is_explained_with_its_cause_its_fix_and_how_to_rerun_it() -> None:
    case = cases_of(only(diagnosed(as_expected=False)))["legacy-loose"]
    (result,) = case.result
    for text in ("at sentence_transformers/util.py:12", "torch==2.1.2", "likely", "--only legacy-loose --keep"):
        assert text in str(result.text)
    assert properties(case)["culprit"] == "huggingface-hub"
    assert properties(case)["fix"] == "huggingface-hub<0.26, torch==2.1.2 in step 3"
    assert properties(case)["flaky"] == "1/2 attempts passed"


def test_times_are_seconds_and_the_start_is_utc_without_a_zone() -> None:
    suite = suite_of(mission())
    assert suite.timestamp == "2026-11-24T07:10:00"
    assert cases_of(mission())["legacy"].time == pytest.approx(8.3)
    assert suite.time == pytest.approx(sum(case.time or 0 for case in suite))
    east = replace(mission().run.info, started="2026-11-24T09:10:00+02:00")
    assert suite_of(replace(mission(), run=replace(mission().run, info=east))).timestamp == "2026-11-24T07:10:00"


@pytest.mark.parametrize("start", ["", "yesterday", "0001-01-01T00:00:00+23:00", "\ud800"])
def test_a_start_that_cannot_be_read_is_left_out(start: str) -> None:
    judged = mission()
    info = replace(judged.run.info, started=start)
    assert suite_of(replace(judged, run=replace(judged.run, info=info))).timestamp is None


def test_properties_name_the_machine_and_the_versions_of_the_packages_in_the_steps() -> None:
    machine = properties(suite_of(mission()))
    assert machine["python"] == "3.11.7"
    assert machine["platform"] == "Linux-6.1.0-x86_64"
    assert machine["version.uv"] == "0.13.9"
    assert "shard" not in machine
    case = properties(cases_of(mission())["legacy"])
    assert case["python"] == "3.11.7"
    assert case["installed.torch"] == "2.1.2"
    assert "installed.torchvision" not in case  # it was not installed


def test_a_reused_verdict_names_its_origin() -> None:
    reused = Reused(run="r1", combo="b", recorded="2026-11-20T07:10:00+00:00", key="0f")
    origin = properties(cases_of(only(passing(combo("a"), reused=reused)))["a"])
    assert origin["reused"] == "run r1, combo b, recorded 2026-11-20T07:10:00+00:00"


def test_cells_of_several_probes_are_named_by_probe_and_equal_names_are_numbered() -> None:
    both = combo("legacy", probes=("embedding", "numbers"))
    assert list(cases_of(only(passing(both), passing(both, probe="numbers")))) == [
        "legacy embedding",
        "legacy numbers",
    ]
    alike = (passing(combo("a\x00")), passing(combo("a")), passing(combo("a (2)")), passing(combo("\x1b[2J")))
    assert list(cases_of(only(*alike))) == ["a", "a (2)", "a (2) (2)", "unnamed"]


def test_a_very_long_message_is_cut() -> None:
    judged = only(
        cell(combo("a"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, as_expected=False, message="x" * 10_000)
    )
    (result,) = cases_of(judged)["a"].result
    assert len(str(result.message)) <= 300


@pytest.mark.parametrize("raw", [*CORPUS, "not in XML: \ufffe \uffff"])
def test_a_run_full_of_one_hostile_text_is_inert(raw: str) -> None:
    assert_inert(poisoned(lambda: raw))


@settings(max_examples=40, deadline=None)
@given(RUNS)
def test_any_hostile_text_is_parsed_and_inert(judged: JudgedRun) -> None:
    assert_inert(judged)


def assert_inert(judged: JudgedRun) -> None:
    shown = junit.render(judged)
    assert shown == junit.render(judged)
    assert not dangerous(shown.replace("\n", "").replace("\t", ""))
    root = ElementTree.fromstring(shown.encode())
    texts = [
        text
        for element in root.iter()
        for text in (element.text or "", element.tail or "", *element.attrib, *element.attrib.values())
    ]
    assert not dangerous("".join(texts).replace("\n", "").replace("\t", ""))
    assert {element.tag for element in root.iter()} <= {
        *("testsuites", "testsuite", "testcase", "properties", "property"),
        *("failure", "error", "skipped", "system-out"),
    }
    suite = suite_of(judged)
    keys = [(case.classname, case.name) for case in suite]
    assert len(keys) == len(set(keys)) == len(judged.cells) == suite.tests
    assert (suite.failures, suite.errors, suite.skipped) == (3, 1, 0)


def test_a_run_without_cells_is_a_suite_without_cases() -> None:
    assert suite_of(JudgedRun(run=run(()), cells=())).tests == 0


def suites_of(judged: JudgedRun) -> tuple[TestSuite, ...]:
    found = tuple(JUnitXml.fromstring(junit.render(judged).encode()))
    return tuple(suite for suite in found if isinstance(suite, TestSuite))


def test_the_tests_of_a_suite_are_cases_of_a_suite_of_their_own() -> None:
    cells, tests = suites_of(only(suite_cell(as_expected=False)))

    assert [case.name for case in cells] == ["one"]
    assert [(case.classname, case.name) for case in tests] == [
        ("tests/test_a.py", "test_good"),
        ("tests/test_a.py.TestB", "test_bad[a::b]"),
        ("tests/test_a.py", "test_left"),
        ("tests/test_a.py", "test_hangs"),
    ]
    assert (tests.tests, tests.failures, tests.skipped) == (4, 2, 1)
    (result,) = [case for case in tests if isinstance(case, TestCase)][1].result
    assert (result.message, result.text) == ("AssertionError: no", "AssertionError: no\nbecause")


def test_a_test_that_fails_as_declared_is_skipped() -> None:
    _, tests = suites_of(only(suite_cell(as_expected=True)))

    assert (tests.failures, tests.skipped) == (0, 3)


def test_of_a_large_suite_the_tests_that_passed_are_left_out_first() -> None:
    checks = (*(Check(name=f"t.py::test_{n}", outcome=Outcome.PASSED) for n in range(3000)), *TESTS)
    _, tests = suites_of(only(replace(suite_cell(as_expected=False), checks=checks)))

    assert (tests.tests, tests.failures) == (1000, 2)
