"""Parse a matrix file into a ``Matrix``, or raise one error with everything that is wrong with the file."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from knowngood.declare import toml
from knowngood.declare.checks import check
from knowngood.declare.grid import Grid, Point
from knowngood.declare.grids import matrix_pythons, read_grids, spread
from knowngood.declare.named_files import Files, ProjectFiles
from knowngood.declare.probe_table import Scripts
from knowngood.declare.problems import Problems
from knowngood.declare.pythons import check_pythons
from knowngood.declare.schema import GridTable, MatrixTable, SharedTable
from knowngood.declare.sections import Tables, read_tables
from knowngood.declare.selectors import NOTHING, Selections
from knowngood.declare.values import slug
from knowngood.model import (
    Asset,
    Combo,
    Expectation,
    Index,
    InstallerName,
    Isolation,
    Known,
    Matrix,
    Probe,
    ResolutionMode,
    Step,
    Wanted,
    WarningPolicy,
)

DEFAULT_TIMEOUT = 600.0
"""Seconds that a probe may take unless the file says otherwise."""
DEFAULT_STALE_AFTER = 30
"""Days after which results are out of date unless the file says otherwise."""


def parse(text: str | bytes, *, path: Path, project: Path, files: Files, selections: Selections = NOTHING) -> Matrix:
    """Parse and check a matrix file. All other files are read through ``files``, with paths relative to ``project``.

    ``selections`` are the versions that its selectors stand for, as far as they are known. The name of ``path`` becomes
    the id of the matrix. Raises ``MatrixFileError`` with all problems of the file.
    """
    source, raw = toml.read(text, path=str(path))
    problems = Problems(str(path), source)
    own = ProjectFiles(files, project)
    scripts = Scripts(files.read)
    pythons = matrix_pythons(raw)
    tables = read_tables(raw, scripts, own, problems)
    grids = read_grids(raw, pythons, selections, problems.add)
    check(raw, tables, grids, scripts, problems)
    check_pythons(raw, tables, grids, pythons, scripts, problems)
    problems.raise_if_any()
    maker = _Maker(tables, pythons, scripts, selections)
    combos = (*maker.listed(), *(combo for grid in grids for combo in maker.spanned(grid)))
    matrix = tables.matrix or MatrixTable()
    return Matrix(
        id=slug(path.stem) or "matrix",
        title=matrix.title or path.stem,
        path=path,
        project=project,
        digest=_digest(source, scripts.used, own.texts),
        combos=combos,
        probes=scripts.used,
        indexes=(
            *(
                Index(name=name, url=index.url, packages=index.packages or (), fallback=index.fallback)
                for name, index in tables.indexes.items()
            ),
            *tables.steps.projects.indexes,
        ),
        assets=tuple(Asset(name=name, wheel=asset.wheel, path=asset.path) for name, asset in tables.assets.items()),
        reference=_reference(matrix.reference, [combo.id for combo in combos], grids),
        isolation=matrix.isolation or Isolation.AUTO,
        sdists=matrix.sdists,
        min_free=matrix.min_free or 0,
        stale_after=matrix.stale_after or DEFAULT_STALE_AFTER,
        wanted=tuple(maker.wanted),
        selections=selections.all,
    )


def _reference(named: str | None, ids: Collection[str], grids: Iterable[Grid]) -> str | None:
    """Return the id of the reference: of a selector that stands for several release lines, the newest."""
    if named is None or named in ids:
        return named
    newest = [point.id for grid in grids for point in grid.points if point.family == named][-1:]
    return newest[0] if newest else named


class _Maker:
    """Makes the combos of a matrix, and collects what their selectors want to know."""

    def __init__(self, tables: Tables, pythons: tuple[str, ...], scripts: Scripts, selections: Selections) -> None:
        self._tables = tables
        self._matrix = tables.matrix or MatrixTable()
        self._pythons = pythons
        self._scripts = scripts
        self._selections = selections
        self._knowns = tuple(Known(**dict(table)) for table in tables.knowns.values())
        self.wanted: dict[Wanted, None] = {}

    def listed(self) -> Iterator[Combo]:
        """Yield the combos of ``[[combo]]``."""
        for table in self._tables.combos.values():
            spreading = spread(table.id, table.python or self._pythons)
            title = table.title or table.id
            shared = self._shared(table)
            for combo_id, python in spreading:
                titled = title if len(spreading) == 1 else f"{title} (Python {python})"
                yield self._combo(
                    table, combo_id, titled, python, shared, partial(self._tables.steps.make, table.steps, python)
                )

    def spanned(self, grid: Grid) -> Iterator[Combo]:
        """Yield the combos of a ``[[grid]]``."""
        table = self._tables.grids[grid.position]
        shared = self._shared(table)
        self.wanted |= dict.fromkeys(map(self._bounded, grid.wanted))
        for point in grid.points:
            yield self._of_grid(grid, table, point, shared)

    def _of_grid(self, grid: Grid, table: GridTable, point: Point, shared: dict[str, Any]) -> Combo:
        own: dict[str, Any] = dict(shared)
        own |= {"installer": point.installer} if point.installer is not None else {}
        own |= {"resolution": point.resolution} if point.resolution is not None else {}
        own |= {"as_of": point.as_of} if point.as_of is not None else {}
        own["env"] = tuple({**dict(own["env"]), **dict(point.env)}.items())
        title = f"{table.title}: {point.title}" if table.title else point.title
        steps = partial(self._tables.steps.make, table.steps, point.python, point.chosen)
        combo = self._combo(table, point.id, title, point.python, own, steps, point.family)
        return replace(
            combo,
            axes=point.axes,
            grid=grid.position,
            versions=point.versions,
            unselected=combo.unselected or point.unselected,
        )

    def _combo(
        self,
        table: SharedTable,
        combo_id: str,
        title: str,
        python: str,
        shared: dict[str, Any],
        steps: Callable[..., tuple[Step, ...]],
        family: str = "",
    ) -> Combo:
        cutoff, unselected = self._cutoff(shared["as_of"])
        expected = [Expectation(**dict(entry)) for entry in table.expect]
        return Combo(
            id=combo_id,
            title=title,
            python=python,
            steps=steps(resolution=shared["resolution"], cutoff=cutoff),
            expect=next((expect for expect in expected if expect.is_whole), Expectation()),
            narrower=tuple(expect for expect in expected if not expect.is_whole),
            known=tuple(self._known(combo_id, family or combo_id)),
            unselected=unselected,
            **shared,
        )

    def _known(self, combo_id: str, family: str) -> Iterator[Known]:
        """Yield the known issues of a combo. An entry may name its selectors, for all their release lines."""
        for entry in self._knowns:
            if entry.covers(combo_id):
                yield entry
            elif entry.covers(family):
                yield replace(entry, combo=combo_id)

    def _shared(self, table: SharedTable) -> dict[str, Any]:
        """Return what a table, or else ``[matrix]``, says about all its combos."""
        matrix = self._matrix
        every = tuple(self._scripts.find(probe) for probe in self._scripts.declared)
        return {
            "probes": table.probes or matrix.probes or every,
            "installer": table.installer or matrix.installer or InstallerName.UV,
            "warnings": table.warnings or matrix.warnings or WarningPolicy.NOTE,
            "env": tuple({**matrix.env, **table.env}.items()),
            "timeout": table.timeout or matrix.timeout or DEFAULT_TIMEOUT,
            "memory": table.memory or matrix.memory,
            "resolution": table.resolution or ResolutionMode.HIGHEST,
            "as_of": table.as_of or "now",
        }

    def _cutoff(self, as_of: str) -> tuple[str, tuple[str, str] | None]:
        """Return the moment after which uploads do not count, and why it is not known yet, if it is not."""
        if as_of == "now":
            return "", None
        if not as_of.endswith("d"):
            return f"{(date.fromisoformat(as_of) + timedelta(days=1)).isoformat()}T00:00:00Z", None
        wanted = Wanted(package="", selector=as_of)
        self.wanted[wanted] = None
        selection = self._selections.of(wanted)
        if selection is None or not selection.versions:
            return "", ("", f"the day that is {as_of} ago is not chosen yet")
        return selection.versions[0][1], None

    def _bounded(self, wanted: Wanted) -> Wanted:
        """Return what is wanted with the bound of the project, which ``oldest`` is about."""
        if wanted.selector != "oldest":
            return wanted
        return replace(wanted, bound=self._tables.steps.bound(wanted.package, wanted.python))


def _digest(source: str, probes: tuple[Probe, ...], texts: Mapping[str, str]) -> str:
    """Return a digest of the file, its probes and what it names. Line endings do not matter: git may change them."""
    parts = [("", source), *sorted((probe.id, probe.source) for probe in probes)]
    parts += sorted((f"/{path}", text) for path, text in texts.items())
    total = hashlib.sha256()
    for name, text in parts:
        content = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
        total.update(f"{name} {len(content)}\n".encode() + content)
    return total.hexdigest()
