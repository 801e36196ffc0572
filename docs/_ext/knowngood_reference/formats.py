"""List the formats of reports for the reference, as the registry describes them."""

import inspect

from knowngood.report.formats import FORMATS, Format
from knowngood_reference.markup import code, sentence
from knowngood_reference.markup import table as markdown_table


def table(_: str = "") -> str:
    """Return a table with the name, the file and the description of each format."""
    rows = [(code(name), code(one.file), sentence(_description(one))) for name, one in FORMATS.items()]
    return markdown_table(("format", "file", "what it is"), rows)


def _description(one: Format) -> str:
    """Return the first sentence of a format's docstring."""
    summary = (inspect.getdoc(one) or "").partition("\n\n")[0]
    return " ".join(summary.split()).removesuffix(".")
