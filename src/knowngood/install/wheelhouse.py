"""Keep wheels that were built for later runs, each under a key of everything that its build depends on."""

import contextlib
import json
import os
import shutil
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock

from knowngood.install.wheels import Wheel

_MOST = 2 * 2**30  # bytes
_RECORD = "wheel.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheelhouse:
    """Wheels below ``folder``, which several runs can share."""

    folder: Path

    def get(self, key: str) -> Wheel | None:
        """Return the wheel that is kept under a key; None when there is none."""
        record = self._place(key) / _RECORD
        try:
            written = json.loads(record.read_bytes())
            os.utime(record)
            wheel = Wheel(path=record.parent / written.pop("file"), **written)
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return wheel if wheel.path.is_file() else None

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
            shutil.rmtree(partial, ignore_errors=True)
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
            shutil.rmtree(place, ignore_errors=True)
            Path(f"{place}.lock").unlink(missing_ok=True)
            total -= size

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / key
