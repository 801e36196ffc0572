"""Read the environments of tox: their factors, what they install, and the commands that test it."""

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple, Protocol

import tomli
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

from knowngood.declare.pyproject import Table
from knowngood.errors import UsageError
from knowngood.model import BREAK_PYTHON, SEARCH_PATH
from knowngood.project.importing import probing, pythons
from knowngood.project.importing.commands import Commands
from knowngood.project.importing.indexes import Indexes
from knowngood.project.importing.parts import Cell, Imported, Line, Probe, Remarks, Source, Step
from knowngood.project.importing.scripts import inside, joined
from knowngood.project.importing.tox_config import UNKNOWN, Row, ToxConfig, is_true, python_of
from knowngood.project.importing.tox_toml import ToxToml

_UNREAD = re.compile(r"\{[^{}]*\}|" + UNKNOWN.format(r"\w+"))
_REPORTS = re.compile(r"--(cov|cov-config|cov-report|junitxml|junit-xml|basetemp)(=.*)?", re.DOTALL)
"""Options of pytest that select no test."""
_PATHS = frozenset({"PATH", "VIRTUAL_ENV", "HOME", "TMPDIR", "COVERAGE_FILE"})
_OWN = _PATHS | BREAK_PYTHON | {SEARCH_PATH, "TEMP", "TMP", "TERM", "USERPROFILE", "WINDIR"}
"""Variables that a probe never gets from the shell, or has of its own."""
_NAME = re.compile(r"(?!(PIP|UV|TOX|VIRTUALENV)_)[\w*?\[\]]+")
_OF_INSTALLERS = re.compile(r"(PIP|UV|TOX|VIRTUALENV)_")
_INSTALLER_OPTIONS = {
    "PIP_CONSTRAINT": "-c",
    "PIP_NO_BINARY": "--no-binary",
    "PIP_ONLY_BINARY": "--only-binary",
    "UV_CONSTRAINT": "-c",
    "UV_EXCLUDE_NEWER": "--exclude-newer",
    "UV_PRERELEASE": "--prerelease",
    "UV_RESOLUTION": "--resolution",
}
_INDEXES = re.compile(r"(PIP|UV)_((EXTRA_|DEFAULT_)?INDEX(_URL)?|FIND_LINKS)")


def read_ini(source: Source) -> Imported:
    """Return a cell for each environment in the envlist of a ``tox.ini`` or ``setup.cfg``."""
    prefix = "tox:" if posixpath.basename(source.path) == "setup.cfg" else ""
    return Tox(ToxConfig(source.text, source.path, prefix=prefix), source).read()


def read_toml(source: Source) -> Imported:
    """Return the same for a ``tox.toml``. Raises ``UsageError``: it is not TOML."""
    try:
        settings = tomli.loads(source.text)
    except (ValueError, RecursionError) as error:
        cause = f"it is not TOML: {error}"[:200]
        raise UsageError(f"{source.path} cannot be read", cause=cause, next_step="fix it, and try again") from error
    return Tox(ToxToml(settings, (), source.text), source).read()


def read_pyproject(source: Source, settings: Table) -> Imported | None:
    """Return the same for ``[tool.tox]`` of a pyproject.toml, in either form; None when it has no environments."""
    legacy = settings.get("legacy_tox_ini")
    if isinstance(legacy, str):
        return Tox(ToxConfig(legacy, source.path), source).read()
    if not {"env_list", "envlist", "env", "env_base", "env_run_base"} & set(settings):
        return None
    return Tox(ToxToml(settings, ("tool", "tox"), source.text), source).read()


class Variable(NamedTuple):
    """A variable that an environment sets."""

    name: str
    value: str
    line: int


class Settings(Protocol):
    """The settings of tox, in any of its formats."""

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments that tox runs by default, in order."""

    @property
    def builds(self) -> bool:
        """Whether the project is built at all."""

    def line(self, section: str) -> int:
        """Return the line of a section."""

    def rows(self, environment: str, *keys: str) -> tuple[Row, ...]:
        """Return the lines of a setting of an environment."""

    def value(self, environment: str, *keys: str) -> str:
        """Return a setting of one line; empty when there is none."""

    def flag(self, environment: str, *keys: str) -> bool:
        """Return whether a setting is on."""


class Tox:
    """Makes cells of the environments of one file."""

    def __init__(self, config: Settings, source: Source) -> None:
        self._config = config
        self._source = source
        self._remarks = Remarks()
        self._indexes = Indexes(self._remarks)
        self._commands = Commands(source, self._remarks, self._indexes)
        self._folder = posixpath.dirname(source.path)

    def read(self) -> Imported:
        """Return the cells. Raises ``UsageError``: there are none."""
        cells = [cell for name in self._config.environments for cell in self._cells(name)]
        if not cells:
            what = f"{self._source.path} has no environment that installs anything"
            if remarks := self._remarks.all():
                cause = f"line {remarks[0].line}: {remarks[0].what}"
                raise UsageError(what, cause=cause, next_step="write the packages there, and import it again")
            raise UsageError(what, next_step="name environments in its env_list, and packages in their deps")
        return Imported(cells=tuple(cells), indexes=self._indexes.all(), remarks=self._remarks.all())

    def _cells(self, name: str) -> Iterator[Cell]:
        if name.startswith("."):
            return
        factor, rest = python_of(name)
        stated = self._config.value(name, "basepython", "base_python")
        python = factor or (pythons.named(stated) if stated else None)
        env = tuple(self._env(name, python))
        steps = self._locked(name) or self._unlocked(name, self._settings(env))
        before, probes = self._tests(name)
        steps = (*steps, *before)
        if steps:
            passed = self._passed(name)
            yield Cell(
                group="tox",
                name=rest or "tests",
                steps=steps,
                python=python,
                probes=tuple(replace(probe, pass_env=passed) for probe in probes),
                env=tuple((each.name, each.value) for each in env if not _OF_INSTALLERS.match(each.name)),
            )

    def _locked(self, name: str) -> tuple[Step, ...]:
        """Return the step that the runner of tox-uv for locked projects is."""
        if self._config.value(name, "runner") != "uv-venv-lock-runner":
            return ()
        row = self._config.rows(name, "runner")[0]
        words = ["uv", "sync", "--no-default-groups"]
        for option, key in (("--group", "dependency_groups"), ("--extra", "extras")):
            for each in self._config.rows(name, key):
                words += [f"{option}={part}" for part in re.split(r"[,\s]+", each.text) if part]
        if not self._package(name):
            words.append("--no-install-project")
        install = self._commands.read(words, row.line, inside(self._folder))
        return (install.lines,) if install is not None and install.lines else ()

    def _unlocked(self, name: str, settings: Step) -> tuple[Step, ...]:
        """Return the steps of an environment; the command that installs and ``settings`` have a say in each."""
        dependencies, package = self._dependencies(name), self._package(name)
        always: list[Line] = []
        for row in self._config.rows(name, "install_command"):
            words = self._words(row)
            if words and "install" in words:
                always += self._commands.arguments(words[words.index("install") + 1 :], row.line, inside(self._folder))
        if dependencies:
            dependencies = tuple(dict.fromkeys((*dependencies, *always)))
            always = [line for line in always if line.text.startswith("-c ")]
        if package:
            package = (*package, *always)
        return tuple(tuple(dict.fromkeys((*step, *settings))) for step in (dependencies, package) if step)

    def _dependencies(self, name: str) -> Step:
        lines: list[Line] = []
        for row in self._config.rows(name, "deps"):
            lines += self._install(row)
        lines += [
            Line(f"--group {group}", row.line)
            for row in self._config.rows(name, "dependency_groups")
            for group in re.split(r"[,\s]+", row.text)
            if group
        ]
        if lines and self._config.flag(name, "pip_pre"):
            lines.append(Line("--pre"))
        if lines and (resolution := self._config.value(name, "uv_resolution")):
            lines.append(Line(f"--resolution {resolution}"))
        return tuple(dict.fromkeys(lines))

    def _install(self, row: Row) -> tuple[Line, ...]:
        text = row.text
        if _UNREAD.search(text):
            self._cannot_replace(row)
            return ()
        if match := re.fullmatch(r"(-[rce])\s*(\S.*)", text):
            words = [match[1], match[2]]
        elif text.startswith("-"):
            words = self._split(row, text)
        else:
            words = [text]
        return self._commands.arguments(words, row.line, inside(self._folder))

    def _package(self, name: str) -> Step:
        config = self._config
        package = config.value(name, "package")
        if config.flag(name, "skip_install") or package in ("skip", "deps-only") or not config.builds:
            return ()
        files = self._source.files
        if not any(files.has_file(posixpath.join(self._folder, each)) for each in ("pyproject.toml", "setup.py")):
            return ()
        extras = [extra for row in config.rows(name, "extras") for extra in re.split(r"[,\s]+", row.text) if extra]
        editable = config.flag(name, "usedevelop", "use_develop") or package.startswith("editable")
        place = f"./{self._folder}" if self._folder else "."
        text = ("-e " if editable else "") + place + (f"[{','.join(extras)}]" if extras else "")
        return (Line(text, config.line("testenv")),)

    def _tests(self, name: str) -> tuple[tuple[Step, ...], tuple[Probe, ...]]:
        """Return the steps that commands before the tests are, and the probes that the tests are."""
        steps: list[Step] = []
        for row in self._config.rows(name, "commands_pre"):
            words = self._words(row)
            install = self._commands.read(words, row.line, inside(self._folder)) if words else None
            if install is None:
                self._remarks.add(row.line, f"{joined(words)!r} is not read: a probe has setup = [[…]] for it")
            elif install.lines:
                steps.append(install.lines)
        probes: list[Probe] = []
        for row in self._config.rows(name, "commands"):
            words = self._words(row)
            if not words:
                continue
            install = self._commands.read(words, row.line, inside(self._folder))
            if install is not None:
                steps += [install.lines] if install.lines else []
            elif (probe := probing.probe(words)) is not None:
                probes.append(probe)
            elif why := probing.around(words):
                self._remarks.add(row.line, f"{joined(words)!r} is not read: {why}")
        if folder := self._config.value(name, "changedir", "change_dir"):
            row = self._config.rows(name, "changedir", "change_dir")[0]
            if folder != ".":
                self._remarks.add_once(row.line, f"changedir = {folder}: a probe runs in the folder of the project")
        return tuple(steps), tuple(dict.fromkeys(probes))

    def _words(self, row: Row) -> list[str]:
        text = re.sub(r"^[-!]+\s*", "", row.text)  # such a command may fail
        words = self._without_reports(row, self._split(row, text))
        if any(map(_UNREAD.search, words)):
            self._cannot_replace(row)
            return []
        return [_program(word) if number == 0 else word for number, word in enumerate(words)]

    def _split(self, row: Row, text: str) -> list[str]:
        try:
            return shlex.split(text)
        except ValueError as error:
            self._remarks.add_once(row.line, f"{text[:80]!r} is not read: {error}")
            return []

    def _without_reports(self, row: Row, words: list[str]) -> list[str]:
        """Return a command; of pytest, without options of reports that name a folder which only tox knows."""
        if not {"pytest", "py.test"}.intersection(words):
            return words
        kept: list[str] = []
        for word in words:
            if not _UNREAD.search(word):
                kept.append(word)
            elif _REPORTS.fullmatch(word):
                self._left_out(row, word)
            elif not word.startswith("-") and kept and _REPORTS.fullmatch(kept[-1]) and "=" not in kept[-1]:
                self._left_out(row, f"{kept.pop()} {word}")
            else:
                kept.append(word)
        return kept

    def _left_out(self, row: Row, words: str) -> None:
        self._remarks.add(row.line, f"{_braced(words)!r} is left out: only tox can replace what is in braces")

    def _cannot_replace(self, row: Row) -> None:
        text = _braced(row.text)[:80]
        self._remarks.add_once(row.line, f"{text!r} is not read: only tox can replace what is in braces")

    def _env(self, name: str, python: str | None) -> Iterator[Variable]:
        for row in self._config.rows(name, "setenv", "set_env"):
            variable, equals, value = (part.strip() for part in row.text.partition("="))
            value, holds = _marked(value, python)
            if variable in _PATHS or not holds:
                continue
            if variable == SEARCH_PATH:
                value = ":".join(map(posixpath.normpath, value.split(":")))
            outside = variable == SEARCH_PATH and any(part.startswith(("/", "..")) for part in value.split(":"))
            if not equals or _UNREAD.search(value) or outside:
                self._remarks.add_once(row.line, f"{_braced(row.text)[:80]!r} is not read")
            else:
                yield Variable(variable, value, row.line)

    def _settings(self, env: Iterable[Variable]) -> Step:
        """Return the options of a step that variables of pip and uv are."""
        lines: list[Line] = []
        for name, value, line in env:
            if option := _INSTALLER_OPTIONS.get(name):
                lines += self._commands.arguments([option, value], line, inside(self._folder))
            elif name == "PIP_PRE" and is_true(value):
                lines.append(Line("--pre", line))
            elif _INDEXES.fullmatch(name):
                what = "an index is that of all combos of a matrix, for packages that it names"
                self._remarks.add_once(line, f"{name} is not read: {what}: declare [index.NAME]")
        return tuple(lines)

    def _passed(self, name: str) -> tuple[str, ...]:
        """Return the variables of the shell that reach the tests."""
        variables: dict[str, None] = {}
        for row in self._config.rows(name, "passenv", "pass_env"):
            for variable in re.split(r"[,\s]+", row.text):
                if variable == "*":
                    self._remarks.add_once(
                        row.line, "passenv = * is not read: name the variables in pass-env of a probe"
                    )
                elif _NAME.fullmatch(variable) and variable not in _OWN:
                    variables[variable] = None
        return tuple(variables)


def _marked(value: str, python: str | None) -> tuple[str, bool]:
    """Return the value of a variable without the marker after it, and whether that marker holds."""
    before, semicolon, after = value.rpartition(";")
    version = re.match(r"(?:pypy)?(\d+\.\d+)", python or "")
    if not semicolon:
        return value, True
    try:
        marker = Marker(after.strip())
        known = {"python_version": version[1], "python_full_version": f"{version[1]}.0"} if version else {}
        return before.rstrip(), marker.evaluate(known)
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
        return value, True


def _braced(text: str) -> str:
    """Return a text as the file has it."""
    opened, closed = UNKNOWN.format(" ").split()
    return text.replace(opened, "{").replace(closed, "}")


def _program(word: str) -> str:
    return word.removeprefix("bin/")
