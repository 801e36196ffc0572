"""Write what was imported as a matrix file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from knowngood.declare.values import slug
from knowngood.project.importing.parts import Cell, Imported, Index, Probe, Step
from knowngood.project.importing.shape import Combo, Grid, Table, free

_IMPORTS = """
# Imports what the steps name. Write what your project really does with it, see "Write a probe" in the docs.
import importlib
import re
from importlib import metadata

from probe_api import check, pins


def modules(name):
    tops = {}
    for file in metadata.files(name) or ():
        if file.suffix in (".py", ".so", ".pyd") and re.match(r"[A-Za-z]\\w*([./]|$)", str(file)):
            tops.setdefault(re.split("[./]", str(file))[0], file)
    likely = [top for top in tops if top.lower() == re.sub("[-.]", "_", name).lower()]
    return likely or [top for top in tops if top not in ("docs", "examples", "test", "tests")]


for name in dict.fromkeys(re.match(r"[\\w.-]*", pin)[0] for pin in pins()):
    try:
        found = modules(name)
    except (metadata.PackageNotFoundError, ValueError):
        continue  # its marker does not hold here, or it is a path
    for module in found:
        with check("import " + module):
            importlib.import_module(module)
"""


def write(imported: Imported, tables: Sequence[Table], *, path: str) -> str:
    """Return the text of a matrix file with ``tables``, which were made of what was imported from ``path``."""
    probes = _probe_ids(table.cells[0].probes for table in tables)
    has_imports = any(not table.cells[0].probes for table in tables)
    parts = [*_head(imported, path), "", "[matrix]", f"title = {_string(f'Imported from {path}')}"]
    for name, index in _named(imported.indexes):
        parts += ["", f"[index.{name}]", f"url = {_string(index.url)}"]
        parts += [f"packages = {_array(index.packages)}"] if index.packages else []
    for probe, probe_id in probes.items():
        parts += ["", "[[probe]]", f"id = {_string(probe_id)}", f"{_kind(probe)} = {_array(probe.words)}"]
        parts += [f"python-options = {_array(probe.python_options)}"] if probe.python_options else []
        parts += [f"pass-env = {_array(probe.pass_env)}"] if probe.pass_env else []
    if has_imports:
        parts += ["", "[[probe]]", 'id = "imports"', f"source = '''{_IMPORTS}'''"]
    every = tuple(probes.values()) + (("imports",) if has_imports else ())
    for table in tables:
        used = tuple(probes[probe] for probe in table.cells[0].probes) or ("imports",)
        only = used if set(used) != set(every) else ()
        parts += ["", *(_grid(table, only) if isinstance(table, Grid) else _combo(table, only))]
    return "\n".join(parts) + "\n"


def _head(imported: Imported, path: str) -> list[str]:
    lines = [f"# Imported from {_comment(path)} by `knowngood import`."]
    for title, is_note in (("Not imported:", False), ("Notes:", True)):
        if remarks := [remark for remark in imported.remarks if remark.is_note == is_note]:
            lines += ["#", f"# {title}"]
            lines += [f"#   {f'line {each.line}: ' if each.line else ''}{_comment(each.what)}" for each in remarks]
    return lines


def _combo(combo: Combo, probes: Sequence[str]) -> list[str]:
    cell = combo.cells[0]
    lines = ["[[combo]]", f"id = {_string(combo.id)}"]
    lines += [f"python = {_array(combo.pythons)}"] if combo.pythons else []
    return [*lines, *_settings(cell, cell.env, probes), *_steps(cell.steps)]


def _grid(grid: Grid, probes: Sequence[str]) -> list[str]:
    lines = ["[[grid]]", f"id = {_string(grid.id)}", *_settings(grid.cells[0], grid.env, probes)]
    lines += _steps(grid.steps) if grid.steps else []
    for axis, values in grid.axes.items():
        key = f"env.{_key(axis[4:])}" if axis.startswith("env.") else _key(axis)
        lines.append(f"axes.{key} = {_array(values)}")
    if grid.lists:
        lists = ", ".join(f"{_key(name)} = {_array(texts)}" for name, texts in grid.lists.items())
        lines.append(f"axes.with = {{ {lists} }}")
    if grid.exclude:
        lines += ["exclude = [", *(f"  {_entry(entry)}," for entry in grid.exclude), "]"]
    return lines


def _entry(entry: Mapping[str, Sequence[str]]) -> str:
    pairs = (
        (f"env.{_key(axis[4:])}" if axis.startswith("env.") else _key(axis), values) for axis, values in entry.items()
    )
    texts = (f"{key} = {_string(values[0]) if len(values) == 1 else _array(values)}" for key, values in pairs)
    return f"{{ {', '.join(texts)} }}"


def _settings(cell: Cell, env: Sequence[tuple[str, str]], probes: Sequence[str]) -> list[str]:
    lines = [f"installer = {_string(cell.installer)}"] if cell.installer else []
    lines += [f"env = {_table(dict(env))}"] if env else []
    return lines + ([f"probes = {_array(probes)}"] if probes else [])


def _steps(steps: Sequence[Step]) -> list[str]:
    if not steps:
        return ["steps = []"]
    rows = [_array([line.text for line in step]) for step in steps]
    if len(rows) == 1 and len(rows[0]) < 100:
        return [f"steps = [{rows[0]}]"]
    lines = ["steps = ["]
    for step, row in zip(steps, rows, strict=True):
        if len(row) < 100:
            lines.append(f"  {row},")
        else:
            lines += ["  [", *(f"    {_string(line.text)}," for line in step), "  ],"]
    return [*lines, "]"]


def _probe_ids(probes: Iterable[Iterable[Probe]]) -> dict[Probe, str]:
    ids: dict[Probe, str] = {}
    taken: set[str] = {"imports"}
    for probe in dict.fromkeys(probe for each in probes for probe in each):
        words = [word for word in probe.words if not word.startswith("-")]
        name = "tests" if probe.pytest else slug("-".join(words))[:40].rstrip("-._") or "command"
        ids[probe] = free(name, taken)
    return ids


def _kind(probe: Probe) -> str:
    return "pytest" if probe.pytest else "command"


def _named(indexes: Sequence[Index]) -> list[tuple[str, Index]]:
    taken: set[str] = set()
    named = []
    for index in indexes:
        parts = urlsplit(index.url)
        host = parts.hostname or ""
        name = f"pytorch-{parts.path.rpartition('/')[2]}" if host == "download.pytorch.org" else host or "wheels"
        named.append((free(slug(name).replace(".", "-"), taken), index))
    return named


def _array(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_string, values))}]"


def _table(values: Mapping[str, str]) -> str:
    return f"{{ {', '.join(f'{_key(name)} = {_string(value)}' for name, value in values.items())} }}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _string(text: str) -> str:
    """Return a string of TOML in one line."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    escaped = "".join(
        letter
        if letter.isprintable() and letter not in '"\\'
        else f"\\{letter}"
        if letter in '"\\'
        else f"\\U{ord(letter):08x}"
        for letter in text
    )
    return f'"{escaped}"'


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
