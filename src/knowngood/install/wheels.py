"""Read a wheel: its name and version, whether every Python can use it, and what identifies its content."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

_CHUNK = 2**20  # bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """A wheel on disk."""

    path: Path
    name: str
    """Canonical."""
    version: str
    pure: bool
    """Whether every Python on every platform can use it."""
    content: str
    """What identifies the files that it installs, as a digest.

    Equal for two builds of the same files. The times in the archive, the text that describes the project, and the
    version of the build backend do not count.
    """


def read(path: Path) -> Wheel:
    """Return what a wheel is. Raises ``ValueError``, ``zipfile.BadZipFile`` or ``OSError`` when it is not a wheel."""
    name, version, _, tags = parse_wheel_filename(path.name)
    return Wheel(
        path=path,
        name=canonicalize_name(name),
        version=str(version),
        pure=all(tag.abi == "none" and tag.platform == "any" for tag in tags),
        content=_content(path),
    )


def _content(path: Path) -> str:
    digest = hashlib.sha256()
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.infolist(), key=lambda member: member.filename):
            folder, _, name = member.filename.rpartition("/")
            is_metadata = folder.endswith(".dist-info") and "/" not in folder
            if member.is_dir() or (is_metadata and name == "RECORD"):
                continue
            if is_metadata and name in ("METADATA", "WHEEL"):
                inner = hashlib.sha256(_lasting(archive.read(member)))
            else:
                inner = hashlib.sha256()
                with archive.open(member) as file:
                    while data := file.read(_CHUNK):
                        inner.update(data)
            digest.update(member.filename.encode("utf-8", "surrogateescape") + f"\0{inner.hexdigest()}\n".encode())
    return digest.hexdigest()


def _lasting(metadata: bytes) -> bytes:
    """Return the headers of a metadata file without the description below them and without what made the file."""
    headers = metadata.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return b"\n".join(line for line in headers.split(b"\n") if not line.startswith(b"Generator:"))
