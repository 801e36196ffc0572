"""Parse a matrix file into a ``Matrix``, or raise one error with everything that is wrong with the file."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from knowngood.declare import toml
from knowngood.declare.checks import check
from knowngood.declare.expand import matrix_pythons, spread
from knowngood.declare.files import Files, ProjectFiles
from knowngood.declare.grid import Grid, read_grid
from knowngood.declare.probe_table import Scripts
from knowngood.declare.problems import Problems
from knowngood.declare.pythons import check_pythons
from knowngood.declare.schema import MatrixTable
from knowngood.declare.sections import Tables, read_tables
from knowngood.declare.values import slug
from knowngood.model import Asset, Combo, Expectation, Index, InstallerName, Known, Matrix, Probe, WarningPolicy

DEFAULT_TIMEOUT = 600.0
"""Seconds that a probe may take unless the file says otherwise."""


def parse(text: str | bytes, *, path: Path, project: Path, files: Files) -> Matrix:
    """Parse and check a matrix file. All other files are read through ``files``, with paths relative to ``project``.

    The name of ``path`` becomes the id of the matrix. Raises ``MatrixFileError`` with all problems of the file.
    """
    source, raw = toml.read(text, path=str(path))
    problems = Problems(str(path), source)
    own = ProjectFiles(files, project)
    scripts = Scripts(files.read)
    pythons = matrix_pythons(raw)
    tables = read_tables(raw, scripts, own, problems)
    grid = read_grid(raw["axes"], pythons, problems.add) if "axes" in raw else None
    check(raw, tables, grid, scripts, problems)
    check_pythons(raw, tables, grid, pythons, scripts, problems)
    problems.raise_if_any()
    combos = tuple(_combos(tables, grid, pythons, scripts))
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
        expected = [Expectation(**dict(entry)) for entry in table.expect]
        for combo_id, python in spreading:
            yield Combo(
                id=combo_id,
                title=title if len(spreading) == 1 else f"{title} (Python {python})",
                python=python,
                steps=tables.steps.make(table.steps, python),
                probes=probes(table.probes),
                installer=table.installer or default_installer,
                warnings=table.warnings or warnings,
                env=tuple({**matrix.env, **table.env}.items()),
                timeout=table.timeout or timeout,
                expect=next((expect for expect in expected if expect.is_whole), Expectation()),
                narrower=tuple(expect for expect in expected if not expect.is_whole),
                known=known(combo_id),
            )
    for point in grid.points() if grid else ():
        python = point.python or pythons[0]
        yield Combo(
            id=point.id,
            title=point.title,
            python=python,
            steps=tables.steps.make(point.steps, python),
            probes=probes(None),
            installer=point.installer or default_installer,
            warnings=warnings,
            env=tuple(matrix.env.items()),
            timeout=timeout,
            axes=point.axes,
            known=known(point.id),
        )


def _digest(source: str, probes: tuple[Probe, ...], texts: Mapping[str, str]) -> str:
    """Return a digest of the file, its probes and what it names. Line endings do not matter: git may change them."""
    parts = [("", source), *sorted((probe.id, probe.source) for probe in probes)]
    parts += sorted((f"/{path}", text) for path, text in texts.items())
    total = hashlib.sha256()
    for name, text in parts:
        content = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
        total.update(f"{name} {len(content)}\n".encode() + content)
    return total.hexdigest()
