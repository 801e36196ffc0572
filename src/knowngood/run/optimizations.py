"""Name the optimizations: ways to be fast that must not change a verdict. Each can be switched off on its own."""

from enum import StrEnum


class Optimization(StrEnum):
    """One way to be faster."""

    BYTECODE = "bytecode"
    """Link the bytecode that earlier environments compiled."""
    CACHE = "cache"
    """Reuse the verdicts of earlier runs for the same lock, probe and machine."""
    KEPT = "kept"
    """Reuse the environments of earlier runs."""
    SHARING = "sharing"
    """Probe combos with the same lock once."""


ALL = frozenset(Optimization)
