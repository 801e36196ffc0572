"""Map which versions of two packages work together in a combo, and write the map: terminal, Markdown and JSON."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import Version

from knowngood.model import Searched
from knowngood.report.markup import inline, joined, table
from knowngood.report.text import aligned, count, strict_json, wrap
from knowngood.search.ask import Answer, Candidate, Oracle, Says
from knowngood.search.changes import Change
from knowngood.search.frontier import representatives, rows_versions
from knowngood.search.rows import Place, Plane
from knowngood.search.trail import GLYPHS, Kind, Trail, ask_each, kind_of, message

SCHEMA = 1
"""Version of the JSON; it changes when a reader of the old one would be wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Two versions beside each other."""

    versions: tuple[Version, Version]
    says: Says
    cause: str
    """Why they do not work; of an implied cell that of one beside it."""
    how: str
    """``measured``, ``implied`` by the cells around it, or ``unknown``."""
    combo: str = ""
    """The combo of the run that shows it; empty when it is not measured."""

    @property
    def mark(self) -> str:
        """Its sign in a map: in brackets when it is only implied."""
        against = "!" if self.says is Says.WORKS and self.cause else " "
        return f"({GLYPHS[self.says]})" if self.how == "implied" else f" {GLYPHS[self.says]}{against}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Map:
    """Which versions of two packages work together."""

    packages: tuple[str, str]
    """Canonical names: that of the rows, and that of the columns."""
    rows: tuple[Version, ...]
    columns: tuple[Version, ...]
    cells: tuple[tuple[Cell, ...], ...]
    """Row by row."""
    left_out: tuple[int, int]
    """How many older release lines are not part of it."""
    base: Answer

    @property
    def measured(self) -> int:
        """How many cells are known by themselves."""
        return sum(cell.how == "measured" for row in self.cells for cell in row)

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self.rows) * len(self.columns)


def find(oracle: Oracle, names: tuple[str, str], base: Answer, *, last: int) -> Map:
    """Return the map of two packages: ``last`` release lines of each, or all for 0, each by its last release."""
    lines = [representatives(rows_versions(oracle, name)) for name in names]
    rows, columns = (part[-last:] if last else part for part in lines)
    answers: dict[Place, Answer] = {}

    def ask(places: Sequence[Place]) -> Mapping[Place, Hashable | None]:
        changes = {place: _change(names, rows[place[0]], columns[place[1]]) for place in places}
        why = f"which {names[0]} and {names[1]} work together?"
        known = ask_each(oracle, [Candidate(change=change, why=why) for change in changes.values()])
        answers.update({place: known[change] for place, change in changes.items() if change in known})
        return {place: kind_of(answers[place]) for place in places if place in answers}

    plane = Plane(len(rows), len(columns), ask, width=max(1, oracle.jobs))
    plane.walk(_current(names, base, rows, columns))
    cells = tuple(
        tuple(
            _cell((version, other), plane.kind((row, column)), answers.get((row, column)), answers)
            for column, other in enumerate(columns)
        )
        for row, version in enumerate(rows)
    )
    left_out = len(lines[0]) - len(rows), len(lines[1]) - len(columns)
    return Map(packages=names, rows=tuple(rows), columns=tuple(columns), cells=cells, left_out=left_out, base=base)


def _change(names: tuple[str, str], row: Version, column: Version) -> Change:
    return Change(requirements=tuple(sorted((f"{names[0]}=={row}", f"{names[1]}=={column}"))))


def _current(names: tuple[str, str], base: Answer, rows: Sequence[Version], columns: Sequence[Version]) -> Place:
    def place(name: str, versions: Sequence[Version]) -> int:
        installed = base.facts.installed.get(name)
        return max(
            (at for at, version in enumerate(versions) if installed and version <= Version(installed)), default=0
        )

    return place(names[0], rows), place(names[1], columns)


def _cell(
    versions: tuple[Version, Version], kind: Hashable | None, answer: Answer | None, answers: Mapping[Place, Answer]
) -> Cell:
    if answer is not None:
        return Cell(versions=versions, says=answer.says, cause=message(answer), how="measured", combo=answer.combo.id)
    if not isinstance(kind, Kind):
        return Cell(versions=versions, says=Says.UNKNOWN, cause="not asked", how="unknown")
    cause = next(message(each) for each in answers.values() if kind_of(each) == kind)
    cause = "" if kind.says is Says.WORKS else cause
    return Cell(versions=versions, says=kind.says, cause=cause, how="implied")


def text(found: Map, trail: Trail, *, width: int) -> str:
    """Return the map for a terminal, ending in a newline."""
    lines = wrap(f"{axes(found)} in {found.base.combo.id}", width, most=2)
    lines += [f"  {line}" for line in drawing(found)]
    lines += [line for cause in causes(found) for line in wrap(f"  {cause}", width, most=2)]
    lines += wrap(scope(found), width, most=4)
    return "\n".join([*lines, trail.line]) + "\n"


def axes(found: Map) -> str:
    """Return what the rows and the columns of the drawing are."""
    return f"{found.packages[0]} (rows) and {found.packages[1]} (columns)"


def drawing(found: Map) -> list[str]:
    """Return the map as lines with a legend; what is only implied is in brackets."""
    grid = [["", *map(str, found.columns)]]
    grid += [[str(version), *(cell.mark for cell in row)] for version, row in zip(found.rows, found.cells, strict=True)]
    legend = "✓ works  ✗ fails  ∅ no solution  ? unknown  ! against what is declared  () implied"
    return [*aligned(grid, 10_000), legend]


def searched(found: Map, trail: Trail) -> Searched:
    """Return what is kept of the search for reports."""
    working = sum(cell.says is Says.WORKS for row in found.cells for cell in row)
    unknown = sum(cell.says is Says.UNKNOWN for row in found.cells for cell in row)
    implied = found.size - found.measured - unknown
    known = f"{found.measured} measured, {implied} implied" + (f", {unknown} unknown" if unknown else "")
    return trail.searched(
        "map",
        found.base,
        f"{working} of {count(found.size, 'pair')} of versions work together; {known}",
        "some work" if working else "none works",
        about=found.packages,
        drawing=(axes(found), *drawing(found)),
        notes=(*causes(found), scope(found).replace("scope ", "scope: ")),
    )


def causes(found: Map) -> Iterator[str]:
    """Yield each cause with the first cell that shows it."""
    seen: set[str] = set()
    for cell in (cell for row in found.cells for cell in row):
        if cell.how == "measured" and cell.cause and cell.cause not in seen:
            seen.add(cell.cause)
            pair = ", ".join(f"{name} {version}" for name, version in zip(found.packages, cell.versions, strict=True))
            yield f"{GLYPHS[cell.says]} {pair}: {cell.cause}"


def scope(found: Map) -> str:
    """Return what was looked at."""
    left = [f"{number} older of {name}" for name, number in zip(found.packages, found.left_out, strict=True) if number]
    more = f"; left out: {' and '.join(left)} (--last 0 for all)" if left else ""
    return f"scope {count(found.size, 'cell')}, {found.measured} measured; a release line by its last release{more}"


def markdown(found: Map, trail: Trail) -> str:
    """Return the map as a section of Markdown, ending in a newline."""
    title = f"### {inline(found.packages[0])} x {inline(found.packages[1])} in {inline(found.base.combo.id)}"
    headers = (f"{found.packages[0]} / {found.packages[1]}", *map(str, found.columns))
    rows = [(str(version), *(cell.mark for cell in row)) for version, row in zip(found.rows, found.cells, strict=True)]
    legend = "✓ works, ✗ fails, ∅ no solution, ? unknown, ! against what is declared; in brackets: implied."
    listed = [f"- {inline(cause)}" for cause in causes(found)]
    known = inline(f"{scope(found)}. {trail.line}")
    return joined([[title], table(headers, rows), [legend], listed, [known]]) + "\n"


def as_json(found: Map, trail: Trail) -> str:
    """Return the map as strict JSON, ending in a newline; ``search.schema.json`` describes it."""
    return strict_json(
        {
            "schema": SCHEMA,
            "search": "map",
            "combo": found.base.combo.id,
            "packages": list(found.packages),
            "rows": list(map(str, found.rows)),
            "columns": list(map(str, found.columns)),
            "map": [
                [
                    {"says": str(cell.says), "cause": cell.cause, "how": cell.how, "combo": cell.combo or None}
                    for cell in row
                ]
                for row in found.cells
            ],
            "measured": found.measured,
            "scope": scope(found).removeprefix("scope "),
            **trail.document,
        }
    )
