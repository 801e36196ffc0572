"""Deletes folders, one after the other, while others work. Stdlib only.

Contract (the other side is ``removal.py``). Standard input: paths, each ended by a zero byte. The process that was
started ends at once; a child of it deletes, at low priority, until standard input is closed and everything is gone.
Until then it keeps standard output open and writes nothing to it.
"""

import os
import shutil


def main() -> None:
    """Delete what is named, and let whoever started us go on."""
    if os.fork():
        os._exit(0)
    os.nice(10)
    rest = b""
    while data := os.read(0, 65536):
        *paths, rest = (rest + data).split(b"\0")
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main()
