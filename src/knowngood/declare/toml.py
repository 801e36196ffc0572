"""The bytes of a matrix file become text and plain values; what is not UTF-8 or TOML is a problem with its line."""

from typing import Any, NoReturn, Self

import tomli

from knowngood.errors import MatrixFileError, Problem

LARGEST = 4 * 1024 * 1024
"""Bytes that a matrix file may have."""

_HINTS = {
    "Cannot overwrite a value": "a key may be written only once in a table",
    "Cannot declare": "a table may be opened only once; repeated tables are written [[combo]] or [[probe]]",
    "Unclosed array": "an array ends with ]",
    "Unterminated string": "a string ends with the quotes it began with",
    "Invalid value": 'text is written in quotes, as in id = "legacy"',
}


class WrittenFloat(float):
    """A TOML float that is shown as it was written, since 3.10 and 3.1 are one number but two Pythons."""

    _text: str

    def __new__(cls, text: str) -> Self:
        """Read a float as TOML writes it."""
        number = super().__new__(cls, text)
        number._text = text
        return number

    def __repr__(self) -> str:
        return self._text


def read(source: str | bytes, *, path: str) -> tuple[str, dict[str, Any]]:
    """Give the text of a TOML file and its values; floats are ``WrittenFloat``.

    Raises ``MatrixFileError``: it is too large, not UTF-8, or not TOML.
    """
    # Lone surrogates of a str have no UTF-8 form: they pass here, and are told below like any other bad byte.
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(data) > LARGEST:
        size = f"{len(data) / 1024**2:.1f} MiB"
        _fail(path, 0, f"the file has {size}; a matrix file may have {LARGEST // 1024**2} MiB", "is it the right file?")
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
        _fail(path, 0, "arrays, tables or keys are nested too deeply", "a matrix file needs four levels")
    except ValueError as error:  # such as an integer of 5,000 digits
        _fail(path, 0, f"not valid TOML: {str(error).partition(';')[0]}")


def _fail(path: str, line: int, what: str, hint: str = "") -> NoReturn:
    raise MatrixFileError(path, (Problem(line=line, where="", what=what, hint=hint),))
