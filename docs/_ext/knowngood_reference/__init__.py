"""Sphinx directives that generate the reference from the code: verbs, formats, exit codes, reasons and the schema.

Each directive calls a function that takes its argument and returns Markdown. The Markdown is parsed in place, so it
looks and links like the rest of the page. A function returns either text or sections, not both, because MyST puts
sections before text.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from knowngood_reference import cli, enums, formats, schema, schemas

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def _directive(render: Callable[[str], str]) -> type[SphinxDirective]:
    """Return a directive that inserts the Markdown that ``render`` returns for its argument."""

    class Rendered(SphinxDirective):
        optional_arguments = 1

        def run(self) -> list[nodes.Node]:
            markdown = render(self.arguments[0] if self.arguments else "")
            section = nodes.section()
            section.document = self.state.document
            lines = StringList(markdown.splitlines(), source=f"<{self.name}>")
            self.state.nested_parse(lines, self.content_offset, section, match_titles=True)
            return section.children

    return Rendered


class IfBuilt(SphinxDirective):
    """Include content only if a file exists that another command generates, such as a plot of measurements."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the content, or nothing if the file does not exist."""
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        return self.parse_content_to_nodes() if Path(path).is_file() else []


def setup(app: "Sphinx") -> dict[str, Any]:
    """Add the directives, and the schemas."""
    app.add_directive("cli-reference", _directive(cli.verbs))
    app.add_directive("enum-reference", _directive(enums.meanings))
    app.add_directive("exit-codes", _directive(enums.exit_codes))
    app.add_directive("reasons", _directive(enums.reasons))
    app.add_directive("report-formats", _directive(formats.table))
    app.add_directive("report-schema", _directive(schema.outermost))
    app.add_directive("report-schema-parts", _directive(schema.parts))
    app.add_directive("if-built", IfBuilt)
    app.connect("build-finished", schemas.copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
