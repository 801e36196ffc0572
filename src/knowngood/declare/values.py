"""What may stand for an address, a path, a duration or a variable in a matrix file.

Each function takes a value as the file has it and gives it back checked, or raises ``WrongValueError``.
"""

import hashlib
import math
import re
import warnings
from datetime import date, datetime
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from knowngood.declare.problems import WrongValueError, kind, shown
from knowngood.declare.versions import text

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|m|h)", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_TIMEOUT = 7 * 24 * 3600
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def one_line(value: object) -> str:
    """Check a title: printable, one line."""
    title = text(value)
    if len(title) > 200 or not title.strip() or not title.isprintable():
        raise WrongValueError(f"{shown(title)} is not one line of at most 200 characters")
    return title.strip()


def seconds(value: object) -> float:
    """Read a duration: a number of seconds, or a string such as ``90s``, ``2m`` or ``1.5h``."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        duration = float(match[1]) * _UNITS[match[2]] if match else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
        duration = float(max(-1, min(value, 10**9)))  # an int may be too large for a float
    else:
        raise WrongValueError(f"a duration is a number of seconds or a string, not {kind(value)}", 'write 90 or "90s"')
    if math.isnan(duration):
        raise WrongValueError(f"{shown(value)} is not a duration", 'write "90s", "2m" or "1h"')
    if not 0 < duration <= _LONGEST_TIMEOUT:
        raise WrongValueError(f"{shown(value)} is out of range: more than 0 and at most 7 days")
    return duration


def last_day(value: object) -> date:
    """Check a day: a date of TOML, without a time."""
    # Every datetime is a date, too.
    if not isinstance(value, date) or isinstance(value, datetime):
        hint = "write expires = 2027-01-31, without quotes and without a time"
        raise WrongValueError(f"must be a date, not {kind(value)}", hint)
    return value


def url(value: object) -> str:
    """Check the address of an index: http, https or file, and no secrets in it."""
    address = text(value)
    hint = 'write it as "https://download.pytorch.org/whl/cpu"'
    try:
        parts = urlsplit(address)
        complete = bool(parts.path if parts.scheme == "file" else parts.hostname)
        _ = parts.port
    except ValueError:
        raise WrongValueError(f"{shown(address)} is not a URL", hint) from None
    if "@" in parts.netloc:
        raise WrongValueError(
            "the URL holds a user name or password, and would be published in reports", "put them into ~/.netrc"
        )
    if parts.scheme not in ("http", "https", "file") or not complete or re.search(r"[\s\x00-\x1f\x7f]", address):
        raise WrongValueError(f"{shown(address)} is not an http, https or file URL", hint)
    return address


def relative_path(value: object) -> str:
    """Check a path with forward slashes that stays below the folder it is relative to."""
    path = text(value, "a path")
    pure = PurePosixPath(path)
    if not path.isprintable() or "\\" in path or not pure.parts:
        raise WrongValueError(f"{shown(path)} is not a path", "write it with forward slashes")
    if pure.is_absolute() or ".." in pure.parts or re.match(r"[A-Za-z]:", path):
        raise WrongValueError(f"{shown(path)} leaves the folder it is relative to", "a relative path without '..'")
    return str(pure)


def variable_name(value: object) -> str:
    """Check the name of an environment variable."""
    name = text(value)
    if not _VARIABLE.fullmatch(name):
        raise WrongValueError(f"{shown(name)} is not the name of a variable", "letters, digits and '_', no digit first")
    return name


def variable_value(value: object) -> str:
    """Check the value of an environment variable."""
    setting = text(value, "the value of a variable")
    if "\0" in setting:
        raise WrongValueError("the value of a variable cannot hold a NUL character")
    return setting


def pattern(value: object) -> str:
    """Check a regular expression."""
    expression = text(value)
    try:
        with warnings.catch_warnings():  # about syntax that may change; it compiles today
            warnings.simplefilter("ignore")
            re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise WrongValueError(f"{shown(expression)} is not a regular expression: {error}") from None
    return expression


LONGEST = 100
"""Characters that an id may have."""

_SLUG = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{LONGEST - 1}}}", re.ASCII)
_OPERATORS = (
    ("===", "is"),
    (">=", "ge"),
    ("<=", "le"),
    ("==", "eq"),
    ("!=", "ne"),
    ("~=", "like"),
    (">", "gt"),
    ("<", "lt"),
)


def slug(text: str) -> str:
    """Make an id of any text; empty when nothing of it can stand in one."""
    return re.sub(r"[^a-z0-9._]+", "-", text[:1000].lower()).lstrip("._-")[:LONGEST].rstrip("._-")


def checked_id(value: str) -> str:
    """Give an id back.

    Raises ``WrongValueError``: it is not a slug; the hint holds one.
    """
    if _SLUG.fullmatch(value):
        return value
    rule = (
        f"an id has at most {LONGEST} lower-case letters, digits, '.', '_' and '-', and begins with a letter or digit"
    )
    suggested = slug(value)
    raise WrongValueError(f"{shown(value)} is not an id: {rule}", f'write "{suggested}"' if suggested else "")


def collision_key(combo_id: str) -> str:
    """Give what an id comes down to where only letters, digits and ``-`` count, as in nox's folder names."""
    return canonicalize_name(combo_id).strip("-")


def fitted(combo_id: str) -> str:
    """Cut a generated id that is too long; a digest of the whole keeps it apart from others."""
    if len(combo_id) <= LONGEST:
        return combo_id
    digest = hashlib.sha256(combo_id.encode()).hexdigest()[:8]
    return f"{combo_id[: LONGEST - 9].rstrip('._-')}-{digest}"


def version_slug(package: str, version: str) -> str:
    """Name a package with a value of its axis: ``numpy1.24.3``, ``numpy-ge2-lt3``, ``numpy-latest``."""
    value = "".join(version.split()).replace(".*", ".x")
    for operator, word in _OPERATORS:
        value = value.replace(operator, word)
    value = slug(value)
    joint = "" if value[:1].isdigit() and not package[-1:].isdigit() else "-"
    return f"{package}{joint}{value}"
