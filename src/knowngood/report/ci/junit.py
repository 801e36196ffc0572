"""``junit.xml``: a judged run for whatever reads test results of JUnit's kind, in the flavour that pytest writes.

One test case for each cell. What is as expected passed, an expected failure too, and its output tells the verdict; what
is not as expected is a failure; what could not be told is an error; what was never run is skipped.
"""

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from junitparser import Error, Failure, Skipped
from junitparser.xunit2 import JUnitXml, TestCase, TestSuite
from packaging.utils import canonicalize_name

from knowngood.model import Cell, JudgedRun
from knowngood.report import words
from knowngood.report.ci.outcome import Standing, message, names, plain_name, standing, story
from knowngood.report.columns import named
from knowngood.report.summary import cautions, summary
from knowngood.report.text import started
from knowngood.report.xml import document, xml_text

_RESULTS = {Standing.FAILED: Failure, Standing.UNDECIDED: Error, Standing.SKIPPED: Skipped}


def render(judged: JudgedRun) -> str:
    """Return the document, indented, ending in a newline; times are in seconds, the start of the run is in UTC.

    Of each combo the time of its environment is counted in each of its cells.
    """
    info = judged.run.info
    suite = TestSuite(plain_name(info.title))  # type: ignore[no-untyped-call]
    if (start := started(info)) is not None:
        # Its schema has no place for a time zone.
        suite.timestamp = start.replace(tzinfo=None).isoformat()
    _add(suite, _about(judged))
    matrix = plain_name(info.matrix)
    named_cells = zip(judged.cells, names(judged.cells), strict=True)
    suite.add_testcases([_case(cell, judged, name, matrix) for cell, name in named_cells])
    suite.system_out = xml_text("\n".join([summary(judged), *cautions(judged)]), lines=True)
    whole = JUnitXml("knowngood")
    whole.add_testsuite(suite)
    whole.update_statistics()  # type: ignore[no-untyped-call]
    # The library's own indentation goes through a file.
    return document(ElementTree.fromstring(whole.tostring()))  # type: ignore[no-untyped-call]


def _case(cell: Cell, judged: JudgedRun, name: str, matrix: str) -> TestCase:
    case = TestCase(name, classname=matrix, time=round(words.total_seconds(cell), 3))
    _add(case, _facts(cell))
    came = standing(cell)
    if came is Standing.PASSED:
        case.system_out = story(cell, judged)
    else:
        result = _RESULTS[came](message(cell), f"{cell.verdict.status}.{cell.verdict.reason}")
        result.text = story(cell, judged)
        case.result = result
    return case


def _add(to: TestSuite | TestCase, properties: Iterable[tuple[str, str]]) -> None:
    for name, value in properties:
        to.add_property(plain_name(name), xml_text(value))


def _about(judged: JudgedRun) -> Iterator[tuple[str, str]]:
    info = judged.run.info
    yield from (("run", info.id), ("digest", info.digest))
    if info.shard:
        yield "shard", info.shard
    yield from (("platform", info.platform), ("cpu", info.cpu), ("cores", str(info.cores)), ("python", info.python))
    yield from ((f"version.{name}", version) for name, version in sorted(info.versions.items()))
    yield "command", info.command


def _facts(cell: Cell) -> Iterator[tuple[str, str]]:
    verdict, diagnosis = cell.verdict, cell.diagnosis
    yield "verdict", words.verdict(cell)
    yield from (("status", verdict.status), ("phase", verdict.phase), ("reason", verdict.reason))
    yield "expected", words.expectation(cell.expect)
    yield from (("python", cell.python), ("installer", cell.combo.installer))
    for package in dict.fromkeys(canonicalize_name(requirement.name) for requirement in named(cell.combo)):
        if package in cell.installed:
            yield f"installed.{package}", cell.installed[package]
    if diagnosis and diagnosis.culprit:
        yield "culprit", diagnosis.culprit
    if diagnosis and diagnosis.fix:
        yield "fix", words.fix(cell)
    if cell.flaky:
        yield "flaky", words.flaky(cell)
    if cell.reused:
        yield "reused", f"run {cell.reused.run}, combo {cell.reused.combo}, recorded {cell.reused.recorded}"
