"""Read from source files whether a package offers a name: yes (True), no (False), cannot tell (None).

No code is executed. A compiled module, a file that cannot be parsed, or a name that is computed on access shows
nothing.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from knowngood.install.environment import Environment
from knowngood.model import Distribution
from knowngood.process.files import read_regular, read_text, walk
from knowngood.syntax import parse

_DEEPEST = 4  # star imports followed
_LARGEST_SOURCE = 2 * 1024 * 1024  # bytes
_MOST_SOURCES = 6000  # files of one distribution
_CALL = re.compile(r"(?<!\w)(?:(?P<owner>\w+)\.)?(?P<function>\w+)\((?P<parameter>\w+)\)")
"""How a parameter is written: ``Client.__init__(proxies)`` or ``hook(path)``."""


def offers(folder: Path, module: str, name: str, *, lazily: bool = True) -> bool | None:
    """Return whether ``module``, unpacked below ``folder``, has ``name``: defined, imported, or a part of the package.

    Without a name, the question is whether there is such a module. Without a module, ``name`` is a member:
    ``Config.update``, or ``Client.__init__(proxies)`` for a parameter. A module that computes its names on access lists
    them as strings: with ``lazily`` such a string is a yes. Names that it only knows in order to refuse them are
    strings as well.
    """
    if not module:
        return _has_member(folder, name) if name else None
    place = folder / module.replace(".", "/")
    if not name:
        return place.is_dir() or any(place.parent.glob(f"{place.name}.*"))
    if (place / name).is_dir() or any(place.glob(f"{name}.*")):
        return True
    return _defines(folder, place, name, _DEEPEST, lazily)


def mentions(folder: Path, word: str) -> bool:
    """Return whether any source below ``folder`` has ``word`` on its own; a dotted word is a module, as imported."""
    parent, _, last = (re.escape(part).encode() for part in word.rpartition("."))
    whole = rb"(?<![\w.])" + parent + rb"\." + last if parent else rb"\b" + last
    inside = rb"|\bfrom\s+" + parent + rb"\s+import\s+(?:\([^)]*|[^(\n]*)\b" + last + rb"\b" if parent else b""
    pattern = re.compile(whole + rb"\b" + inside)
    return any(pattern.search(source) for _, source in sources(folder))


def definitions(
    environment: Environment, names: Iterable[str], owners: Iterable[Distribution]
) -> dict[str, tuple[str, ...]]:
    """Return for each of ``names`` the distributions whose Python source defines a class or function of that name."""
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        return {}
    any_of = "|".join(map(re.escape, wanted)).encode()
    defined = re.compile(rb"^[ \t]*(?:async\s+)?(?:class|def)\s+(" + any_of + rb")\b", re.MULTILINE)
    definers: dict[str, list[str]] = {name: [] for name in wanted}
    for owner in owners:
        matches = {match for source in _sources_of(environment, owner) for match in defined.findall(source)}
        for match in matches:
            definers[match.decode()].append(owner.name)
    return {name: tuple(owners) for name, owners in definers.items() if owners}


def sources(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield the Python sources and stubs below ``folder`` with their text; very large files are left out."""
    files = [Path(place, name) for place, _, names in walk(folder) for name in names if name.endswith((".py", ".pyi"))]
    for file in sorted(files)[:_MOST_SOURCES]:
        try:
            if file.is_file() and file.stat().st_size <= _LARGEST_SOURCE:
                yield file, read_regular(file, _LARGEST_SOURCE, linked=True)
        except OSError:
            continue


def _defines(folder: Path, place: Path, name: str, depth: int, lazily: bool) -> bool | None:
    candidates = place.with_name(f"{place.name}.py"), place / "__init__.py"
    source = next((file for file in candidates if file.is_file()), None)
    if source is None or depth == 0:
        compiled = [*place.parent.glob(f"{place.name}.*"), *place.glob("__init__.*")] if place.parent.is_dir() else []
        return None if compiled or place.is_dir() or depth == 0 else False
    tree = _parsed(source)
    if tree is None:
        return None
    cannot_tell = False
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if node.name == name:
                return True
            case ast.Name(id=variable, ctx=ast.Store()) if variable == name:
                return True
            case ast.Import() | ast.ImportFrom() if any((alias.asname or alias.name) == name for alias in node.names):
                return True
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                base = source.parent if node.level else folder
                for _ in range(node.level - 1):
                    base = base.parent
                starred = base / (node.module or "").replace(".", "/")
                # Packages elsewhere cannot be read, and names rarely come from there.
                if starred.is_dir() or starred.with_name(f"{starred.name}.py").is_file():
                    inside = _defines(folder, starred, name, depth - 1, lazily)
                    if inside:
                        return True
                    cannot_tell = cannot_tell or inside is None
            case _:
                pass
    if _is_lazy(tree):
        return _offers_lazily(source, tree, name, lazily)
    return None if cannot_tell else False


def _is_lazy(tree: ast.Module) -> bool:
    """Return whether a module computes names on access: it has ``__getattr__``, or replaces itself."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name="__getattr__") if node in tree.body or not _in_class(tree, node):
                return True
            case ast.Name(id="__getattr__", ctx=ast.Store()):
                return True
            case ast.Subscript(value=ast.Attribute(attr="modules"), ctx=ast.Store()):
                return True
            case _:
                pass
    return False


def _in_class(tree: ast.Module, function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.ClassDef) and function in node.body for node in ast.walk(tree))


def _offers_lazily(source: Path, tree: ast.Module, name: str, lazily: bool) -> bool | None:
    listed = any(isinstance(node, ast.Constant) and node.value == name for node in ast.walk(tree))
    stub = source.with_suffix(".pyi")
    if listed or (stub.is_file() and re.search(rf"\b{re.escape(name)}\b", read_text(stub, _LARGEST_SOURCE))):
        return True if lazily else None
    # What nobody ever wrote down cannot be made up on access.
    return None if mentions(source.parent, name) else False


def _has_member(folder: Path, name: str) -> bool | None:
    if call := _CALL.fullmatch(name):
        return _takes(folder, call["owner"], call["function"], call["parameter"])
    owner, _, attribute = name.rpartition(".")
    nodes = (node for tree in _trees(folder, owner or attribute) for node in ast.walk(tree))
    if not owner:
        defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        if any(isinstance(node, defined) and node.name == attribute for node in nodes):
            return True
        return None if mentions(folder, attribute) else False
    classes = [node for node in nodes if _is_class(node, owner)]
    if not classes:
        return None
    if any(_sets(node, attribute) for each in classes for node in ast.walk(each)):
        return True
    # It may be inherited from a class of another name.
    return None if mentions(folder, attribute) else False


def _takes(folder: Path, owner: str | None, function: str, parameter: str) -> bool | None:
    answers: list[bool] = []
    for tree in _trees(folder, owner or function):
        scopes: list[tuple[ast.AST, str]] = [(tree, function)]
        if owner:
            scopes = [(node, function) for node in ast.walk(tree) if _is_class(node, owner)]
        else:
            # What is called may be a class.
            scopes += [(node, "__init__") for node in ast.walk(tree) if _is_class(node, function)]
        for scope, wanted in scopes:
            for node in ast.walk(scope):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == wanted:
                    given = node.args
                    names = {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
                    answers.append(parameter in names or given.kwarg is not None)
    return any(answers) if answers else None


def _is_class(node: ast.AST, name: str | None) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == name


def _sets(node: ast.AST, attribute: str) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name == attribute
        case ast.Name(id=variable, ctx=ast.Store()):
            return variable == attribute
        case ast.Attribute(attr=variable, ctx=ast.Store()):
            return variable == attribute
        case _:
            return False


def _trees(folder: Path, word: str) -> Iterator[ast.Module]:
    """Yield the parsed sources that have ``word``."""
    for file, source in sources(folder):
        if file.suffix == ".py" and word.encode() in source and (tree := _parsed(file)) is not None:
            yield tree


def _parsed(file: Path) -> ast.Module | None:
    source = read_regular(file, _LARGEST_SOURCE + 1, linked=True)
    return parse(source) if len(source) <= _LARGEST_SOURCE else None


def _sources_of(environment: Environment, distribution: Distribution) -> Iterable[bytes]:
    for folder in environment.site_packages():
        for module in distribution.modules:
            place = folder / module.replace(".", "/")
            files = sorted(Path(root, name) for root, _, names in walk(place) for name in names if name.endswith(".py"))
            for file in files[:_MOST_SOURCES] or [place.with_name(f"{place.name}.py")]:
                text = read_regular(file, _LARGEST_SOURCE + 1, linked=True)
                if len(text) <= _LARGEST_SOURCE:
                    yield text
