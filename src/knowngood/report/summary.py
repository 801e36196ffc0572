"""A run in one line, and what a reader must know before trusting it. Raw text, escaped by whoever prints it."""

from collections import Counter

from knowngood.model import UNDECIDED, JudgedRun, Score, Status
from knowngood.report.text import count, seconds


def summary(judged: JudgedRun, *, elapsed: float | None = None) -> str:
    """Return the sum of a run: ``7 combos, 7 cells in 1m32s: 2 pass, 5 fail as expected; 0 not as expected``."""
    cells = judged.cells
    took = f" in {seconds(elapsed)}" if elapsed is not None else ""
    head = f"{count(len({cell.combo.id for cell in cells}), 'combo')}, {count(len(cells), 'cell')}{took}"
    as_expected = Counter(cell.verdict.status for cell in cells if cell.as_expected)
    undecided = Counter(cell.verdict.status for cell in cells if cell.as_expected is None)
    good = [
        f"{as_expected[status]} {status}" + ("" if status is Status.PASS else " as expected")
        for status in Status
        if as_expected[status] or status is Status.PASS
    ]
    surprises = sum(cell.as_expected is False for cell in cells)
    parts = [", ".join(good), f"{surprises} {'NOT' if surprises else 'not'} as expected"]
    if reused := sum(cell.reused is not None for cell in cells):
        parts.append(f"{reused} cached")
    if undecided:
        listed = ", ".join(f"{undecided[status]} {status}" for status in Status if undecided[status])
        parts.append(f"{listed} (undecided)")
    return f"{head}: {'; '.join(parts)}"


def cautions(judged: JudgedRun) -> tuple[str, ...]:
    """Return what limits a run: it was cut short, its reference failed, indexes other than asked, lines unread."""
    run = judged.run
    found = []
    if run.elsewhere:
        found.append(f"incomplete run: {count(len(run.elsewhere), 'combo')} of other shards are missing here")
    elif run.interrupted or not run.finished:
        found.append(f"incomplete run: {f'ended by {run.interrupted}' if run.interrupted else 'its log has no end'}")
    reference = [cell for cell in judged.cells if cell.combo.id == run.info.reference]
    if reference and all(cell.verdict.status in UNDECIDED for cell in reference):
        found.append(f"the reference combo {run.info.reference} was not decided: no numbers were compared with it")
    elif any(cell.verdict.status is not Status.PASS for cell in reference):
        found.append(f"the reference combo {run.info.reference} did not pass: no numbers were compared with it")
    for choice in run.indexes:
        if choice.used != choice.asked:
            packages = ", ".join(choice.packages) or "all packages"
            used = "the default index" if choice.used == "default" else choice.used
            found.append(f"index {choice.name} not used: {packages} came from {used} ({choice.why})")
    if lost := run.bad_lines + run.unknown_events:
        found.append(f"{count(lost, 'line')} of the event log could not be read by this version")
    return tuple(found)


def predicted(judged: JudgedRun) -> tuple[str, ...]:
    """Return how the static scan did in a line; nothing when it had nothing to say and missed nothing."""
    scores = [cell.score for cell in judged.cells]
    hits, misses, alarms = (scores.count(one) for one in (Score.HIT, Score.MISS, Score.FALSE_ALARM))
    if not hits + misses + alarms:
        return ()
    return (f"static scan: {count(hits, 'failure')} predicted, {misses} missed, {count(alarms, 'false alarm')}",)
