"""Find the tests of a project, how pytest is called for them, and what has to be installed with it."""

import contextlib
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import tomli
from packaging.utils import canonicalize_name

from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.pyproject import Table, strings, table
from knowngood.errors import UsageError
from knowngood.project.files import FolderFiles
from knowngood.project.importing import tox
from knowngood.project.importing.parts import Source
from knowngood.project.scaffold.folder import Folder, Requires, ini, name_of, poetry_requirements
from knowngood.project.scaffold.modules import Modules

_PREFERRED = ("test", "tests", "testing", "unittest", "pytest", "dev", "develop", "development", "ci")
_REQUIREMENTS = ("requirements", "requirements-", "requirements_", "requirements/", "-requirements", "_requirements")
_TAKES_VALUE = frozenset({"-m", "-k", "-p", "-c", "-n", "-o", "--ignore", "--deselect", "--rootdir", "--maxfail"})
_KEPT = frozenset({"-m", "-k", "--ignore", "--deselect"})
_PLUGINS = (
    (r"--cov\b|--no-cov\b", "pytest-cov"),
    (r"(?<!\S)-n[ =]?\w|--dist\b|--numprocesses", "pytest-xdist"),
    (r"asyncio_mode|--asyncio-mode|asyncio_default", "pytest-asyncio"),
    (r"(?<![\w-])--timeout\b|^timeout\b", "pytest-timeout"),
    (r"--benchmark", "pytest-benchmark"),
    (r"DJANGO_SETTINGS_MODULE|--ds\b|--reuse-db", "pytest-django"),
    (r"--randomly|-p no:randomly", "pytest-randomly"),
    (r"--doctest-plus|doctest_plus", "pytest-doctestplus"),
    (r"--mypy\b", "pytest-mypy"),
    (r"--strict-data-files|--remote-data", "pytest-remotedata"),
    (r"--snapshot", "syrupy"),
    (r"mock_use_standalone_module", "pytest-mock"),
    (r"env_files|^env\s*=", "pytest-env"),
    (r"--import-sort|--isort\b", "pytest-isort"),
    (r"--reruns\b", "pytest-rerunfailures"),
    (r"--httpbin|--socket|--disable-socket", "pytest-socket"),
)
"""What a configuration of pytest shows that it needs."""


_BESIDE = re.compile(r"(.*[/_])?(bench|perf|fuzz|docs?\b|examples?\b|profil)")
"""Paths of what pytest runs as well, beside the tests."""
_POSARGS = re.compile(r"\{posargs:?([^{}]*)\}")
_OTHER_TOOLS = re.compile(
    r"(pre-commit|black|ruff|flake8|isort|pylint|sphinx|furo|mkdocs|myst)(-.*)?|build|twine|tox|nox|bump2version|coveralls"
)
"""What development needs beside tests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What has to be installed beside the project, so that its tests can run."""

    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    """Lines of a step."""
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tests:
    """The tests of a project."""

    arguments: tuple[str, ...]
    """Of pytest."""
    editable: bool
    """Whether they only test what is installed if that is the copy of the project that they are in."""
    needs: Needs
    why: str
    """Where they are."""
    notes: tuple[str, ...] = ()


def find(folder: Folder, modules: Modules, *, installed: bool) -> Tests | None:
    """Return the tests of a project; None when it has none.

    ``installed``: the project itself is installed, so that its tests must not import it from its own folder.
    """
    settings = _Settings.read(folder)
    calls = tuple(_calls(folder))
    paths, why = _paths(folder, settings, modules, calls)
    if not paths:
        return None
    kept = next((_kept(call) for call in calls if _kept(call)), ())
    arguments, editable = [*paths, *kept], False
    on_path = any(entry not in ("tests", "test") for entry in settings.pythonpath)
    if not installed:
        # As `python -m pytest` does: tests of an application import it from the folder that they are run in.
        arguments += [] if settings.pythonpath else ["-o", "pythonpath=."]
    elif modules.flat and "import-mode=importlib" not in settings.addopts:
        # pytest, a conftest.py or a test often puts the folder of the project first on the search path.
        editable = True
    else:
        editable = on_path
    needs = _needs(folder)
    plugins = (
        [] if not settings.text else [p for pattern, p in _PLUGINS if re.search(pattern, settings.text, re.MULTILINE)]
    )
    known = _with_names(folder, needs)
    missing = tuple(plugin for plugin in plugins if plugin not in known)
    notes = (f"its settings of pytest need {', '.join(missing)}, which no list names",) if missing else ()
    needs = Needs(groups=needs.groups, extras=needs.extras, lines=(*needs.lines, *missing), why=needs.why)
    return Tests(arguments=tuple(arguments), editable=editable, needs=needs, why=why, notes=notes)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settings:
    """The settings of pytest."""

    testpaths: tuple[str, ...]
    pythonpath: tuple[str, ...]
    addopts: str
    text: str
    """All of them."""

    @classmethod
    def read(cls, folder: Folder) -> "_Settings":
        pytest = folder.tool("pytest")
        options = {**pytest, **table(pytest, "ini_options")}
        for name in ("pytest.toml", ".pytest.toml"):
            with contextlib.suppress(tomli.TOMLDecodeError, RecursionError):
                options = {**table(tomli.loads(folder.text(name)), "pytest"), **options}
        sections = (
            ("pytest.ini", "pytest"),
            (".pytest.ini", "pytest"),
            ("tox.ini", "pytest"),
            ("setup.cfg", "tool:pytest"),
        )
        for name, section in sections:
            if not options:
                options = dict(ini(folder.text(name)).get(section, {}))

        def listed(key: str) -> tuple[str, ...]:
            value = options.get(key, ())
            return tuple(value.split()) if isinstance(value, str) else strings(options, key)

        addopts = options.get("addopts", "")
        text = "\n".join(f"{key} = {value}" for key, value in options.items())
        return cls(
            testpaths=listed("testpaths"),
            pythonpath=listed("pythonpath"),
            addopts=addopts if isinstance(addopts, str) else " ".join(map(str, addopts)),
            text=text,
        )


def _paths(
    folder: Folder, settings: _Settings, modules: Modules, calls: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], str]:
    """Return the paths to give to pytest, and what shows that they hold tests."""
    if settings.testpaths:
        paths = folder.paths(*(pattern.strip("/") or "*" for pattern in settings.testpaths))
        existing = tuple(path for path in paths if _has_tests(folder, path))
        if existing:
            return existing, "testpaths in the settings of pytest"
    packages = (
        f"{top}{module}/{name}" for module in modules.names for top in ("src/", "") for name in ("tests", "test")
    )
    folders = ("tests", "test", "testing", *packages)
    usual = next((path for path in folders if folder.has_folder(path) and _has_tests(folder, path)), "")
    for call in calls:
        existing = tuple(word for word in call if not word.startswith("-") and folder.holds(word))
        existing = tuple(word.rstrip("/") for word in existing if word not in (".", "./") and _has_tests(folder, word))
        if existing and not (usual and all(map(_BESIDE.match, existing))):
            return existing, "the command that runs them"
    if usual:
        return (usual,), f"{usual}/"
    if files := folder.matching("test_*.py", "*_test.py", "tests.py", "test.py"):
        return files, ", ".join(files[:3])
    return (), ""


def _has_tests(folder: Folder, path: str) -> bool:
    root = folder.path / path
    if root.is_file():
        return root.suffix == ".py"
    return any(re.match(r"test.*\.py$|.*_tests?\.py$", file.name) for file in folder.python_files(path))


def _calls(folder: Folder) -> Iterator[tuple[str, ...]]:
    """Yield the arguments of each call of pytest in the files that run it, the most telling first."""
    workflows = folder.matching(".github/workflows/*.yml", ".github/workflows/*.yaml")
    scripts = " \n".join(map(str, _scripts(folder.pyproject)))
    texts = [folder.text("tox.ini"), _words_of_nox(folder.text("noxfile.py")), scripts, folder.text("Makefile")]
    for text in (*texts, *map(folder.text, workflows)):
        for line in text.splitlines():
            line = _POSARGS.sub(r"\1", line)
            match = re.search(r"(?:^|[\s;&@=\"'])(?:py\.test|pytest)(\s.*|$)", line.split(" #")[0])
            if match is None or re.search(r"\b(install|deps|add)\b", line[: match.start()]):
                continue
            try:
                words = shlex.split(re.split(r"&&|\|\||[;|>]", match[1])[0].rstrip("\\\"',]"))
            except ValueError:
                continue
            if not any(re.match(r"[{$<=~!]|==|-r$|\d", word) for word in words[:1]):
                yield tuple(words)


def _words_of_nox(text: str) -> str:
    """Return the calls ``session.run("pytest", ...)`` of a noxfile as lines of a shell."""
    calls = re.findall(r"\.run\(([^()]*)", text)
    return "\n".join(" ".join(shlex.quote(word) for word in re.findall(r"[\"']([^\"']+)[\"']", call)) for call in calls)


def _scripts(raw: object) -> Iterator[str]:
    """Yield the texts of ``scripts`` and ``tasks`` of tools in pyproject.toml."""
    if isinstance(raw, str):
        if "pytest" in raw:
            yield raw
    elif isinstance(raw, dict):
        for key, value in raw.items():
            if key not in ("dependencies", "requires", "dependency-groups", "optional-dependencies", "project"):
                yield from _scripts(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from _scripts(value)


def _kept(call: Sequence[str]) -> tuple[str, ...]:
    """Return the options of a call that select tests, without those of reports, coverage and speed."""
    kept: list[str] = []
    words = iter(call)
    for word in words:
        name, equals, _ = word.partition("=")
        value = word if equals or name not in _TAKES_VALUE else next(words, "")
        if name in _KEPT and not re.search(r"[{}$]", value + word):
            kept += [word] if equals else [word, value]
    return tuple(kept)


def _needs(folder: Folder) -> Needs:
    """Return what brings pytest: a group, an extra, what a tool lists, or a file; else pytest itself."""
    groups = table(folder.pyproject, "dependency-groups")
    listed = tuple(Requires(name=canonicalize_name(name), lines=_flat_group(groups, name)) for name in groups)
    legacy = strings(folder.tool("uv"), "dev-dependencies")
    if legacy and not any(group.name == "dev" for group in listed):
        listed += (Requires(name="dev", lines=legacy),)
    more = _extras_in_use(folder)
    if group := _best(listed):
        return Needs(groups=(group.name,), extras=more, why=f"the group {group.name!r} has pytest")
    if extra := _best(folder.extras):
        extras = tuple(dict.fromkeys((extra.name, *more)))
        return Needs(extras=extras, why=f"the extra {extra.name!r} has pytest")
    for name, lines in _of_tools(folder):
        if Requires(name=name, lines=lines).has("pytest"):
            lines = tuple(line for line in lines if not _OTHER_TOOLS.fullmatch(name_of(line)))
            return Needs(lines=lines, extras=more, why=f"{name} lists them")
    files = [
        name for name in _requirement_files(folder) if Requires(name=name, lines=closure(folder, name)).has("pytest")
    ]
    if files:
        best = min(
            files, key=lambda name: (_rank(re.sub(r"\W|_|requirements|txt|in", "", name)), name.endswith(".in"), name)
        )
        together = _files_of_tox(folder, f"-r {best}")
        why = "tox.ini installs them together" if len(together) > 1 else f"{best} has pytest"
        return Needs(lines=together or (f"-r {best}",), extras=more, why=why)
    return Needs(lines=("pytest",), extras=more, why="no list has pytest, so the newest")


def _best(lists: Sequence[Requires]) -> Requires | None:
    having = [requires for requires in lists if requires.has("pytest")]
    return min(having, key=lambda requires: _rank(requires.name), default=None)


def _rank(name: str) -> int:
    return _PREFERRED.index(name) if name in _PREFERRED else len(_PREFERRED) - ("test" in name)


def _flat_group(groups: Table, name: str, seen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the requirements of a group with those of the groups that it includes."""
    entries = groups.get(name)
    lines: list[str] = []
    for entry in entries if isinstance(entries, list) and name not in seen else ():
        if isinstance(entry, str):
            lines.append(entry)
        elif isinstance(entry, dict) and isinstance(included := entry.get("include-group"), str):
            same = [key for key in groups if canonicalize_name(key) == canonicalize_name(included)]
            lines += [line for key in same for line in _flat_group(groups, key, (*seen, name))]
    return tuple(lines)


def _extras_in_use(folder: Folder) -> tuple[str, ...]:
    """Return the extras with which CI and test runners install the project."""
    known = {extra.name for extra in folder.extras}
    workflows = folder.matching(".github/workflows/*.yml", ".github/workflows/*.yaml")
    text = "\n".join(map(folder.text, ("tox.ini", "noxfile.py", "Makefile", *workflows)))
    if re.search(r"uv (sync|run)\b.*--all-extras", text):
        return tuple(sorted(known))
    used = [name for names in re.findall(r"(?<![\w\]])\.\[([\w,\s-]+)\]", text) for name in names.split(",")]
    used += re.findall(r"uv (?:sync|run)\b.*?--extra[ =]([\w-]+)", text)
    used += [
        name for line in re.findall(r"^extras\s*=((?:.*\n)(?:\s+.*\n)*)", text, re.MULTILINE) for name in line.split()
    ]
    wanted = (canonicalize_name(name.strip()) for name in used)
    return tuple(dict.fromkeys(name for name in wanted if name in known and name not in ("docs", "doc", "lint")))


def _of_tools(folder: Folder) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what Poetry, PDM, Hatch, tox and setup.py list for tests."""
    poetry = folder.tool("poetry")
    groups = table(poetry, "group")
    for name in sorted(groups, key=_rank):
        yield f"the Poetry group {name!r}", poetry_requirements(table(table(groups, name), "dependencies"))
    yield "dev-dependencies of Poetry", poetry_requirements(table(poetry, "dev-dependencies"))
    pdm = table(folder.tool("pdm"), "dev-dependencies")
    for name in sorted(pdm, key=_rank):
        yield f"the PDM group {name!r}", tuple(line for line in strings(pdm, name) if not line.startswith("-e"))
    environments = table(folder.tool("hatch"), "envs")
    for name in sorted(environments, key=lambda name: (name != "hatch-test", _rank(name))):
        settings = table(environments, name)
        lines = (*strings(settings, "dependencies"), *strings(settings, "extra-dependencies"))
        if name == "hatch-test":
            lines = (*lines, "pytest", "pytest-mock", "pytest-rerunfailures")
        yield f"the Hatch environment {name!r}", lines
    sections = ini(folder.text("tox.ini"))
    for section in ("testenv", "testenv:test", "testenv:tests"):
        deps = [line.strip() for line in sections.get(section, {}).get("deps", "").splitlines()]
        plain = [line.partition(":")[2].strip() if re.match(r"[\w,{}!-]+:\s", line) else line for line in deps]
        yield "tox.ini", tuple(line for line in plain if line and not re.search(r"[{}]", line))
    setup = folder.text("setup.py")
    for key in ("tests_require", "test_requires", "tests_requires"):
        found = re.search(rf"{key}\s*=\s*\[([^\]]*)\]", setup)
        yield "setup.py", tuple(re.findall(r"[\"']([^\"']+)[\"']", found[1])) if found else ()
    for name in ("test", "tests", "testing", "dev"):
        found = re.search(rf"[\"']{name}[\"']\s*:\s*\[([^\]]*)\]", setup)
        yield "setup.py", tuple(re.findall(r"[\"']([^\"']+)[\"']", found[1])) if found else ()


def _files_of_tox(folder: Folder, line: str) -> tuple[str, ...]:
    """Return the files that an environment of tox installs for its tests, if ``line`` is among them."""
    if not folder.text("tox.ini"):
        return ()
    files = ProjectFiles(FolderFiles(folder.path), folder.path)
    with contextlib.suppress(UsageError):
        for cell in tox.read_ini(Source(path="tox.ini", text=folder.text("tox.ini"), files=files)).cells:
            lines = tuple(each.text for step in cell.steps for each in step if re.match(r"-[rc] ", each.text))
            if line in lines and any(probe.pytest for probe in cell.probes):
                # Branches of repositories would be tested in place of releases.
                return tuple(each for each in lines if not any("://" in row for row in closure(folder, each[3:])))
    return ()


def _requirement_files(folder: Folder) -> tuple[str, ...]:
    folders = ("", "tests/", "test/", "requirements/", ".github/")
    patterns = [f"{place}{'*' if place == 'requirements/' else '*requirements*'}" for place in folders]
    return folder.matching(*(f"{pattern}.{suffix}" for pattern in patterns for suffix in ("txt", "in")))


def closure(folder: Folder, name: str, seen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the lines of a requirements file with those of the files that it names."""
    lines: list[str] = []
    for line in folder.text(name).splitlines() if name not in seen else ():
        line = line.partition(" #")[0].split(" --hash")[0].rstrip("\\ ").strip()
        if match := re.match(r"(?:-r|--requirement)[ =]?(\S+)", line):
            parent = name.rpartition("/")[0]
            lines += closure(folder, f"{parent}/{match[1]}" if parent else match[1], (*seen, name))
        elif line and not line.startswith(("#", "-")):
            lines.append(line)
    return tuple(lines)


def _with_names(folder: Folder, needs: Needs) -> frozenset[str]:
    """Return the names of everything that ``needs`` installs directly."""
    groups = table(folder.pyproject, "dependency-groups")
    lines = [line for key in groups if canonicalize_name(key) in needs.groups for line in _flat_group(groups, key)]
    lines += [line for extra in folder.extras if extra.name in needs.extras for line in extra.lines]
    for line in needs.lines:
        lines += closure(folder, line[3:]) if line.startswith("-r ") else [] if line.startswith("-c ") else [line]
    return frozenset(map(name_of, lines))
