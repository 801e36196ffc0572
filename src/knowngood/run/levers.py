"""What makes a run fast and must not change any verdict: each can be left out, to rule it out."""

from enum import StrEnum


class Lever(StrEnum):
    """One way to be faster."""

    BYTECODE = "bytecode"
    """Link what earlier environments compiled."""
    CACHE = "cache"
    """Take verdicts from earlier runs of the same lock, probe and machine."""
    EXIT = "exit"
    """Leave a probe without a teardown, where an earlier teardown went well."""
    GC = "gc"
    """Look for cyclic garbage rarely while a probe runs."""
    HUGE_PAGES = "huge-pages"
    """Have uv take its memory in large pieces."""
    KEPT = "kept"
    """Use a kept environment again."""
    SHARING = "sharing"
    """Probe combos with one lock once."""


ALL = frozenset(Lever)
