"""Define the ``[[probe]]`` table: a script, tests of pytest, or a command, and what surrounds it.

A script that needs no table is a file of the project, named where it is used.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from knowngood.declare.problems import WrongValueError, did_you_mean, shown
from knowngood.declare.schema import Array, Distinct, RelativePath, Slug, Table
from knowngood.declare.values import checked_id, relative_path, slug, text
from knowngood.model import BREAK_PYTHON, SEARCH_PATH, Probe, ProbeKind

KINDS = ("source", "path", "pytest", "command")
_VARIABLE_GLOB = re.compile(r"[A-Za-z_*?\[][\w*?\[\]!-]*", re.ASCII)
# Options that change how Python runs the code. All others would keep the harness from running the probe at all.
_ALONE = frozenset({"-O", "-OO", "-b", "-bb", "-B", "-d", "-R", "-v"})
_WITH_VALUE = ("-W", "-X")
_ACTIONS = ("default", "error", "always", "all", "module", "once", "ignore")
_OURS = re.compile(r"utf8|faulthandler", re.ASCII)


def _word(value: object) -> str:
    word = text(value, "an argument")
    if "\0" in word:
        raise WrongValueError("an argument must not contain a NUL character")
    return word


def _arguments(value: object) -> object:
    if isinstance(value, str):
        raise WrongValueError("must be an array of arguments, not a string", f"write {_split(value)}")
    return value


def _command(value: object) -> object:
    value = _arguments(value)
    if value == []:
        raise WrongValueError("must not be empty", 'write the program and its arguments: ["mytool", "selfcheck"]')
    first = value[0] if isinstance(value, list) else None
    if isinstance(first, str) and (not first.strip() or (re.search(r"\s", first) and len(value) == 1)):  # type: ignore[arg-type]
        raise WrongValueError(f"{shown(first)} is not the name of a program", f"write {_split(first)}")
    return value


def _commands(value: object) -> object:
    if isinstance(value, str):
        raise WrongValueError("must be an array of commands, not a string", f"write [{_split(value)}]")
    if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
        example = ", ".join(map(shown, value)) if len(value) > 1 else _split(value[0])[1:-1]
        raise WrongValueError("each command must be an array of arguments", f"write [[{example}]]")
    return value


def _split(line: str) -> str:
    """Return a command line as an array of TOML, as far as it can be read."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    return f"[{', '.join(shown(word) for word in words)}]"


def _input(value: object) -> str:
    glob = relative_path(value)
    if re.search(r"\*\*[^/]|[^/]\*\*", glob):
        raise WrongValueError(f"invalid glob {shown(glob)}: '**' must be a whole part of it", 'write "tests/**/*.py"')
    return glob + ("/" if isinstance(value, str) and value.endswith("/") else "")


def _variable_glob(value: object) -> str:
    name = text(value, "a variable")
    if not _VARIABLE_GLOB.fullmatch(name):
        hint = 'write the name of a variable, such as "DATABASE_URL", or a glob, such as "CI_*"'
        raise WrongValueError(f"invalid variable {shown(name)}", hint)
    if name in BREAK_PYTHON:
        what = f"{name} cannot be passed on: the Python of the environment would not find its own library"
        raise WrongValueError(what, "remove it, and choose the Python with python")
    if name == SEARCH_PATH:
        what = f"{name} cannot be passed on: no verdict covers what a probe imports from other folders"
        raise WrongValueError(what, f'write env = {{ {name} = "tests" }} for a folder of the project')
    return name


def _python_options(options: tuple[str, ...]) -> tuple[str, ...]:
    """Check options of the interpreter; join none and split none, so that they stay as the author wrote them."""
    waiting = ""
    for option in options:
        if waiting:
            letter, value, waiting = waiting, option, ""
        elif option in _ALONE:
            continue
        elif option in _WITH_VALUE:
            waiting = option
            continue
        elif option.startswith(_WITH_VALUE):
            letter, value = option[:2], option[2:]
        else:
            known = ", ".join(sorted({*_ALONE, "-W ACTION", "-X NAME"}))
            raise WrongValueError(f"the option {shown(option)} cannot be used for a probe", f"supported are {known}")
        action = value.partition(":")[0].strip()
        if letter == "-W" and not (action and any(known.startswith(action) for known in _ACTIONS)):
            what = f"invalid action {shown(action)} in the option {shown(option)}: Python would ignore it"
            raise WrongValueError(what, f"write one of {', '.join(_ACTIONS)}")
        if _OURS.match(value) and "=" in value:
            raise WrongValueError(
                f"the option {shown(option)} cannot be used for a probe", "remove it: it is always on"
            )
    if waiting:
        raise WrongValueError(f"the option {waiting} needs a value", f'write ["{waiting}", "error"]')
    return options


def _accept_python_options(value: object) -> object:
    value = _arguments(value)
    if isinstance(value, list) and all(isinstance(option, str) for option in value):
        _python_options(tuple(value))
    return value


Argument = Annotated[str, BeforeValidator(_word)]
Arguments = Annotated[Array[Argument], BeforeValidator(_arguments)]
Command = Annotated[Array[Argument], BeforeValidator(_command)]
Commands = Annotated[Array[Command], BeforeValidator(_commands)]


class ProbeTable(Table):
    """``[[probe]]``: a script, tests of the project that pytest runs, or a command."""

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=False)

    id: Slug
    source: str | None = None
    path: RelativePath | None = None
    pytest: Arguments | None = None
    command: Command | None = None
    inputs: Distinct[Annotated[str, BeforeValidator(_input)]] = ()
    reuse: bool | None = None
    pass_env: Distinct[Annotated[str, BeforeValidator(_variable_glob)]] = Field(default=(), alias="pass-env")
    network: bool = False
    setup: Commands = ()
    teardown: Commands = ()
    python_options: Annotated[Array[Argument], BeforeValidator(_accept_python_options)] = Field(
        default=(), alias="python-options"
    )

    examples: ClassVar[dict[str, str]] = {"id": 'id = "imports"'}

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "ProbeTable":
        given = [key for key in KINDS if getattr(self, key) is not None]
        hint = 'write path = "probes/imports.py", the script as source, pytest = ["tests"], or command = ["mytool"]'
        if not given:
            raise WrongValueError("the probe has neither source nor path, and neither pytest nor command", hint)
        if len(given) > 1:
            raise WrongValueError(
                f"the probe has both {' and '.join(given)}", "keep one, and move the rest into another"
            )
        if self.command is not None and self.python_options:
            what = "python-options have no effect on a command"
            raise WrongValueError(what, 'write them into the command: ["python", "-W", "error", "-m", "mytool"]')
        return self

    def probe(self) -> Probe:
        """Return the probe, without the text of a script in a file of its own."""
        kind = ProbeKind.SCRIPT
        if self.pytest is not None:
            kind = ProbeKind.PYTEST
        elif self.command is not None:
            kind = ProbeKind.COMMAND
        return Probe(
            id=self.id,
            kind=kind,
            source=self.source or "",
            path=self.path,
            arguments=self.pytest or self.command or (),
            inputs=self.inputs,
            reuse=self.reuse,
            pass_env=self.pass_env,
            network=self.network,
            setup=self.setup,
            teardown=self.teardown,
            python_options=self.python_options,
        )


ReadProbe = Callable[[str], str | None]
"""Returns the text of a file, given its path relative to the project, or None when it does not exist."""


class Scripts:
    """Finds the script for each entry of ``probes``; reads each file once, and lists the used probes in order."""

    def __init__(self, read_probe: ReadProbe) -> None:
        self._read_probe = read_probe
        self._declared: dict[str, Probe] = {}
        self._used: dict[str, Probe] = {}
        self._sources: dict[str, str | WrongValueError] = {}

    @property
    def declared(self) -> tuple[str, ...]:
        """Ids of the ``[[probe]]`` tables, in order."""
        return tuple(self._declared)

    @property
    def used(self) -> tuple[Probe, ...]:
        """The probes that ``find`` returned so far, in the order of their first use."""
        return tuple(self._used.values())

    @property
    def found(self) -> tuple[Probe, ...]:
        """The probes of all ``[[probe]]`` tables, used or not, and those that ``find`` returned so far."""
        return tuple({**self._declared, **self._used}.values())

    def declare(self, probe: Probe) -> None:
        """Add a ``[[probe]]`` table, and the text of its script. Raises ``WrongValueError``: the file is unreadable."""
        self._declared[probe.id] = probe  # even if the file is unreadable
        if probe.path is not None:
            self._declared[probe.id] = replace(probe, source=self._source(probe.path))

    def find(self, entry: str) -> str:
        """Return the id of the probe for an entry: a declared id, the id of ``probes/ID.py``, or the path of a script.

        Raises ``WrongValueError`` when there is no such script, or another script has its id.
        """
        probe = self._declared.get(entry) or self._file(entry)
        known = self._declared.get(probe.id) or self._used.setdefault(probe.id, probe)
        if known.path != probe.path:
            other = known.path or "the script in the matrix file"
            what = f"{probe.path} and {other} have the same id {probe.id!r}"
            raise WrongValueError(what, "rename one of the files")
        return self._used.setdefault(known.id, known).id

    def _file(self, entry: str) -> Probe:
        if entry.endswith(".py"):
            path = relative_path(entry)
            probe_id = checked_id(slug(PurePosixPath(path).stem))
        else:
            probe_id = checked_id(entry)
            path = f"probes/{entry}.py"
        return Probe(id=probe_id, source=self._source(path), path=path)

    def _source(self, path: str) -> str:
        if path not in self._sources:
            self._sources[path] = self._read(path)
        source = self._sources[path]
        if isinstance(source, WrongValueError):
            raise source
        return source

    def _read(self, path: str) -> str | WrongValueError:
        try:
            source = self._read_probe(path)
        except (OSError, ValueError) as error:
            return WrongValueError(f"cannot read the script {shown(path)}: {error}")
        if source is None:
            stem = PurePosixPath(path).stem
            hint = did_you_mean(stem, self._declared, "create that file, or put the script into a [[probe]] table")
            return WrongValueError(f"the project has no script {shown(path)}", hint)
        return source
