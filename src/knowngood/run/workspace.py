"""Give a combo the folder of its environment: a place in the pool, where it can outlive the run, or one of its own."""

from contextlib import ExitStack
from pathlib import Path

from knowngood.cache.environments import Built, PooledEnvironment
from knowngood.cache.verdicts import BUILT
from knowngood.events import Event
from knowngood.install.environment import Environment, Survey
from knowngood.install.snapshot import Snapshot
from knowngood.process.remover import remove_tree
from knowngood.run.context import RunContext
from knowngood.run.executors.interface import Task


class Workspace:
    """Where one combo is evaluated. It belongs to one thread at a time."""

    def __init__(self, task: Task, context: RunContext) -> None:
        self.folder = context.folder(task.combo.id)
        """Where the files and logs of the combo are."""
        self._combo = task.combo.id
        self._settings = task.settings
        self._context = context
        self._pooled: PooledEnvironment | None = None
        self._lease = ExitStack()
        self.in_place: dict[Path, str] = {}
        """The copies of what is installed in place, each with the path of its source: they live as long as the
        environment."""
        self._untouched: Survey | None = None
        """The environment as it was before any probe ran in it."""
        self.snapshot: Snapshot | None = None
        """The state of its files before any probe ran in it; None: it is incomplete."""
        self.is_private = False
        """Whether it shares no file with another environment, because it was built again as a copy."""
        self._closed = False

    @property
    def environment(self) -> Environment:
        """The environment of the combo, which need not exist yet."""
        return self._pooled.environment if self._pooled else Environment(folder=self.folder / "env")

    def place_beside(self, name: str, source: str) -> Path:
        """Return a new folder beside the environment for a source that is installed in place there."""
        place = self.environment.folder.parent / f"in-place-{name}"
        self.in_place[place] = source
        return place

    def clear(self) -> None:
        """Remove what an earlier, unfinished try at the combo left in its folder."""
        remove_tree(self.folder)

    def claim(self, key: str) -> Built | None:
        """Take a place in the pool, if there is one; return the unchanged environment that an earlier run left there.

        ``key`` is that of the build. Any other environment in the place is discarded.
        """
        pool = self._context.pool
        if pool is None:
            return None
        self._pooled = self._lease.enter_context(pool.take(self._combo, key))
        if self._settings.reuses_environments:
            with self._context.many_files:
                built = self._pooled.built()
            if built is not None:
                self.built(built.snapshot, built.survey)
                return built
        pool.discard(self._pooled)
        return None

    def built(self, snapshot: Snapshot, survey: Survey) -> None:
        """Note that the environment is complete, and what it looks like before any probe runs in it."""
        self.snapshot, self._untouched = snapshot, survey
        if self._settings.keep and self._pooled:
            # A user who keeps environments looks for them in the folder of the run.
            self.folder.mkdir(parents=True, exist_ok=True)
            link = self.folder / "env"
            link.unlink(missing_ok=True)  # a private copy takes the place of the first one
            link.symlink_to(self.environment.folder)

    def start_over(self) -> None:
        """Delete the environment, so that a private copy of it can be built in its place."""
        self._delete()
        self.in_place.clear()
        self.snapshot = self._untouched = None
        self.is_private = True

    def close(self, events: tuple[Event, ...]) -> None:
        """Leave the environment to the next run if it may stay, else delete it. Does nothing the second time.

        ``events`` are those since the combo was resolved.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if not self._stays(events) and not self._settings.keep:
                self._delete()
        finally:
            self._lease.close()

    def _stays(self, events: tuple[Event, ...]) -> bool:
        """Record the environment for the next run, if it may stay; return whether it stays."""
        pool, untouched = self._context.pool, self._untouched
        if pool is None or self._pooled is None or untouched is None or self._context.stop.requested:
            return False
        # Nothing would show that a probe changed what is installed in place, and copies take too much of the disk.
        if self.in_place or self.is_private or not pool.may_stay(self._pooled, untouched):
            self._pooled.forget()
            return False
        # If a probe changed it, the fingerprint shows that before it is used again.
        self._pooled.record(tuple(event for event in events if isinstance(event, BUILT)), untouched)
        return True

    def _delete(self) -> None:
        if self._context.pool is not None and self._pooled is not None:
            self._context.pool.discard(self._pooled)
        else:
            for folder in (self.environment.folder, *self.in_place):
                remove_tree(folder)
