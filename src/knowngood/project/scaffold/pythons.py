"""Find the Pythons that a project declares, and choose those that its matrix begins with."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from knowngood.declare.pyproject import strings, table
from knowngood.project.importing import pythons as importing
from knowngood.project.importing.pythons import MINORS
from knowngood.project.scaffold.folder import Folder, poetry_bounds

_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)$")
_TOX = re.compile(r"\bpy(3)\.?(\d{1,2})\b")
_TOX_FACTORS = re.compile(r"\bpy\{([^}]*)\}|\bpy(?=3)(3[\d,.{}-]++)(?!t)")
_QUOTED = re.compile(r"[\"']?\b(3\.\d{1,2})\b(?!\.\d*[a-z])")
_FROM = re.compile(r"^FROM\s+(?:--\S+\s+)?(?:\S+/)?python:(3\.\d{1,2})", re.MULTILINE | re.IGNORECASE)

_OTHER = re.compile(r"\b(?:py)?3\.?1[3-9](?:t|-freethreading)\b|\bpypy-?3\.?\d{1,2}\b", re.ASCII)

Finder = Callable[[str], object]
"""Returns something if a version of Python is installed, else None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pythons:
    """The Pythons of a matrix, oldest first."""

    chosen: tuple[str, ...]
    """Installed, or obtained for it."""
    missing: tuple[str, ...]
    """Declared, and neither installed nor obtained."""
    why: str
    """Where they are declared."""
    today: str
    """The one that the project uses first: of its lock, its image, or the newest."""
    why_today: str

    @property
    def oldest(self) -> str:
        """The one that lower bounds are tried with."""
        return self.chosen[0]


def choose(folder: Folder, find: Finder, obtain: Callable[[tuple[str, ...]], object]) -> Pythons:
    """Return the Pythons to begin with.

    ``find`` looks for one on this machine; ``obtain`` gets those that it does not have, if it can. Pythons that a file
    lists are all wanted; if there is only a lower bound, that one and what is installed.
    """
    allowed = _allowed(folder)
    declared, why = _declared(folder, allowed)
    if not declared:
        declared, why = _by_bounds(folder, allowed, find)
    if absent := tuple(version for version in declared if find(version) is None):
        obtain(absent)
    chosen = tuple(version for version in declared if find(version) is not None)
    if not chosen:
        chosen = tuple(version for version in reversed(allowed or MINORS) if find(version) is not None)[:1]
        chosen = chosen or declared[-1:] or ("3.11",)
    today, why_today = _today(folder, chosen, find)
    others = _others(folder)
    missing = tuple(version for version in (*declared, *others) if version not in chosen and find(version) is None)
    chosen = (*chosen, *(version for version in others if find(version) is not None))
    return Pythons(chosen=chosen, missing=missing, why=why, today=today, why_today=why_today)


def _by_bounds(folder: Folder, allowed: tuple[str, ...], find: Finder) -> tuple[tuple[str, ...], str]:
    """Return the lowest Python that the project allows and those installed; without bounds the one that it uses."""
    installed = tuple(version for version in allowed if find(version) is not None)
    if _requires(folder):
        return tuple(sorted({*installed, *allowed[:1]}, key=_number)), f"requires-python = {_requires(folder)!r}"
    today, why = _today(folder, installed or ("3.11",), find)
    return (today,), "none is declared" if why == "the newest" else why


def _requires(folder: Folder) -> str:
    """Return what the project says about its Pythons, as a specifier; empty when it says nothing."""
    stated = folder.project.get("requires-python")
    if isinstance(stated, str):
        return stated
    poetry = table(folder.tool("poetry"), "dependencies").get("python")
    if isinstance(poetry, str):
        return poetry_bounds(poetry)
    listed = table(folder.setup_cfg, "options").get("python_requires", "")
    in_setup = re.search(r"python_requires\s*=\s*[\"']([^\"']+)", folder.text("setup.py"))
    return str(listed) or (in_setup[1] if in_setup else "")


def _allowed(folder: Folder) -> tuple[str, ...]:
    try:
        specifier = SpecifierSet(_requires(folder))
    except InvalidSpecifier:
        return MINORS
    return tuple(version for version in MINORS if any(specifier.contains(f"{version}.{patch}") for patch in (0, 99)))


def _declared(folder: Folder, allowed: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Return the Pythons that files list, and which files."""
    classifiers = strings(folder.project, "classifiers") or strings(folder.tool("poetry"), "classifiers")
    classifiers = classifiers or tuple(folder.setup_cfg.get("metadata", {}).get("classifiers", "").split("\n"))
    if not any(map(_CLASSIFIER.search, classifiers)):
        classifiers = tuple(re.findall(r"[\"'](Programming Language :: [^\"']+)", folder.text("setup.py")))
    workflows = folder.matching(".github/workflows/*.yml", ".github/workflows/*.yaml")
    sources = (
        ("the classifiers", [match[1] for line in classifiers if (match := _CLASSIFIER.search(line.strip()))]),
        ("tox.ini", _of_tox(folder.text("tox.ini"))),
        ("noxfile.py", _on_lines(folder.text("noxfile.py"), "python")),
        ("the workflows", [v for name in workflows for v in _of_workflow(folder.text(name))]),
    )
    wanted = {name: set(allowed).intersection(versions) for name, versions in sources}
    listing = [name for name, versions in wanted.items() if versions]
    return tuple(sorted(set().union(*wanted.values()), key=_number)), ", ".join(listing)


def _others(folder: Folder) -> tuple[str, ...]:
    """Return the free-threaded Pythons and PyPys that the project is tested with."""
    workflows = folder.matching(".github/workflows/*.yml", ".github/workflows/*.yaml")
    texts = [folder.text(name) for name in ("tox.ini", "tox.toml", "noxfile.py", "pyproject.toml", *workflows)]
    named = {
        python
        for text in texts
        for match in _OTHER.finditer(re.sub(r"(?m)#.*$", "", text))
        if (python := importing.named(match[0])) is not None and not importing.problem(python)
    }
    return tuple(sorted(named))


def _of_tox(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if re.search(r"env_?list|^\s+\{?py|\bpy3|^\s*py\{", line)]
    plain = [f"{major}.{minor}" for line in lines for major, minor in _TOX.findall(line)]
    for line in lines:
        for minors in re.findall(r"\bpy3\.?\{([\d,\s]+)\}", line):
            plain += [f"3.{minor}" for minor in re.split(r"[,\s]+", minors) if minor]
        for inside, after in _TOX_FACTORS.findall(line):
            factors = re.split(r"[,{}\s-]+", inside or after)
            numbers = [factor for factor in factors if re.fullmatch(r"3\.?\d{1,2}", factor)]
            plain += [f"3.{number.removeprefix('3').removeprefix('.')}" for number in numbers]
    return plain


def _of_workflow(text: str) -> list[str]:
    """Return the versions on the lines after ``python...:``, on the same line or as items below it."""
    versions: list[str] = []
    listing = False
    for line in text.splitlines():
        if re.match(r"\s*(-\s+)?[\"']?[\w-]*py(thon)?[\w-]*[\"']?\s*:", line, re.IGNORECASE):
            listing = True
            versions += _QUOTED.findall(line.partition(":")[2].partition("#")[0])
        elif listing and (re.match(r"\s*-\s+[\"']?(3\.\d|pypy)", line) or re.match(r"\s*[\[\]\"'\d.,\s]+$", line)):
            versions += _QUOTED.findall(line.partition("#")[0])
        else:
            listing = False
    return versions


def _on_lines(text: str, word: str) -> list[str]:
    """Return the quoted versions of Python in the lines from one with ``word`` on to the end of its list."""
    return [
        version
        for found in re.findall(rf"{word}\w*\s*=\s*(\[[^\]]*\]|[\"'][^\"']*[\"'])", text, re.IGNORECASE)
        for version in _QUOTED.findall(found)
    ]


def _today(folder: Folder, chosen: tuple[str, ...], find: Finder) -> tuple[str, str]:
    """Return the Python that the project is used with, and where that is stated; it must be installed."""
    dockerfile = next(iter(dockerfiles(folder)), "")
    stated = (
        (".python-version", re.match(r"\s*(?:cpython-)?(3\.\d{1,2})", folder.text(".python-version"))),
        ("runtime.txt", re.match(r"python-(3\.\d{1,2})", folder.text("runtime.txt"))),
        (dockerfile, _FROM.search(folder.text(dockerfile)) if dockerfile else None),
    )
    for name, match in stated:
        if match and match[1] in MINORS and find(match[1]) is not None:
            return match[1], name
    return chosen[-1], "the newest"


def dockerfiles(folder: Folder) -> tuple[str, ...]:
    """Return the paths of the Dockerfiles of a project, the one at the top first."""
    files = folder.matching("Dockerfile", "Containerfile", "*.Dockerfile", "Dockerfile.*", "docker/Dockerfile*")
    return tuple(sorted(files, key=lambda name: ("/" in name, name != "Dockerfile", name)))


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
