"""Say how knowngood was installed here, so that others install it the same way."""

import json
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from knowngood import __version__


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


def find() -> Origin:
    """Return how the knowngood that runs was installed."""
    try:
        return of(distribution("knowngood"))
    except PackageNotFoundError:
        return Origin(requirement=f"knowngood=={__version__}", why="its version")


def of(installed: Distribution) -> Origin:
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
