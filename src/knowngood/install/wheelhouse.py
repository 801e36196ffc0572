"""Keep wheels that were built for later runs, each under a key of everything that its build depends on.

A wheel is read for its name and version, whether every Python can use it, and what identifies its content.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import threading
import zipfile
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from filelock import FileLock
from packaging.utils import canonicalize_name, parse_wheel_filename

from knowngood import strict_json
from knowngood.process.files import LARGEST, is_regular, read_regular
from knowngood.process.remover import remove_tree

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


def read_wheel(path: Path) -> Wheel:
    """Return what a wheel is. Raises ``ValueError``, ``zipfile.BadZipFile`` or ``OSError`` when it is not a wheel."""
    name, version, _, tags = parse_wheel_filename(path.name)
    path.lstat()  # raises ``FileNotFoundError``, which has a sentence of its own
    if not is_regular(path):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
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


_MOST = 2 * 2**30  # bytes
_RECORD = "wheel.json"
_TYPES = {"path": Path, "name": str, "version": str, "pure": bool, "content": str}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheelhouse:
    """Wheels below ``folder``, which several runs can share."""

    folder: Path

    def get(self, key: str) -> Wheel | None:
        """Return the wheel that is kept under a key; None when there is none."""
        record = self._place(key) / _RECORD
        try:
            written = strict_json.loads(read_regular(record, LARGEST))
            os.utime(record)
            wheel = Wheel(path=record.parent / Path(written.pop("file")).name, **written)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        sound = all(isinstance(getattr(wheel, field.name), _TYPES[field.name]) for field in fields(wheel))
        return wheel if sound and is_regular(wheel.path) else None

    def put(self, key: str, wheel: Wheel) -> Wheel:
        """Keep a wheel and return the kept one; the given one when there is one already, or no space for it."""
        place = self._place(key)
        partial = place.with_name(f".{key}.{os.getpid()}.{threading.get_ident()}")
        written = asdict(wheel) | {"file": wheel.path.name}
        del written["path"]
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{place}.lock"):
                if place.exists():
                    return wheel
                partial.mkdir()
                shutil.copyfile(wheel.path, partial / wheel.path.name)
                (partial / _RECORD).write_text(json.dumps(written), encoding="utf-8")
                partial.rename(place)
        except OSError:
            remove_tree(partial)
            return wheel
        return replace(wheel, path=place / wheel.path.name)

    def prune(self, most: int = _MOST) -> None:
        """Remove the wheels used least recently until ``most`` bytes are left."""
        kept = []
        for record in self.folder.glob(f"??/*/{_RECORD}"):
            with contextlib.suppress(OSError):
                size = sum(file.stat().st_size for file in record.parent.iterdir())
                kept.append((record.stat().st_mtime, size, record.parent))
        total = sum(size for _, size, _ in kept)
        for _, size, place in sorted(kept):
            if total <= most:
                break
            remove_tree(place)
            Path(f"{place}.lock").unlink(missing_ok=True)
            total -= size

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / key
