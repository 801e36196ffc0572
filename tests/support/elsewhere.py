"""Evaluate tasks in other processes, each of which gets nothing but a pickled task and what it finds itself."""

import multiprocessing
import pickle
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from knowngood.events import Emit, Event, Unknown, decode, encode
from knowngood.run import host
from knowngood.run.context import prepare
from knowngood.run.evaluate import evaluate
from knowngood.run.executors.interface import Task
from knowngood.run.stop import Stop


@dataclass(frozen=True, kw_only=True, slots=True)
class Elsewhere:
    """An executor whose worker is another process, with ``outside`` as its environment and ``home`` as its disk."""

    outside: Mapping[str, str]
    home: Path

    def execute(self, tasks: Sequence[Task], emit: Emit, stop: Stop) -> None:
        """Evaluate ``tasks`` one after the other."""
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            for task in tasks:
                lines = pool.submit(work, pickle.dumps(task), dict(self.outside), self.home).result()
                for event in decode(lines):
                    assert event is not None and not isinstance(event, Unknown)
                    emit(event)


def work(pickled: bytes, outside: Mapping[str, str], home: Path) -> list[bytes]:
    """Evaluate a task on this worker, and return its events as the lines of a log."""
    task: Task = pickle.loads(pickled)
    events: list[Event] = []
    with prepare(
        task.settings,
        machine=replace(host.here(outside, jobs=2), cache_folder=home / "cache"),
        folder=home / "run",
        environments=home / "environments",
        project=home,
        stop=Stop(),
    ) as context:
        for _ in evaluate(task, context, events.append):
            pass
    now = datetime.now(UTC)
    return [encode(event, seq=number, at=now, elapsed=0.0) for number, event in enumerate(events, 1)]
