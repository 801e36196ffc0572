"""Reduce each cell of a judged run to what a comparison looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from knowngood.model import UNDECIDED, JudgedRun, Phase, Status

_BEFORE_PROBES = frozenset({Phase.RESOLVE, Phase.CREATE, Phase.INSTALL})


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """One cell as it was judged."""

    combo: str
    probe: str
    status: Status
    phase: str = ""
    check: str | None = None
    message: str = ""
    culprit: str | None = None
    """The culprit of its diagnosis; None: unknown, or never diagnosed."""
    python: str = ""
    installed: Mapping[str, str] = field(default_factory=dict)
    """Canonical name -> version; after a failed installation, what had been installed by then."""

    @property
    def whole(self) -> bool:
        """Whether everything was installed, so that a package that is not there was not asked for."""
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
