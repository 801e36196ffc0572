"""Tests of reading files that a process under test could have replaced by anything."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from knowngood.process.files import read_end, read_regular

READERS: tuple[Callable[[Path, int], bytes], ...] = (read_regular, read_end)


@pytest.mark.parametrize("read", READERS)
def test_the_beginning_or_the_end_of_a_file_is_read(read: Callable[[Path, int], bytes], tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"begin" + b"." * 100 + b"end")

    assert read(file, 5) == (b"begin" if read is read_regular else b"..end")
    assert read(file, 1000) == file.read_bytes()


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("what", ["pipe", "device", "link", "folder", "nothing"])
def test_anything_but_a_regular_file_is_empty_and_nobody_waits_for_it(
    read: Callable[[Path, int], bytes], what: str, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    match what:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path = Path("/dev/zero")
        case "link":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case _:
            pass

    answers: list[bytes] = []
    reader = threading.Thread(target=lambda: answers.append(read(path, 100)), daemon=True)
    reader.start()
    reader.join(10)

    assert answers == [b""]


@pytest.mark.parametrize("read", READERS)
def test_a_sparse_file_costs_only_what_is_read(read: Callable[[Path, int], bytes], tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    os.truncate(path, 2**40)
    began = time.monotonic()

    assert read(path, 1000) == bytes(1000)
    assert time.monotonic() - began < 10
