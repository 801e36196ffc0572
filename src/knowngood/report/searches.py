"""Show what searches about the combos of a run found: for the page, and as Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowngood.model import UNDECIDED, JudgedRun, Searched, Status
from knowngood.report.markup import fence, inline, table
from knowngood.report.text import count

MOST_SECTIONS = 40
"""Searches of one report."""
MOST_ROWS = 60
"""Rows of the table of one search, and lines of its notes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """What one search found, beside a run."""

    title: str
    answer: str
    facts: str
    """Its class, what it took and when it was, in one line."""
    cautions: tuple[str, ...]
    """What keeps it from being about the run that it is shown with."""
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    drawing: str
    notes: tuple[str, ...]


def sections(searches: Sequence[Searched], judged: JudgedRun) -> tuple[Section, ...]:
    """Return a section for each search about a combo that the matrix of the run has."""
    names = {*judged.run.order} or {cell.combo.id for cell in judged.cells}
    return tuple(_section(each, judged) for each in searches if each.combo in names)[:MOST_SECTIONS]


def _section(each: Searched, judged: JudgedRun) -> Section:
    more = len(each.rows) - MOST_ROWS
    beyond = (f"{count(more, 'more row')} in the run of the search",) if more > 0 else ()
    return Section(
        title=_title(each),
        answer=f"{each.answer[:1].upper()}{each.answer[1:]}.",
        facts=f"{each.kind}; {count(each.cells, 'cell')}; searched on {each.day}",
        cautions=tuple(_cautions(each, judged)),
        headers=each.headers,
        rows=each.rows[:MOST_ROWS],
        drawing="\n".join(each.drawing),
        notes=(*each.notes[:MOST_ROWS], *beyond),
    )


def _title(each: Searched) -> str:
    if each.verb in ("frontier", "map"):
        return f"{each.verb.capitalize()} of {' x '.join(each.about)} in {each.combo}"
    about = f" ({', '.join(each.about)})" if each.about else ""
    return f"{each.verb.capitalize()} of {each.combo}{about}"


def _cautions(each: Searched, judged: JudgedRun) -> Iterator[str]:
    info = judged.run.info
    if not each.complete:
        yield "the search was cut short"
    if each.digest != info.digest:
        yield "it was about another version of the matrix file or of its probes"
    elif each.day < info.started[:10]:
        yield f"it is older than the verdicts of this run, from {info.started[:10]}"
    statuses = {cell.verdict.status for cell in judged.cells if cell.combo.id == each.combo}
    if each.works is not None and statuses and not statuses & UNDECIDED:
        passed = statuses <= {Status.PASS, Status.MOVED}
        if passed != each.works:
            yield (
                f"this run disagrees: {each.combo} {'passes' if passed else 'does not pass'} here, "
                f"and {'worked' if each.works else 'did not work'} when it was searched"
            )


def markdown(searches: Sequence[Searched], judged: JudgedRun) -> list[list[str]]:
    """Return the blocks of a page of Markdown; none without searches."""
    blocks: list[list[str]] = []
    for section in sections(searches, judged):
        blocks += [
            [f"### {inline(section.title)}"],
            [inline(section.answer)],
            table(section.headers, section.rows) if section.rows else [],
            fence(section.drawing) if section.drawing else [],
            [f"- {inline(text)}" for text in (section.facts, *section.cautions, *section.notes)],
        ]
    return [["## Searches"], *blocks] if blocks else []
