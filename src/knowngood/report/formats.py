"""Every format that a judged run can be written in: what it is called, which file holds it, and who writes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from knowngood.model import Change, JudgedRun


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One format of a report."""

    name: str
    """As a user asks for it."""
    file: str
    """What its file is called in a folder of reports."""
    renderer: str
    """``module:function`` below ``knowngood.report``; imported when it is first asked for."""
    compares: bool = False
    """Whether it tells what changed since a baseline, too."""

    def render(self, judged: JudgedRun, changes: Sequence[Change] = ()) -> str:
        """Return the report, ending in a newline; the same run and changes give the same text."""
        module, _, function = self.renderer.partition(":")
        write: Callable[..., str] = getattr(import_module(f"knowngood.report.{module}"), function)
        return write(judged, changes=changes) if self.compares else write(judged)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        name: Format(name=name, file=file, renderer=renderer, compares=name in ("html", "atom", "github"))
        for name, file, renderer in (
            ("markdown", "matrix.md", "markdown:render"),
            ("json", "matrix.json", "matrix_json:render"),
            ("html", "index.html", "html.page:render"),
            ("junit", "junit.xml", "ci.junit:render"),
            ("ctrf", "ctrf.json", "ci.ctrf:render"),
            ("badge", "badge.json", "badge:render"),
            ("badge-svg", "badge.svg", "badge_svg:render"),
            ("atom", "feed.xml", "atom:render"),
            ("github", "summary.md", "github.summary:render"),
            ("annotations", "annotations.txt", "github.annotations:render"),
        )
    }
)
"""By name, in the order in which they are offered."""

PUBLISHED = ("json", "markdown", "html", "badge", "badge-svg", "atom")
"""The formats of a published report; the one that others compare with comes first."""
