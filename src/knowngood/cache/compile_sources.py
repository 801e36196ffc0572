"""Compile Python sources to bytecode, each after its hash was checked. Stdlib only, Python 3.8 and newer.

Contract (the other side is ``bytecode.py``): run as ``python -I -S -B compile_sources.py ASKED``. ``ASKED`` is a
JSON list of objects ``{source, sha256, stored, tag, level}``. The bytecode of ``source`` goes to ``stored``, whole or
not at all. A source is left out when it has another
hash, when it cannot be compiled, or when another interpreter than this one wants it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import marshal
import os
import stat
import struct
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

LARGEST = 2**26
"""Bytes. No source of Python is larger."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(asked: str) -> None:
    """Compile what the file ``asked`` lists."""
    jobs = json.loads(Path(asked).read_text(encoding="utf-8", errors="surrogateescape"))
    for job in jobs:
        _compile(job)


def _compile(job: dict[str, Any]) -> None:
    if job["tag"] != sys.implementation.cache_tag:
        return
    source, stored = Path(job["source"]), Path(job["stored"])
    partial = stored.with_name(f"{stored.name}.{os.getpid()}")
    try:
        # Anything may be in its place: a pipe without a writer, or a file without an end.
        with os.fdopen(os.open(source, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode) or state.st_size > LARGEST:
                return
            data = file.read(LARGEST)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if digest != job["sha256"]:
            return
        code = compile(data, job["source"], "exec", dont_inherit=True, optimize=job["level"])
        head = MAGIC_NUMBER + struct.pack("<III", 0, int(state.st_mtime) & 0xFFFFFFFF, state.st_size & 0xFFFFFFFF)
        stored.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(head + marshal.dumps(code))
        partial.replace(stored)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError, UnicodeError):
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
