"""What makes a run fast and must not change any verdict: each can be left out, to rule it out."""

from enum import StrEnum


class Optimization(StrEnum):
    """One way to be faster."""

    BYTECODE = "bytecode"
    """Link what earlier environments compiled."""
    CACHE = "cache"
    """Take verdicts from earlier runs of the same lock, probe and machine."""
    KEPT = "kept"
    """Use a kept environment again."""
    SHARING = "sharing"
    """Probe combos with one lock once."""


ALL = frozenset(Optimization)
