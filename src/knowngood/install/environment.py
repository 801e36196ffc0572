"""Read the isolated environment of a combo from outside, without running anything in it."""

import re
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from pathlib import Path

from packaging.utils import canonicalize_name

from knowngood.process.files import read_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """An environment in ``folder``, in the layout of POSIX: a venv, or one that holds a whole Python."""

    folder: Path

    @property
    def python(self) -> Path:
        """The path of its interpreter."""
        return self.folder / "bin" / "python"

    def site_packages(self) -> tuple[Path, ...]:
        """Return the folders that distributions are installed into."""
        # lib64 may be a link to lib.
        libraries = (path for path in self.folder.glob("lib*") if not path.is_symlink())
        return tuple(sorted(path for library in libraries for path in library.glob("py*/site-packages")))

    def installed(self) -> dict[str, str]:
        """Return canonical name -> version of every distribution, sorted, from its own metadata."""
        versions: dict[str, str] = {}
        for site in self.site_packages():
            for path in sorted(site.iterdir()):
                metadata = _metadata(path) if path.suffix in (".dist-info", ".egg-info") else None
                if metadata is not None:
                    versions.setdefault(*metadata)
        return dict(sorted(versions.items()))

    def python_version(self) -> str | None:
        """Return the exact version of its interpreter, such as ``3.11.7``; None when it cannot be read.

        A venv has it in ``pyvenv.cfg``; a whole Python has it in its own header file.
        """
        headers = sorted(self.folder.glob("include/python*/patchlevel.h"))
        for path, pattern in [(self.folder / "pyvenv.cfg", _SETTING), *((header, _MACRO) for header in headers)]:
            match = pattern.search(read_text(path))
            if match is not None:
                return match["version"]
        return None


_SETTING = re.compile(r"^version(?:_info)? *= *(?P<version>[^\s.]+(?:\.[^\s.]+){0,2})", re.MULTILINE)
_MACRO = re.compile(r'^#define PY_VERSION +"(?P<version>[^"+]+)', re.MULTILINE)

_METADATA: dict[tuple[int, int, int, int], tuple[str, str] | None] = {}
"""Name and version by device, inode, size and time: a file that is linked into many environments is parsed once."""


def metadata_of(path: Path) -> Message:
    """Return the metadata in a ``.dist-info`` or ``.egg-info``, which has no header when it cannot be read."""
    files = (path / "METADATA", path / "PKG-INFO", path)
    return message_from_string(next(filter(None, map(read_text, files)), ""))


def _metadata(path: Path) -> tuple[str, str] | None:
    """Return canonical name and version of a distribution; None when a failed install cut its metadata short."""
    files = [path / name for name in ("METADATA", "PKG-INFO") if (path / name).is_file()]
    try:
        stat = (files[0] if files else path).stat()
        key = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
        if key not in _METADATA:
            name, version = (metadata := metadata_of(path))["Name"], metadata["Version"]
            _METADATA[key] = (canonicalize_name(name), version) if name and version else None
    except OSError:
        return None
    return _METADATA[key]


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """How large an environment is, and a fingerprint that changes when any file does."""

    size: int
    """Bytes of its files except bytecode; hard-linked ones count in full."""
    own: int
    """Bytes of the files that have no other link: what deleting the environment would free."""
    fingerprint: str
    """SHA-256 over the path, size, time and inode of every file except bytecode."""
