"""Several attempts at one probe: which one counts, and whether they disagree."""

from collections.abc import Sequence

from knowngood.judge.probes import judge_probe
from knowngood.model import UNDECIDED, ProbeFacts, Status


def deciding(attempts: Sequence[ProbeFacts]) -> ProbeFacts:
    """Return the attempt at a probe whose verdict counts: the last of ``attempts``, which are one or more.

    A probe is tried again only where the attempt before is not to be believed alone: a crash or a hang that may have
    been the machine's counts once it comes twice, and one that does not come again is told by ``flaky``. Nor is the
    best one chosen: with enough attempts anything would pass. An attempt that was cut short decides nothing, even after
    one that failed, and so its cell is undecided and is run again.
    """
    return attempts[-1]


def flaky(attempts: Sequence[ProbeFacts]) -> str | None:
    """Return ``1/2``, how many attempts at a probe passed, of how many, when they disagree; None when they agree.

    An attempt that says nothing of the versions, since it was cut short or killed by others, is not counted.
    """
    statuses = [judge_probe(attempt)[0].status for attempt in attempts]
    decided = [status for status in statuses if status not in UNDECIDED]
    passed = decided.count(Status.PASS)
    return f"{passed}/{len(decided)}" if 0 < passed < len(decided) else None
