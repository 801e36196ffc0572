"""Render the list of report formats from their registry."""

import re
from importlib import import_module

from knowngood.report.formats import FORMATS, Format
from knowngood_reference.markup import code, sentence
from knowngood_reference.markup import table as markdown_table

_FILE = re.compile(r"^``[^`]+``[:,]? ")


def table(_: str = "") -> str:
    """Return a table of the formats: name, file, and description."""
    rows = [(code(form.name), code(form.file), sentence(_summary(form))) for form in FORMATS.values()]
    return markdown_table(("format", "file", "what it is"), rows)


def _summary(form: Format) -> str:
    """Return the first sentence of the docstring of the module that renders it, without the file name."""
    module = import_module(f"knowngood.report.{form.renderer.partition(':')[0]}")
    summary = (module.__doc__ or "").strip().partition("\n\n")[0]
    return _FILE.sub("", " ".join(summary.split())).partition(". ")[0]
