"""Say whether the verdict of a probe can be reused: only when everything that it depends on is known."""

from collections.abc import Iterable

from knowngood.model.declared import ProbeKind
from knowngood.model.recorded import ProbeBasis
from knowngood.model.transcripts import Transcript

CHANGED = "changed"
"""What ``Transcript.reads`` has for a file that changed while the probe ran: it can never be the same again."""
_FEW = 3
"""Programs that a message names."""


def why_not_reused(basis: ProbeBasis, attempts: Iterable[Transcript]) -> str | None:
    """Return why the verdict of these attempts at a probe is never reused; None when it can be."""
    transcripts = tuple(attempts)
    if basis.reuse is False:
        return "the probe says reuse = false"
    for transcript in transcripts:
        for path, found in transcript.reads.items():
            if found == CHANGED:
                return f"{path} changed while the probe ran, or cannot be compared"
    if basis.unmatched:
        return f"its inputs match no file: {', '.join(basis.unmatched)}"
    if basis.reuse or basis.inputs:
        return None
    if basis.network:
        return "it may use the network, and declares neither inputs nor reuse = true"
    if basis.kind is not ProbeKind.SCRIPT:
        return None
    return next((why for transcript in transcripts if (why := _unknown(transcript))), None)


def _unknown(transcript: Transcript) -> str | None:
    """Return why it is not known what a script read."""
    if transcript.spawned:
        more = f" and {len(transcript.spawned) - _FEW} more" if len(transcript.spawned) > _FEW else ""
        programs = ", ".join(program.rpartition("/")[2] for program in transcript.spawned[:_FEW])
        return f"it started {programs}{more}, whose reads are not seen: declare inputs or reuse = true"
    if transcript.connected:
        return "it opened a connection: declare inputs or reuse = true"
    if transcript.hello and not transcript.watched:
        why = "Python 3.7 cannot record it, or there was too much of it"
        return f"what it read is not known: {why}; declare inputs or reuse = true"
    return None
