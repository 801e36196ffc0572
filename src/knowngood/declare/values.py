"""Check the ids, addresses, paths, durations and variables of a matrix file.

A checking function takes a value as it stands in the file and returns it in its final form, or raises
``WrongValueError``.
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

LONGEST_ID = 100
"""Most characters of an id."""

_ID = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{LONGEST_ID - 1}}}", re.ASCII)
_ID_RULE = f"use at most {LONGEST_ID} lower-case letters, digits, '.', '_' and '-', and begin with a letter or digit"
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
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|m|h)", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_TIMEOUT = 7 * 24 * 3600  # seconds
_LONGEST_LINE = 200  # characters
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def checked_id(value: str) -> str:
    """Check an id. The hint of the error suggests one."""
    if _ID.fullmatch(value):
        return value
    suggested = slug(value)
    raise WrongValueError(f"invalid id {shown(value)}: {_ID_RULE}", f'write "{suggested}"' if suggested else "")


def slug(text: str) -> str:
    """Return an id made of any text; an empty string when the text has no character that an id may have."""
    return re.sub(r"[^a-z0-9._]+", "-", text[:1000].lower()).lstrip("._-")[:LONGEST_ID].rstrip("._-")


def version_slug(package: str, version: str) -> str:
    """Return the part of an id for a value of an axis: ``numpy1.24.3``, ``numpy-ge2-lt3``, ``numpy-latest``."""
    value = "".join(version.split()).replace(".*", ".x")
    for operator, word in _OPERATORS:
        value = value.replace(operator, word)
    value = slug(value)
    joint = "" if value[:1].isdigit() and not package[-1:].isdigit() else "-"
    return f"{package}{joint}{value}"


def fitted(combo_id: str) -> str:
    """Return a generated id, cut where it is too long; a digest of the whole id keeps it unique."""
    if len(combo_id) <= LONGEST_ID:
        return combo_id
    digest = hashlib.sha256(combo_id.encode()).hexdigest()[:8]
    return f"{combo_id[: LONGEST_ID - 9].rstrip('._-')}-{digest}"


def collision_key(combo_id: str) -> str:
    """Return what is left of an id in nox's folder names: ids with equal keys would share a folder."""
    return canonicalize_name(combo_id).strip("-")


def one_line(value: object) -> str:
    """Check a text of one printable line, such as a title."""
    line = text(value)
    if len(line) > _LONGEST_LINE or not line.strip() or not line.isprintable():
        raise WrongValueError(f"must be one line of 1 to {_LONGEST_LINE} printable characters, not {shown(line)}")
    return line.strip()


def seconds(value: object) -> float:
    """Return a duration in seconds: a number of seconds, or a string such as ``90s``, ``2m`` or ``1.5h``."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        duration = float(match[1]) * _UNITS[match[2]] if match else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
        duration = float(max(-1, min(value, 10**9)))  # an int may be too large for a float
    else:
        what = f"a duration must be a number of seconds or a string, not {kind(value)}"
        raise WrongValueError(what, 'write 90 or "90s"')
    if math.isnan(duration):
        raise WrongValueError(f"invalid duration {shown(value)}", 'write "90s", "2m" or "1h"')
    if not 0 < duration <= _LONGEST_TIMEOUT:
        raise WrongValueError(f"duration {shown(value)} is out of range: more than 0 and at most 7 days")
    return duration


def last_day(value: object) -> date:
    """Check a day: a TOML date without a time."""
    # A datetime is an instance of date, too.
    if not isinstance(value, date) or isinstance(value, datetime):
        hint = "write expires = 2027-01-31, without quotes and without a time"
        raise WrongValueError(f"must be a date, not {kind(value)}", hint)
    return value


def url(value: object) -> str:
    """Check a URL: http, https or file, and without a user name or password."""
    address = text(value)
    hint = 'write it as "https://download.pytorch.org/whl/cpu"'
    try:
        parts = urlsplit(address)
        complete = bool(parts.path if parts.scheme == "file" else parts.hostname)
        _ = parts.port
    except ValueError:
        raise WrongValueError(f"invalid URL {shown(address)}", hint) from None
    if "@" in parts.netloc:
        what = "the URL contains a user name or password, which reports would publish"
        raise WrongValueError(what, "put them into ~/.netrc")
    if parts.scheme not in ("http", "https", "file") or not complete or re.search(r"[\s\x00-\x1f\x7f]", address):
        raise WrongValueError(f"invalid URL {shown(address)}: must be a complete http, https or file URL", hint)
    return address


def relative_path(value: object) -> str:
    """Check a path with forward slashes that stays below the folder that it is relative to."""
    path = text(value, "a path")
    pure = PurePosixPath(path)
    if not path.isprintable() or "\\" in path or not pure.parts:
        raise WrongValueError(f"invalid path {shown(path)}", "write it with forward slashes")
    if pure.is_absolute() or ".." in pure.parts or re.match(r"[A-Za-z]:", path):
        what = f"the path {shown(path)} leaves the folder that it is relative to"
        raise WrongValueError(what, "write a relative path without '..'")
    return str(pure)


def variable_name(value: object) -> str:
    """Check the name of an environment variable."""
    name = text(value)
    if not _VARIABLE.fullmatch(name):
        raise WrongValueError(f"invalid variable name {shown(name)}", "use letters, digits and '_', no digit first")
    return name


def variable_value(value: object) -> str:
    """Check the value of an environment variable."""
    setting = text(value, "the value of a variable")
    if "\0" in setting:
        raise WrongValueError("the value of a variable must not contain a NUL character")
    return setting


def pattern(value: object) -> str:
    """Check a regular expression."""
    expression = text(value)
    try:
        with warnings.catch_warnings():  # Python may warn about syntax that will change, but compiles it
            warnings.simplefilter("ignore")
            re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise WrongValueError(f"invalid regular expression {shown(expression)}: {error}") from None
    return expression
