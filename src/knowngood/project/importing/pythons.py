"""Read how files name a Python, and bring it into the form that a matrix has."""

import posixpath
import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from knowngood.declare.grids import DEFAULT_PYTHON
from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.problems import WrongValueError
from knowngood.declare.values import python_version

MINORS = ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""The Pythons that a range is looked up in, oldest first."""
NEWEST_PYPY = "pypy3.11"
"""What a file means by ``pypy3``."""
_PATCHES = 30  # of a minor version: ">=3.9.2" allows 3.9, and "<3.12" does not allow 3.12

_NAMED = re.compile(
    r"(?:(?P<kind>cpython|python|cp|py|pypy|pp)-?)?(?P<major>[23])\.?(?P<minor>\d{1,2})?(?P<patch>\.(?:\d+|x|\*))?"
    r"(?P<free>t|-freethreading)?(?:-?(?:dev|alpha[.\d-]*|beta[.\d-]*|rc[.\d-]*))?(?:-v?[\d.]+(?:rc\d+)?|-nightly)?",
    re.IGNORECASE | re.ASCII,
)
_IN_TAG = re.compile(r"(?:^|[-_.])(?:python|py)-?(?P<version>3\.\d{1,2}|3\d{1,2})(?![\d.])", re.ASCII)
_TAG = re.compile(r"(?P<version>[23]\.\d{1,2}(?:\.\d{1,3})?)(?:[-a-z].*)?", re.ASCII)


def named(text: str) -> str | None:
    """Return the Python that a file names, such as ``py310``, ``3.13-dev``, ``3.13t`` or ``pypy-3.10``.

    None when it is not the name of one Python.
    """
    if text.strip().lower() in ("pypy3", "pypy-3"):
        return NEWEST_PYPY
    match = _NAMED.fullmatch(text.strip())
    if match is None or match["minor"] is None:
        return None
    patch = match["patch"] if match["patch"] and match["patch"][1:].isdigit() else ""
    version = f"{match['major']}.{match['minor']}"
    if (match["kind"] or "").lower() in ("pypy", "pp"):
        return f"pypy{version}"
    return f"{version}{patch}" + ("t" if match["free"] else "")


def problem(python: str) -> str:
    """Return why a matrix cannot have a Python; empty when it can."""
    try:
        python_version(python)
    except WrongValueError as wrong:
        return wrong.what
    return ""


def in_image(image: str) -> str | None:
    """Return the Python of a container image, as far as its name says: ``python:3.11-slim``."""
    path, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    if "python" in path and "pypy" not in path and (match := _TAG.fullmatch(tag)):
        return match["version"]
    if path == "pypy" and (match := _TAG.fullmatch(tag)):
        return f"pypy{match['version']}"
    match = _IN_TAG.search(tag) or _IN_TAG.search(path)
    return named(match["version"]) if match else None


def within(specifier: str) -> tuple[str, ...]:
    """Return the minor versions that a range such as ``>=3.9`` or Poetry's ``^3.9`` allows, oldest first."""
    text = re.sub(r"\^(3(?:\.\d+)*)", r">=\1,<4", specifier).replace("||", "|")
    ranges = []
    for part in text.split("|"):
        try:
            ranges.append(SpecifierSet(re.sub(r"(?<=[\d*])\s+(?=[<>=!~])", ",", part.strip())))
        except InvalidSpecifier:
            return ()
    return tuple(
        minor
        for minor in MINORS
        if any(each.contains(f"{minor}.{patch}") for each in ranges for patch in range(_PATCHES))
    )


def chosen(specifier: str) -> str | None:
    """Return one minor version that a range allows: the default of a matrix, else the one nearest to it.

    None when the range says nothing, or allows none that a matrix can have.
    """
    allowed = [minor for minor in within(specifier) if not problem(minor)] if specifier.strip() else []
    return min(allowed, key=lambda minor: abs(MINORS.index(minor) - MINORS.index(DEFAULT_PYTHON[0])), default=None)


def pinned(files: ProjectFiles, folder: str) -> str | None:
    """Return the Python that a ``.python-version`` file names, if there is one."""
    text = files.read(posixpath.join(folder, ".python-version"))
    lines = (text or "").split()
    return named(lines[0]) if lines else None
