"""Write XML: text without characters that a parser refuses or a reader would obey, and whole documents."""

import re
from xml.etree import ElementTree

from knowngood.report.text import plain

_FORBIDDEN = re.compile("[\ufffe\uffff]")
"""Characters that XML 1.0 forbids beside controls and surrogates, which ``plain`` replaces."""


def xml_text(text: str, *, lines: bool = False) -> str:
    """Return ``text`` without forbidden characters, unescaped; on one line, or with ``lines`` with its line breaks."""
    return _FORBIDDEN.sub("\ufffd", plain(text, lines=lines))


def document(root: ElementTree.Element) -> str:
    """Return an element with all its content as an indented document in UTF-8, ending in a newline."""
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
