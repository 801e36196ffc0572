"""Delete folders, at once or one after the other while the harness works. Stdlib only.

Contract (the other side is ``helpers.Remover``): standard input holds paths, each followed by a zero byte. The process
that was started exits at once; its child deletes the folders at low priority until standard input is closed and every
folder is deleted. Until then the child keeps standard output open and writes nothing to it.
"""

import contextlib
import os


def remove_tree(folder: "str | bytes | os.PathLike[str]") -> None:
    """Remove a folder with everything in it, or what a program put in its place. What cannot be removed stays.

    A program may nest folders deeper than Python can recurse and than a path can be long, and make them read-only. So
    what is in a folder below ``folder`` is moved up into ``folder`` before that folder is removed.
    """
    try:
        top = _open(folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(folder)
        return
    moved, mark = 0, f".{os.urandom(6).hex()}-"
    try:
        while names := [name for name in os.listdir(top) if not _remove(name, top)]:
            before = moved
            for name in names:
                moved += _move_up(name, top, f"{mark}{moved}-")
            if moved == before and not any(_remove(name, top) for name in names):
                break
    finally:
        os.close(top)
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _open(folder: "str | bytes | os.PathLike[str]", place: int | None = None) -> int:
    """Open a folder in ``place`` that is not a link, so that its owner may change what is in it. Raises ``OSError``."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        descriptor = os.open(folder, flags, dir_fd=place)
    except PermissionError:
        os.chmod(folder, 0o700, dir_fd=place)
        descriptor = os.open(folder, flags, dir_fd=place)
    with contextlib.suppress(OSError):  # it belongs to another user
        os.fchmod(descriptor, 0o700)
    return descriptor


def _remove(name: str, place: int) -> bool:
    """Remove a file, or a folder with nothing in it; return whether it is gone."""
    for remove in (os.unlink, os.rmdir):
        try:
            remove(name, dir_fd=place)
        except FileNotFoundError:
            return True
        except OSError:
            continue
        return True
    return False


def _move_up(name: str, top: int, prefix: str) -> int:
    """Remove the files in a folder, and move its folders into ``top``; return how many were moved."""
    moved = 0
    with contextlib.suppress(OSError):
        place = _open(name, top)
        try:
            for child in os.listdir(place):
                if not _remove(child, place):
                    with contextlib.suppress(OSError):
                        os.close(_open(child, place))  # a folder that is read-only cannot be moved
                        os.rename(child, f"{prefix}{moved}", src_dir_fd=place, dst_dir_fd=top)
                        moved += 1
        finally:
            os.close(place)
    return moved


def main() -> None:
    """Delete the folders named on standard input in a child process, and exit."""
    if os.fork():
        os._exit(0)
    os.nice(10)
    rest = b""
    while data := os.read(0, 65536):
        *paths, rest = (rest + data).split(b"\0")
        for path in paths:
            remove_tree(path)


if __name__ == "__main__":
    main()
