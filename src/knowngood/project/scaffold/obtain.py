"""Find the Pythons of this machine for `init`, and let uv install the missing ones."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from knowngood.install.interpreters import Interpreters
from knowngood.install.uv.installer import AT_ONCE, binary
from knowngood.process import Processes

_LONGEST = 300.0  # seconds for the download of one Python


class MachinePythons:
    """Finds the Pythons of this machine, and lets uv get others."""

    def __init__(
        self, environ: Mapping[str, str], cache: Path, *, may_download: bool, say: Callable[[str], None]
    ) -> None:
        self._environ = environ
        self._may_download = may_download
        self._cache = cache / "pythons"
        self._say = say
        self._interpreters = Interpreters(outside=environ, cache=self._cache)
        self.obtained = ""
        """What came of getting others."""

    def find(self, version: str) -> object:
        """Return something if a version of Python is installed, else None."""
        return self._interpreters.find(version)

    def obtain(self, versions: tuple[str, ...]) -> None:
        """Let uv get ``versions``, each by itself; uv says of its settings whether it may."""
        if not self._may_download:
            self.obtained = f"uv python install {' '.join(versions)} would install them"
            return
        self._say(f"getting Python {', '.join(versions)} with uv ...")
        environ = {**AT_ONCE, **self._environ}
        with tempfile.TemporaryDirectory(prefix="knowngood-init-") as temporary:
            folder = Path(temporary)
            run = partial(Processes(folder).run, env=environ, cwd=folder, log=folder / "uv.log", timeout=_LONGEST)
            actions = [run([binary(), "python", "install", "--no-progress", version]) for version in versions]
        failed = [action.output for action in actions if not action.exit.ok]
        reasons = [line.strip() for output in failed for line in output.splitlines() if line.strip()]
        self.obtained = f"uv could not install them: {reasons[-1][:100]}" if reasons else ""
        self._interpreters = Interpreters(outside=self._environ, cache=self._cache)
