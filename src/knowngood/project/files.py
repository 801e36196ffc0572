"""Write a file only when its content changes, and shorten paths for messages."""

import contextlib
from pathlib import Path

from knowngood import atomic


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as a whole or not at all; leave a file that holds it already alone.

    Raises ``OSError`` when it cannot be written: the file is then as it was.
    """
    data = text.encode("utf-8")
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return
    atomic.write(path, data)


def near(path: Path) -> str:
    """Return ``path`` as a user in the current folder would type it."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
