"""What is known of one cell, put in order for whoever tells it: as text, as Markdown or as JSON. Raw text."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from knowngood.model import (
    Cell,
    Check,
    ComboFacts,
    Drift,
    Frame,
    JudgedRun,
    Outcome,
    ProbeFacts,
    Raised,
    Reason,
    Run,
    Status,
)
from knowngood.report import words
from knowngood.report.columns import named
from knowngood.report.frames import crossings, place
from knowngood.report.text import plain
from knowngood.tracebacks import dumped_frames, frames_of, shorten_paths

LAST_WORDS = 5
"""Lines of output that are told where a process ended without an exception."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Got:
    """A package that matters here, and what became of it."""

    package: str
    version: str | None
    """None: it is not installed."""
    remark: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What went wrong and where."""

    place: str
    """Phase, and the check or the reason."""
    said: tuple[str, ...]
    """What was said, the decisive first."""
    frames: tuple[Frame, ...] = ()
    """Innermost first."""
    last_words: tuple[str, ...] = ()
    """The end of the output, where nothing better is known."""


def got(cell: Cell) -> tuple[Got, ...]:
    """Return what was asked for, what the diagnosis names and what violates a pin, each with its version."""
    diagnosis = cell.diagnosis
    parties = [diagnosis.culprit, diagnosis.conflicts_with] if diagnosis else []
    names: list[str] = [canonicalize_name(requirement.name) for requirement in named(cell.combo)]
    names += [name for name in parties if name] if cell.installed else []
    names += [drift.package for drift in cell.drift if drift.violates]
    return tuple(
        Got(
            package=name,
            version=cell.python if name == "python" else cell.installed.get(name),
            remark=", ".join(_remarks(cell, name)),
        )
        for name in dict.fromkeys(names)
    )


def moved(cell: Cell) -> tuple[Drift, ...]:
    """Return the drift ledger, step by step; of each step what violates a pin or is the culprit comes first."""
    culprit = cell.diagnosis.culprit if cell.diagnosis else None
    return tuple(sorted(cell.drift, key=lambda one: (one.step, not one.violates, one.package != culprit)))


def failure(cell: Cell, run: Run) -> Failure | None:
    """Return what went wrong; None for a cell that passed."""
    verdict = cell.verdict
    if verdict.status is Status.PASS:
        return None
    probed = _probed(cell, run)
    check = next((one for one in cell.checks if one.name == cell.check), None)
    raised = check.raised if check else ()
    output = probed.action.output if probed else ""
    dumped = () if raised else crossings(dumped_frames(output))
    frames = dumped or crossings(frames_of(raised))
    silent = probed is not None and not raised and verdict.status in (Status.FAIL, Status.CRASH, Status.ERROR)
    return Failure(
        place=f"{verdict.phase}: {cell.check or str(verdict.reason).replace('-', ' ')}",
        # Where it died the frames tell better.
        said=_said(cell, check, raised) if not dumped else (cell.message.partition(", at ")[0],),
        frames=frames,
        last_words=_last_words(output) if silent and not frames else (),
    )


def evidence(cell: Cell, failed: Failure | None) -> tuple[str, ...]:
    """Return what the diagnosis rests on, without what is told of the failure anyway."""
    places = [place(frame) for frame in failed.frames] if failed else []
    return tuple(shorten_paths(one) for one in words.evidence(cell) if one not in places)


def others(cell: Cell, outcome: Outcome) -> tuple[Check, ...]:
    """Return the checks that ended so, without the one that the failure is about."""
    return tuple(check for check in cell.checks if check.outcome is outcome and check.name != cell.check)


def notes(cell: Cell, run: Run) -> tuple[tuple[str, str], ...]:
    """Return (label, text) of what was noticed beside the verdict, in the order in which it is told."""
    facts = facts_of(cell, run)
    found = [("known", cell.known)] if cell.known else []
    found += [("flaky", f"{words.flaky(cell)}: do not trust one run of it")] if cell.flaky else []
    if cell.attempts > 1 and not cell.flaky:
        found.append(("attempts", f"it took {cell.attempts}, and the last one counts"))
    seen = [*map(shorten_paths, cell.warnings), *(facts.environment.remarks if facts and facts.environment else ())]
    # An alarm is often a part of the warning that Python made of it.
    found += [("seen", one) for one in dict.fromkeys(seen) if not any(one in other for other in seen if other != one)]
    if cell.predicted:
        came = ", yet it passed" if cell.verdict.status is Status.PASS else ""
        found.append(("predicted", f"{cell.predicted}{came}"))
    if cell.numbers and cell.numbers.says != cell.message:
        found.append(("numbers", cell.numbers.says))
    return tuple(found)


def facts_of(cell: Cell, run: Run) -> ComboFacts | None:
    """Return what was recorded of the combo of a cell."""
    return next((facts for facts in run.combos if facts.combo.id == cell.combo.id), None)


def rerun(cell: Cell, run: Run) -> str:
    """Return the command that runs just this combo again and leaves its environment for a closer look."""
    return f"{plain(run.info.command)} --only {shlex.quote(plain(cell.combo.id))} --keep"


def log_of(cell: Cell, run_folder: str) -> str | None:
    """Return the path of the log that tells most; None when the cell has none."""
    return f"{plain(run_folder)}/{plain(cell.log)}" if cell.log else None


def unlike(judged: JudgedRun) -> tuple[Cell, ...]:
    """Return the cells to be looked at: those not as expected, then those that something stood in the way of."""
    surprises = [cell for cell in judged.cells if cell.as_expected is False]
    stopped = [cell for cell in judged.cells if cell.as_expected is None and cell.verdict.status is not Status.NOT_RUN]
    return (*surprises, *stopped)


def failed(judged: JudgedRun) -> tuple[Cell, ...]:
    """Return the cells that did not pass, expected or not."""
    return tuple(cell for cell in judged.cells if cell.verdict.status is not Status.PASS)


def _remarks(cell: Cell, name: str) -> list[str]:
    diagnosis = cell.diagnosis
    found = [f"violates {one.violates}" for one in cell.drift if one.package == name and one.violates][-1:]
    if diagnosis and name == diagnosis.culprit:
        found.append("culprit")
    if diagnosis and name == diagnosis.conflicts_with:
        found.append("what it conflicts with" if diagnosis.culprit else "involved")
    return found


def _probed(cell: Cell, run: Run) -> ProbeFacts | None:
    facts = facts_of(cell, run)
    return next((one for one in reversed(facts.probes) if one.probe == cell.probe), None) if facts else None


def _said(cell: Cell, check: Check | None, raised: Sequence[Raised]) -> tuple[str, ...]:
    found = []
    violated = [one for one in cell.drift if one.violates]
    if cell.verdict.reason is Reason.PIN_VIOLATED:
        pins = [f"{one.violates} was asked for, {one.after or 'nothing'} is installed" for one in violated]
        found += pins[-1:] or [cell.message]
    elif not raised:
        found.append(cell.message)
    if raised:
        root, *led_to = [shorten_paths(f"{one.type.removeprefix('builtins.')}: {one.message}") for one in raised]
        found += [root, *(f"which led to {text}" for text in led_to)]
    elif check and check.message and plain(check.message) not in plain(cell.message):
        found.append(check.message)
    # A check of the pins says what was said of them before.
    kept = [one for number, one in enumerate(found) if not number or plain(found[0]) not in plain(one)]
    return tuple(one for one in kept if plain(one))


def _last_words(output: str) -> tuple[str, ...]:
    lines = [line for line in plain(shorten_paths(output), lines=True).split("\n") if line.strip()]
    return tuple(lines[-LAST_WORDS:])
