"""The list of all cells: what tells them apart, and for each its verdict, why, and all details."""

from collections.abc import Mapping
from dataclasses import dataclass

from knowngood.model import Cell, ChangeKind, JudgedRun, Run, Status
from knowngood.report import words
from knowngood.report.columns import ABSENT, CONTRADICTED, installed, key_packages
from knowngood.report.html.anchors import Anchors, Link
from knowngood.report.html.badge import Sign, sign
from knowngood.report.html.budget import Depth
from knowngood.report.html.changed import TONES
from knowngood.report.html.detail import Detail, detail
from knowngood.report.text import count, seconds, shorten

_CAUSE = 260


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Which columns the list has beside combo, verdict and time."""

    probe: bool
    python: bool
    packages: tuple[str, ...]
    proven: bool
    """Whether some verdict is older than the run."""

    @property
    def number(self) -> int:
        """How many columns there are in all."""
        return 3 + self.probe + self.python + len(self.packages) + self.proven


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One cell in the list."""

    anchor: str
    combo: str
    title: str
    """Empty where it is the id."""
    probe: str
    python: str
    versions: tuple[tuple[str, bool], ...]
    """(version, whether it violates the combo's own pin)."""
    sign: Sign
    passed: bool
    time: str
    proven: str
    """When its verdict was found out, UTC, ISO 8601."""
    cause: str
    fix: str
    perhaps: bool
    change: tuple[str, str] | None
    """(what it is since the baseline, tone), where it is not the same."""
    detail: Detail
    same: Link | None
    """An earlier cell that has just the same installed; then it is not told again."""


def columns(judged: JudgedRun) -> Columns:
    """Return the columns that the list of a run needs."""
    cells = judged.cells
    return Columns(
        # Where each combo has a probe of its own, the combo tells which.
        probe=any(len(cell.combo.probes) > 1 for cell in cells),
        python=len({cell.python for cell in cells}) > 1,
        packages=key_packages(judged),
        proven=any(cell.reused for cell in cells),
    )


def rows(
    judged: JudgedRun,
    shown: Columns,
    anchors: Anchors,
    changed: Mapping[tuple[str, str], ChangeKind],
    depth: Depth,
    *,
    step: int = 1,
) -> tuple[Row, ...]:
    """Return a row for each cell in the order of the matrix, or for each ``step``-th."""
    run = judged.run
    facts = {each.combo.id: each for each in run.combos}
    # What is looked up of one cell is found at once in a run of its own.
    alone = {name: Run(info=run.info, combos=(each,)) for name, each in facts.items()}
    nobody = Run(info=run.info, combos=())
    first: dict[tuple[tuple[str, str], ...], Link] = {}
    found = []
    for cell, anchor in zip(judged.cells[::step], anchors.ids[::step], strict=True):
        combo = cell.combo.id
        told = detail(cell, facts.get(combo), alone.get(combo, nobody), depth)
        packages = tuple(sorted(cell.installed.items()))
        same = first.get(packages) if packages and depth.installed else None
        first.setdefault(packages, Link(text=words.name(cell), anchor=anchor))
        found.append(_row(cell, anchor, shown, changed, told, same, run, depth.records))
    return tuple(found)


def _row(
    cell: Cell,
    anchor: str,
    shown: Columns,
    changed: Mapping[tuple[str, str], ChangeKind],
    told: Detail,
    same: Link | None,
    run: Run,
    titled: bool,
) -> Row:
    title = cell.combo.title
    change = changed.get((cell.combo.id, cell.probe))
    total = words.total_seconds(cell)
    return Row(
        anchor=anchor,
        combo=cell.combo.id,
        title=title if title != cell.combo.id and titled else "",
        probe=cell.probe,
        python=cell.python,
        versions=tuple(_version(cell, name) for name in shown.packages),
        sign=sign(cell),
        passed=cell.verdict.status is Status.PASS,
        time=seconds(total) if total else ABSENT,
        proven=cell.reused.recorded if cell.reused else run.info.started,
        cause=shorten(_cause(cell), _CAUSE),
        fix=words.fix(cell),
        perhaps=bool(cell.diagnosis and cell.diagnosis.confidence == "possible"),
        change=(str(change).replace("-", " "), TONES[change]) if change else None,
        detail=told,
        same=same,
    )


def _version(cell: Cell, package: str) -> tuple[str, bool]:
    version = installed(cell, package)
    return version.removesuffix(f" {CONTRADICTED}"), version.endswith(f" {CONTRADICTED}")


def _cause(cell: Cell) -> str:
    """Return the line below a row: why, or of a pass how much it proves."""
    if cell.verdict.status is not Status.PASS:
        return words.brief_cause(cell)
    told = [f"{count(len(cell.checks), 'check')} passed"] if cell.checks else [words.cause(cell)]
    told += [words.where(cell)] if words.where(cell) else []
    told += [words.flaky(cell)] if cell.flaky else []
    told += [cell.numbers.says] if cell.numbers else []
    return "; ".join(told)
