"""Say what a verdict rests on: when any of it changes, the probe runs again."""

from collections.abc import Iterator

from knowngood.model import Basis, Cell, ProbeBasis, ProbeKind, Run, Transcript
from knowngood.model.reusable import why_not_reused
from knowngood.report.text import count, plain

_MOST = 12
"""Files that are listed; the rest are counted."""
_DIGEST = 12
"""Characters of a digest that are shown."""


def rests_on(cell: Cell, run: Run) -> tuple[str, ...]:
    """Return what the verdict of a cell rests on, a sentence each; nothing when its combo was never resolved."""
    facts = next((facts for facts in run.combos if facts.combo.id == cell.combo.id), None)
    if facts is None or facts.basis is None:
        return ()
    basis = facts.basis
    probe = next((probe for probe in basis.probes if probe.probe == cell.probe), None)
    attempts = tuple(attempt.transcript for attempt in facts.probes if attempt.probe == cell.probe)
    return tuple(_sentences(basis, probe, attempts)) if probe is not None else ()


def _sentences(basis: Basis, probe: ProbeBasis, attempts: tuple[Transcript, ...]) -> Iterator[str]:
    what = "script" if probe.kind is ProbeKind.SCRIPT else f"{probe.kind} probe"
    yield f"the locks of its steps ({basis.lock[:_DIGEST]}), the {what}, Python {basis.python}, {basis.machine}"
    if probe.files is not None:
        whose = f"its inputs {', '.join(probe.inputs)}" if probe.inputs else "the tree of the project"
        yield f"{whose}: {count(probe.files, 'file')} ({probe.digest[:_DIGEST]})"
    if probe.kind is ProbeKind.SCRIPT and any(attempt.watched for attempt in attempts):
        yield _read(attempts)
    names = [*basis.variables, *probe.variables]
    if names:
        yield f"the variables {', '.join(names)}"
    why = why_not_reused(probe, attempts)
    if why is not None:
        yield f"it is never reused: {why}"


def _read(attempts: tuple[Transcript, ...]) -> str:
    reads = {path: found for attempt in attempts for path, found in attempt.reads.items()}
    if not reads:
        return "no file outside its environment"
    listed = [f"{plain(path)}{' (absent)' if found is None else ''}" for path, found in list(reads.items())[:_MOST]]
    more = f" and {len(reads) - _MOST} more" if len(reads) > _MOST else ""
    return f"{count(len(reads), 'path')} that it looked at: {', '.join(listed)}{more}"
