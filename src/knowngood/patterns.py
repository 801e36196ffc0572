"""Search with the patterns that users write, in Python's syntax, and give up on one that would take forever.

``regex`` understands what ``re`` understands, and only it can be stopped.
"""

import re
import warnings

_PATIENCE = 1.0
"""Seconds of CPU that one search may take. It takes milliseconds, unless repetitions are nested."""


class TooSlowError(Exception):
    """A search took too long, so nobody knows whether the pattern matches."""

    def __init__(self, pattern: str) -> None:
        super().__init__(f"the pattern {pattern!r} takes too long to match: do not nest repetitions, as (a+)+ does")


def find(pattern: str, text: str) -> str | None:
    """Return the first part of ``text`` that ``pattern`` matches; None: there is none.

    Raises ``TooSlowError``.
    """
    import regex  # only failures need it

    try:
        match = regex.search(pattern, text, timeout=_PATIENCE)
    except TimeoutError:
        raise TooSlowError(pattern) from None
    return match[0] if match is not None else None


def check(pattern: str) -> None:
    """Raise ``ValueError`` with the reason where ``pattern`` is not valid."""
    import regex

    try:
        with warnings.catch_warnings():  # Python may warn about syntax that will change, but compiles it
            warnings.simplefilter("ignore")
            re.compile(pattern)
            regex.compile(pattern)
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
