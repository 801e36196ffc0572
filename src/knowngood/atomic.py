"""Write files atomically: a reader sees the new content or, after a crash or on a full disk, the old one."""

import os
from pathlib import Path
from secrets import token_hex


def write(path: Path, data: bytes) -> None:
    """Write ``data`` to the disk in one go, making folders as needed. Raises ``OSError``: nothing was changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name[:100]}.{token_hex(4)}")
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
