"""The formats of reports, as the code that renders them lists them."""

import re
from importlib import import_module

from knowngood.report.formats import FORMATS, Format
from knowngood_reference.markup import code, sentence
from knowngood_reference.markup import table as markdown_table

_FILE = re.compile(r"^``[^`]+``[:,]? ")


def table(_: str = "") -> str:
    """Return the formats in a table: as a user asks for them, their files, and what they are."""
    rows = [(code(one.name), code(one.file), sentence(_told(one))) for one in FORMATS.values()]
    return markdown_table(("format", "file", "what it is"), rows)


def _told(one: Format) -> str:
    """Return the first sentence of the module that renders it, without the name of the file."""
    module = import_module(f"knowngood.report.{one.renderer.partition(':')[0]}")
    summary = (module.__doc__ or "").strip().partition("\n\n")[0]
    return _FILE.sub("", " ".join(summary.split())).partition(". ")[0]
