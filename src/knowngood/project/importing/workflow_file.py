"""Read a workflow file: YAML in which every text keeps its line, and the expressions in it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Self

from knowngood.errors import UsageError

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>==|!=|&&|\|\||<=|>=|[!<>(),\[\]]))"
)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "contains": lambda where, what: (
        _text(what).lower()
        in ([_text(each).lower() for each in where] if isinstance(where, list) else _text(where).lower())
    ),
    "startswith": lambda where, what: _text(where).lower().startswith(_text(what).lower()),
    "endswith": lambda where, what: _text(where).lower().endswith(_text(what).lower()),
    "format": lambda form, *values: re.sub(r"\{(\d+)\}", lambda match: _text(values[int(match[1])]), _text(form)),
    "always": lambda: True,
    "success": lambda: True,
    "failure": lambda: False,
    "cancelled": lambda: False,
}


class UnknownError(ValueError):
    """An expression depends on something that the file does not state."""


def substituted(text: str, values: Mapping[str, Any]) -> str:
    """Return a text with its expressions replaced; what is not known stays as it is."""

    def replace(match: re.Match[str]) -> str:
        try:
            return _text(evaluate(match[1], values))
        except UnknownError:
            return match[0]

    return _EXPRESSION.sub(replace, text)


def holds(condition: str, values: Mapping[str, Any]) -> bool:
    """Return whether a condition holds. Raises ``UnknownError``."""
    match = _EXPRESSION.fullmatch(condition.strip())
    return bool(_truth(evaluate(match[1] if match else condition, values)))


def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
    """Return the value of an expression; ``values`` has dicts by context: ``matrix``, ``env``, ``runner``.

    Raises ``UnknownError``.
    """
    try:
        parser = _Parser(expression, values)
        value = parser.either()
        parser.end()
    except (IndexError, TypeError, RecursionError) as error:
        raise UnknownError(expression.strip()) from error
    return value


class _Parser:
    def __init__(self, text: str, values: Mapping[str, Any]) -> None:
        self._text = text.strip()
        self._values = values
        self._position = 0

    def _peek(self) -> re.Match[str] | None:
        return _TOKEN.match(self._text, self._position)

    def _take(self, *signs: str) -> str | None:
        match = self._peek()
        if match is not None and match["sign"] in signs:
            self._position = match.end()
            return match["sign"]
        return None

    def end(self) -> None:
        if self._position < len(self._text):
            raise UnknownError(self._text)

    def either(self) -> Any:
        value = self._both()
        while self._take("||"):
            # Both sides are read, so an unknown right side makes the whole unknown unless the left one decides.
            other = self._guarded(self._both, needed=not _truth(value))
            value = value if _truth(value) else other
        return value

    def _both(self) -> Any:
        value = self._compared()
        while self._take("&&"):
            other = self._guarded(self._compared, needed=bool(_truth(value)))
            value = other if _truth(value) else value
        return value

    def _guarded(self, read: Callable[[], Any], *, needed: bool) -> Any:
        if needed:
            return read()
        values, self._values = self._values, _Anything()
        try:
            return read()
        finally:
            self._values = values

    def _compared(self) -> Any:
        value = self._single()
        while sign := self._take("==", "!="):
            same = _text(value).lower() == _text(self._single()).lower()
            value = same if sign == "==" else not same
        return value

    def _single(self) -> Any:
        if self._take("!"):
            return not _truth(self._single())
        if self._take("("):
            value = self.either()
            if not self._take(")"):
                raise UnknownError(self._text)
            return value
        match = self._peek()
        if match is None or match["sign"]:
            raise UnknownError(self._text)
        self._position = match.end()
        if match["text"]:
            return match["text"][1:-1].replace("''", "'")
        if match["number"]:
            return match["number"]
        return self._named(match["name"])

    def _named(self, name: str) -> Any:
        if self._take("("):
            arguments = []
            while not self._take(")"):
                arguments.append(self.either())
                self._take(",")
            function = _FUNCTIONS.get(name.lower())
            if function is None:
                raise UnknownError(f"{name}(…)")
            return function(*arguments)
        if name in ("true", "false", "null"):
            return {"true": True, "false": False, "null": ""}[name]
        parts = name.split(".")
        while self._take("["):
            parts.append(_text(self.either()))
            self._take("]")
        return self._looked_up(parts)

    def _looked_up(self, parts: list[str]) -> Any:
        value: Any = self._values
        for number, part in enumerate(parts):
            if isinstance(value, _Anything):
                return ""
            if not isinstance(value, Mapping) or part not in value:
                # A variable that the row of a matrix does not have is empty, and so is an input that is not given.
                if number and parts[0] in ("matrix", "inputs"):
                    return ""
                raise UnknownError(".".join(parts))
            value = value[part]
        return value


class _Anything(Mapping[str, Any]):
    """Knows every name, for the side of a condition that does not matter."""

    def __getitem__(self, name: str) -> Any:
        return self

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 1


def _truth(value: Any) -> bool:
    return bool(value) and value not in ("0", "false") if not isinstance(value, bool) else value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        raise UnknownError("a list or a table")
    return str(value)


LARGEST = 512 * 1024
"""Most characters of a YAML file: it is parsed by Python."""
_MOST_NODES = 100_000
_DEEPEST = 100


class Text(str):
    """A scalar, as it is written: ``3.10`` stays that."""

    line: int

    def __new__(cls, text: str, line: int) -> Self:
        """Make a text with the line that it begins on, counted from 1."""
        made = super().__new__(cls, text)
        made.line = line
        return made


def read(text: str, path: str) -> Any:
    """Return the content of a file as dicts, lists and ``Text``; dicts have ``Text`` as keys.

    Raises ``UsageError``: it is not YAML, or larger or deeper than any that people write.
    """
    # Imported late: only these files need it.
    import yaml

    if len(text) > LARGEST:
        raise _unreadable(path, f"it has more than {LARGEST // 1024} KiB")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return _Converter(path).value(node, 0) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        cause = f"{getattr(error, 'problem', None) or error}" + (f" on line {mark.line + 1}" if mark else "")
        raise _unreadable(path, f"it is not YAML: {cause}"[:300]) from error
    except (RecursionError, ValueError) as error:
        raise _unreadable(
            path, "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        ) from error


def line_of(value: Any) -> int:
    """Return the line of a text, or of the first text in a list or dict; 0 when there is none."""
    for _ in range(_DEEPEST):
        if isinstance(value, Text):
            return value.line
        if not value or not isinstance(value, dict | list):
            break
        value = next(iter(value))
    return 0


class _Converter:
    def __init__(self, path: str) -> None:
        self._path = path
        self._count = 0

    def value(self, node: Any, depth: int) -> Any:
        """Return a node as a value. An alias is written out, so that the count stops a bomb of aliases."""
        import yaml

        self._count += 1
        if self._count > _MOST_NODES or depth > _DEEPEST:
            raise _unreadable(self._path, "its aliases or its nesting make it too large")
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return {
                Text(key.value if isinstance(key, yaml.ScalarNode) else "", key.start_mark.line + 1): self.value(
                    value, depth + 1
                )
                for key, value in node.value
            }
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        # The first line of a block is the one below its "|".
        return Text(node.value, line + 1 if node.style in ("|", ">") else line)


def _unreadable(path: str, cause: str) -> UsageError:
    return UsageError(f"{path} cannot be read", cause=cause, next_step="fix it, and try again")
