"""Deal combos to workers: which comes next where, which wait for an equal one, and what happens to lost ones.

Nothing here knows an engine of distributed computing: what happens is called in, and what is to be done is returned.
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from knowngood.cache.keys import Keys
from knowngood.cache.verdicts import Entry
from knowngood.events import EnvironmentCreated
from knowngood.run.executors.hosts import Host
from knowngood.run.executors.interface import Task
from knowngood.run.executors.worker import Lock, Reply

TRIES = 2
"""How many workers may be lost with a combo before it counts as not testable."""
_MOVES = 8
"""How many workers may leave a combo behind when they end as planned."""


@dataclass(kw_only=True, slots=True)
class Item:
    """One combo on its way through the workers."""

    task: Task
    position: int
    """Its place in the order of urgency."""
    kind: str = ""
    """The kind of host that its locks count for; empty: it is not resolved yet."""
    locks: tuple[Lock, ...] = ()
    key: str = ""
    """The key of its verdicts."""
    avoids: list[str] = field(default_factory=list)
    """The workers that were lost with it."""
    moves: int = 0
    is_built: bool = False
    """Whether it has an environment of its own, because it is resolved in it."""

    @property
    def combo(self) -> str:
        """The id of its combo."""
        return self.task.combo.id


class Next(Enum):
    """What a resolved combo does next."""

    GO_ON = auto()
    """It is built and probed: no other combo of the run has its key."""
    FOLLOW = auto()
    """It waits for the result of another combo with the same key."""


class Dealer:
    """Keeps the combos of a run that are not finished, the most urgent first."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._waiting: dict[str, deque[Item]] = {}
        """By the Python that they need."""
        self._ready: dict[str, deque[Item]] = {}
        """Those that are resolved, by the kind of host."""
        self._leaders: dict[str, Item] = {}
        self._followers: dict[str, list[Item]] = {}
        self.unfinished = 0
        for position, task in enumerate(tasks):
            item = Item(task=task, position=position)
            self._waiting.setdefault(task.combo.python, deque()).append(item)
            self.unfinished += 1

    def next(self, worker: str, host: Host, hosts: Collection[Host], *, alone: bool) -> Item | None:
        """Return what a worker on ``host`` does next; None when there is nothing for it now.

        ``hosts`` are those of all workers. A combo goes to a host that has its Python; if none has it, to any: the
        verdict says so. It does not go again to a worker that was lost with it, unless that is ``alone``.
        """
        ready = self._ready.get(host.kind, deque())
        for item in ready:
            if alone or worker not in item.avoids:
                ready.remove(item)
                return item
        able = [python for python in self._waiting if python in host.pythons]
        able = able or [python for python in self._waiting if not any(python in other.pythons for other in hosts)]
        if not able:
            return None
        python = min(able, key=lambda python: self._waiting[python][0].position)
        items = self._waiting[python]
        for item in items:
            if alone or worker not in item.avoids:
                items.remove(item)
                if not items:
                    del self._waiting[python]
                return item
        return None

    def resolved(self, item: Item, keys: Keys, kind: str, reply: Reply) -> Next:
        """Note the key and the locks of a combo on a ``kind`` of host; return what it does next."""
        item.kind, item.locks, item.key = kind, reply.locks, keys.verdict
        item.is_built = any(isinstance(event, EnvironmentCreated) for event in reply.events)
        if item.is_built or not item.task.settings.shares_verdicts or self._leaders.setdefault(item.key, item) is item:
            return Next.GO_ON
        self._followers.setdefault(item.key, []).append(item)
        return Next.FOLLOW

    def finished(self, item: Item, entry: Entry | None) -> list[Item]:
        """Note the result of a combo; return those that have it, too, and are finished with it.

        When nobody may reuse it, those that waited for it are evaluated.
        """
        self.unfinished -= 1
        if self._leaders.get(item.key) is not item:
            return []
        del self._leaders[item.key]
        followers = self._followers.pop(item.key, [])
        if entry is None:
            self._ready.setdefault(item.kind, deque()).extend(followers)
            return []
        self.unfinished -= len(followers)
        return followers

    def lost(self, item: Item, worker: str) -> bool:
        """Note that a worker is lost; return whether its combo gets another try."""
        item.avoids.append(worker)
        if len(item.avoids) >= TRIES:
            return False
        self._again(item)
        return True

    def moved(self, item: Item) -> bool:
        """Note that a worker ends as planned; return whether its combo gets another try."""
        item.moves += 1
        if item.moves >= _MOVES:
            return False
        self._again(item)
        return True

    def again(self, item: Item) -> None:
        """Take back a combo that a worker could not begin."""
        self._again(item)

    def forget(self, kinds: Collection[str]) -> None:
        """Resolve again what waits for a kind of host that no worker is of any more: only ``kinds`` are left."""
        for kind in [kind for kind in self._ready if kind not in kinds]:
            for item in self._ready.pop(kind):
                item.kind, item.locks = "", ()
                self._again(item)

    def _again(self, item: Item) -> None:
        if item.kind:
            self._ready.setdefault(item.kind, deque()).appendleft(item)
        else:
            self._waiting.setdefault(item.task.combo.python, deque()).appendleft(item)
