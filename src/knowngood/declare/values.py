"""Check the values of a matrix file: ids, addresses, paths, durations, variables, packages and versions.

A checking function takes a value as it stands in the file and returns it in its final form, or raises
``WrongValueError``.
"""

import hashlib
import math
import re
import unicodedata
from datetime import date, datetime
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from knowngood import patterns
from knowngood.declare.problems import WrongValueError, kind, shown

_LONGEST = 250  # characters of a requirement, a name or a version
_PYTHON = re.compile(r"(?P<pypy>pypy)?(?P<version>[1-9]\d?\.\d{1,2}(\.\d{1,3})?)(?P<threads>t)?", re.ASCII)
_NEARLY_PYTHON = re.compile(
    r"(?:(?:c?python|py)[ -]?)?(?P<pypy>pypy[ -]?)?v?(?P<version>3\.?\d{1,2}(?:\.\d{1,3})?)(?P<rest>.*)", re.IGNORECASE
)
_FIRST_FREE_THREADED = (3, 13)
_DAYS = re.compile(r"\d{1,4}d", re.ASCII)
_OLDEST_PYTHON = (3, 7)  # that probe_api and the launcher of pytest are written for
_LONGEST_INSTALL_LINE = 5000  # characters; a requirement may have many hashes
_EXAMPLE = '"numpy==1.26.4"'
_COMMON_SLIPS = (
    (re.compile(r"(?<![=<>!~])=(?![=<>])"), "write an exact version with two equals signs: =="),
    (re.compile(r"=[<>]"), "write >= or <="),
    (re.compile(r"~=\s*\d+\s*(,|$)"), "~= needs two parts: ~=2.0 means at least 2.0 and below 3"),
    (re.compile(r"#"), "write comments outside the quotes"),
    (re.compile(r"[=<>~]=?\s*[\w.*+!]+\s+[=<>!~]"), "a comma is missing: >=1.26,<2"),
    (re.compile(r"^[\w.-]+(\[[^]]*\])?\s+[A-Za-z]"), "write each requirement as a string of its own"),
)


def text(value: object, role: str = "") -> str:
    """Check a string, which the error calls ``role``; for a number the hint is to quote it."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    hint = f'write "{shown(value)}"' if is_number else ""
    raise WrongValueError(f"{role} must be a string, not {kind(value)}".lstrip(), hint)


def python_version(value: object) -> str:
    """Check a Python such as ``3.11`` or ``3.11.7``, ``3.13t`` without the lock, or ``pypy3.10``."""
    version = text(value, "a version")
    match = _PYTHON.fullmatch(version)
    if match is None:
        raise WrongValueError(f"invalid Python version {shown(version)}", _nearly_python(version))
    minor = tuple(map(int, match["version"].split(".")[:2]))
    if minor < _OLDEST_PYTHON:
        hint = "use 3.7 or newer: what runs probes inside an environment needs it"
        raise WrongValueError(f"Python {version} is not supported", hint)
    if match["threads"] and (match["pypy"] or minor < _FIRST_FREE_THREADED):
        hint = f"leave out the t: free-threaded CPython exists since {'.'.join(map(str, _FIRST_FREE_THREADED))}"
        raise WrongValueError(f"there is no free-threaded Python {version.removesuffix('t')}", hint)
    return version


def _nearly_python(version: str) -> str:
    """Return the hint for what is nearly a Python: ``py311``, ``3.13-dev``, ``3.13-freethreaded``, ``pypy-3.10``."""
    nearly = _NEARLY_PYTHON.fullmatch(version)
    if nearly is None:
        return 'write it as "3.11", "3.11.7", "3.13t" or "pypy3.10"'
    number, rest = nearly["version"], nearly["rest"].lower()
    number = number if "." in number else f"{number[0]}.{number[1:]}"
    threads = "t" if rest == "t" or "free" in rest or "nogil" in rest else ""
    if re.match(r"(a|b|rc)\d", rest):
        # Which pre-release it is, nobody can choose.
        number = ".".join(number.split(".")[:2])
    return f'write "{"pypy" if nearly["pypy"] else ""}{number}{threads}"'


def as_of(value: object) -> str:
    """Return a moment that releases are looked at: ``now``, days before now such as ``7d``, or a day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    moment = text(value, "a day")
    if moment == "now" or (_DAYS.fullmatch(moment) and int(moment[:-1])):
        return moment
    try:
        return date.fromisoformat(moment).isoformat()
    except ValueError:
        raise WrongValueError(f"invalid day {shown(moment)}", 'write "now", "7d" or "2026-01-31"') from None


def days(value: object) -> int:
    """Return a number of days, written as ``30d``."""
    written = text(value, "a number of days")
    if not _DAYS.fullmatch(written) or not int(written[:-1]):
        raise WrongValueError(f"invalid number of days {shown(written)}", 'write it as "30d"')
    return int(written[:-1])


def package_name(value: object) -> str:
    """Return the canonical form of a package name."""
    name = text(value, "a package name")
    try:
        return canonicalize_name(name[: _LONGEST + 1], validate=True)
    except InvalidName:
        raise WrongValueError(f"invalid package name {shown(name)}", "write a name without version or extras") from None


def checked_line(value: object) -> str:
    """Check that a line of a step is one line."""
    line = text(value, "a requirement")
    if not line.strip():
        raise WrongValueError("a requirement must not be empty", "remove it, or name a package")
    if len(line) > _LONGEST_INSTALL_LINE:
        limit = f"the limit for a line of a step is {_LONGEST_INSTALL_LINE:,}"
        raise WrongValueError(f"{shown(line)} has {len(line):,} characters; {limit}")
    if re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", line):
        what = f"{shown(line)} contains a line break or control character"
        raise WrongValueError(what, "write each requirement as a string of its own")
    if line.rstrip().endswith("\\"):
        raise WrongValueError(f"{shown(line)} ends with a backslash", "remove it: an array needs none to continue")
    return line.strip()


def requirement(value: object) -> str:
    """Check a requirement: a name with optional extras, versions and marker, but no option, file or URL."""
    line = text(value, "a requirement")
    if len(line) > _LONGEST:
        raise WrongValueError(f"{shown(line)} has {len(line):,} characters; the limit for a requirement is {_LONGEST}")
    try:
        parsed = Requirement(line)
    except InvalidRequirement as error:
        raise _invalid_requirement(line, error) from None
    if parsed.url is not None:
        hint = f'name a version from an index, such as "{parsed.name}==1.0"'
        raise WrongValueError(f"{shown(line)} installs from a URL", hint)
    return line.strip()


def _invalid_requirement(line: str, error: InvalidRequirement) -> WrongValueError:
    hint = next((hint for slip, hint in _COMMON_SLIPS if slip.search(line)), f"write it as {_EXAMPLE}")
    cause = str(error).partition("\n")[0]
    return WrongValueError(f"invalid requirement {shown(line)}: {cause[:1].lower()}{cause[1:]}", hint)


def exact_wheel(value: object) -> str:
    """Check a requirement that names exactly one version: ``name==version``."""
    line = requirement(checked_line(value))
    parsed = Requirement(line)
    pins = [pin for pin in parsed.specifier if pin.operator == "==" and not pin.version.endswith(".*")]
    if len(pins) != 1 or len(parsed.specifier) != 1 or parsed.extras or parsed.marker:
        hint = f'write "{parsed.name}==1.0", without extras or marker'
        raise WrongValueError(f"{shown(line)} must name one exact version", hint)
    return f"{parsed.name}=={pins[0].version}"


def axis_requirement(package: str, value: object) -> str:
    """Return the requirement for a value of an axis.

    ``1.24.3`` pins the version, and ``>=2,<3`` limits it.
    """
    version = text(value, "a version")
    if version == "latest":
        return package
    if len(version) > _LONGEST:
        raise WrongValueError(
            f"{shown(version)} has {len(version):,} characters; the limit for a version is {_LONGEST}"
        )
    if version != version.strip():
        raise WrongValueError(f"version {shown(version)} has spaces around it", f"write {shown(version.strip())}")
    if is_named := re.match(rf"(?i){re.escape(package)}(?=[ =<>!~])", version):
        raise WrongValueError(
            f"{shown(version)} names the package again",
            f"write {shown(version[is_named.end() :].removeprefix('==').strip())}",
        )
    if caret := re.fullmatch(r"\^(\d+)((?:\.\d+)*)", version):
        hint = f'write ">={caret[1]}{caret[2]},<{int(caret[1]) + 1}"'
        raise WrongValueError(f"invalid version {shown(version)}: pip has no carets", hint)
    try:
        return f"{package}=={Version(version)}"
    except InvalidVersion:
        compact = re.sub(r" *([,<>=!~]+) *", r"\1", version)
    try:
        is_specifier = len(SpecifierSet(compact)) > 0
    except InvalidSpecifier:
        is_specifier = False
    if not is_specifier:
        hint = f"write {shown('==' + version)}" if version.endswith(".*") else 'write "1.26.4", ">=1.26,<2" or "latest"'
        raise WrongValueError(f"invalid version {shown(version)}", hint)
    return requirement(package + compact)


LONGEST_ID = 100
"""Most characters of an id."""

ID = rf"[a-z0-9][a-z0-9._-]{{0,{LONGEST_ID - 1}}}"
_ID = re.compile(ID, re.ASCII)
_ID_RULE = f"use at most {LONGEST_ID} lower-case letters, digits, '.', '_' and '-', and begin with a letter or digit"
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "œ": "oe"})
"""Letters that are written as two where only plain ones are possible."""
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
    """Return an id made of any text, umlauts and accents as plain letters; empty when nothing of it can be in an id."""
    letters = unicodedata.normalize("NFKC", text[:1000]).lower().translate(_LETTERS)
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", letters) if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9._]+", "-", plain).lstrip("._-")[:LONGEST_ID].rstrip("._-")


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


_MEMORY = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([mgt])(?:i?b)?")
_BYTES = {"m": 2**20, "g": 2**30, "t": 2**40}


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


def size(value: object, of: str) -> int:
    """Return a size of ``of``, memory or the disk, in bytes: a string such as ``512m``, ``2g`` or ``1.5g``."""
    if not isinstance(value, str):
        raise WrongValueError(f"a size of {of} must be a string, not {kind(value)}", 'write "512m" or "2g"')
    match = _MEMORY.fullmatch(value.strip().lower())
    many = float(match[1]) * _BYTES[match[2]] if match else 0.0
    if not 2**20 <= many <= 2**50:
        raise WrongValueError(f"invalid size of {of} {shown(value)}", 'write "512m" or "2g", and at least "1m"')
    return int(many)


def last_day(value: object) -> date:
    """Check a day: a TOML date without a time."""
    # A datetime is an instance of date as well.
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


_FOLDER = re.compile(r"(\.{0,2}/[^:?#]*|\.\.?|[\w-]+/?)")


def index_url(value: object) -> str:
    """Check the address of an index: a URL, or a folder such as ``dist``, ``./build/wheels`` or ``/srv/wheels``."""
    address = text(value)
    if _FOLDER.fullmatch(address) and address.isprintable():
        return address
    try:
        return url(value)
    except WrongValueError as error:
        if "://" in address or "\\" in address or not address.isprintable():
            raise
        raise WrongValueError(error.what, f'{error.hint}; write a folder of wheels as "./{address}"') from None


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


def project_path(value: object) -> str:
    """Check the path of the folder of a project, which may be above the matrix."""
    path = text(value, "a path")
    if not path.isprintable() or "\\" in path or not path.strip() or re.match(r"[A-Za-z]:|~", path):
        raise WrongValueError(f"invalid path {shown(path)}", "write it relative to the project, with forward slashes")
    return path


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


def search_path(value: str) -> None:
    """Check the value of ``PYTHONPATH``: a verdict depends on the tree of the project, and on no other folder."""
    for part in value.split(":"):
        if PurePosixPath(part).is_absolute() or ".." in PurePosixPath(part).parts or part.startswith("~"):
            what = f"the folder {shown(part)} of PYTHONPATH is not in the project"
            hint = 'name a folder of the project, such as "tests", or install what is elsewhere in a step'
            raise WrongValueError(what, hint)


def pattern(value: object) -> str:
    """Check a regular expression."""
    expression = text(value)
    try:
        patterns.check(expression)
    except ValueError as error:
        raise WrongValueError(f"invalid regular expression {shown(expression)}: {error}") from None
    return expression
