"""Render the annotations of a CI run as workflow commands, which GitHub reads from the output of a step."""

from collections.abc import Iterable, Sequence

from knowngood.model import Cell, JudgedRun, Status
from knowngood.report import explanation, words
from knowngood.report.text import count, shorten

MOST = 10
"""Errors, and as many warnings, that GitHub shows of one step."""
_TITLE = 200
_LINE = 1000
_NAMES = 400


def render(judged: JudgedRun) -> str:
    """Return one workflow command a line, ending in a newline; empty when every cell is as expected.

    A cell that is not as expected is an error, one that could not be tested is a warning. One notice lists the cells
    that were not run, and another one counts the annotations beyond the number that GitHub shows.
    """
    errors = words.each_once(cell for cell in judged.cells if cell.as_expected is False)
    undecided = words.each_once(cell for cell in judged.cells if cell.as_expected is None)
    not_run = [cell for cell in undecided if cell.verdict.status is Status.NOT_RUN]
    warnings = [cell for cell in undecided if cell.verdict.status is not Status.NOT_RUN]
    commands = [
        *(_of_cell("error", cell, judged) for cell in errors[:MOST]),
        *(_of_cell("warning", cell, judged) for cell in warnings[:MOST]),
        *_not_run(not_run),
        *_more(len(errors) - MOST, len(warnings) - MOST),
    ]
    return "".join(f"{line}\n" for line in commands)


def command(kind: str, title: str, lines: Iterable[str]) -> str:
    """Return a workflow command in one line; nothing in ``title`` and ``lines``, which are raw text, can end it."""
    message = "\n".join(text for line in lines if (text := shorten(line, _LINE)))
    return f"::{kind} title={_property(shorten(title, _TITLE))}::{_data(message)}"


def _of_cell(kind: str, cell: Cell, judged: JudgedRun) -> str:
    fix = words.stated_fix(cell)
    return command(
        kind,
        f"{words.subject(cell)}: {words.verdict(cell)}",
        (
            words.brief_cause(cell),
            f"{words.fix_label(cell)}: {fix}" if fix else "",
            f"rerun: {explanation.rerun(cell, judged.run)}",
        ),
    )


def _not_run(cells: Sequence[Cell]) -> list[str]:
    if not cells:
        return []
    names = shorten(", ".join(map(words.name, cells)), _NAMES)
    note = f"{words.UNDECIDED_NOTE.capitalize()}."
    return [command("notice", f"{count(len(cells), 'cell')} not run", (names, note))]


def _more(errors: int, warnings: int) -> list[str]:
    counts = [count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number > 0]
    title = f"{' and '.join(counts)} more"
    return [command("notice", title, ("The summary of the job lists all of them.",))] if counts else []


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
