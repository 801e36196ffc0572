"""Reduce each cell of a judged run to what a comparison looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from knowngood.model import UNDECIDED, JudgedRun, Phase, Status

_BEFORE_PROBES = frozenset({Phase.RESOLVE, Phase.CREATE, Phase.INSTALL})


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """One cell as it was judged once."""

    combo: str
    probe: str
    status: Status
    phase: str = ""
    check: str | None = None
    message: str = ""
    culprit: str | None = None
    """The diagnosed one; None: unknown, or never diagnosed."""
    python: str = ""
    installed: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> version; of an installation that failed, as far as it came."""

    @property
    def whole(self) -> bool:
        """Whether everything was installed, so that what is not there was not wanted."""
        return bool(self.installed) and self.phase not in _BEFORE_PROBES and self.status not in UNDECIDED


def snapshots(judged: JudgedRun) -> tuple[Snapshot, ...]:
    """Return a snapshot of each cell of a run."""
    return tuple(
        Snapshot(
            combo=cell.combo.id,
            probe=cell.probe,
            status=cell.verdict.status,
            phase=cell.verdict.phase,
            check=cell.check,
            message=cell.message,
            culprit=cell.diagnosis.culprit if cell.diagnosis else None,
            python=cell.python,
            installed=cell.installed,
        )
        for cell in judged.cells
    )
