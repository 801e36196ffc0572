"""Look up what an index was found to have for the selectors of a matrix: in this run, or in the last one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.version import InvalidVersion, Version

from knowngood.model import Selection, Wanted

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
