"""Sum up a run in a few sentences: its counts, when and where it was tested, and what limits it. For all reports."""

from collections import Counter
from datetime import date

from knowngood.model import UNDECIDED, JudgedRun, RunInfo, Score, Status
from knowngood.report import coverage, words
from knowngood.report.text import count, moment, published_day, seconds


def summary(judged: JudgedRun, *, elapsed: float | None = None) -> str:
    """Return the sum of a run: ``7 combos, 7 cells in 1m32s: 2 pass, 5 fail as expected; 0 not as expected``."""
    cells = [cell for cell in judged.cells if not cell.left_out]
    duration = f" in {seconds(elapsed)}" if elapsed is not None else ""
    head = f"{count(len({cell.combo.id for cell in cells}), 'combo')}, {count(len(cells), 'cell')}{duration}"
    expected = Counter(cell.verdict.status for cell in cells if cell.as_expected)
    undecided = Counter(cell.verdict.status for cell in cells if cell.as_expected is None)
    counts = [
        f"{expected[status]} {status}" + ("" if status is Status.PASS else " as expected")
        for status in Status
        if expected[status] or status is Status.PASS
    ]
    unexpected = sum(cell.as_expected is False for cell in cells)
    parts = [", ".join(counts), f"{unexpected} {'NOT' if unexpected else 'not'} as expected"]
    if against := sum(cell.works_against_metadata for cell in cells):
        parts.append(f"{against} {'works against its' if against == 1 else 'work against their'} metadata")
    if reused := sum(cell.reused is not None for cell in cells):
        imported = sum(bool(cell.reused and cell.reused.archive) for cell in cells)
        parts.append(f"{reused} reused" + (f", {imported} of them imported" if imported else ""))
    if undecided:
        listed = ", ".join(f"{undecided[status]} {status}" for status in Status if undecided[status])
        parts.append(f"{listed} (undecided)")
    return f"{head}: {'; '.join(parts)}"


def caption(judged: JudgedRun) -> str:
    """Return when and where a run was tested, and with what, as a sentence.

    Such as ``Tested on 2026-11-24 with Python 3.11.7 on Linux-6.1.0 (AMD EPYC 7B13), by knowngood 0.1.0 and uv 0.9.``
    """
    info, run = judged.run.info, judged.run
    with_pythons = f" with Python {', '.join(pythons(judged))}" if pythons(judged) else ""
    on_machine = f"{info.platform} ({info.cpu})" if info.cpu else info.platform
    isolated = f", {words.isolation(info)}" if info.isolation else ""
    by_tools = f", by {' and '.join(tools(info))}" if tools(info) else ""
    incomplete = "" if run.finished and not run.interrupted else ", in a run that was cut short"
    return f"Tested on {' to '.join(days(judged))}{with_pythons} on {on_machine}{by_tools}{isolated}{incomplete}."


def days(judged: JudgedRun) -> tuple[str, ...]:
    """Return the first and the last day on which the verdicts of a run were found, or the only one, as ISO 8601."""
    info = judged.run.info
    last = {info.id} if published_day(info) else set()
    recorded = {cell.reused.recorded[:10] for cell in judged.cells if cell.reused}
    ordered = sorted({info.started[:10], *last, *recorded})
    return tuple(dict.fromkeys([ordered[0], ordered[-1]]))


def pythons(judged: JudgedRun) -> tuple[str, ...]:
    """Return the Pythons that ran, and a requested one, such as 3.11, only if no 3.11.x ran."""
    versions = dict.fromkeys(cell.python for cell in judged.cells)
    return tuple(version for version in versions if not any(other.startswith(f"{version}.") for other in versions))


def tools(info: RunInfo) -> tuple[str, ...]:
    """Return the tools that a run depends on most, each with its version."""
    return tuple(f"{name} {info.versions[name]}" for name in ("knowngood", "uv") if name in info.versions)


def cautions(judged: JudgedRun) -> tuple[str, ...]:
    """Return what limits a run, a sentence each: cut short, reference not passed, another index, unreadable lines."""
    run = judged.run
    sentences = coverage.sentences(judged)
    if run.elsewhere:
        sentences.append(f"incomplete run: {count(len(run.elsewhere), 'combo')} of other shards are missing")
    elif run.interrupted or not run.finished:
        why = f"interrupted by {run.interrupted}" if run.interrupted else "its event log has no end"
        sentences.append(f"incomplete run: {why}")
    reference = [cell for cell in judged.cells if cell.combo.id == run.info.reference]
    if reference and all(cell.verdict.status in UNDECIDED for cell in reference):
        sentences.append(f"the reference combo {run.info.reference} was not decided: no numbers were compared with it")
    elif any(cell.verdict.status is not Status.PASS for cell in reference):
        sentences.append(f"the reference combo {run.info.reference} did not pass: no numbers were compared with it")
    for choice in run.indexes:
        if choice.used != choice.asked:
            packages = ", ".join(choice.packages) or "all packages"
            used = "the default index" if choice.used == "default" else choice.used
            sentences.append(f"index {choice.name} was not used: {packages} came from {used} ({choice.why})")
    if unread := run.bad_lines + run.unknown_events:
        sentences.append(f"{count(unread, 'line')} of the event log could not be read by this version")
    return tuple(sentences)


def predicted(judged: JudgedRun) -> tuple[str, ...]:
    """Return how well the static scan predicted failures, in one line; nothing if it had nothing to say."""
    scores = [cell.score for cell in judged.cells]
    hits, misses, alarms = (scores.count(score) for score in (Score.HIT, Score.MISS, Score.FALSE_ALARM))
    if not hits + misses + alarms:
        return ()
    return (f"static scan: {count(hits, 'failure')} predicted, {misses} missed, {count(alarms, 'false alarm')}",)


def oldest(judged: JudgedRun) -> date | None:
    """Return the day of the oldest verdict of a run, which may be reused; None when its log has no valid time."""
    found = moment(days(judged)[0])
    return found.date() if found else None


def is_stale(judged: JudgedRun, today: date | None) -> bool:
    """Return whether a run, seen on ``today``, is older than its matrix promises; never without a day."""
    day = oldest(judged)
    return today is not None and day is not None and (today - day).days > judged.run.info.stale_after


def promise(judged: JudgedRun) -> str:
    """Return how old a run is and may be: ``the oldest is from 2026-10-01, and the matrix promises ...``.

    It is what is said about the results of a run that is stale, and does not change from day to day.
    """
    day, after = oldest(judged), judged.run.info.stale_after
    last = "day" if after == 1 else f"{after} days"
    return f"the oldest is from {day or 'an unknown day'}, and the matrix promises results of the last {last}"


def stale(judged: JudgedRun, today: date | None) -> tuple[str, ...]:
    """Return a caution about a run that is stale on ``today``; nothing about any other."""
    return (f"out of date: of these results, {promise(judged)}",) if is_stale(judged, today) else ()
