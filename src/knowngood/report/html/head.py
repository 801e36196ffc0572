"""The head of the page: the run in one sentence, how it turned out, and what the proof rests on."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowngood.model import Change, ChangeKind, JudgedRun, Status
from knowngood.report.summary import cautions, predicted
from knowngood.report.text import count


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where some packages came from."""

    packages: str
    used: str
    """A URL, or words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What a reader must know first."""

    title: str
    sentence: str
    tone: str
    """``good``: all as expected; ``bad``: something is not, or regressed; ``unsure``: not everything could be told."""
    started: str
    """UTC, ISO 8601."""
    oldest: str | None
    """When the oldest verdict was found out that this run took over, UTC, ISO 8601; None: all are its own."""
    reused: str
    """How many verdicts it took over."""
    machine: str
    pythons: str
    origins: tuple[Origin, ...]
    tools: str
    command: str
    run: str
    digest: str
    cautions: tuple[str, ...]
    """What limits it."""
    predicted: tuple[str, ...]


def head(judged: JudgedRun, changes: Sequence[Change]) -> Head:
    """Return the head of a judged run; ``changes`` are those against a baseline, if there is one."""
    info = judged.run.info
    taken = [cell.reused.recorded for cell in judged.cells if cell.reused]
    return Head(
        title=info.title,
        sentence=sentence(judged, changes),
        tone=_tone(judged, changes),
        started=info.started,
        oldest=min(taken, default=None),
        reused=count(len(taken), "verdict"),
        machine=f"{info.platform}, {info.cpu}, {count(info.cores, 'core')}",
        pythons=", ".join(_pythons(judged)) or info.python,
        origins=tuple(
            Origin(
                packages=", ".join(choice.packages) or "all other packages",
                used="the default index" if choice.used == "default" else choice.used,
            )
            for choice in judged.run.indexes
        ),
        tools=", ".join(f"{name} {version}" for name, version in sorted(info.versions.items())),
        command=info.command,
        run=info.id,
        digest=info.digest,
        cautions=(*_shards(judged), *cautions(judged)),
        predicted=predicted(judged),
    )


def sentence(judged: JudgedRun, changes: Sequence[Change]) -> str:
    """Return ``2 of 7 combos pass; 5 fail as expected; nothing regressed``."""
    cells = judged.cells
    if not cells:
        return "Nothing was run: there is nothing to tell"
    noun = "combo" if len({cell.combo.id for cell in cells}) == len(cells) else "cell"
    passed = [cell for cell in cells if cell.verdict.status is Status.PASS]
    odd = sum(cell.as_expected is False for cell in passed)
    rest = [cell for cell in cells if cell.verdict.status is not Status.PASS]
    never = sum(cell.verdict.status is Status.NOT_RUN for cell in rest)
    stuck = sum(cell.as_expected is None for cell in rest) - never
    parts = [
        f"{len(passed)} of {count(len(cells), noun)} {'passes' if len(passed) == 1 else 'pass'}"
        + (f", {odd} of them unexpectedly" if odd else "")
    ]
    for expected, how in ((True, "as expected"), (False, "unexpectedly")):
        if number := sum(cell.as_expected is expected for cell in rest):
            parts.append(f"{number} {'fails' if number == 1 else 'fail'} {how}")
    parts += [f"{stuck} could not be told"] if stuck else []
    parts += [f"{never} {'was' if never == 1 else 'were'} not run"] if never else []
    if changes:
        parts.append(f"{_regressed(changes) or 'nothing'} regressed")
    return "; ".join(parts)


def _pythons(judged: JudgedRun) -> list[str]:
    """Return the Pythons that were used; one that was only asked for, such as 3.11, where no 3.11.x was."""
    met = dict.fromkeys(cell.python for cell in judged.cells)
    return [python for python in met if not any(other.startswith(f"{python}.") for other in met)]


def _tone(judged: JudgedRun, changes: Sequence[Change]) -> str:
    if _regressed(changes) or any(cell.as_expected is False for cell in judged.cells):
        return "bad"
    run = judged.run
    whole = run.finished and not run.interrupted and all(cell.as_expected is not None for cell in judged.cells)
    return "good" if whole and judged.cells else "unsure"


def _regressed(changes: Sequence[Change]) -> int:
    return sum(change.kind is ChangeKind.REGRESSED for change in changes)


def _shards(judged: JudgedRun) -> tuple[str, ...]:
    run = judged.run
    if not run.info.shard:
        return ()
    return (f"only shard {run.info.shard}: {count(len(run.elsewhere), 'combo')} of the matrix ran elsewhere",)
