"""Prepare the first screen: the verdict in a sentence, which combos are known good, and why the others fail."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from knowngood.model import Cell, Change, ChangeKind, Group, IndexChoice, JudgedRun, Status
from knowngood.report import words
from knowngood.report.export.requirements import install_line
from knowngood.report.html.links import Anchors, Link, lock_of
from knowngood.report.html.rows import Badge, badge
from knowngood.report.summary import cautions, predicted, pythons
from knowngood.report.table import key_packages
from knowngood.report.text import count, published_day, shorten

MOST_OPEN = 8
"""Entries shown in full; further causes are folded away, and more good combos than this are shown in brief."""
MOST_BRIEF = 24
"""Good combos shown in brief; the results have the others."""
MOST_CAUSES = 100
"""Causes on the page; the results have the others."""
MOST_LINKS = 24
"""Cells listed for one cause; the results have the others."""
MOST_CONFLICTS = 3
"""Conflicts listed for one combo; its details have the others."""
_CAUSE = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class GoodCombo:
    """A combo whose cells all passed, known good or against its metadata."""

    link: Link
    title: str
    versions: tuple[tuple[str, str], ...]
    """(package, version) of the packages that tell the combos apart."""
    remark: str
    """What makes it less than clean; empty for most combos."""
    conflicts: tuple[str, ...]
    """The first declared requirements that its environment does not meet, a sentence each."""
    install: str
    """One command that installs exactly its packages."""
    lock: str
    """The address of its lock; empty if there is none beside the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellLink:
    """A link to a cell, with its badge."""

    link: Link
    badge: Badge


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why one cell or several failed."""

    text: str
    fix: str
    """Constraints; empty if none is known."""
    possible: bool
    """Whether the fix is only a guess."""
    unexpected: bool
    """Whether the matrix expected something else for one of the cells."""
    count: int
    cells: tuple[CellLink, ...]
    """The first of its cells."""


def good(judged: JudgedRun, anchors: Anchors, files: Collection[str] = ()) -> tuple[GoodCombo, ...]:
    """Return the combos that are known good, in the order of the matrix: all passed, and none against its metadata.

    ``files`` are the paths of files that the page may link to.
    """
    return tuple(combo for combo in _passing(judged, anchors, files) if not combo.conflicts)


def against_metadata(judged: JudgedRun, anchors: Anchors, files: Collection[str] = ()) -> tuple[GoodCombo, ...]:
    """Return the combos whose cells all passed although declared requirements are not met."""
    return tuple(combo for combo in _passing(judged, anchors, files) if combo.conflicts)


def _passing(judged: JudgedRun, anchors: Anchors, files: Collection[str]) -> tuple[GoodCombo, ...]:
    combos: dict[str, list[Cell]] = {}
    for cell in judged.cells:
        combos.setdefault(cell.combo.id, []).append(cell)
    packages = key_packages(judged)
    return tuple(
        _good(cells[0], packages, anchors, install_line(cells[0], judged.run), files)
        for cells in combos.values()
        if all(cell.verdict.status is Status.PASS for cell in cells)
    )


def _good(cell: Cell, packages: Iterable[str], anchors: Anchors, install: str, files: Collection[str]) -> GoodCombo:
    combo = cell.combo
    unexpected = "unexpected pass" if cell.as_expected is False else ""
    reused = "reused" if cell.reused else ""
    return GoodCombo(
        link=Link(text=combo.id, anchor=anchors.of(combo.id, cell.probe)),
        title=combo.title if combo.title != combo.id else "",
        versions=tuple((name, cell.installed[name]) for name in packages if name in cell.installed),
        remark=", ".join(filter(None, (unexpected, words.where(cell), words.flaky(cell), reused))),
        conflicts=words.conflicts(cell, most=MOST_CONFLICTS),
        install=install,
        lock=quote(lock_of(combo.id)) if lock_of(combo.id) in files else "",
    )


def causes(groups: Iterable[Group], anchors: Anchors) -> tuple[Cause, ...]:
    """Return the causes: first those with an unexpected cell, otherwise in the order of ``groups``."""
    return tuple(sorted((_cause(group, anchors) for group in groups), key=lambda cause: not cause.unexpected))


def _cause(group: Group, anchors: Anchors) -> Cause:
    fixes = {words.stated_fix(cell) for cell in group.cells} - {""}
    return Cause(
        text=shorten(group.cause, _CAUSE),
        # Cells with one cause can need different versions: then only the details of each have its fix.
        fix=fixes.pop() if len(fixes) == 1 else "",
        possible=any(words.fix_label(cell) != "fix" for cell in group.cells if cell.diagnosis),
        unexpected=any(cell.as_expected is False for cell in group.cells),
        count=len(group.cells),
        cells=tuple(
            CellLink(
                link=Link(text=words.name(cell), anchor=anchors.of(cell.combo.id, cell.probe)),
                badge=badge(cell),
            )
            for cell in group.cells[:MOST_LINKS]
        ),
    )


def undecided(judged: JudgedRun, anchors: Anchors) -> tuple[CellLink, ...]:
    """Return the undecided cells, without those that ``--cover`` left out."""
    return tuple(
        CellLink(link=Link(text=words.name(cell), anchor=anchor), badge=badge(cell))
        for cell, anchor in zip(judged.cells, anchors.ids, strict=True)
        if cell.as_expected is None and not cell.left_out
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where some packages came from."""

    packages: str
    index: str
    """A URL, or words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reuse:
    """How many verdicts come from earlier runs."""

    number: int
    oldest: str
    """When the oldest of them was recorded, UTC, ISO 8601."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What a reader needs to know first; a text is empty if the run does not record it."""

    title: str
    sentence: str
    tone: str
    """``good``: all as expected; ``bad``: something unexpected or regressed; ``unsure``: something is undecided."""
    started: str
    """UTC, ISO 8601; for a published run, the day of its oldest verdict."""
    ended: str
    """The day of a published run, if that is another one; empty for all other runs."""
    reused: Reuse | None
    """None: every verdict is from this run."""
    machine: str
    pythons: str
    origins: tuple[Origin, ...]
    tools: str
    command: str
    run: str
    digest: str
    cautions: tuple[str, ...]
    """What limits the run."""
    predicted: tuple[str, ...]
    stale_after: int
    """Days after which the results are out of date."""


def head(judged: JudgedRun, changes: Sequence[Change]) -> Head:
    """Return the head of a judged run; ``changes`` are those since the baseline, if there is one."""
    info = judged.run.info
    # A published run is identified by its day.
    day = info.id if published_day(info) else ""
    return Head(
        title=info.title,
        sentence=sentence(judged, changes),
        tone=_tone(judged, changes),
        started=info.started,
        ended=day if day != info.started else "",
        reused=_reuse(judged),
        machine=", ".join(
            filter(
                None, [info.platform, info.cpu, count(info.cores, "core") if info.cores else "", words.isolation(info)]
            )
        ),
        pythons=", ".join(pythons(judged)) or info.python,
        origins=tuple(map(_origin, judged.run.indexes)),
        tools=", ".join(f"{name} {version}" for name, version in sorted(info.versions.items())),
        command=info.command,
        run="" if day else info.id,
        digest=info.digest,
        cautions=cautions(judged),
        predicted=predicted(judged),
        stale_after=info.stale_after,
    )


def sentence(judged: JudgedRun, changes: Sequence[Change]) -> str:
    """Return ``2 of 7 combos pass; 5 fail as expected; nothing regressed``."""
    cells = judged.cells
    if not cells:
        return "No combos were run"
    noun = "combo" if len({cell.combo.id for cell in cells}) == len(cells) else "cell"
    passed = [cell for cell in cells if cell.verdict.status is Status.PASS]
    unexpected = sum(cell.as_expected is False for cell in passed)
    against = sum(cell.works_against_metadata for cell in passed)
    others = [cell for cell in cells if cell.verdict.status is not Status.PASS]
    not_run = sum(cell.verdict.status is Status.NOT_RUN for cell in others)
    undecided = sum(cell.as_expected is None for cell in others) - not_run
    parts = [
        f"{len(passed)} of {count(len(cells), noun)} {'passes' if 1 in (len(passed), len(cells)) else 'pass'}"
        + (f", {unexpected} of them unexpectedly" if unexpected else "")
        + (f", {against} of them against {'its' if against == 1 else 'their'} metadata" if against else "")
    ]
    for expected, how in ((True, "as expected"), (False, "unexpectedly")):
        if number := sum(cell.as_expected is expected for cell in others):
            parts.append(f"{number} {'fails' if number == 1 else 'fail'} {how}")
    parts += [f"{undecided} could not be tested"] if undecided else []
    parts += [f"{not_run} {'was' if not_run == 1 else 'were'} not run"] if not_run else []
    if changes:
        parts.append(f"{_regressed(changes) or 'nothing'} regressed")
    return "; ".join(parts)


def _reuse(judged: JudgedRun) -> Reuse | None:
    recorded = [cell.reused.recorded for cell in judged.cells if cell.reused]
    return Reuse(number=len(recorded), oldest=min(recorded)) if recorded else None


def _origin(choice: IndexChoice) -> Origin:
    return Origin(
        packages=", ".join(choice.packages) or "all other packages",
        index="the default index" if choice.used == "default" else choice.used,
    )


def _tone(judged: JudgedRun, changes: Sequence[Change]) -> str:
    if _regressed(changes) or any(cell.as_expected is False for cell in judged.cells):
        return "bad"
    run = judged.run
    complete = run.finished and not run.interrupted and not judged.undecided
    return "good" if complete and judged.cells else "unsure"


def _regressed(changes: Sequence[Change]) -> int:
    return sum(change.kind is ChangeKind.REGRESSED for change in changes)
