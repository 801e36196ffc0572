"""List every format that a judged run can be written in: its name, its file, and how it is rendered.

A format is a class with one typed method. Its first docstring sentence is its line in the reference. Heavy imports
happen inside ``render``, so that listing the formats stays cheap.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # defining the classes of the model takes a third of the time of `--help`
    from datetime import date

    from knowngood.model import Change, History, JudgedRun, Searched


class FormatName(StrEnum):
    """The name that a user types to choose a format."""

    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"
    JUNIT = "junit"
    CTRF = "ctrf"
    BADGE = "badge"
    BADGE_SVG = "badge-svg"
    ATOM = "atom"
    GITHUB = "github"
    ANNOTATIONS = "annotations"
    ISSUE = "issue"
    ISSUE_TITLE = "issue-title"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportContext:
    """Everything that a format may report."""

    judged: "JudgedRun"
    changes: "tuple[Change, ...]" = ()
    """What the run changed since the baseline; empty without a baseline."""
    beside: bool = False
    """Whether all published formats are written into one folder, so that they can link to each other."""
    files: "frozenset[str]" = frozenset()
    """The paths of locks and logs that the page can link to, relative to its folder."""
    baseline: str = "the baseline"
    """The name of the baseline, for people."""
    url: str = ""
    """A web page of this run; empty: there is none."""
    searches: "tuple[Searched, ...]" = ()
    """What searches about combos of the matrix found."""
    today: "date | None" = None
    """The day on which it is rendered, by which results are out of date; None: they are not."""
    history: "History | None" = None
    """What was published of the matrix before, the run of this report included if it is complete; None: nothing."""


class Format(ABC):
    """One format of a report."""

    file: ClassVar[str]
    """The name of its file in a folder of reports."""
    compares: ClassVar[bool] = False
    """Whether it also reports changes since a baseline."""

    @abstractmethod
    def render(self, context: ReportContext) -> str:
        """Return the report, ending in a newline; the same context gives the same text."""


class Markdown(Format):
    """The tested matrix as a page for docs and repositories, with diffs that stay small."""

    file = "matrix.md"

    def render(self, context: ReportContext) -> str:
        """Return the page."""
        from knowngood.report import markdown

        page = FORMATS[FormatName.HTML].file if context.beside else ""
        return markdown.render(
            context.judged, searches=context.searches, history=context.history, today=context.today, page=page
        )


class Json(Format):
    """The judged run for programs, as ``matrix.schema.json`` describes it."""

    file = "matrix.json"

    def render(self, context: ReportContext) -> str:
        """Return the document."""
        from knowngood.report import matrix_json

        return matrix_json.render(context.judged)


class Html(Format):
    """One page that needs no other file: summary, table, causes, and the details of every cell."""

    file = "index.html"
    compares = True

    def render(self, context: ReportContext) -> str:
        """Return the page."""
        from knowngood.report.html import page

        beside = {str(name): FORMATS[name].file for name in PUBLISHED} if context.beside else {}
        return page.render(
            context.judged,
            changes=context.changes,
            searches=context.searches,
            history=context.history,
            beside=beside,
            files=context.files,
            today=context.today,
        )


class Junit(Format):
    """Test results in XML, in the flavor that pytest writes."""

    file = "junit.xml"

    def render(self, context: ReportContext) -> str:
        """Return the document."""
        from knowngood.report.ci import junit

        return junit.render(context.judged)


class Ctrf(Format):
    """Test results in the Common Test Report Format, https://ctrf.io."""

    file = "ctrf.json"

    def render(self, context: ReportContext) -> str:
        """Return the document."""
        from knowngood.report.ci import ctrf

        return ctrf.render(context.judged)


class Badge(Format):
    """A badge as an endpoint of https://shields.io reads it."""

    file = "badge.json"

    def render(self, context: ReportContext) -> str:
        """Return the document."""
        from knowngood.report import badge

        return badge.render(context.judged, today=context.today)


class BadgeSvg(Format):
    """A badge as a picture, with a text for screen readers."""

    file = "badge.svg"

    def render(self, context: ReportContext) -> str:
        """Return the picture."""
        from knowngood.report import badge

        return badge.render_svg(context.judged, today=context.today)


class Atom(Format):
    """A feed of what changed since the baseline."""

    file = "feed.xml"
    compares = True

    def render(self, context: ReportContext) -> str:
        """Return the feed."""
        from knowngood.report import atom

        page = FORMATS[FormatName.HTML].file if context.beside else ""
        return atom.render(context.judged, context.changes, history=context.history, page=page)


class Github(Format):
    """The summary of a GitHub Actions job: the table, then the cells that are not as expected."""

    file = "summary.md"
    compares = True

    def render(self, context: ReportContext) -> str:
        """Return the summary."""
        from knowngood.report.github import summary

        return summary.render(context.judged, context.changes, baseline_name=context.baseline, today=context.today)


class Annotations(Format):
    """Workflow commands that GitHub Actions shows as errors and warnings."""

    file = "annotations.txt"

    def render(self, context: ReportContext) -> str:
        """Return the commands, one a line."""
        from knowngood.report.github import annotations

        return annotations.render(context.judged)


class Issue(Format):
    """The body of the one issue that is open as long as something is not as expected."""

    file = "issue.md"
    compares = True

    def render(self, context: ReportContext) -> str:
        """Return the body."""
        from knowngood.report.github import issue

        return issue.render(context.judged, context.changes, baseline_name=context.baseline, url=context.url)


class IssueTitle(Format):
    """The title of that issue."""

    file = "issue-title.txt"
    compares = True

    def render(self, context: ReportContext) -> str:
        """Return the title on one line."""
        from knowngood.report.github import issue

        return issue.title(context.judged, context.changes) + "\n"


def format_of(name: FormatName) -> Format:
    """Return the format called ``name``."""
    match name:
        case FormatName.MARKDOWN:
            return Markdown()
        case FormatName.JSON:
            return Json()
        case FormatName.HTML:
            return Html()
        case FormatName.JUNIT:
            return Junit()
        case FormatName.CTRF:
            return Ctrf()
        case FormatName.BADGE:
            return Badge()
        case FormatName.BADGE_SVG:
            return BadgeSvg()
        case FormatName.ATOM:
            return Atom()
        case FormatName.GITHUB:
            return Github()
        case FormatName.ANNOTATIONS:
            return Annotations()
        case FormatName.ISSUE:
            return Issue()
        case FormatName.ISSUE_TITLE:
            return IssueTitle()


FORMATS: Mapping[FormatName, Format] = MappingProxyType({name: format_of(name) for name in FormatName})
"""Every format by its name, in the order in which they are offered."""

PUBLISHED = (
    FormatName.JSON,
    FormatName.MARKDOWN,
    FormatName.HTML,
    FormatName.BADGE,
    FormatName.BADGE_SVG,
    FormatName.ATOM,
)
"""The formats of a published report; the one that others compare with comes first."""
