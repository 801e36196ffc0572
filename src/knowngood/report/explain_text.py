"""Explain one cell on a terminal: requirements, versions, drift, the failure and its place, cause, fix, next steps."""

from collections.abc import Callable, Iterator, Sequence

from knowngood.model import UNDECIDED, Cell, Diagnosis, JudgedRun, Outcome, Run, Status, Suite
from knowngood.report import explanation, words
from knowngood.report.explanation import Failure, place
from knowngood.report.recap import briefly
from knowngood.report.summary import cautions, summary
from knowngood.report.table import metric
from knowngood.report.text import aligned, count, filled, plain, seconds, shorten, size, wrap, wrapped

Paint = Callable[[str, str], str]
"""(kind, text) -> the text in its color; a kind is ``good``, ``bad``, ``odd``, ``label``, ``quiet`` or ``fix``."""
Lines = list[tuple[str, str]]
"""(kind, text) of each line; the kind of plain text is empty."""

LABEL = 15
"""Columns that the label of a part takes."""
MOST_LINES = 12
"""Lines that a message may take; the log has the rest."""
MOST_ROWS = 12
"""Lines that a list may take: versions, drift, checks."""
MOST_TESTS = 8
"""Failing tests that are named for one cause."""
_FAILURE_LABELS = {
    Status.CRASH: "crashed",
    Status.TIMEOUT: "timed out",
    Status.OOM: "no memory",
    Status.UNSOLVABLE: "unsolvable",
    Status.BUILD_FAIL: "not built",
    Status.MOVED: "differs",
    Status.ERROR: "not tested",
    Status.NOT_RUN: "not run",
    Status.INFRA: "not tested",
}
"""The label of a failure, by status; all others are ``failed``."""


def unpainted(_: str, text: str) -> str:
    """Return ``text`` as it is."""
    return text


def render(cell: Cell, run: Run, *, run_folder: str, width: int = 100, paint: Paint = unpainted) -> str:
    """Return all that is known of one cell, ending in a newline.

    ``run_folder`` is put before its log. Text keeps within ``width``, from 40 on; paths and commands, which are copied,
    are never cut. ``paint`` may add colors to what is plain text by then.
    """
    lines = [paint(kind, text) for kind, text in _head(cell, run, width)]
    for part in _parts(cell, run, run_folder, width - LABEL):
        lines.append("")
        for label, part_lines in part:
            for index, (kind, text) in enumerate(part_lines):
                shown = "" if index else label
                start = f"{paint('label', shown)}{' ' * (LABEL - len(shown))}" if shown else " " * LABEL
                lines.append(f"{start}{paint(kind, text)}" if text else "")
    return "\n".join(lines) + "\n"


def render_overview(judged: JudgedRun, *, width: int = 100) -> str:
    """Return what can be explained of a run that went as expected: one line for each cell that did not pass."""
    head = [line for text in (summary(judged), *cautions(judged)) for line in wrap(text, width, most=4)]
    lines = [f"  {line}" for line in briefly(judged.cells, width - 2)]
    hint = "Use `knowngood explain COMBO` for everything about one combo."
    return "\n".join([*head, *([""] if lines else []), *lines, "", *wrap(hint, width, most=2)]) + "\n"


def _head(cell: Cell, run: Run, width: int) -> Lines:
    kind = "bad" if cell.as_expected is False else "good" if cell.verdict.status is Status.PASS else "odd"
    verdict = shorten(f"{words.subject(cell)}: {words.verdict(cell)}", width)
    facts = explanation.facts_of(cell, run)
    place = run.info.platform
    if facts is not None and facts.host:
        place = f"{facts.host}, {facts.basis.machine}" if facts.basis else facts.host
    machine = f"Python {cell.python}, {cell.combo.installer}, run {run.info.id} on {place}"
    title = cell.combo.title if cell.combo.title != cell.combo.id else ""
    return [
        (kind, verdict),
        *(("", line) for line in wrap(title, width, most=2)),
        *(("quiet", line) for line in wrap(machine, width, most=2)),
    ]


def _parts(cell: Cell, run: Run, run_folder: str, width: int) -> Iterator[list[tuple[str, Lines]]]:
    """Yield the parts that are not empty; the labels of one part follow each other without a blank line."""
    log = explanation.log_of(cell, run_folder)
    failure = explanation.failure(cell, run)
    parts: tuple[list[tuple[str, Lines]], ...] = (
        [("asked for", _steps(cell, width)), ("declared", _plain_lines(wrap(_declared(cell), width, most=4)))],
        [("installed", _packages(cell, width)), ("drift", _drift(cell, width)), ("conflict", _conflicts(cell, width))],
        [*_failure(cell, failure, width), *_checks(cell, width)],
        _diagnosis(cell, failure, width),
        [(label, _plain_lines(wrap(text, width, most=4))) for label, text in explanation.notes(cell, run)],
        [
            ("measured", _plain_lines(wrap(_measured(cell), width, most=6))),
            ("timing", _plain_lines(wrap(_timing(cell, run), width, most=2))),
            ("log", _plain_lines([log] if log else [])),
            ("rerun", [("", explanation.rerun(cell, run))]),
        ],
    )
    for part in parts:
        if filled_part := [(label, lines) for label, lines in _without_repeats(part) if lines]:
            yield filled_part


def _without_repeats(part: Sequence[tuple[str, Lines]]) -> Iterator[tuple[str, Lines]]:
    """Yield the pairs of a part, each label only the first time."""
    before = ""
    for label, lines in part:
        yield ("" if label == before else label), lines
        before = label if lines else before


def _plain_lines(lines: Sequence[str]) -> Lines:
    return [("", line) for line in lines]


def _more(number: int, noun: str) -> Lines:
    return [("quiet", f"and {count(number, f'more {noun}')}")] if number > 0 else []


def _steps(cell: Cell, width: int) -> Lines:
    lines = []
    for number, step in enumerate(cell.combo.steps, start=1):
        step_lines = filled(step.lines, width - 3, most=6)
        lines += [("", f"{'' if index else number:<3}{line}") for index, line in enumerate(step_lines)]
    return lines


def _declared(cell: Cell) -> str:
    expect = cell.expect
    unmet = cell.as_expected is False and expect.status is not Status.PASS
    return words.expectation(expect) if expect.reason or expect.match or expect.culprit or unmet else ""


def _packages(cell: Cell, width: int) -> Lines:
    """Return the versions that matter, and how many more there are; nothing when nothing was installed."""
    if not cell.installed:
        return []
    packages = explanation.packages(cell)
    rows = [
        (package.name, package.version or "not installed", f"({package.remark})" if package.remark else "")
        for package in packages
    ]
    listed = sum(package.name in cell.installed for package in packages[:MOST_ROWS])
    return [*_plain_lines(aligned(rows[:MOST_ROWS], width)), *_more(len(cell.installed) - listed, "package")]


def _drift(cell: Cell, width: int) -> Lines:
    drifts = explanation.drift(cell)
    rows = [
        (
            f"step {drift.step}",
            drift.package,
            f"{drift.before} -> {drift.after or 'removed'}",
            f"violates {drift.violates}" if drift.violates else "",
        )
        for drift in drifts[:MOST_ROWS]
    ]
    return [*_plain_lines(aligned(rows, width)), *_more(len(drifts) - len(rows), "package")]


def _conflicts(cell: Cell, width: int) -> Lines:
    """Return the declared requirements that are not met; what a pass with one is worth comes first."""
    note = [("odd", f"{words.AGAINST_METADATA}, so it is not known good:")] if cell.works_against_metadata else []
    sentences = [shorten(sentence, width) for sentence in words.conflicts(cell, most=MOST_ROWS)]
    return [*note, *_plain_lines(sentences)]


def _failure(cell: Cell, failure: Failure | None, width: int) -> list[tuple[str, Lines]]:
    """Return what went wrong and where; nothing for a cell that passed."""
    if failure is None:
        return []
    lines: Lines = [("odd" if cell.verdict.status in UNDECIDED else "bad", shorten(failure.place, width))]
    lines += _plain_lines(wrapped(map(_sentences, failure.messages), width, most=MOST_LINES))
    lines += [("", "")] if failure.frames else []
    for index, frame in enumerate(failure.frames):
        lines.append(("", shorten(f"{'from' if index else 'at'} {place(frame)}", width)))
        lines += [("quiet", f"     {line}") for line in wrap(frame.text, width - 5, most=2)]
    lines += [("quiet", f"  {shorten(line, width - 2)}") for line in failure.last_lines]
    return [(_FAILURE_LABELS.get(cell.verdict.status, "failed"), lines)]


def _sentences(text: str) -> str:
    """Return ``text`` with each step of a resolver's proof on its own line."""
    return text.replace(". And because ", ".\nAnd because ").replace(" hint: ", "\nhint: ")


def _checks(cell: Cell, width: int) -> list[tuple[str, Lines]]:
    """Return the outcome of the other checks; for a suite, how many tests fail, and with which causes."""
    if cell.suite is not None:
        return [("tests", _suite(cell, cell.suite, width))]
    passed = [check.name for check in explanation.others(cell, Outcome.PASSED)]
    rows = [
        (check.outcome, check.name, check.message)
        for outcome in (Outcome.FAILED, Outcome.OPEN, Outcome.SKIPPED)
        for check in explanation.others(cell, outcome)
    ]
    return [
        ("also", [*_plain_lines(aligned(rows[:MOST_ROWS], width)), *_more(len(rows) - MOST_ROWS, "check")]),
        ("passed", _plain_lines(filled(passed, width, gap=", ", most=4))),
    ]


def _suite(cell: Cell, suite: Suite, width: int) -> Lines:
    lines: Lines = [("", shorten(words.suite(suite), width))]
    lines += [("bad", shorten(f"did not finish: {name}", width)) for name in suite.open[:MOST_ROWS]]
    for group in cell.failures[:MOST_ROWS]:
        cause, names = words.failing(group, most=MOST_TESTS)
        lines.append(("bad", shorten(cause, width)))
        lines += _plain_lines([f"  {line}" for line in wrap(names, width - 2, most=4)])
    return [*lines, *_more(len(cell.failures) - MOST_ROWS, "cause")]


def _diagnosis(cell: Cell, failure: Failure | None, width: int) -> list[tuple[str, Lines]]:
    """Return cause, evidence, fix and reference; nothing for a cell that was not diagnosed."""
    diagnosis = cell.diagnosis
    if diagnosis is None:
        return []
    explained = words.explained(diagnosis)
    sure = f" ({words.SURE[diagnosis.confidence]})" if explained else ""
    evidence = [
        f"{'' if index else '- ':<2}{line}"
        for fact in explanation.evidence(cell, failure)
        for index, line in enumerate(wrap(fact, width - 2, most=3))
    ]
    constraints = " ".join(map(words.copied, diagnosis.fix))
    steps = sorted({step for constraint in diagnosis.fix if (step := words.step_to_ask(constraint, cell))})
    again = f"also asked for in step {' and '.join(map(str, steps))}" if steps else ""
    stated = ", ".join([*words.steps_of_fix(diagnosis), *([again] if again else []), *_state(diagnosis)])
    unexplained = "" if explained else "The failure is described above, and the log has all of the output."
    return [
        ("cause", _plain_lines(wrap(words.diagnosed(cell) + sure, width, most=6))),
        ("cause", _plain_lines(evidence)),
        ("cause", _plain_lines(wrap(unexplained, width, most=2))),
        (
            words.fix_label(cell),
            [*([("fix", constraints)] if constraints else []), *_plain_lines(wrap(stated, width, most=4))],
        ),
        ("see", _plain_lines([plain(diagnosis.reference)] if diagnosis.reference else [])),
    ]


def _state(diagnosis: Diagnosis) -> list[str]:
    """Return whether the fix was verified, with its proof."""
    fix = diagnosis.verified
    if fix is None:
        return [str(diagnosis.fix_state)] if diagnosis.fix_state else []
    bounds = [f"{name} {works} works, {fails} does not" for name, works, fails in fix.bounds]
    return [f"{diagnosis.fix_state} in {seconds(fix.seconds)} ({fix.kind})", *bounds]


def _measured(cell: Cell) -> str:
    if cell.verdict.status not in (Status.PASS, Status.MOVED):
        return ""
    return ", ".join(f"{name.replace('_', ' ')} {metric(cell, name)}" for name in cell.metrics)


def _timing(cell: Cell, run: Run) -> str:
    spent = cell.seconds
    stages = {"resolve": spent.resolve, "create": spent.create, "install": spent.install, "probe": spent.probe}
    parts = [f"{name} {seconds(value)}" for name, value in stages.items() if value >= 0.05]
    facts = explanation.facts_of(cell, run)
    if facts and facts.environment_bytes:
        parts.append(f"environment {size(facts.environment_bytes)}")
    return ", ".join(parts)
