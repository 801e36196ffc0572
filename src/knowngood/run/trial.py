"""Try a set of versions on the probe that failed, once, in an environment that lasts as long as the trial.

Nothing of it is recorded but the answer: its time limit is shorter than that of a combo, so its verdict is not reused.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from knowngood.cache.verdicts import Entry
from knowngood.events import Event, add
from knowngood.judge.verdict import judge_combo
from knowngood.model import (
    UNDECIDED,
    Answer,
    ComboFacts,
    Expectation,
    Probe,
    ProbeKind,
    Status,
    Step,
    Trial,
)
from knowngood.run.context import RunContext
from knowngood.run.executors.interface import Optimization, Task

_LONGEST = 60.0
"""Seconds that a probe may have taken to fail: a trial takes about as long."""
_PATIENCE = 20.0
"""Seconds that a trial may take longer than the failure: to pass is more work than to fail."""
_MOST_DOWNLOADED = 150 * 1024 * 1024
"""Bytes of all files that only the trial needs: an offer is not worth more."""
_MOST_BUILT = 1024 * 1024
"""Bytes of all source distributions that have to be built: larger ones take minutes."""

Evaluate = Callable[[Task, RunContext, Callable[[Event], None]], Generator[Any, Entry | None, Entry | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trials:
    """Tries sets of versions for one combo, one after the other."""

    task: Task
    context: RunContext
    evaluate: Evaluate
    """Evaluates a combo, as ``run.evaluate`` does."""
    sizes: Callable[[Mapping[str, str]], tuple[int, int]]
    """Returns how many bytes the files of these versions are, by canonical name, and those that have to be built."""

    def answer(self, question: Trial, facts: ComboFacts) -> Answer:
        """Return how the probe ended with the set of ``question``; None where it was not tried, or nothing came of it.

        ``facts`` are those of the combo that failed.
        """
        combo = self._combo(question, facts)
        if combo is None or not self.task.settings.tries_fixes:
            return None
        events: list[Event] = []
        kept = self.task.settings.optimizations - {Optimization.CACHE, Optimization.KEPT}
        settings = replace(self.task.settings, tries_fixes=False, keep=False, optimizations=kept)
        reuse = replace(self.context.reuse, kept=replace(self.context.reuse.kept, settings=settings))
        context = replace(self.context, pool=None, reuse=reuse)
        stages = self.evaluate(Task(combo=combo, settings=settings), context, events.append)
        if not self._run(stages, facts):
            return None
        seen = ComboFacts(combo=combo)
        for event in events:
            seen = add(seen, event)
        cells = judge_combo(seen, settings.rules)
        if not seen.finished or any(cell.verdict.status in UNDECIDED for cell in cells):
            return None
        failed = next((cell for cell in cells if cell.verdict.status not in (Status.PASS, Status.MOVED)), None)
        if failed is None:
            return ("pass",)
        return ("fail", _message(failed.message), *(failed.diagnosis.fix if failed.diagnosis is not None else ()))

    def _combo(self, question: Trial, facts: ComboFacts) -> Any:
        """Return the combo of a trial; None where its probe is not one to run again by the way."""
        combo = self.task.combo
        wanted = (question.probe,) if question.probe else combo.probes
        probes = [probe for probe in self.task.settings.probes if probe.id in wanted]
        seconds = [attempt.action.seconds for attempt in facts.probes if attempt.probe in wanted]
        if not all(map(_is_plain, probes)) or max(seconds, default=0.0) > _LONGEST:
            return None
        first = combo.steps[0]
        step = Step(
            lines=question.requirements,
            requirements=question.requirements,
            options=question.options,
            resolution=first.resolution,
            cutoff=first.cutoff,
        )
        number = sum(isinstance(answered.question, Trial) for answered in facts.answers)
        return replace(
            combo,
            id=f"{combo.id}.trial{number + 1}",
            steps=(step,),
            probes=wanted,
            timeout=min(combo.timeout, max(seconds, default=0.0) + _PATIENCE),
            expect=Expectation(),
            narrower=(),
            known=(),
        )

    def _run(self, stages: Generator[Any, Entry | None, Entry | None], facts: ComboFacts) -> bool:
        """Go through all stages; return whether all were run: none is where it would download too much."""
        before = {name: version for step in facts.steps for name, version in step.resolved.items()}
        try:
            pause = next(stages)
            new = {
                name: version
                for step in pause.facts.steps
                for name, version in step.resolved.items()
                if before.get(name) != version
            }
            downloaded, built = self.sizes(new)
            if downloaded > _MOST_DOWNLOADED or built > _MOST_BUILT:
                stages.close()
                return False
            while True:
                stages.send(None)
        except StopIteration:
            return True


def _is_plain(probe: Probe) -> bool:
    """Return whether a probe is a script that does nothing but in its own folder."""
    return probe.kind is ProbeKind.SCRIPT and not (probe.network or probe.setup or probe.teardown)


def _message(text: str) -> str:
    return text.partition("\n")[0][:300]
