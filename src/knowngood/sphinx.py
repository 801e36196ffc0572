"""Show a published report in Sphinx docs with the directive ``knowngood``.

Sphinx rebuilds a page when its report changes. The directive makes nodes, not text, so that it works alike in
reStructuredText and MyST and nothing needs escaping.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from knowngood import __version__
from knowngood.errors import UsageError
from knowngood.project.publication import read_report
from knowngood.report.embed.parts import Caption, Heading, Items, Part, Show, Table, parts
from knowngood.report.text import plain


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive; Sphinx calls this function."""
    app.add_directive("knowngood", ReportDirective)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}


def _show(argument: str | None) -> Show:
    return Show(directives.choice(argument or "", list(Show)))


def _packages(argument: str | None) -> tuple[str, ...]:
    return tuple(directives.unchanged_required(argument or "").replace(",", " ").split())


class ReportDirective(SphinxDirective):
    """``.. knowngood:: PATH``: the path of a ``matrix.json``, relative to the page or, with a slash, to the sources."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[OptionSpec | None] = {"show": _show, "packages": _packages}

    def run(self) -> list[nodes.Node]:
        """Return the nodes; an unreadable report is an error at the line of the directive."""
        relative, path = self.env.relfn2path(self.arguments[0])
        # Even for a missing report, so that Sphinx reads the page again once it exists.
        self.env.note_dependency(relative)
        try:
            judged = read_report(Path(path), name=relative)
        except UsageError as error:
            raise self.error("; ".join(filter(None, [error.what, error.cause, error.next_step]))) from error
        today = datetime.now(UTC).date()
        show = self.options.get("show", Show.ALL)
        elements = [_node(part) for part in parts(judged, show, packages=self.options.get("packages", ()), today=today)]
        for element in elements:
            self.set_source_info(element)
        return list(elements)


def _node(part: Part) -> nodes.Element:
    match part:
        case Caption():
            return _text(nodes.paragraph, part.text)
        case Heading():
            return _text(nodes.rubric, part.text)
        case Items():
            items = [nodes.list_item("", _text(nodes.paragraph, text)) for text in part.texts]
            return nodes.bullet_list("", *items, bullet="*")
        case Table():
            return _table(part)


def _table(part: Table) -> nodes.table:
    group = nodes.tgroup(cols=len(part.headers))
    group += [nodes.colspec(colwidth=1) for _ in part.headers]
    group += nodes.thead("", *_rows([part.headers]))
    group += nodes.tbody("", *_rows(part.rows))
    return nodes.table("", group, classes=["knowngood", "colwidths-auto"])


def _rows(rows: Iterable[Sequence[str]]) -> list[nodes.row]:
    return [nodes.row("", *(nodes.entry("", _text(nodes.paragraph, text)) for text in row)) for row in rows]


def _text(node: type[nodes.TextElement], raw: str) -> nodes.TextElement:
    text = plain(raw)
    # Versions and messages are shown literally, without curly quotation marks and long dashes.
    return node(text, nodes.Text(text), support_smartquotes=False)
