"""What a comparison needs to know of each cell of a run, from the run itself or from a published ``matrix.json``."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from knowngood.errors import UsageError
from knowngood.model import UNDECIDED, JudgedRun, Phase, Status

SCHEMAS = frozenset({2})
"""Versions of ``matrix.json`` that can be compared."""

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


def snapshots_of_json(document: object, *, name: str = "it") -> tuple[Snapshot, ...]:
    """Return a snapshot of each cell of a decoded ``matrix.json``, called ``name``; unknown keys do not matter.

    Raises ``UsageError``: it is no ``matrix.json``, or one of another schema than ours.
    """
    if not isinstance(document, Mapping) or "schema" not in document:
        raise _not_ours(name, "it is no matrix.json: it has no schema")
    schema = document["schema"]
    if not isinstance(schema, int) or schema not in SCHEMAS:
        known = ", ".join(map(str, sorted(SCHEMAS)))
        raise _not_ours(name, f"its schema is {schema!r:.40}, this version of knowngood reads {known}")
    cells = document.get("cells")
    if not isinstance(cells, list):
        raise _not_ours(name, "it is no matrix.json: it has no cells")
    return tuple(_snapshot(_table(cell), name, f"cells[{position}]") for position, cell in enumerate(cells))


def _snapshot(cell: Mapping[str, object], name: str, where: str) -> Snapshot:
    combo, probe, verdict = cell.get("combo"), cell.get("probe"), _table(cell.get("verdict"))
    if not isinstance(combo, str) or not isinstance(probe, str):
        raise _not_ours(name, f"{where} names no combo and probe")
    try:
        status = Status(_text(verdict.get("status")))
    except ValueError:
        raise _not_ours(name, f"{where} has a verdict that this version of knowngood does not know") from None
    return Snapshot(
        combo=combo,
        probe=probe,
        status=status,
        phase=_text(verdict.get("phase")),
        check=_text(cell.get("check")) or None,
        message=_text(cell.get("message")),
        culprit=_text(_table(cell.get("diagnosis")).get("culprit")) or None,
        python=_text(cell.get("python")),
        installed={package: _text(version) for package, version in _table(cell.get("installed")).items()},
    )


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _not_ours(name: str, cause: str) -> UsageError:
    next_step = "name the matrix.json or the events.jsonl of a run, or run the matrix again with this version"
    return UsageError(f"{name} cannot be compared", cause=cause, next_step=next_step)
