"""Parse a matrix file into a ``Matrix``, or raise one error with everything that is wrong with the file."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from knowngood.declare import toml
from knowngood.declare.checks import check
from knowngood.declare.expand import matrix_pythons, spread
from knowngood.declare.grid import Grid, read_grid
from knowngood.declare.problems import Problems
from knowngood.declare.schema import ExpectTable, MatrixTable
from knowngood.declare.scripts import ReadProbe, Scripts
from knowngood.declare.sections import Tables, read_tables
from knowngood.declare.values import slug
from knowngood.model import Asset, Combo, Expectation, Index, InstallerName, Known, Matrix, Probe, Step, WarningPolicy

DEFAULT_TIMEOUT = 600.0
"""Seconds that a probe may take unless the file says otherwise."""


def parse(text: str | bytes, *, path: Path, project: Path, read_probe: ReadProbe) -> Matrix:
    """Parse and check a matrix file. Files are read only through ``read_probe``.

    The name of ``path`` becomes the id of the matrix. ``read_probe`` returns the text of a file, given its path
    relative to ``project``, or None when it does not exist. Raises ``MatrixFileError`` with all problems of the file.
    """
    source, raw = toml.read(text, path=str(path))
    problems = Problems(str(path), source)
    scripts = Scripts(read_probe)
    pythons = matrix_pythons(raw)
    tables = read_tables(raw, scripts, problems)
    grid = read_grid(raw["axes"], pythons, problems.add) if "axes" in raw else None
    check(raw, tables, grid, scripts, problems)
    problems.raise_if_any()
    combos = tuple(_combos(tables, grid, pythons, scripts))
    matrix = tables.matrix or MatrixTable()
    return Matrix(
        id=slug(path.stem) or "matrix",
        title=matrix.title or path.stem,
        path=path,
        project=project,
        digest=_digest(source, scripts.used),
        combos=combos,
        probes=scripts.used,
        indexes=tuple(
            Index(name=name, url=index.url, packages=index.packages or (), fallback=index.fallback)
            for name, index in tables.indexes.items()
        ),
        assets=tuple(Asset(name=name, wheel=asset.wheel, path=asset.path) for name, asset in tables.assets.items()),
        reference=matrix.reference,
    )


def _combos(tables: Tables, grid: Grid | None, pythons: tuple[str, ...], scripts: Scripts) -> Iterator[Combo]:
    matrix = tables.matrix or MatrixTable()
    default_installer = matrix.installer or InstallerName.UV
    timeout = matrix.timeout or DEFAULT_TIMEOUT
    warnings = matrix.warnings or WarningPolicy.NOTE

    def probes(own: tuple[str, ...] | None) -> tuple[str, ...]:
        return own or matrix.probes or tuple(scripts.find(probe) for probe in scripts.declared)

    knowns = tuple(Known(**dict(table)) for table in tables.knowns.values())

    def known(combo_id: str) -> tuple[Known, ...]:
        return tuple(entry for entry in knowns if entry.covers(combo_id))

    for table in tables.combos.values():
        spreading = spread(table.id, table.python or pythons)
        title = table.title or table.id
        for combo_id, python in spreading:
            yield Combo(
                id=combo_id,
                title=title if len(spreading) == 1 else f"{title} (Python {python})",
                python=python,
                steps=tuple(map(_step, table.steps)),
                probes=probes(table.probes),
                installer=table.installer or default_installer,
                warnings=table.warnings or warnings,
                env=tuple({**matrix.env, **table.env}.items()),
                timeout=table.timeout or timeout,
                expect=_expectation(table.expect),
                known=known(combo_id),
            )
    for point in grid.points() if grid else ():
        yield Combo(
            id=point.id,
            title=point.title,
            python=point.python or pythons[0],
            steps=tuple(map(_step, point.steps)),
            probes=probes(None),
            installer=point.installer or default_installer,
            warnings=warnings,
            env=tuple(matrix.env.items()),
            timeout=timeout,
            axes=point.axes,
            known=known(point.id),
        )


def _step(lines: tuple[str, ...]) -> Step:
    return Step(lines=lines, requirements=lines)


def _expectation(table: ExpectTable | None) -> Expectation:
    return (
        Expectation(status=table.status, reason=table.reason, match=table.match, culprit=table.culprit)
        if table
        else Expectation()
    )


def _digest(source: str, probes: tuple[Probe, ...]) -> str:
    """Return a digest of the file and its probes. Line endings do not matter, since git may change them."""
    parts = [("", source), *sorted((probe.id, probe.source) for probe in probes)]
    total = hashlib.sha256()
    for name, text in parts:
        content = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
        total.update(f"{name} {len(content)}\n".encode() + content)
    return total.hexdigest()
