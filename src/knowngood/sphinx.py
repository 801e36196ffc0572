"""An extension of Sphinx: the directive ``knowngood``, which shows a published report and keeps up with it.

It makes nodes, not text, so that it is the same in reStructuredText and in MyST, and so that nothing needs escaping.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata, OptionSpec

from knowngood import __version__
from knowngood.cli.docs import read
from knowngood.errors import UsageError
from knowngood.report.embed.parts import Caption, Heading, Items, Part, Show, Table, parts
from knowngood.report.text import plain


def setup(app: Sphinx) -> ExtensionMetadata:
    """Make the directive known: what Sphinx calls."""
    app.add_directive("knowngood", Tested)
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}


def _show(argument: str | None) -> Show:
    return Show(directives.choice(argument or "", list(Show)))


def _packages(argument: str | None) -> tuple[str, ...]:
    return tuple(directives.unchanged_required(argument or "").replace(",", " ").split())


class Tested(SphinxDirective):
    """``.. knowngood:: PATH``: the ``matrix.json`` at a path relative to the page, or from the top of the sources."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[OptionSpec | None] = {"show": _show, "packages": _packages}

    def run(self) -> list[nodes.Node]:
        """Return the nodes; a report that cannot be read is an error at the line of the directive."""
        relative, path = self.env.relfn2path(self.arguments[0])
        # Also when it is missing: the page is read again once there is one.
        self.env.note_dependency(relative)
        try:
            judged = read(Path(path), relative)
        except UsageError as error:
            raise self.error("; ".join(filter(None, [error.what, error.cause, error.next_step]))) from error
        show = self.options.get("show", Show.ALL)
        made = [_node(part) for part in parts(judged, show, packages=self.options.get("packages", ()))]
        for node in made:
            self.set_source_info(node)
        return list(made)


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
    # A version or a message is quoted as it is: no curly quotation marks, no long dashes.
    return node(text, nodes.Text(text), support_smartquotes=False)
