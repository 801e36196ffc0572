"""Read the settings of tox from TOML: a ``tox.toml``, or ``[tool.tox]`` of a pyproject.toml."""

import ast
import itertools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from knowngood.declare.pyproject import Table, table
from knowngood.declare.toml import LineIndex, Where
from knowngood.project.importing.tox_config import MOST_ENVIRONMENTS, Row, expanded, is_true, substituted

_DEEPEST = 10  # references to references
_MOST_REFERENCES = 10_000  # of one setting
_COMMANDS = frozenset({"commands", "commands_pre", "commands_post"})
_FACT = re.compile(r"\b(?P<kind>factor|env)\.(?P<name>[\w.-]+)")
_MOST_OF_A_RANGE = 100
_NEWEST_MINOR = 14
"""Where a range of Pythons without an end ends."""


class _UnreadError(ValueError):
    """Only tox can replace a table."""


class ToxToml:
    """The settings of a ``tox.toml``, with the same methods as those of a ``tox.ini``."""

    def __init__(self, settings: Table, where: Where, text: str) -> None:
        """Read the settings, which are the table at ``where`` of a file with ``text``."""
        self._settings = settings
        self._where = where
        self._index = LineIndex(text)
        self._references_left = _MOST_REFERENCES

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """The environments that tox runs by default, in order."""
        listed = self._settings.get("env_list", self._settings.get("envlist", []))
        names = dict.fromkeys(
            itertools.islice(self._names(listed if isinstance(listed, list) else [listed]), MOST_ENVIRONMENTS)
        )
        return tuple(names) or (*table(self._settings, "env"), *self._templates) or ("py",)

    @property
    def builds(self) -> bool:
        """Whether the project is built at all."""
        return not any(self._settings.get(key) is True for key in ("skipsdist", "no_package"))

    def line(self, section: str) -> int:
        """Return the line of a section; ``testenv`` is that of what all environments have."""
        return self._index.line((*self._where, "env_run_base")) if section == "testenv" else 0

    def rows(self, environment: str, *keys: str) -> tuple[Row, ...]:
        """Return the lines of a setting of an environment, with what they refer to."""
        self._references_left = _MOST_REFERENCES
        for place, settings in self._sections(environment):
            for key in keys:
                if key in settings:
                    return tuple(self._rows(settings[key], (*place, key), key, environment))
        return ()

    def value(self, environment: str, *keys: str) -> str:
        """Return a setting of one line; empty when there is none."""
        return next((row.text for row in self.rows(environment, *keys)), "")

    def flag(self, environment: str, *keys: str) -> bool:
        """Return whether a setting is on."""
        return is_true(self.value(environment, *keys))

    def _sections(self, environment: str) -> Iterator[tuple[Where, Table]]:
        yield ("env", environment), table(table(self._settings, "env"), environment)
        if (name := self._templates.get(environment)) is not None:
            yield ("env_base", name), table(table(self._settings, "env_base"), name)
        yield ("env_run_base",), table(self._settings, "env_run_base")

    @cached_property
    def _templates(self) -> Mapping[str, str]:
        """Environment -> the table of ``env_base`` that it is made of."""
        made: dict[str, str] = {}
        bases = table(self._settings, "env_base")
        for name in bases:
            factors = table(bases, name).get("factors", [])
            lists = factors if factors and isinstance(factors, list) and not isinstance(factors[0], str) else [factors]
            for chosen in itertools.islice(itertools.product(*map(_factors, lists)), MOST_ENVIRONMENTS):
                made["-".join((name, *chosen))] = name
        return made

    def _names(self, listed: Sequence[Any]) -> Iterator[str]:
        for entry in listed:
            if isinstance(entry, str):
                yield from (name for part in entry.split(",") for name in expanded(part) if name)
            elif isinstance(entry, Mapping) and isinstance(entry.get("product"), list):
                left_out = entry.get("exclude", [])
                for chosen in itertools.islice(itertools.product(*map(_factors, entry["product"])), MOST_ENVIRONMENTS):
                    if (name := "-".join(chosen)) not in left_out:
                        yield name

    def _rows(self, value: Any, place: Where, key: str, environment: str) -> Iterator[Row]:
        if key in ("set_env", "setenv"):
            yield from self._variables(value, place, environment)
        elif key in _COMMANDS or key == "install_command":
            commands = [value] if key == "install_command" else value if isinstance(value, list) else [value]
            for number, command in enumerate(commands):
                line = self._line((*place, number))
                for each in self._commands(command, environment):
                    yield Row(text=each, line=line)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                for text in self._texts(item, environment):
                    yield Row(text=text, line=self._line((*place, number)))
        else:
            for text in self._texts(value, environment):
                yield Row(text=text, line=self._line(place))

    def _variables(self, value: Any, place: Where, environment: str, depth: int = 0) -> Iterator[Row]:
        if isinstance(value, Mapping) and value.get("replace") == "ref" and depth < _DEEPEST:
            try:
                referred = self._referred(value)
            except _UnreadError as error:
                yield Row(text=f"{{{error}}}", line=self._line(place))
                return
            yield from self._variables(referred, place, environment, depth + 1)
        elif isinstance(value, list):
            for item in value:
                yield from self._variables(item, place, environment, depth + 1)
        elif isinstance(value, Mapping):
            for name, each in value.items():
                text = "".join(self._texts(each, environment, has_variables=False))
                yield Row(text=f"{name}={text}", line=self._line((*place, name)))
        elif isinstance(value, str):
            yield Row(text=value, line=self._line(place))

    def _commands(self, command: Any, environment: str, depth: int = 0) -> Iterator[str]:
        """Yield the commands that an entry of a list of commands is."""
        try:
            command = self._replaced(command, environment, depth)
        except _UnreadError as error:
            yield f"{{{error}}}"
            return
        if isinstance(command, list) and any(isinstance(each, list) for each in command):
            for each in command:
                yield from self._commands(each, environment, depth + 1)
        elif words := list(self._texts(command, environment)):
            yield shlex.join(words)

    def _texts(self, value: Any, environment: str, *, has_variables: bool = True, depth: int = 0) -> Iterator[str]:
        """Yield the texts that a value is: a list, or one."""
        try:
            value = self._replaced(value, environment, depth)
        except _UnreadError as error:
            yield f"{{{error}}}"
            return
        if isinstance(value, list):
            for item in value:
                yield from self._texts(item, environment, has_variables=has_variables, depth=depth + 1)
        elif isinstance(value, bool):
            yield str(value).lower()
        elif value not in (None, ""):
            variables = self._set(environment) if has_variables else {}
            yield substituted(str(value), environment, variables, lambda section, key: "").strip()

    def _replaced(self, value: Any, environment: str, depth: int) -> Any:
        """Return what stands for a table with ``replace``; other values as they are. Raises ``_UnreadError``."""
        if not isinstance(value, Mapping):
            return value
        match value.get("replace"):
            case "ref" if depth < _DEEPEST:
                return self._replaced(self._referred(value), environment, depth + 1)
            case "posargs":
                return value.get("default", [])
            case "env":
                return self._set(environment).get(str(value.get("name")), value.get("default", ""))
            case "if":
                chosen = "then" if self._holds(str(value.get("condition", "")), environment) else "else"
                return self._replaced(value.get(chosen, []), environment, depth + 1)
            case other:
                raise _UnreadError(f"replace = {other}")

    def _referred(self, value: Table) -> Any:
        """Return the value of another setting, which a table names by its path or by environment and key.

        Raises ``_UnreadError``: too many were followed.
        """
        self._references_left -= 1
        if self._references_left < 0:
            raise _UnreadError("replace = ref")
        if isinstance(value.get("env"), str) and isinstance(value.get("key"), str):
            sections = (settings for _, settings in self._sections(value["env"]))
            return next((settings[value["key"]] for settings in sections if value["key"] in settings), [])
        found: Any = self._settings
        path = value.get("of", [])
        for part in path if isinstance(path, list) else [path]:
            found = found.get(part, []) if isinstance(found, Mapping) else []
        return found

    def _holds(self, condition: str, environment: str) -> bool:
        """Return whether a condition holds, such as ``factor.django50 and not env.CI``. Raises ``_UnreadError``."""
        factors = {*environment.split("-"), "linux"}

        def fact(match: re.Match[str]) -> str:
            if match["kind"] == "factor":
                return str(match["name"] in factors)
            return repr(self._set(environment).get(match["name"], ""))

        try:
            return bool(_evaluated(ast.parse(_FACT.sub(fact, condition).strip(), mode="eval").body))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise _UnreadError(f"if {condition}"[:80]) from None

    def _set(self, environment: str) -> Mapping[str, str]:
        """Return the variables that an environment sets to a text."""
        for _, settings in self._sections(environment):
            for key in ("set_env", "setenv"):
                if key in settings:
                    return {name: text for name, text in table(settings, key).items() if isinstance(text, str)}
        return {}

    def _line(self, place: Where) -> int:
        return self._index.line((*self._where, *place))


def _factors(listed: Any) -> Sequence[str]:
    """Return the factors of a list, or of a range such as ``{ prefix = "py3", start = 12, stop = 14 }``."""
    if isinstance(listed, list):
        return [str(each) for each in listed]
    if isinstance(listed, str):
        return [listed]
    if not isinstance(listed, Mapping) or not isinstance(start := listed.get("start"), int):
        return []
    stop = listed.get("stop")
    last = stop if isinstance(stop, int) else max(start, _NEWEST_MINOR)
    return [f"{listed.get('prefix', '')}{number}" for number in range(start, min(last, start + _MOST_OF_A_RANGE) + 1)]


def _evaluated(node: ast.expr) -> Any:
    """Return the value of an expression of constants. Raises ``ValueError``: it is more than that."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluated(operand)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(map(_evaluated, values))
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(map(_evaluated, values))
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return _evaluated(left) == _evaluated(right)
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]):
            return _evaluated(left) != _evaluated(right)
        case _:
            raise ValueError("not a condition")
