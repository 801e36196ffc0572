"""Find what `init` needs to know of this machine: its Pythons, and how knowngood was installed here."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from knowngood import __version__
from knowngood.install.interpreters import Interpreters
from knowngood.install.uv.installer import AT_ONCE, binary
from knowngood.process import Processes


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where knowngood comes from."""

    requirement: str
    """What pip installs to get the same."""
    why: str
    path: Path | None = None
    """The folder or file on this machine that it was installed from; other machines do not have it."""
    version: str = __version__

    @property
    def elsewhere(self) -> str:
        """What pip installs on other machines: of a folder of this one, the version."""
        return self.requirement if self.path is None else f"knowngood=={self.version}"


def find_origin() -> Origin:
    """Return how the knowngood that runs was installed."""
    try:
        return origin_of(distribution("knowngood"))
    except PackageNotFoundError:
        return Origin(requirement=f"knowngood=={__version__}", why="its version")


def origin_of(installed: Distribution) -> Origin:
    """Return how a distribution was installed: what its direct_url.json says (PEP 610), else its version."""
    version = Origin(requirement=f"{installed.name}=={installed.version}", why="from an index, by its version")
    text = installed.read_text("direct_url.json")
    try:
        direct = json.loads(text) if text else {}
    except ValueError:
        return version
    url = direct.get("url") if isinstance(direct, dict) else None
    if not isinstance(url, str):
        return version
    vcs, archive = direct.get("vcs_info"), direct.get("archive_info")
    folder = f"#subdirectory={direct['subdirectory']}" if isinstance(direct.get("subdirectory"), str) else ""
    if isinstance(vcs, dict):
        commit = vcs.get("commit_id") or vcs.get("requested_revision") or ""
        where = f"{vcs.get('vcs', 'git')}+{url}{'@' if commit else ''}{commit}{folder}"
        return Origin(requirement=f"{installed.name} @ {where}", why="from a repository, at the same commit")
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
        return Origin(requirement=f"{installed.name} @ {url}", why=f"from {path}", path=path, version=installed.version)
    hashes = archive.get("hashes") if isinstance(archive, dict) else None
    sha256 = hashes.get("sha256") if isinstance(hashes, dict) else None
    fragment = folder or (f"#sha256={sha256}" if sha256 else "")
    return Origin(requirement=f"{installed.name} @ {url}{fragment}", why="from the same address")


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
