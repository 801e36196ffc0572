"""Parse the bytes of a matrix file; report the line of what is not UTF-8 or not TOML."""

from typing import Any, NoReturn, Self

import tomli

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
