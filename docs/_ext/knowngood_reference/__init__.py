"""Pages of the reference that are made from the code: verbs, formats, exit codes, statuses and reasons, the schema.

Each directive is a function ``text -> Markdown`` and is parsed where it stands, so that what it makes looks and links
like any other text of the page. It makes either text or sections, not both: MyST puts sections before text. What is
made is told by the modules beside this one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from knowngood_reference import cli, enums, formats, schema

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def _directive(make: Callable[[str], str]) -> type[SphinxDirective]:
    """Return a directive that stands for the Markdown that ``make`` makes of its argument."""

    class Made(SphinxDirective):
        optional_arguments = 1

        def run(self) -> list[nodes.Node]:
            made = make(self.arguments[0] if self.arguments else "")
            place = nodes.section()
            place.document = self.state.document
            lines = StringList(made.splitlines(), source=f"<{self.name}>")
            self.state.nested_parse(lines, self.content_offset, place, match_titles=True)
            return place.children

    return Made


class IfBuilt(SphinxDirective):
    """What is on a page only if a file exists that another command makes, such as a plot of what was measured."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the content, or nothing."""
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        return self.parse_content_to_nodes() if Path(path).is_file() else []


def setup(app: "Sphinx") -> dict[str, Any]:
    """Add the directives."""
    app.add_directive("cli-reference", _directive(cli.verbs))
    app.add_directive("enum-reference", _directive(enums.meanings))
    app.add_directive("exit-codes", _directive(enums.exit_codes))
    app.add_directive("reasons", _directive(enums.reasons))
    app.add_directive("report-formats", _directive(formats.table))
    app.add_directive("report-schema", _directive(schema.outermost))
    app.add_directive("report-schema-parts", _directive(schema.parts))
    app.add_directive("if-built", IfBuilt)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
