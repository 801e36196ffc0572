"""Every format that a judged run can be written in: what it is called, which file holds it, and who writes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from knowngood.model import JudgedRun


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One format of a report."""

    name: str
    """As a user asks for it."""
    file: str
    """What its file is called in a folder of reports."""
    renderer: str
    """``module:function`` below ``knowngood.report``; imported when it is first asked for."""

    def render(self, judged: JudgedRun) -> str:
        """Return the report, ending in a newline; the same run gives the same text."""
        module, _, function = self.renderer.partition(":")
        write: Callable[[JudgedRun], str] = getattr(import_module(f"knowngood.report.{module}"), function)
        return write(judged)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        name: Format(name=name, file=file, renderer=renderer)
        for name, file, renderer in (
            ("markdown", "matrix.md", "markdown:render"),
            ("json", "matrix.json", "json_report:render"),
            ("html", "index.html", "html.page:render"),
            ("junit", "junit.xml", "junit:render"),
            ("ctrf", "ctrf.json", "ctrf:render"),
            ("badge", "badge.json", "badge:render"),
            ("badge-svg", "badge.svg", "badge_svg:render"),
            ("atom", "feed.xml", "atom:render"),
            ("github", "summary.md", "github.summary:render"),
            ("annotations", "annotations.txt", "github.annotations:render"),
        )
    }
)
"""By name, in the order in which they are offered."""
