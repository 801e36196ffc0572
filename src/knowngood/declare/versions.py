"""What may stand for a package or a version: requirements, exact wheels, Pythons and the values of an axis.

Each function takes a value as the file has it and gives it back checked, or raises ``WrongValueError``.
"""

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from knowngood.declare.problems import WrongValueError, kind, shown

_LONGEST = 250
_PYTHON = re.compile(r"[1-9]\d?\.\d{1,2}(\.\d{1,3})?", re.ASCII)
_FILE_OR_URL = re.compile(r"[./\\~]|[A-Za-z]:[/\\]|[A-Za-z][A-Za-z0-9+.-]*://|git\+|.*\.(whl|zip|tar\.gz)\Z")
_NO_OPTIONS = "options of pip are not possible here; indexes are declared in [index.NAME]"
_EXAMPLE = '"numpy==1.26.4"'
_COMMON_SLIPS = (
    (re.compile(r"(?<![=<>!~])=(?![=<>])"), "an exact version is written with two signs: =="),
    (re.compile(r"=[<>]"), "write >= or <="),
    (re.compile(r"~=\s*\d+\s*(,|$)"), "~= needs two parts: ~=2.0 means at least 2.0 and below 3"),
    (re.compile(r"#"), "comments belong outside the quotes"),
    (re.compile(r"\s--?\w"), _NO_OPTIONS),
)


def text(value: object, what: str = "") -> str:
    """Give a string back; a number gets the hint to quote it."""
    if isinstance(value, str):
        return value
    wrong = f"{what} must be a string, not {kind(value)}".lstrip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise WrongValueError(wrong, f'write "{shown(value)}"')
    raise WrongValueError(wrong)


def python_version(value: object) -> str:
    """Check a Python such as ``3.11`` or ``3.11.7``."""
    version = text(value, "a version")
    if not _PYTHON.fullmatch(version):
        raise WrongValueError(f"{shown(version)} is not a Python version", 'write it as "3.11" or "3.11.7"')
    return version


def package_name(value: object) -> str:
    """Check the name of a package and give its canonical form."""
    name = text(value, "a package name")
    try:
        return canonicalize_name(name[: _LONGEST + 1], validate=True)
    except InvalidName:
        raise WrongValueError(f"{shown(name)} is not a package name", "a name without version or extras") from None


def requirement(value: object) -> str:
    """Check one requirement of a step: a name, perhaps extras, versions and a marker; no option, file or URL."""
    line = text(value, "a requirement")
    if not line.strip():
        raise WrongValueError("a requirement is empty", "leave it out, or name a package")
    if len(line) > _LONGEST:
        raise WrongValueError(f"{shown(line)} has {len(line):,} characters; a requirement may have {_LONGEST}")
    if re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", line):
        raise WrongValueError(
            f"{shown(line)} holds a line break or control character", "write each requirement by itself"
        )
    if line.lstrip().startswith("-"):
        raise WrongValueError(f"{shown(line)} is an option, not a requirement", _NO_OPTIONS)
    try:
        parsed = Requirement(line)
    except InvalidRequirement as error:
        raise _not_a_requirement(line, error) from None
    if parsed.url is not None:
        hint = f'name a version of an index, such as "{parsed.name}==1.0"; indexes are declared in [index.NAME]'
        raise WrongValueError(f"{shown(line)} installs from a URL", hint)
    if _FILE_OR_URL.match(line.strip()):  # a file name may well parse as the name of a package
        raise _not_a_requirement(line)
    return line.strip()


def _not_a_requirement(line: str, error: InvalidRequirement | None = None) -> WrongValueError:
    if error is None or _FILE_OR_URL.match(line.strip()):
        return WrongValueError(f"{shown(line)} is a file or URL", f"name a package of an index: {_EXAMPLE}")
    hint = next((hint for slip, hint in _COMMON_SLIPS if slip.search(line)), f"write it as {_EXAMPLE}")
    cause = str(error).partition("\n")[0]
    return WrongValueError(f"{shown(line)} is not a requirement: {cause[:1].lower()}{cause[1:]}", hint)


def exact_wheel(value: object) -> str:
    """Check a requirement that names exactly one version: ``name==version``."""
    line = requirement(value)
    parsed = Requirement(line)
    pins = [pin for pin in parsed.specifier if pin.operator == "==" and not pin.version.endswith(".*")]
    if len(pins) != 1 or len(parsed.specifier) != 1 or parsed.extras or parsed.marker:
        raise WrongValueError(
            f"{shown(line)} is not one exact version", f'write "{parsed.name}==1.0", without extras or marker'
        )
    return f"{parsed.name}=={pins[0].version}"


def axis_requirement(package: str, value: object) -> str:
    """Give the requirement that a value of an axis stands for.

    ``1.24.3`` pins, a specifier such as ``>=2,<3`` limits, and ``latest`` leaves the version to the resolver.
    """
    version = text(value, "a version")
    if version == "latest":
        return package
    if len(version) > _LONGEST:
        raise WrongValueError(f"{shown(version)} has {len(version):,} characters; a version may have {_LONGEST}")
    if version != version.strip():
        raise WrongValueError(f"{shown(version)} has spaces around it", f"write {shown(version.strip())}")
    if ":" in version:
        raise WrongValueError(f"version selectors such as {shown(version)} are not supported yet", "list the versions")
    try:
        return f"{package}=={Version(version)}"
    except InvalidVersion:
        compact = re.sub(r" *([,<>=!~]+) *", r"\1", version)
    try:
        limited = len(SpecifierSet(compact)) > 0
    except InvalidSpecifier:
        limited = False
    if not limited:
        hint = f"write {shown('==' + version)}" if version.endswith(".*") else 'write "1.26.4", ">=1.26,<2" or "latest"'
        raise WrongValueError(f"{shown(version)} is not a version", hint)
    return requirement(package + compact)
