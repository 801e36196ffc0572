"""Read version selectors, such as ``latest`` and ``minors:>=1.26,<3``, and look up what an index had for them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from knowngood.declare.problems import WrongValueError, did_you_mean, shown
from knowngood.model import Selection, Wanted

MOST_LAST = 100
"""Most release lines that ``last:N`` may ask for."""


class Kind(StrEnum):
    """What a selector selects."""

    LATEST = "latest"
    """The newest final release."""
    OLDEST = "oldest"
    """The lowest release that the project allows."""
    PRE = "pre"
    """The newest release, pre-releases among them."""
    MINORS = "minors"
    """The newest release of each minor release line in a range."""
    MAJORS = "majors"
    """The newest release of each major release line in a range."""
    LAST = "last"
    """The newest release of each of the last minor release lines."""
    SPEC0 = "spec0"
    """The newest release of each minor release line that is at most two years old."""


_PLAIN = (Kind.LATEST, Kind.OLDEST, Kind.PRE, Kind.SPEC0)
_RANGED = (Kind.MINORS, Kind.MAJORS)
_FORMS = {Kind.MINORS: "minors:>=1.26,<3", Kind.MAJORS: "majors:>=1", Kind.LAST: "last:3"}
_SLIPS = {
    **dict.fromkeys(("newest", "highest", "stable", "current", "*", "max"), "latest"),
    **dict.fromkeys(("lowest", "minimum", "min", "minver", "first", "lowest-direct"), "oldest"),
    **dict.fromkeys(("none", "null", "", "missing", "uninstalled", "false", "-"), "absent"),
    **dict.fromkeys(("dev", "nightly", "prerelease", "pre-release", "prereleases", "rc", "beta", "next"), "pre"),
    **dict.fromkeys(("spec-0", "nep29", "spec"), "spec0"),
    **dict.fromkeys(("all", "each", "every", "minors", "minor"), "minors:>=1.26,<3"),
    **dict.fromkeys(("majors", "major"), "majors:>=1"),
    **dict.fromkeys(("last", "lasts"), "last:3"),
}
"""What people write for a selector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selector:
    """A selector."""

    kind: Kind
    argument: str = ""
    """A range such as ``>=1.26,<3``, or a number."""

    @property
    def text(self) -> str:
        """It as an axis has it, without spaces."""
        return f"{self.kind}:{self.argument}" if self.argument else self.kind.value

    @property
    def has_lines(self) -> bool:
        """Whether it stands for release lines, so that an axis has a value for each."""
        return self.kind in (*_RANGED, Kind.LAST, Kind.SPEC0)

    @property
    def range(self) -> str:
        """The specifier that holds for all its versions; empty if there is none."""
        return self.argument if self.kind in _RANGED else ""

    def within(self, line: str) -> str:
        """Return the specifier for a release line of it, such as ``==2.1.*``."""
        return f"=={line}.*"


def read_selector(text: str) -> Selector | None:
    """Return the selector that ``text`` is; None for a version or a range.

    Raises ``WrongValueError`` for what is nearly one.
    """
    compact = "".join(text.split())
    if compact in _PLAIN:
        return Selector(kind=Kind(compact))
    if (slip := _SLIPS.get(text.strip().lower())) is not None:
        raise WrongValueError(f"invalid version {shown(text)}", f"write {shown(slip)}")
    word, colon, argument = compact.partition(":")
    if not colon:
        if near := re.fullmatch(r"(?i)(?:last|newest)[-_ ]?(\d+)", text):
            raise WrongValueError(f"invalid version {shown(text)}", f'write "last:{near[1]}"')
        return None
    if word in _PLAIN:
        raise WrongValueError(f"invalid selector {shown(text)}", f"write {shown(word)}, which takes no argument")
    if word not in _FORMS:
        known = did_you_mean(word, [kind.value for kind in _FORMS])
        hint = known and f"{known} Write {shown(_FORMS[Kind(known.split(chr(39))[1])])}"
        raise WrongValueError(f"unknown selector {shown(text)}", hint or 'write "minors:>=1.26,<3" or "last:3"')
    kind = Kind(word)
    form = f"write {shown(_FORMS[kind])}"
    if kind is Kind.LAST:
        if not re.fullmatch(r"\d{1,9}", argument, re.ASCII) or not 1 <= int(argument) <= MOST_LAST:
            raise WrongValueError(f"invalid number of release lines in {shown(text)}", f"{form}: from 1 to {MOST_LAST}")
        return Selector(kind=kind, argument=str(int(argument)))
    try:
        specifiers = SpecifierSet(argument)
    except InvalidSpecifier:
        specifiers = SpecifierSet()
    if not len(specifiers):
        what = f"{shown(text)} has no range" if not argument else f"invalid range in {shown(text)}"
        raise WrongValueError(what, form)
    return Selector(kind=kind, argument=argument)


_TEXTS = ("package", "selector", "python", "as_of", "bound")


@dataclass(frozen=True, kw_only=True, slots=True)
class Selections:
    """The versions that selectors stand for."""

    all: tuple[Selection, ...] = ()
    _by_need: dict[tuple[str, str, str, str], Selection] = field(default_factory=dict)
    _lines: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lines: dict[tuple[str, str], set[str]] = {}
        for selection in self.all:
            wanted = selection.wanted
            self._by_need[_key(wanted)] = selection
            lines.setdefault((wanted.package, wanted.selector), set()).update(line for line, _ in selection.versions)
        for name, found in lines.items():
            self._lines[name] = tuple(sorted(filter(None, found), key=_version))

    def of(self, wanted: Wanted) -> Selection | None:
        """Return what was chosen for a selector; None when nobody has asked yet. Bounds are not compared."""
        return self._by_need.get(_key(wanted))

    def lines(self, package: str, selector: str) -> tuple[str, ...]:
        """Return the release lines that a selector stands for with any Python, lowest first."""
        return self._lines.get((package, selector), ())


NOTHING = Selections()


def _key(wanted: Wanted) -> tuple[str, str, str, str]:
    return wanted.package, wanted.selector, wanted.python, wanted.as_of or "now"


def _version(line: str) -> Version:
    try:
        return Version(line)
    except InvalidVersion:
        return Version("0")


def to_json(selections: Iterable[Selection]) -> list[dict[str, Any]]:
    """Return selections as they are kept in a file."""
    return [
        {
            **{name: getattr(selection.wanted, name) for name in _TEXTS},
            "versions": [list(pair) for pair in selection.versions],
        }
        for selection in selections
        if selection.versions
    ]


def from_json(raw: object) -> Selections:
    """Return the selections in a file; what is not one is left out."""
    entries = raw if isinstance(raw, list) else []
    return Selections(all=tuple(selection for entry in entries if (selection := _selection(entry)) is not None))


def _selection(entry: object) -> Selection | None:
    if not isinstance(entry, Mapping):
        return None
    texts = {name: entry.get(name, "") for name in _TEXTS}
    versions = entry.get("versions")
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(versions, list):
        return None
    pairs = tuple(
        (pair[0], pair[1])
        for pair in versions
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
    )
    return Selection(wanted=Wanted(**texts), versions=pairs)
