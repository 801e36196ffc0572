"""How much searches may spend: seconds and cells."""

import time
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Budget:
    """How much a search, or several in turn, may spend; None: no limit."""

    seconds: float | None = None
    cells: int | None = None
    began: float = field(default_factory=time.monotonic)
    spent_cells: int = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the first search began."""
        return time.monotonic() - self.began

    @property
    def seconds_left(self) -> float | None:
        """How many seconds are left, at least 0; None without a limit."""
        return None if self.seconds is None else max(0.0, self.seconds - self.elapsed)

    @property
    def left(self) -> int | None:
        """How many cells may still run: 0 when the time is up, None without a limit."""
        if self.seconds is not None and self.elapsed >= self.seconds:
            return 0
        return None if self.cells is None else max(0, self.cells - self.spent_cells)
