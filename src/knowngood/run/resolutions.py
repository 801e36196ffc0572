"""Resolve the steps that several combos begin with only once in a run."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from knowngood.install.interface import Resolution, Step
from knowngood.model import InstallerName
from knowngood.model import Step as DeclaredStep

Resolver = tuple[InstallerName, str]
"""An installer, and what distinguishes the Python that it resolves for from other builds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """The answer of a resolver for one step, given the steps before it."""

    resolution: Resolution
    files: tuple[Path, ...]
    """The files of the step that its installation needs, the lock among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolutions:
    """The answers of a run so far, by resolver and by the steps up to the resolved one. Safe to use from any thread."""

    _answers: dict[tuple[Resolver, tuple[DeclaredStep, ...]], Future[Resolved]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def resolve(
        self, resolver: Resolver, steps: tuple[DeclaredStep, ...], step: Step, ask: Callable[[], Resolved]
    ) -> Resolved:
        """Return the answer for the last of ``steps``, with its files in the folder of ``step``.

        Calls ``ask`` for it, or waits for another thread that does. Raises what ``ask`` raises.
        """
        with self._lock:
            earlier = self._answers.get((resolver, steps))
            future = self._answers.setdefault((resolver, steps), Future())
        if earlier is None:
            try:
                future.set_result(ask())
            except BaseException as error:
                future.set_exception(error)
                raise
            return future.result()
        answer = earlier.result()
        for file in answer.files:
            step.folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, step.folder / file.name)
        return answer
