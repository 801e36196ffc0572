"""Shorten text that programs printed, so that every pattern that looks at it is done quickly.

A pattern can take time that grows with the square of a line, and lines of a megabyte exist: minified JavaScript,
encoded images, packages that mean harm. The whole output stays in its log.
"""

from collections.abc import Iterator

LONGEST_LINE = 1000
"""Characters of a line. A longer one loses its middle."""
LONGEST_TEXT = 64 * 1024
"""Characters of a text. A longer one loses its middle, too."""
GAP = " [...] "
"""What stands where something was left out."""


def shortened(text: str) -> str:
    """Return ``text`` with at most ``LONGEST_TEXT`` characters, and at most ``LONGEST_LINE`` in a line.

    Beginnings and ends stay: a message begins with what is wrong, and an output ends with it.
    """
    if len(text) <= LONGEST_LINE:
        return text
    if len(text) > LONGEST_TEXT:
        half = (LONGEST_TEXT - len(GAP)) // 2
        text = text[:half] + GAP + text[-half:]
    return "\n".join(_lines(text))


def _lines(text: str) -> Iterator[str]:
    half = (LONGEST_LINE - len(GAP)) // 2
    for line in text.split("\n"):
        yield line if len(line) <= LONGEST_LINE else line[:half] + GAP + line[-half:]
