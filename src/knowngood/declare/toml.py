"""Parse the bytes of a matrix file, and find the lines of what is in it."""

import re
from collections.abc import Iterator
from typing import Any, NoReturn, Self, TypeAlias

from knowngood.errors import MatrixFileError, Problem

LARGEST = 4 * 1024 * 1024
"""Most bytes of a matrix file."""

_HINTS = {
    "Cannot overwrite a value": "write each key only once in a table",
    "Cannot declare": "open each table only once; write repeated tables as [[combo]] or [[probe]]",
    "Unclosed array": "close the array with ]",
    "Unterminated string": "close the string with the quotes that opened it",
    "Invalid value": 'write text in quotes, as in id = "legacy"',
}


class WrittenFloat(float):
    """A TOML float that is shown as it was written: 3.10 and 3.1 are the same number, but not the same Python."""

    _text: str

    def __new__(cls, text: str) -> Self:
        """Parse a TOML float."""
        number = super().__new__(cls, text)
        number._text = text
        return number

    def __repr__(self) -> str:
        return self._text


def read(source: str | bytes, *, path: str) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file and its values; floats are ``WrittenFloat``.

    Raises ``MatrixFileError`` when the file is too large, not UTF-8, or not TOML.
    """
    import tomli  # noxfile.py lists combos with this module where tomli is not installed

    # Lone surrogates of a str pass here, and are reported below like any other byte that is not UTF-8.
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(data) > LARGEST:
        size = f"{len(data) / 1024**2:.1f} MiB"
        _fail(path, 0, f"the file has {size}; the limit is {LARGEST // 1024**2} MiB", "is it the right file?")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _fail(path, line, f"byte 0x{data[error.start]:02x} is not UTF-8 text", "save the file as UTF-8")
    if text.startswith("\ufeff"):
        _fail(path, 1, "the file begins with a byte order mark", "save it as UTF-8 without BOM")
    try:
        return text, tomli.loads(text, parse_float=WrittenFloat)
    except tomli.TOMLDecodeError as error:
        hint = next((hint for start, hint in _HINTS.items() if error.msg.startswith(start)), "")
        _fail(path, error.lineno, f"not valid TOML: {error.msg[:200]} (column {error.colno})", hint)
    except RecursionError:
        _fail(path, 0, "arrays, tables or keys are nested too deeply", "a matrix file needs at most four levels")
    except ValueError as error:  # such as an integer of 5,000 digits
        _fail(path, 0, f"not valid TOML: {str(error).partition(';')[0]}")


def _fail(path: str, line: int, what: str, hint: str = "") -> NoReturn:
    raise MatrixFileError(path, (Problem(line=line, where="", what=what, hint=hint),))


Where: TypeAlias = tuple[str | int, ...]
"""Keys and positions from the top level of the file to a value; positions count from 0."""

_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|\n"
    r"|[\[\]{},=.]"
    r"|[^\s\[\]{},=.\"'#]+",
    re.DOTALL,
)
_DEEPEST = 12  # levels with positions: more than a matrix file has, and few enough that hostile nesting is cheap


class LineIndex:
    """Holds the line of every table, key and array item of a TOML text."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Where, int] = {(): 1}
        self._lengths: dict[Where, int] = {}  # of the arrays of tables read so far
        self._tokens = _numbered_tokens(text)
        self._token, self._line = next(self._tokens, ("", 1))
        self._read_document()

    def line(self, where: Where) -> int:
        """Return the line, counted from 1, of a value, or else of the innermost table or array around it."""
        while where not in self._lines:
            where = where[:-1]
        return self._lines[where]

    def _advance(self) -> None:
        self._token, self._line = next(self._tokens, ("", self._line))

    def _child(self, where: Where, part: str | int) -> Where:
        if len(where) < _DEEPEST:
            where = (*where, part)
        self._lines.setdefault(where, self._line)
        return where

    def _read_document(self) -> None:
        table: Where = ()
        while self._token:
            if self._token == "[":
                table = self._read_header()
            elif self._token == "\n" or self._token[0] == "#":
                self._advance()
            else:
                self._read_pair(table)

    def _read_header(self) -> Where:
        self._advance()
        repeated = self._token == "["
        where: Where = ()
        while self._token and self._token not in "]\n":
            if self._token not in "[.":
                where = self._child(self._innermost(where), _key(self._token))
            self._advance()
        while self._token == "]":
            self._advance()
        if not repeated:
            return self._innermost(where)
        position = self._lengths.get(where, 0)
        self._lengths[where] = position + 1
        return self._child(where, position)

    def _innermost(self, where: Where) -> Where:
        """Return the path of the last table of an array of tables, which is what its name means in a TOML header."""
        return (*where, self._lengths[where] - 1) if where in self._lengths else where

    def _read_pair(self, table: Where) -> None:
        where = table
        while self._token and self._token not in "=\n":
            if self._token != ".":
                where = self._child(where, _key(self._token))
            self._advance()
        self._advance()
        self._read_value(where)

    def _read_value(self, where: Where) -> None:
        if self._token in ("[", "{") and len(where) >= _DEEPEST:
            self._skip_brackets()
        elif self._token == "[":
            self._read_items(where)
        elif self._token == "{":
            self._read_inline_table(where)
        else:
            while self._token and self._token not in ",]}\n" and self._token[0] != "#":
                self._advance()

    def _read_items(self, where: Where) -> None:
        position = 0
        self._advance()
        while self._token and self._token != "]":
            if self._token in ",}\n" or self._token[0] == "#":
                self._advance()
                continue
            self._read_value(self._child(where, position))
            position += 1
        self._advance()

    def _read_inline_table(self, where: Where) -> None:
        self._advance()
        while self._token and self._token != "}":
            if self._token in ",\n" or self._token[0] == "#":
                self._advance()
            else:
                self._read_pair(where)
        self._advance()

    def _skip_brackets(self) -> None:
        depth = 0
        while self._token:
            depth += (self._token in "[{") - (self._token in "]}")
            self._advance()
            if depth == 0:
                return


def _numbered_tokens(text: str) -> Iterator[tuple[str, int]]:
    line, counted = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        yield match.group(), line


def _key(token: str) -> str:
    return token[1:-1] if token[0] in "\"'" else token
