"""Prepare the list of all cells: for each its badge, its versions, why, and its details."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from knowngood.model import UNDECIDED, Cell, JudgedRun, Run, Status
from knowngood.report import explain_markdown, words
from knowngood.report.budget import Level
from knowngood.report.export.requirements import install_line
from knowngood.report.html.changed import Label
from knowngood.report.html.detail import Detail, detail
from knowngood.report.html.links import Anchors, FileLink, Link, links
from knowngood.report.table import ABSENT, VIOLATION, installed, key_packages, total_seconds
from knowngood.report.text import count, seconds, shorten


@dataclass(frozen=True, kw_only=True, slots=True)
class Badge:
    """How a verdict looks."""

    glyph: str
    tone: str
    """``good``, ``warn``, ``bad`` or ``unsure``: classes of the style sheet."""
    text: str
    """The verdict in full, such as ``fail (expected)``."""
    short: str
    """The status alone, in capitals if it is unexpected: ``FAIL``."""
    unexpected: bool = False


def badge(cell: Cell) -> Badge:
    """Return the badge of a cell."""
    status, unexpected = cell.verdict.status, cell.as_expected is False
    mark = f" {words.AGAINST_METADATA_MARK}" if cell.works_against_metadata else ""
    return Badge(
        glyph=words.GLYPHS[status],
        tone="warn" if mark else tone(status),
        text=words.marked_verdict(cell),
        short=(status.upper() if unexpected else str(status)) + mark,
        unexpected=unexpected,
    )


def status_badge(status: Status) -> Badge:
    """Return the badge of a status, whether expected or not."""
    return Badge(glyph=words.GLYPHS[status], tone=tone(status), text=str(status), short=str(status))


def tone(status: Status) -> str:
    """Return the tone of a status."""
    if status in UNDECIDED:
        return "unsure"
    return {Status.PASS: "good", Status.MOVED: "warn"}.get(status, "bad")


_CAUSE = 260


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which columns the list has besides combo and verdict."""

    probe: bool
    python: bool
    packages: tuple[str, ...]
    tested: bool
    """Whether a verdict is older than the run."""
    time: bool
    """Whether a cell has a duration; a published report has none."""

    @property
    def number(self) -> int:
        """The total number of columns."""
        return 2 + self.probe + self.python + len(self.packages) + self.tested + self.time


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """An installed version."""

    text: str
    violates: bool
    """Whether it violates the combo's own pin."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One cell in the list."""

    anchor: str
    combo: str
    title: str
    """Empty if it is the id."""
    probe: str
    python: str
    versions: tuple[Version, ...]
    badge: Badge
    passed: bool
    time: str
    tested: str
    """When its verdict was recorded, UTC, ISO 8601."""
    cause: str
    fix: str
    possible: bool
    """Whether the fix is only a guess."""
    change: Label | None
    """What changed since the baseline."""
    detail: Detail
    same: Link | None
    """An earlier cell with the same packages, which are then not listed again."""
    install: str
    """One command that installs exactly these packages; empty unless the cell passed."""
    files: tuple[FileLink, ...]
    issue: str
    """Markdown about a failure, to be pasted into an issue."""


def columns(judged: JudgedRun) -> Columns:
    """Return the columns that the list of a run needs."""
    cells = judged.cells
    return Columns(
        # If each combo has a probe of its own, the combo says which.
        probe=any(len(cell.combo.probes) > 1 for cell in cells),
        python=len({cell.python for cell in cells}) > 1,
        packages=key_packages(judged),
        tested=any(cell.reused for cell in cells),
        time=any(total_seconds(cell) for cell in cells),
    )


def rows(
    judged: JudgedRun,
    shown: Columns,
    anchors: Anchors,
    changed: Mapping[tuple[str, str], Label],
    level: Level,
    files: Collection[str] = (),
    *,
    step: int = 1,
) -> Iterator[Row]:
    """Yield a row for every cell in the order of the matrix, or for every ``step``-th.

    ``files`` are the paths of files that the page may link to.
    """
    run = judged.run
    facts = {combo.combo.id: combo for combo in run.combos}
    # Looking up the facts of a cell takes no time in a run of its own.
    alone = {name: Run(info=run.info, combos=(combo,)) for name, combo in facts.items()}
    without_facts = Run(info=run.info, combos=())
    first: dict[tuple[tuple[str, str], ...], Link] = {}
    for cell, anchor in zip(judged.cells[::step], anchors.ids[::step], strict=True):
        combo = cell.combo.id
        packages = tuple(sorted(cell.installed.items()))
        same = first.get(packages) if packages and level.installed else None
        first.setdefault(packages, Link(text=words.name(cell), anchor=anchor))
        total = total_seconds(cell)
        yield Row(
            anchor=anchor,
            combo=combo,
            title=cell.combo.title if cell.combo.title != combo and level.records else "",
            probe=cell.probe,
            python=cell.python,
            versions=tuple(_version(cell, package) for package in shown.packages),
            badge=badge(cell),
            passed=cell.verdict.status is Status.PASS,
            time=seconds(total) if total else ABSENT,
            tested=cell.reused.recorded if cell.reused else run.info.started,
            cause=shorten(_cause(cell), _CAUSE),
            fix=words.stated_fix(cell),
            possible=words.fix_label(cell) != "fix",
            change=changed.get((combo, cell.probe)),
            detail=detail(cell, facts.get(combo), alone.get(combo, without_facts), level),
            same=same,
            install=install_line(cell, run) if packages and not same and level.installed and _passed(cell) else "",
            files=links(cell, files),
            issue="" if _passed(cell) or not level.issue else _issue(cell, run),
        )


def _issue(cell: Cell, run: Run) -> str:
    # Nobody else has the log.
    return explain_markdown.render(replace(cell, log=None), run, run_folder="")


def _passed(cell: Cell) -> bool:
    return cell.verdict.status is Status.PASS


def _version(cell: Cell, package: str) -> Version:
    text = installed(cell, package)
    return Version(text=text.removesuffix(f" {VIOLATION}"), violates=text.endswith(f" {VIOLATION}"))


def _cause(cell: Cell) -> str:
    """Return the line below a row: why it failed, or what a pass is based on."""
    if cell.verdict.status is not Status.PASS:
        return words.brief_cause(cell)
    parts = [f"{count(len(cell.checks), 'check')} passed"] if cell.checks else [words.cause(cell)]
    if cell.suite:
        parts = [words.suite(cell.suite)]
    parts += [words.where(cell)] if words.where(cell) else []
    parts += [f"{words.AGAINST_METADATA}: {', '.join(words.conflicts(cell, most=1))}"] if cell.conflicts else []
    parts += [words.flaky(cell)] if cell.flaky else []
    parts += [cell.numbers.says] if cell.numbers else []
    return "; ".join(parts)
