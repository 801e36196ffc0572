"""Paths in what programs say, shortened: where an environment was on this machine tells a reader nothing."""

import re

_PATH = re.compile(r"(?<![\w.:/~-])/(?:[^\s/:'\"(),;]+/){3,}(?=[^\s/:'\"(),;]+)")


def shorten_paths(text: str) -> str:
    """Return ``text`` with long absolute paths cut to what is inside ``site-packages``, or else to their file name."""
    return _PATH.sub(_shortened, text)


def _shortened(found: re.Match[str]) -> str:
    _, inside, rest = found[0].rpartition("site-packages/")
    return rest if inside else ".../"
