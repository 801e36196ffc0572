"""Write what was imported as a matrix file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from packaging.version import Version

from knowngood.declare.values import collision_key, fitted, slug
from knowngood.project.importing.parts import Cell, Imported, Index, Probe, Step

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Combo:
    """Cells that differ in their Python alone."""

    id: str
    cell: Cell
    pythons: tuple[str, ...]


def write(imported: Imported, *, path: str) -> str:
    """Return the text of a matrix file with everything that was imported from the file at ``path``."""
    combos = arranged(imported.cells)
    probes = _probe_ids(combo.cell.probes for combo in combos)
    has_imports = any(not combo.cell.probes for combo in combos)
    parts = [*_head(imported, path), "", "[matrix]", f"title = {_string(f'Imported from {path}')}"]
    for name, index in _named(imported.indexes):
        parts += ["", f"[index.{name}]", f"url = {_string(index.url)}"]
        parts += [f"packages = {_array(index.packages)}"] if index.packages else []
    for probe, probe_id in probes.items():
        parts += ["", "[[probe]]", f"id = {_string(probe_id)}", f"{_kind(probe)} = {_array(probe.words)}"]
        parts += [f"python-options = {_array(probe.python_options)}"] if probe.python_options else []
    if has_imports:
        parts += ["", "[[probe]]", 'id = "imports"', f"source = '''{_IMPORTS}'''"]
    every = tuple(probes.values()) + (("imports",) if has_imports else ())
    for combo in combos:
        used = tuple(probes[probe] for probe in combo.cell.probes) or ("imports",)
        parts += ["", *_combo(combo, used if set(used) != set(every) else ())]
    return "\n".join(parts) + "\n"


def arranged(cells: Iterable[Cell]) -> tuple[Combo, ...]:
    """Return a combo for each set of cells that are the same but for their Python, in the order of the file."""
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.name, cell.steps, cell.probes, cell.env, cell.installer), []).append(cell)
    names: dict[str, int] = {}
    for group in groups.values():
        names[slug(group[0].name)] = names.get(slug(group[0].name), 0) + 1
    combos: list[Combo] = []
    taken: set[str] = set()
    for group in groups.values():
        versions = tuple(dict.fromkeys(cell.python for cell in group if cell.python is not None))
        name = slug(group[0].name) or "all"
        if names.get(name, 0) > 1 and versions:
            name = f"{name}-py{versions[0]}" if len(versions) == 1 else f"{name}-py{versions[0]}-to-{versions[-1]}"
        combos.append(
            Combo(id=_free(fitted(slug(name)), taken), cell=group[0], pythons=tuple(sorted(versions, key=_age)))
        )
    return tuple(combos)


def _age(python: str) -> tuple[bool, Version, str]:
    match = re.search(r"\d+(\.\d+)*", python)
    return python.startswith("pypy"), Version(match[0] if match else "0"), python


def _free(combo_id: str, taken: set[str]) -> str:
    number, candidate = 1, combo_id
    while collision_key(candidate) in taken:
        number += 1
        candidate = f"{combo_id[:90]}-{number}"
    taken.add(collision_key(candidate))
    return candidate


def _head(imported: Imported, path: str) -> list[str]:
    lines = [f"# Imported from {_comment(path)} by `knowngood import`."]
    for title, is_note in (("Not imported:", False), ("Not said:", True)):
        if remarks := [remark for remark in imported.remarks if remark.is_note == is_note]:
            lines += ["#", f"# {title}"]
            lines += [f"#   {f'line {each.line}: ' if each.line else ''}{_comment(each.what)}" for each in remarks]
    return lines


def _combo(combo: Combo, probes: Sequence[str]) -> list[str]:
    cell = combo.cell
    lines = ["[[combo]]", f"id = {_string(combo.id)}"]
    if combo.pythons:
        lines.append(f"python = {_array(combo.pythons)}")
    lines += [f"installer = {_string(cell.installer)}"] if cell.installer else []
    lines += [f"env = {_table(dict(cell.env))}"] if cell.env else []
    lines += [f"probes = {_array(probes)}"] if probes else []
    return [*lines, *_steps(cell.steps)]


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
        ids[probe] = _free(name, taken)
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
        named.append((_free(slug(name).replace(".", "-"), taken), index))
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
