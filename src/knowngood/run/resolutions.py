"""Steps that several combos begin with are resolved once in a run."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from knowngood.install.interface import Step
from knowngood.model import Action, InstallerName


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """What a resolver answered for one step after those before it."""

    action: Action
    resolved: dict[str, str]
    lock: Path
    """The file that holds its lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolutions:
    """All answers of a run so far, by installer, Python and the steps up to the one that was asked about."""

    _known: dict[tuple[tuple[InstallerName, str], tuple[tuple[str, ...], ...]], Future[Resolved]] = field(
        default_factory=dict
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def resolve(
        self,
        resolver: tuple[InstallerName, str],
        steps: tuple[tuple[str, ...], ...],
        step: Step,
        ask: Callable[[], Resolved],
    ) -> Resolved:
        """Return the answer for the last of ``steps``; ``ask`` for it unless somebody did, or does just now.

        ``resolver`` is the installer, and what tells the Python that it resolves for from others.
        """
        with self._lock:
            known = self._known.get((resolver, steps))
            future = self._known.setdefault((resolver, steps), Future())
        if known is None:
            try:
                future.set_result(ask())
            except BaseException as error:
                future.set_exception(error)
                raise
            return future.result()
        answer = known.result()
        if answer.action.exit.ok:
            step.folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(answer.lock, step.file("lock"))
        return answer
