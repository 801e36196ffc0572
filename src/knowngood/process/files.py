"""Read files that a process under test could have replaced by anything: a pipe, a link, a file without end."""

import os
import stat
from collections.abc import Iterable
from json import dumps
from pathlib import Path

_LONG_LINE = 8
"""Characters of a line that is certainly no common word."""


def read_regular(path: Path, most: int) -> bytes:
    """Return the first ``most`` bytes of a regular file; nothing for anything else, a link included."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return b""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def is_regular(path: Path) -> bool:
    """Return whether ``path`` is a regular file itself, not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def redacted(data: bytes, secrets: Iterable[bytes]) -> bytes:
    """Return ``data`` with every secret replaced by stars, also where JSON or Python escapes its characters."""
    for secret in secrets:
        for form in _forms(secret.decode("utf-8", "surrogateescape")):
            data = data.replace(form.encode("utf-8", "surrogateescape"), b"***")
    return data


def _forms(secret: str) -> list[str]:
    """Return how a secret may be written, the longest first; of one with several lines, a line may stand alone."""
    lines = [line for line in secret.splitlines() if len(line) >= _LONG_LINE] if "\n" in secret else []
    forms = {form for text in (secret, *lines) for form in (text, repr(text)[1:-1])}
    forms |= {dumps(form, ensure_ascii=ascii_only)[1:-1] for form in forms for ascii_only in (True, False)}
    return sorted(forms, key=len, reverse=True)
