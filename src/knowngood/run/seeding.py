"""Bytecode between the environments of a run: each gets what is known when it begins, then what others compile."""

import threading
from dataclasses import dataclass
from pathlib import Path

from knowngood.build.bytecode import BytecodeStore, Linked, Sources
from knowngood.build.environment import Environment


@dataclass(frozen=True, kw_only=True, slots=True)
class _Imported:
    """An environment that is imported from just now."""

    installed: tuple[Sources, ...]
    linked: Linked


class Seeding:
    """Links bytecode of ``store`` into environments; safe to use from any thread.

    ``many_files`` is held meanwhile.
    """

    def __init__(self, store: BytecodeStore, many_files: threading.Lock) -> None:
        self.store = store
        self._many_files = many_files
        self._imported: dict[Path, _Imported] = {}

    def begin(self, environment: Environment) -> None:
        """Link what is known into ``environment``, before anything is imported from it."""
        with self._many_files:
            installed = tuple(self.store.sources(environment))
            linked = self.store.seed(installed)
            self._imported[environment.folder] = _Imported(installed=installed, linked=linked)

    def end(self, environment: Environment, *, keep: bool = True) -> None:
        """Keep what ``environment`` compiled, and link it into those that may not have come to compile it yet."""
        with self._many_files:
            done = self._imported.pop(environment.folder)
            grown = self.store.harvest(done.installed, done.linked) if keep else frozenset()
            for other in self._imported.values():
                other.linked.update(self.store.seed(one for one in other.installed if one.store in grown))
