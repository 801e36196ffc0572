"""Text that XML can hold, and documents of it: no character is left that a parser refuses or a reader would obey."""

import re
from xml.etree import ElementTree

from knowngood.report.text import plain

_FORBIDDEN = re.compile("[\ufffe\uffff]")
"""What XML 1.0 does not allow beyond the controls and surrogates, which ``plain`` takes care of."""


def xml_text(text: str, *, lines: bool = False) -> str:
    """Return ``text`` without what no XML may hold; on one line, or with ``lines`` every break in it a newline.

    It is not escaped: whoever writes the document does that.
    """
    return _FORBIDDEN.sub("\ufffd", plain(text, lines=lines))


def document(root: ElementTree.Element) -> str:
    """Return an element and all in it as an indented document in UTF-8, ending in a newline."""
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
