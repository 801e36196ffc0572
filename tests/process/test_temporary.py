"""Temporary folders with short paths, and what is left of them when their process is killed."""

import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowngood.process.temporary import remove_leftovers, short_folder

USER = """
import sys, time
from knowngood.process.temporary import short_folder
with short_folder({"TMPDIR": sys.argv[1]}) as folder:
    (folder / "file").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def system() -> Iterator[Path]:
    """Return a temporary folder of a system, which has a short path."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def start(system: Path) -> tuple["subprocess.Popen[str]", Path]:
    """Start a process that uses a folder; return it and the folder."""
    process = subprocess.Popen([sys.executable, "-c", USER, str(system)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_is_private_empty_and_gone_afterwards(system: Path) -> None:
    with short_folder({"TMPDIR": str(system)}) as folder:
        assert folder.parent == system.resolve()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert list(folder.iterdir()) == []
        (folder / "deep" / "deeper").mkdir(parents=True)
        (folder / "deep" / "deeper" / "file").touch()
        (folder / "deep" / "deeper").chmod(0o500)
        (folder / "deep").chmod(0o500)
        (folder / "out").symlink_to(system)

    assert list(system.iterdir()) == []


def test_a_temporary_folder_with_a_long_path_is_not_used(tmp_path: Path) -> None:
    long = tmp_path / ("long" * 20)
    long.mkdir()

    with short_folder({"TMPDIR": str(long)}) as folder:
        assert not folder.is_relative_to(long)
        assert len(str(folder)) < 80


@pytest.mark.parametrize("unusable", ["/proc", "/dev/null", "/nonexistent"])
def test_a_temporary_folder_that_takes_no_folder_is_passed_over(unusable: str) -> None:
    with short_folder({"TMPDIR": unusable}) as folder:
        assert folder.is_dir() and not folder.is_relative_to(unusable)


def test_only_the_folders_of_processes_that_are_gone_are_leftovers(system: Path) -> None:
    environ = {"TMPDIR": str(system)}
    killed, leftover = start(system)
    running, used = start(system)
    (system / "kg-link").symlink_to(system / "theirs")
    (system / "theirs").mkdir()
    (system / "kg-file").touch()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    try:
        with short_folder(environ) as own:
            assert leftover.exists()

            remove_leftovers(environ)

            assert not leftover.exists()
            assert (used / "file").exists() and own.exists()
            assert {path.name for path in system.iterdir()} == {"kg-link", "theirs", "kg-file", used.name, own.name}
    finally:
        running.kill()
        running.communicate()
