"""How much of each cell a page tells, so that a large run still opens at once."""

from dataclasses import dataclass

BUDGET = 1_000_000
"""Bytes that a page may take; it tells less of each cell until it does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Depth:
    """What is told of a cell beyond its verdict, cause and fix, which are always told."""

    excerpt: int = 6000
    """Characters of the end of its output."""
    message: int = 4000
    """Characters of what was said of a failure, and of each check."""
    evidence: int = 50
    """Facts that a diagnosis rests on."""
    locks: bool = True
    """What each step resolved to."""
    installed: bool = True
    """Everything that is installed, not only what was asked for."""
    steps: bool = True
    """What each install step asks for."""
    passed: bool = True
    """The checks that passed, each with its time and metrics."""
    records: bool = True
    """Titles, metrics and numbers in full, where the time went, the log, and the command that runs it again."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """What it does not tell, in words; nothing for the whole."""
        whole = Depth()
        told = [
            (self.excerpt == 0, "the output of commands"),
            (0 < self.excerpt < whole.excerpt, f"all but the last {self.excerpt} characters of the output of commands"),
            (self.message < whole.message, f"what messages say beyond {self.message} characters"),
            (self.evidence < whole.evidence, f"all but the {self.evidence} strongest facts of each diagnosis"),
            (not self.locks, "the locks of the install steps"),
            (not self.installed, "packages that no combo asks for"),
            (not self.steps, "the install steps"),
            (not self.passed, "the single checks that passed"),
            (not self.records, "titles, metrics, logs, and where the time of each cell went"),
        ]
        return tuple(text for fits, text in told if fits)


LEVELS = (
    Depth(),
    Depth(excerpt=1500, message=2000),
    Depth(excerpt=600, message=1000, locks=False),
    Depth(excerpt=0, message=600, locks=False, installed=False, evidence=6),
    Depth(excerpt=0, message=400, locks=False, installed=False, evidence=4, passed=False),
    Depth(excerpt=0, message=240, locks=False, installed=False, evidence=2, passed=False, records=False),
    Depth(excerpt=0, message=240, locks=False, installed=False, evidence=1, passed=False, records=False, steps=False),
)
"""From the most to the least; the first that fits is used, and the last one where none does."""
