"""Read from the source of a module whether it offers a name, without importing it."""

import ast
from pathlib import Path

_DEEPEST = 4  # star imports followed


def offers(folder: Path, module: str, name: str) -> bool:
    """Return whether ``module``, unpacked below ``folder``, has ``name``: defined, imported, or a part of the package.

    Also True where the source does not show it: a compiled module, or one that computes its names on access.
    """
    place = folder / module.replace(".", "/")
    if (place / name).is_dir() or any(place.glob(f"{name}.*")):
        return True
    return _defines(folder, place, name, _DEEPEST)


def _defines(folder: Path, place: Path, name: str, depth: int) -> bool:
    candidates = place.with_name(f"{place.name}.py"), place / "__init__.py"
    source = next((file for file in candidates if file.is_file()), None)
    if source is None or depth == 0:
        return True
    try:
        tree = ast.parse(source.read_bytes())
    except (SyntaxError, ValueError):
        return True
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name="__getattr__"):
                return True
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
                if (starred.is_dir() or starred.with_name(f"{starred.name}.py").is_file()) and _defines(
                    folder, starred, name, depth - 1
                ):
                    return True
            case _:
                pass
    return False
