"""Delete folders one after the other while the harness works. Stdlib only.

Contract (the other side is ``helpers.Remover``): standard input holds paths, each followed by a zero byte. The process
that was started exits at once; its child deletes the folders at low priority until standard input is closed and every
folder is deleted. Until then the child keeps standard output open and writes nothing to it.
"""

import os
import shutil


def main() -> None:
    """Delete the folders named on standard input in a child process, and exit."""
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
