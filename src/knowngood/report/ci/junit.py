"""Render ``junit.xml``, a judged run as test results in the flavor of JUnit's XML that pytest writes.

Each cell is one test case. A cell that is as expected has passed, a declared failure too, with its verdict as output;
one that is not is a failure; one that is undecided is an error; one that was not run is skipped. The tests of a suite
that a probe ran are a test suite of their own.
"""

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from junitparser import Error, Failure, Skipped
from junitparser.xunit2 import JUnitXml, TestCase, TestSuite
from packaging.utils import canonicalize_name

from knowngood.model import Cell, JudgedRun, Suite
from knowngood.report import words
from knowngood.report.ci.outcome import (
    SuiteTest,
    TestOutcome,
    explanation,
    message,
    names,
    outcome_of,
    plain_name,
    tests_of,
)
from knowngood.report.summary import cautions, summary
from knowngood.report.table import named, total_seconds
from knowngood.report.text import document, started, xml_text

_RESULTS = {TestOutcome.FAILED: Failure, TestOutcome.UNDECIDED: Error, TestOutcome.SKIPPED: Skipped}


def render(judged: JudgedRun) -> str:
    """Return the document, indented, ending in a newline; times are in seconds, the start of the run is in UTC.

    The time that an environment took is counted in each cell of its combo.
    """
    info = judged.run.info
    suite = TestSuite(plain_name(info.title))  # type: ignore[no-untyped-call]
    if (start := started(info)) is not None:
        # The schema has no place for a time zone.
        suite.timestamp = start.replace(tzinfo=None).isoformat()
    _add(suite, _run_properties(judged))
    matrix = plain_name(info.matrix)
    named_cells = tuple(zip(judged.cells, names(judged.cells), strict=True))
    suite.add_testcases([_case(cell, judged, name, matrix) for cell, name in named_cells])
    suite.system_out = xml_text("\n".join([summary(judged), *cautions(judged)]), lines=True)
    whole = JUnitXml("knowngood")
    whole.add_testsuite(suite)
    for cell, name in named_cells:
        if (tests := tests_of(cell)) and cell.suite is not None:
            whole.add_testsuite(_suite(plain_name(f"{info.matrix}: {name}"), tests, cell.suite))
    whole.update_statistics()  # type: ignore[no-untyped-call]
    # The library's own indentation goes through a file.
    return document(ElementTree.fromstring(whole.tostring()))  # type: ignore[no-untyped-call]


def _case(cell: Cell, judged: JudgedRun, name: str, matrix: str) -> TestCase:
    case = TestCase(name, classname=matrix, time=round(total_seconds(cell), 3))
    _add(case, _cell_properties(cell))
    outcome = outcome_of(cell)
    if outcome is TestOutcome.PASSED:
        case.system_out = explanation(cell, judged)
    else:
        result = _RESULTS[outcome](message(cell), f"{cell.verdict.status}.{cell.verdict.reason}")
        result.text = explanation(cell, judged)
        case.result = result
    return case


def _suite(name: str, tests: Iterable[SuiteTest], counted: Suite) -> TestSuite:
    """Return the tests of a suite that a probe ran, by the file that they are in."""
    suite = TestSuite(name)  # type: ignore[no-untyped-call]
    suite.system_out = xml_text(words.suite(counted))
    for test in tests:
        case = TestCase(test.name, classname=test.file, time=round(test.seconds, 3))
        if test.outcome is not TestOutcome.PASSED:
            result = _RESULTS[test.outcome](test.message)
            result.text = test.detail
            case.result = result
        suite.add_testcase(case)
    return suite


def _add(to: TestSuite | TestCase, properties: Iterable[tuple[str, str]]) -> None:
    for name, value in properties:
        to.add_property(plain_name(name), xml_text(value))


def _run_properties(judged: JudgedRun) -> Iterator[tuple[str, str]]:
    info = judged.run.info
    yield from (("run", info.id), ("digest", info.digest))
    if info.shard:
        yield "shard", info.shard
    yield from (("platform", info.platform), ("cpu", info.cpu), ("cores", str(info.cores)), ("python", info.python))
    if info.isolation:
        yield "isolation", info.isolation
    yield from ((f"version.{name}", version) for name, version in sorted(info.versions.items()))
    yield "command", info.command


def _cell_properties(cell: Cell) -> Iterator[tuple[str, str]]:
    verdict, diagnosis = cell.verdict, cell.diagnosis
    yield "verdict", words.verdict(cell)
    yield from (("status", verdict.status), ("phase", verdict.phase), ("reason", verdict.reason))
    yield "expected", words.expectation(cell.expect)
    yield from (("python", cell.python), ("installer", cell.combo.installer))
    for package in dict.fromkeys(canonicalize_name(requirement.name) for requirement in named(cell.combo)):
        if package in cell.installed:
            yield f"installed.{package}", cell.installed[package]
    if cell.suite:
        yield "tests", words.suite(cell.suite)
    if cell.conflicts:
        yield "conflicts", "; ".join(words.conflicts(cell))
    if cell.yanked:
        yield "yanked", "; ".join(words.yanked(cell))
    if diagnosis and diagnosis.culprit:
        yield "culprit", diagnosis.culprit
    if words.fix(cell):
        yield "fix", words.stated_fix(cell)
    if cell.flaky:
        yield "flaky", words.flaky(cell)
    if cell.reused:
        imported = f", imported from {cell.reused.archive}" if cell.reused.archive else ""
        yield "reused", f"run {cell.reused.run}, combo {cell.reused.combo}, recorded {cell.reused.recorded}{imported}"
