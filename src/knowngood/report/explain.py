"""One cell as a story for a terminal: asked for, got, moved, what failed and where, the cause, the fix, what next."""

from collections.abc import Callable, Iterator, Sequence

from knowngood.model import Cell, JudgedRun, Run, Status
from knowngood.report import explain_parts, explanation, words
from knowngood.report.columns import metric
from knowngood.report.explain_parts import Lines, plainly
from knowngood.report.recap import briefly
from knowngood.report.summary import cautions, summary
from knowngood.report.text import seconds, shorten, size, wrap

Paint = Callable[[str, str], str]
"""(what it is, text) -> the text as it is shown: ``good``, ``bad``, ``odd``, ``label``, ``quiet``, ``fix``."""
LABEL = 12
"""Columns that the word in front of a part takes."""


def unpainted(_: str, text: str) -> str:
    """Return ``text`` as it is."""
    return text


def render(cell: Cell, run: Run, *, run_folder: str, width: int = 100, paint: Paint = unpainted) -> str:
    """Return all that is known of one cell, ending in a newline.

    ``run_folder`` is put before its log. Text keeps within ``width``, from 40 on; paths and commands, which are copied,
    are never cut. ``paint`` may add colours to what is plain text by then.
    """
    lines = [paint(kind, text) for kind, text in _head(cell, run, width)]
    for part in _parts(cell, run, run_folder, width - LABEL):
        lines.append("")
        for label, told in part:
            for index, (kind, text) in enumerate(told):
                word = "" if index else label
                start = f"{paint('label', word)}{' ' * (LABEL - len(word))}" if word else " " * LABEL
                lines.append(f"{start}{paint(kind, text)}" if text else "")
    return "\n".join(lines) + "\n"


def render_overview(judged: JudgedRun, *, width: int = 100) -> str:
    """Return what can be explained of a run that went as expected: one line for each cell that did not pass."""
    head = [line for text in (summary(judged), *cautions(judged)) for line in wrap(text, width, most=4)]
    lines = [f"  {line}" for line in briefly(judged.cells, width - 2)]
    hint = "knowngood explain COMBO tells all that is known of one."
    return "\n".join([*head, *([""] if lines else []), *lines, "", *wrap(hint, width, most=2)]) + "\n"


def _head(cell: Cell, run: Run, width: int) -> Lines:
    mood = "bad" if cell.as_expected is False else "good" if cell.verdict.status is Status.PASS else "odd"
    title = shorten(f"{words.name(cell)}: {words.verdict(cell)}", width)
    about = f"Python {cell.python}, {cell.combo.installer}, run {run.info.id} on {run.info.platform}"
    own = cell.combo.title if cell.combo.title != cell.combo.id else ""
    return [
        (mood, title),
        *(("", line) for line in wrap(own, width, most=2)),
        *(("quiet", line) for line in wrap(about, width, most=2)),
    ]


def _parts(cell: Cell, run: Run, run_folder: str, room: int) -> Iterator[list[tuple[str, Lines]]]:
    """Yield the parts that have something to tell; labels of one part stand below each other without a gap."""
    expect = cell.expect
    telling = (
        expect.reason
        or expect.match
        or expect.culprit
        or (cell.as_expected is False and expect.status is not Status.PASS)
    )
    expected = wrap(words.expectation(expect), room, most=4) if telling else []
    log = explanation.log_of(cell, run_folder)
    failed = explanation.failure(cell, run)
    parts: tuple[list[tuple[str, Lines]], ...] = (
        [("asked for", explain_parts.steps(cell, room)), ("expected", plainly(expected))],
        [("got", explain_parts.got(cell, room)), ("drift", explain_parts.moved(cell, room))],
        [*explain_parts.failure(cell, failed, room), *explain_parts.checks(cell, room)],
        explain_parts.diagnosis(cell, failed, room),
        [(label, plainly(wrap(text, room, most=4))) for label, text in explanation.notes(cell, run)],
        [
            ("measured", plainly(wrap(_measured(cell), room, most=6))),
            ("took", plainly(wrap(_took(cell, run), room, most=2))),
            ("log", plainly([log] if log else [])),
            ("rerun", [("", explanation.rerun(cell, run))]),
        ],
    )
    for part in parts:
        if told := [(label, lines) for label, lines in _once(part) if lines]:
            yield told


def _once(part: Sequence[tuple[str, Lines]]) -> Iterator[tuple[str, Lines]]:
    """Yield the pairs of a part; a label that was there before is not repeated."""
    before = ""
    for label, lines in part:
        yield ("" if label == before else label), lines
        before = label if lines else before


def _measured(cell: Cell) -> str:
    if cell.verdict.status not in (Status.PASS, Status.MOVED):
        return ""
    return ", ".join(f"{name.replace('_', ' ')} {metric(cell, name)}" for name in cell.metrics)


def _took(cell: Cell, run: Run) -> str:
    spent = cell.seconds
    named = {"resolve": spent.resolve, "create": spent.create, "install": spent.install, "probe": spent.probe}
    told = [f"{name} {seconds(value)}" for name, value in named.items() if value >= 0.05]
    facts = explanation.facts_of(cell, run)
    if facts and facts.environment_bytes:
        told.append(f"an environment of {size(facts.environment_bytes)}")
    return ", ".join(told)
