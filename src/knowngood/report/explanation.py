"""Gather what is known about one cell, in the order in which a reader needs it: for text, Markdown and JSON. Raw text.

It includes what the verdict depends on: when any of that changes, the probe runs again.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from knowngood.model import (
    Basis,
    Cell,
    Check,
    ComboFacts,
    Drift,
    Frame,
    JudgedRun,
    Outcome,
    ProbeBasis,
    ProbeFacts,
    ProbeKind,
    Raised,
    Reason,
    Run,
    Status,
    Transcript,
)
from knowngood.model.recorded import why_not_reused
from knowngood.report import words
from knowngood.report.table import named
from knowngood.report.text import count, plain
from knowngood.tracebacks import dumped_frames, frames_of, installed_path, shorten_paths, standard_path

_MOST = 12
"""Files that are listed; the rest are counted."""
_DIGEST = 12
"""Characters of a digest that are shown."""


def depends_on(cell: Cell, run: Run) -> tuple[str, ...]:
    """Return what the verdict of a cell depends on, a sentence each; nothing when its combo was never resolved."""
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


MOST = 4
"""Frames that are shown: frames of more packages do not help to see who called whom."""

_PROBE_API = "knowngood/probe/in_env/probe_api.py"
_PROBE = ""
"""The owner of the frames of a probe."""


def crossings(frames: Iterable[Frame]) -> tuple[Frame, ...]:
    """Return the frames, innermost first, at which each package and the probe called another one.

    The frames between them are left out: of the import system and the rest of the standard library.
    """
    own = [frame for frame in frames if not frame.file.endswith(_PROBE_API)]
    owned: list[tuple[str, Frame]] = []
    for frame in reversed(own):
        owner = _owner(frame.file, owned[-1][0] if owned else _PROBE)
        if owner is None:
            continue
        if owned and owned[-1][0] == owner:
            owned.pop()
        owned.append((owner, frame))
    innermost_first = owned[::-1]
    kept = innermost_first[: MOST - 1] if len(innermost_first) > MOST else innermost_first
    kept += [pair for pair in innermost_first if pair[0] == _PROBE and pair not in kept][:1]
    return tuple(frame for _, frame in kept) or tuple(own[:1])


def place(frame: Frame) -> str:
    """Return ``pandas/core/api.py:1 in load``: the path inside ``site-packages``, or else the name of the file."""
    file = frame.file
    file = installed_path(file) or standard_path(file) or (file.rpartition("/")[2] if file.startswith("/") else file)
    # The top level of a module has no function name.
    return f"{file}:{frame.line}" + ("" if frame.function in ("<module>", "") else f" in {frame.function}")


def _owner(file: str, caller: str) -> str | None:
    """Return the top package that ``file`` belongs to, or the probe; None for the standard library."""
    inside = installed_path(file)
    if inside is not None:
        return inside.partition("/")[0].partition(".")[0]
    if file.startswith("<") or standard_path(file) is not None:
        return None
    if file.startswith("/"):
        return _PROBE
    # Code compiled by Cython has a path from its package on, or only a file name: then it belongs to its caller.
    return file.partition("/")[0] if "/" in file else caller


LAST_LINES = 5
"""Lines of output that are shown of a process that ended without an exception."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A package that matters for the verdict of a cell."""

    name: str
    version: str | None
    """None: it is not installed."""
    remark: str
    """What it has to do with the failure; empty for most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What went wrong and where."""

    place: str
    """Phase, and the check or the reason."""
    messages: tuple[str, ...]
    """The decisive one first."""
    frames: tuple[Frame, ...] = ()
    """Innermost first."""
    last_lines: tuple[str, ...] = ()
    """The end of the output, where nothing better is known."""


def packages(cell: Cell) -> tuple[Package, ...]:
    """Return the packages that the combo names, that the diagnosis names, and that violate a pin."""
    diagnosis = cell.diagnosis
    parties = [diagnosis.culprit, diagnosis.conflicts_with] if diagnosis else []
    names: list[str] = [canonicalize_name(requirement.name) for requirement in named(cell.combo)]
    names += [name for name in parties if name] if cell.installed else []
    names += [drift.package for drift in cell.drift if drift.violates]
    return tuple(
        Package(
            name=name,
            version=cell.python if name == "python" else cell.installed.get(name),
            remark=", ".join(_remarks(cell, name)),
        )
        for name in dict.fromkeys(names)
    )


def _remarks(cell: Cell, name: str) -> list[str]:
    diagnosis = cell.diagnosis
    remarks = [f"violates {drift.violates}" for drift in cell.drift if drift.package == name and drift.violates][-1:]
    if diagnosis and name == diagnosis.culprit:
        remarks.append("culprit")
    if diagnosis and name == diagnosis.conflicts_with:
        remarks.append("conflicts with it" if diagnosis.culprit else "involved")
    return remarks


def drift(cell: Cell) -> tuple[Drift, ...]:
    """Return the drift step by step; within a step, first what violates a pin, then the culprit."""
    culprit = cell.diagnosis.culprit if cell.diagnosis else None
    return tuple(sorted(cell.drift, key=lambda drift: (drift.step, not drift.violates, drift.package != culprit)))


def failure(cell: Cell, run: Run) -> Failure | None:
    """Return what went wrong; None for a cell that passed."""
    verdict = cell.verdict
    if verdict.status is Status.PASS:
        return None
    attempt = _last_attempt(cell, run)
    check = next((check for check in cell.checks if check.name == cell.check), None)
    raised = check.raised if check else ()
    output = attempt.action.output if attempt else ""
    dumped = () if raised else crossings(dumped_frames(output))
    frames = dumped or crossings(frames_of(raised))
    silent = attempt is not None and not raised and verdict.status in (Status.FAIL, Status.CRASH, Status.ERROR)
    return Failure(
        place=f"{verdict.phase}: {cell.check or str(verdict.reason).replace('-', ' ')}",
        # The frames show better than the message where the process died.
        messages=_messages(cell, check, raised) if not dumped else (cell.message.partition(", at ")[0],),
        frames=frames,
        last_lines=_last_lines(output) if silent and not frames else (),
    )


def _last_attempt(cell: Cell, run: Run) -> ProbeFacts | None:
    facts = facts_of(cell, run)
    attempts = reversed(facts.probes) if facts else ()
    return next((attempt for attempt in attempts if attempt.probe == cell.probe), None)


def _messages(cell: Cell, check: Check | None, raised: Sequence[Raised]) -> tuple[str, ...]:
    messages = []
    if cell.verdict.reason is Reason.PIN_VIOLATED:
        violations = [drift for drift in cell.drift if drift.violates]
        pins = [f"{drift.violates} was asked for, {drift.after or 'nothing'} is installed" for drift in violations]
        messages += pins[-1:] or [cell.message]
    elif not raised:
        messages.append(cell.message)
    if raised:
        root, *led_to = [
            shorten_paths(f"{exception.type.removeprefix('builtins.')}: {exception.message}") for exception in raised
        ]
        messages += [root, *(f"which led to {exception}" for exception in led_to)]
    elif check and check.message and plain(check.message) not in plain(cell.message):
        messages.append(check.message)
    # A check of the pins repeats the first message.
    kept = [text for number, text in enumerate(messages) if not number or plain(messages[0]) not in plain(text)]
    return tuple(text for text in kept if plain(text))


def _last_lines(output: str) -> tuple[str, ...]:
    lines = [line for line in plain(shorten_paths(output), lines=True).split("\n") if line.strip()]
    return tuple(lines[-LAST_LINES:])


def evidence(cell: Cell, failure: Failure | None) -> tuple[str, ...]:
    """Return the evidence of the diagnosis, without the frames of the failure."""
    places = [place(frame) for frame in failure.frames] if failure else []
    return tuple(shorten_paths(fact) for fact in words.evidence(cell) if fact not in places)


def others(cell: Cell, outcome: Outcome) -> tuple[Check, ...]:
    """Return the checks with this outcome, without the one that the failure is about."""
    return tuple(check for check in cell.checks if check.outcome is outcome and check.name != cell.check)


def notes(cell: Cell, run: Run) -> tuple[tuple[str, str], ...]:
    """Return (label, text) of what was observed beside the verdict, the most important first."""
    listed = [("known", cell.known)] if cell.known else []
    listed += [("unexpected", text) for text in cell.unmet]
    listed += [("flaky", f"{words.flaky(cell)}: do not trust a single run of it")] if cell.flaky else []
    if cell.attempts > 1 and not cell.flaky:
        listed.append(("attempts", f"{cell.attempts}, and the last one counts"))
    if cell.reused and cell.reused.archive:
        # Whether it is true depends on the machine that recorded it, which matters more than the rest.
        listed = [("imported", f"from {cell.reused.archive}: another machine or user recorded this verdict"), *listed]
    listed = [*(("tested", text) for text in words.tested(cell)), *listed]
    listed += [("yanked", text) for text in words.yanked(cell)]
    listed += [("resolution", f"{cell.combo.resolution}; {words.highest(cell)}")] if cell.highest else []
    observed = list(dict.fromkeys([*map(shorten_paths, cell.warnings), *cell.remarks]))
    # An alarm is often a part of the warning that Python made of it.
    whole = [text for text in observed if not any(text in other for other in observed if other != text)]
    listed += [("also observed", text) for text in words.some(whole)]
    if cell.predicted:
        outcome = ", but it passed" if cell.verdict.status is Status.PASS else ""
        listed.append(("predicted", f"{cell.predicted}{outcome}"))
    if cell.numbers and cell.numbers.says != cell.message:
        listed.append(("numbers", cell.numbers.says))
    listed += [("depends on", text) for text in depends_on(cell, run)]
    return tuple(listed)


def facts_of(cell: Cell, run: Run) -> ComboFacts | None:
    """Return what was recorded of the combo of a cell."""
    return next((facts for facts in run.combos if facts.combo.id == cell.combo.id), None)


def rerun(cell: Cell, run: Run, options: str = "") -> str:
    """Return the command that runs this combo again, for real, and keeps its environment for a closer look.

    ``options`` are those that a user needs here beside the recorded command, with a space in front.
    """
    return f"{plain(run.info.command)} --only {shlex.quote(plain(cell.combo.id))} --keep{options}"


def log_of(cell: Cell, run_folder: str) -> str | None:
    """Return the path of the log that says most; None when the cell has none."""
    return f"{plain(run_folder)}/{plain(cell.log)}" if cell.log else None


def to_look_at(judged: JudgedRun, *, probe: str | None = None) -> tuple[Cell, ...]:
    """Return the cells that are not as expected, then those that could not be tested; with ``probe`` only its cells.

    A combo that never got to its probes is there once, not once for each probe.
    """
    cells = [cell for cell in judged.cells if probe in (None, cell.probe)]
    unexpected = [cell for cell in cells if cell.as_expected is False]
    untested = [cell for cell in cells if cell.as_expected is None and cell.verdict.status is not Status.NOT_RUN]
    return words.each_once((*unexpected, *untested))


def failed(judged: JudgedRun) -> tuple[Cell, ...]:
    """Return the cells that did not pass, expected or not."""
    return tuple(cell for cell in judged.cells if cell.verdict.status is not Status.PASS)
