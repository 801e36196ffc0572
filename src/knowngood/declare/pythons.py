"""Find what no Python could carry out: scripts with syntax errors, variables without effect, old interpreters."""

import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knowngood import packages
from knowngood.declare.axes import variable_of
from knowngood.declare.grid import Grid
from knowngood.declare.probe_table import Scripts
from knowngood.declare.problems import Problems, WrongValueError, shown
from knowngood.declare.sections import Tables
from knowngood.declare.toml import Where
from knowngood.declare.values import search_path
from knowngood.model import BREAK_PYTHON, SEARCH_PATH, InstallerName, Probe, ProbeKind

_OPTIONS_FOR = {
    "PYTHONDEBUG": '["-d"]',
    "PYTHONDEVMODE": '["-X", "dev"]',
    "PYTHONDONTWRITEBYTECODE": '["-B"]',
    "PYTHONINTMAXSTRDIGITS": '["-X", "int_max_str_digits=10000"]',
    "PYTHONOPTIMIZE": '["-O"]',
    "PYTHONPROFILEIMPORTTIME": '["-X", "importtime"]',
    "PYTHONTRACEMALLOC": '["-X", "tracemalloc"]',
    "PYTHONVERBOSE": '["-v"]',
    "PYTHONWARNDEFAULTENCODING": '["-X", "warn_default_encoding"]',
    "PYTHONWARNINGS": '["-W", "error"]',
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subject:
    """Combos of the file, and where it says which Pythons, installer and probes they have."""

    pythons: tuple[str, ...]
    at: Where
    """Where the Pythons are."""
    installer: InstallerName
    probes: tuple[str, ...]
    env: tuple[str, ...]
    """The variables that it sets beside those of ``[matrix]``."""
    where: Where


def check_pythons(
    raw: Mapping[str, Any],
    tables: Tables,
    grids: tuple[Grid, ...],
    pythons: tuple[str, ...],
    scripts: Scripts,
    problems: Problems,
) -> None:
    """Add to ``problems`` what cannot work with the Pythons of the combos; ``pythons`` are those of ``[matrix]``."""
    subjects = tuple(_subjects(tables, grids, pythons, scripts))
    _check_seeds(subjects, problems)
    _check_variables(tables, subjects, scripts, problems)
    newest = max((_minor(python) for subject in subjects for python in subject.pythons), default=(0, 0))
    # A newer Python may accept what this one does not.
    if newest <= sys.version_info[:2]:
        for probe in scripts.found:
            if probe.kind is ProbeKind.SCRIPT:
                _check_syntax(raw, probe, problems)


def _subjects(
    tables: Tables, grids: tuple[Grid, ...], pythons: tuple[str, ...], scripts: Scripts
) -> Iterator[_Subject]:
    matrix = tables.matrix
    installer = (matrix and matrix.installer) or InstallerName.UV
    probes = (matrix and matrix.probes) or scripts.declared
    for position, combo in tables.combos.items():
        where: Where = ("combo", position)
        yield _Subject(
            pythons=combo.python or pythons,
            at=(*where, "python") if combo.python else ("matrix", "python"),
            installer=combo.installer or installer,
            probes=combo.probes or probes,
            env=tuple(combo.env),
            where=where,
        )
    for grid in grids:
        table = tables.grids.get(grid.position)
        if table is None:
            continue
        own = tuple(value.text for value in grid.axes.get("python", ()))
        installers = [InstallerName(value.text) for value in grid.axes.get("installer", ())]
        for chosen in installers or [table.installer or installer]:
            yield _Subject(
                pythons=own or pythons,
                at=("grid", grid.position, "axes", "python") if own and own != pythons else ("matrix", "python"),
                installer=chosen,
                probes=table.probes or probes,
                env=(*table.env, *(name for axis in grid.axes if (name := variable_of(axis)) is not None)),
                where=("grid", grid.position),
            )


def _check_seeds(subjects: tuple[_Subject, ...], problems: Problems) -> None:
    """Find the Pythons that virtualenv brings no pip for."""
    old = [
        (subject.at, python)
        for subject in subjects
        for python in subject.pythons
        # The Pythons that can run this harness have one.
        if subject.installer is InstallerName.PIP and _minor(python) < (3, 11)
    ]
    if not old:
        return
    # Imported late: it takes longer than reading a matrix.
    from virtualenv.seed.wheels.embed import BUNDLE_SUPPORT

    oldest = min(map(_minor, BUNDLE_SUPPORT))
    for where, python in dict.fromkeys(old):
        if _minor(python) < oldest:
            what = f"pip cannot be used with Python {python}: virtualenv no longer provides it"
            hint = f'write installer = "uv", or Python {oldest[0]}.{oldest[1]} or newer'
            problems.add(where, what, hint)


def _check_variables(tables: Tables, subjects: tuple[_Subject, ...], scripts: Scripts, problems: Problems) -> None:
    """Find the variables of Python that cannot work, and those that reach only scripts, which run with ``-I``."""
    kinds = {probe.id: probe.kind for probe in scripts.found}

    def has_effect(subject: _Subject) -> bool:
        return any(kinds.get(probe, ProbeKind.SCRIPT) is not ProbeKind.SCRIPT for probe in subject.probes)

    reached: dict[Where, tuple[str, ...]] = {subject.where: subject.env for subject in subjects if has_effect(subject)}
    if tables.matrix is not None and reached:
        reached[("matrix",)] = tuple(tables.matrix.env)
    for place, names in reached.items():
        for name in sorted(BREAK_PYTHON.intersection(names)):
            what = f"{name} cannot be set for a probe: the Python of the environment would not find its own library"
            problems.add((*place, "env", name), what, "remove it, and choose the Python with python")
    for place, value in _search_paths(tables):
        if place in reached:
            try:
                search_path(value)
            except WrongValueError as error:
                problems.add((*place, "env", SEARCH_PATH), error.what, error.hint)
    places: list[tuple[Where, str]] = []
    if tables.matrix is not None and not any(map(has_effect, subjects)):
        places += [(("matrix", "env", name), name) for name in tables.matrix.env]
    for subject in subjects:
        if not has_effect(subject):
            places += [((*subject.where, "env", name), name) for name in subject.env]
    for where, name in places:
        if name.startswith("PYTHON"):
            hint = 'remove it, or run the script as a command: command = ["python", "probes/NAME.py"]'
            if name in _OPTIONS_FOR:
                hint = f"write python-options = {_OPTIONS_FOR[name]} into the [[probe]] table"
            elif name in BREAK_PYTHON:
                hint = "remove it, and choose the Python with python"
            problems.add(where, f"{name} has no effect on a script: it runs with python -I", hint)


def _search_paths(tables: Tables) -> Iterator[tuple[Where, str]]:
    """Yield the table and the value of each ``PYTHONPATH`` that is not an axis."""
    declared: list[tuple[Where, Mapping[str, str]]] = [(("matrix",), tables.matrix.env)] if tables.matrix else []
    declared += [(("combo", position), combo.env) for position, combo in tables.combos.items()]
    declared += [(("grid", position), grid.env) for position, grid in tables.grids.items()]
    for where, env in declared:
        if SEARCH_PATH in env:
            yield where, env[SEARCH_PATH]


def _check_syntax(raw: Mapping[str, Any], probe: Probe, problems: Problems) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(probe.source, probe.path or probe.id, "exec", dont_inherit=True)
    except SyntaxError as error:
        line, what = error.lineno or 1, f"{error.msg[:200]}"
        text = (error.text or "").strip()
        hint = f"the line is: {shown(text)}" if text.isprintable() and text else ""
    except UnicodeEncodeError:
        line, what, hint = 1, "it is not UTF-8 text", "save the file as UTF-8"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        line, what, hint = 1, str(error)[:200], ""
    else:
        return
    where = _place(raw, probe)
    if probe.path is None:
        problems.add(where, f"the script has a syntax error: {what}", hint, line_of_text=line)
    else:
        problems.add(where, f"{probe.path}, line {line}: {what}", hint)


def _place(raw: Mapping[str, Any], probe: Probe) -> Where:
    """Return where the file has or names a script."""
    for position, declared in enumerate(_tables(raw, "probe")):
        if declared.get("id") == probe.id:
            return ("probe", position, "source" if probe.path is None else "path")
    places: list[tuple[Where, object]] = [(("matrix",), raw.get("matrix"))]
    places += [
        ((key, position), table) for key in ("combo", "grid") for position, table in enumerate(_tables(raw, key))
    ]
    for where, table in places:
        entries = table.get("probes") if isinstance(table, Mapping) else None
        for position, entry in enumerate(entries if isinstance(entries, list) else []):
            if entry in (probe.id, probe.path):
                return (*where, "probes", position)
    return ()


def _tables(raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    tables = raw.get(key)
    return [table if isinstance(table, Mapping) else {} for table in tables] if isinstance(tables, list) else []


def _minor(python: str) -> tuple[int, int]:
    return packages.python(python).minor
