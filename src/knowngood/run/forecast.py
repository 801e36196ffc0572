"""Forecast a run from its locks: what it would build, what it would reuse, and how to divide it among CI jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowngood.cache.verdicts import Entry
from knowngood.install.sizes import File, files
from knowngood.model import ComboFacts
from knowngood.process.files import read_text
from knowngood.run.context import RunContext
from knowngood.run.evaluate import Stage, evaluate
from knowngood.run.executors.interface import Task

_UNKNOWN = 60.0  # seconds; the cost of a combo when no combo of its matrix was ever run
_START = 60.0  # seconds that a CI job takes until its first combo begins: less work is not worth a job


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What a run would do with one combo."""

    facts: ComboFacts
    possible: bool
    """Whether it can be built."""
    reusable: Entry | None
    """The result of an earlier run for the same lock, probes and machine."""
    files: tuple[File, ...] | None = None
    """What its environment would consist of; None: it is not known before there is an environment, as with pip."""

    @property
    def distributions(self) -> dict[str, str]:
        """Canonical name -> version of what would be installed, as far as that is resolved."""
        return {name: version for step in self.facts.steps for name, version in step.resolved.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The combos of one CI job, and about how many seconds they take."""

    combos: tuple[str, ...]
    seconds: float


def forecast(task: Task, context: RunContext, *, everything: bool = False, sizes: bool = True) -> Forecast:
    """Resolve a combo, and return what a run would do with it. Nothing is recorded.

    The files of a combo whose verdict would be reused are looked up only if ``everything`` runs; without ``sizes``
    none are.
    """
    stages = evaluate(task, context, lambda event: None)
    pause = next(stages, None)
    stages.close()
    if pause is None:
        return Forecast(facts=ComboFacts(combo=task.combo), possible=False, reusable=None)
    possible = pause.next is Stage.BUILD
    builds = possible and pause.keys is not None and (everything or pause.entry is None)
    return Forecast(
        facts=pause.facts,
        possible=possible,
        reusable=pause.entry,
        files=_files(pause.facts, task, context) if builds and sizes else None,
    )


def _files(facts: ComboFacts, task: Task, context: RunContext) -> tuple[File, ...]:
    """Return the files of all steps of a resolved combo, each once."""
    python = context.tools.python(facts.combo.python)
    found: dict[str, File] = {}
    for step, declared in zip(facts.steps, facts.combo.steps, strict=False):
        folder = context.folder(facts.combo.id)
        text = read_text(folder / f"step{step.number}.lock")
        sized = files(
            text,
            declared.options,
            tools=context.tools,
            python=python,
            folder=folder / f"sizes{step.number}",
            places=task.settings.routes.folders,
        )
        found |= {file.name: file for file in sized}
    return tuple(found.values())


def costs(forecasts: Sequence[Forecast], past: Mapping[str, float], *, everything: bool) -> dict[str, float]:
    """Return about how many seconds each combo will take, by id, in the order of ``forecasts``.

    A combo that cannot be built costs nothing, and neither does one whose verdict is reused unless ``everything`` runs.
    ``past`` holds how many seconds combos took; one that is not in it is expected to take their mean.
    """
    usual = sum(past.values()) / len(past) if past else _UNKNOWN
    return {
        forecast.facts.combo.id: past.get(forecast.facts.combo.id, usual)
        if forecast.possible and (everything or forecast.reusable is None)
        else 0.0
        for forecast in forecasts
    }


def deal_matrices(costs: Mapping[str, Mapping[str, float]], *, most: int) -> dict[str, tuple[Job, ...]]:
    """Divide the combos of each matrix among jobs, at most ``most`` in total; a job has combos of one matrix.

    ``costs`` holds seconds by id, by matrix. ``most`` is at least the number of matrices, since each has a job.
    """
    if len(costs) > most:
        raise ValueError(f"{len(costs)} matrices cannot be divided among {most} jobs")
    jobs = {name: deal(cost, most=1) for name, cost in costs.items()}
    growing = dict.fromkeys(costs)
    while growing and sum(map(len, jobs.values())) < most:
        # The next job goes to the matrix whose longest job takes longest.
        slowest = max(growing, key=lambda name: max((job.seconds for job in jobs[name]), default=0.0))
        more = deal(costs[slowest], most=len(jobs[slowest]) + 1)
        if len(more) == len(jobs[slowest]):
            del growing[slowest]
        jobs[slowest] = more
    return jobs


def deal(cost: Mapping[str, float], *, most: int) -> tuple[Job, ...]:
    """Divide combos among at most ``most`` jobs that take about as long; fewer when there is little to do.

    ``cost`` holds seconds by id. In a job the combos keep their order.
    """
    worth = max(1, round(sum(cost.values()) / _START))
    busy = max(1, sum(1 for seconds in cost.values() if seconds))
    jobs = min(most, worth, busy)
    hands: list[list[str]] = [[] for _ in range(jobs)]
    sums = [0.0] * jobs
    # The longest first, each to the job with least to do: at most a third longer than the best division.
    for combo in sorted(cost, key=lambda combo: -cost[combo]):
        least = sums.index(min(sums))
        hands[least].append(combo)
        sums[least] += cost[combo]
    order = {combo: number for number, combo in enumerate(cost)}
    return tuple(
        Job(combos=tuple(sorted(hand, key=order.__getitem__)), seconds=round(seconds, 1))
        for hand, seconds in zip(hands, sums, strict=True)
    )
