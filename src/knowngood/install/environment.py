"""The isolated venv of one combo, read from outside: nothing is run to see what is in it."""

import hashlib
import os
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from packaging.utils import canonicalize_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A venv in ``folder`` (POSIX layout)."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def site_packages(self) -> tuple[Path, ...]:
        """Return the folders that distributions are installed into."""
        # lib64 may be a second name of lib.
        libraries = (path for path in self.folder.glob("lib*") if not path.is_symlink())
        return tuple(sorted(path for library in libraries for path in library.glob("python*/site-packages")))

    def installed(self) -> dict[str, str]:
        """Return canonical name -> version of every distribution, sorted, as its own metadata says."""
        found: dict[str, str] = {}
        for site in self.site_packages():
            for path in sorted(site.iterdir()):
                told = _told(path) if path.suffix in (".dist-info", ".egg-info") else None
                if told is not None:
                    found.setdefault(*told)
        return dict(sorted(found.items()))

    def python_version(self) -> str | None:
        """Return the exact version of its interpreter, ``3.11.7``, as ``pyvenv.cfg`` says."""
        settings = self.folder / "pyvenv.cfg"
        if not settings.is_file():
            return None
        for line in settings.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() in ("version_info", "version"):
                return ".".join(value.strip().split(".")[:3])
        return None

    def survey(self) -> "Survey":
        """Look at every file but bytecode once, without opening any."""
        digest = hashlib.sha256()
        size = own = 0
        for root, folders, files, place in os.fwalk(self.folder):
            # Bytecode comes and goes with every use.
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            files.sort()
            stats = [os.stat(name, dir_fd=place, follow_symlinks=False) for name in files]
            size += sum(stat.st_size for stat in stats)
            own += sum(stat.st_size for stat in stats if stat.st_nlink == 1)
            told = [(stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in stats]
            digest.update(repr((root, files, told)).encode(errors="surrogateescape"))
        return Survey(size=size, own=own, fingerprint=digest.hexdigest())


_TOLD: dict[tuple[int, int, int, int], tuple[str, str] | None] = {}
"""What metadata says, by device, inode, size and time: linked into many environments it is one file, parsed once."""


def _told(path: Path) -> tuple[str, str] | None:
    """Return canonical name and version of a distribution; None for metadata that a failed install cut short."""
    inside = [path / name for name in ("METADATA", "PKG-INFO") if (path / name).is_file()]
    try:
        stat = (inside[0] if inside else path).stat()
        key = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
        if key not in _TOLD:
            metadata = Distribution.at(path).metadata
            names, versions = metadata.get_all("Name"), metadata.get_all("Version")
            _TOLD[key] = (canonicalize_name(names[0]), versions[0]) if names and versions else None
    except OSError:
        return None
    return _TOLD[key]


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """How large an environment is, and what tells whether somebody changed it."""

    size: int
    """Bytes of its files but bytecode, hard-linked ones counted as if they were its own."""
    own: int
    """Bytes of the files that nobody else links to: what deleting it would set free."""
    fingerprint: str
    """SHA-256 over the path, size, time and inode of every file but bytecode."""
