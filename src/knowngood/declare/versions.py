"""Check the requirements, packages and versions of a matrix file.

Each function takes a value as it stands in the file and returns it in its final form, or raises ``WrongValueError``.
"""

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from knowngood.declare.problems import WrongValueError, kind, shown

_LONGEST = 250  # characters of a requirement, a name or a version
_PYTHON = re.compile(r"[1-9]\d?\.\d{1,2}(\.\d{1,3})?", re.ASCII)
_FILE_OR_URL = re.compile(r"[./\\~]|[A-Za-z]:[/\\]|[A-Za-z][A-Za-z0-9+.-]*://|git\+|.*\.(whl|zip|tar\.gz)\Z")
_NO_OPTIONS = "pip options are not supported here; declare indexes in [index.NAME]"
_EXAMPLE = '"numpy==1.26.4"'
_COMMON_SLIPS = (
    (re.compile(r"(?<![=<>!~])=(?![=<>])"), "write an exact version with two equals signs: =="),
    (re.compile(r"=[<>]"), "write >= or <="),
    (re.compile(r"~=\s*\d+\s*(,|$)"), "~= needs two parts: ~=2.0 means at least 2.0 and below 3"),
    (re.compile(r"#"), "write comments outside the quotes"),
    (re.compile(r"\s--?\w"), _NO_OPTIONS),
)


def text(value: object, role: str = "") -> str:
    """Check a string, which the error calls ``role``; for a number the hint is to quote it."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    hint = f'write "{shown(value)}"' if is_number else ""
    raise WrongValueError(f"{role} must be a string, not {kind(value)}".lstrip(), hint)


def python_version(value: object) -> str:
    """Check a version of Python such as ``3.11`` or ``3.11.7``."""
    version = text(value, "a version")
    if not _PYTHON.fullmatch(version):
        raise WrongValueError(f"invalid Python version {shown(version)}", 'write it as "3.11" or "3.11.7"')
    return version


def package_name(value: object) -> str:
    """Return the canonical form of a package name."""
    name = text(value, "a package name")
    try:
        return canonicalize_name(name[: _LONGEST + 1], validate=True)
    except InvalidName:
        raise WrongValueError(f"invalid package name {shown(name)}", "write a name without version or extras") from None


def requirement(value: object) -> str:
    """Check one requirement of a step: a name with optional extras, versions and marker, but no option, file or URL."""
    line = text(value, "a requirement")
    if not line.strip():
        raise WrongValueError("a requirement must not be empty", "remove it, or name a package")
    if len(line) > _LONGEST:
        raise WrongValueError(f"{shown(line)} has {len(line):,} characters; the limit for a requirement is {_LONGEST}")
    if re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", line):
        what = f"{shown(line)} contains a line break or control character"
        raise WrongValueError(what, "write each requirement as a string of its own")
    if line.lstrip().startswith("-"):
        raise WrongValueError(f"{shown(line)} is an option, not a requirement", _NO_OPTIONS)
    try:
        parsed = Requirement(line)
    except InvalidRequirement as error:
        raise _invalid_requirement(line, error) from None
    if parsed.url is not None:
        hint = f'name a version from an index, such as "{parsed.name}==1.0"; declare indexes in [index.NAME]'
        raise WrongValueError(f"{shown(line)} installs from a URL", hint)
    if _FILE_OR_URL.match(line.strip()):  # the name of a file may be a valid package name
        raise _invalid_requirement(line)
    return line.strip()


def _invalid_requirement(line: str, error: InvalidRequirement | None = None) -> WrongValueError:
    if error is None or _FILE_OR_URL.match(line.strip()):
        return WrongValueError(
            f"{shown(line)} is a file or URL, not a requirement", f"name a package from an index: {_EXAMPLE}"
        )
    hint = next((hint for slip, hint in _COMMON_SLIPS if slip.search(line)), f"write it as {_EXAMPLE}")
    cause = str(error).partition("\n")[0]
    return WrongValueError(f"invalid requirement {shown(line)}: {cause[:1].lower()}{cause[1:]}", hint)


def exact_wheel(value: object) -> str:
    """Check a requirement that names exactly one version: ``name==version``."""
    line = requirement(value)
    parsed = Requirement(line)
    pins = [pin for pin in parsed.specifier if pin.operator == "==" and not pin.version.endswith(".*")]
    if len(pins) != 1 or len(parsed.specifier) != 1 or parsed.extras or parsed.marker:
        hint = f'write "{parsed.name}==1.0", without extras or marker'
        raise WrongValueError(f"{shown(line)} must name one exact version", hint)
    return f"{parsed.name}=={pins[0].version}"


def axis_requirement(package: str, value: object) -> str:
    """Return the requirement for a value of an axis.

    ``1.24.3`` pins the version, ``>=2,<3`` limits it, and ``latest`` leaves it to the resolver.
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
    if ":" in version:
        raise WrongValueError(f"version selectors such as {shown(version)} are not supported yet", "list the versions")
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
