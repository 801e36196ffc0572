"""Test that the address of the router stays the same, and that no run waits for another one."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from knowngood.install.access import Access
from knowngood.install.folder_index import FolderIndex
from knowngood.install.loopback import serve, token
from knowngood.install.router import Directions, Source
from support.wheels import build_wheel


def directions(folder: Path, package: str = "tool") -> Directions:
    return Directions(named={package: Source(name="own", upstream=FolderIndex(folder))})


def body(url: str) -> str:
    assert urlsplit(url).hostname == "127.0.0.1"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def test_the_address_is_the_same_in_every_run_and_another_for_other_routes(tmp_path: Path) -> None:
    secret = token(tmp_path / "cache")
    with serve(directions(tmp_path), Access({}), secret) as first:
        base = first.base
    with serve(directions(tmp_path), Access({}), secret) as again:
        assert again.base == base
    with serve(directions(tmp_path, "other"), Access({}), secret) as other:
        assert other.base != base
    assert token(tmp_path / "cache") == secret


def test_a_stopped_run_with_the_same_routes_holds_no_request_of_another(tmp_path: Path) -> None:
    build_wheel(tmp_path / "own", "tool", "1.0")
    secret = token(tmp_path / "cache")

    with _another(tmp_path, secret) as (other, base), serve(directions(tmp_path / "own"), Access({}), secret) as router:
        other.send_signal(signal.SIGSTOP)
        pages = {body(f"{router.base}/named/tool/") for _ in range(20)}

    assert len(pages) == 1 and "tool-1.0" in pages.pop()
    assert router.base != base


@contextmanager
def _another(folder: Path, secret: str) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    """Yield another process that serves the same routes, and its address."""
    source = f"""
import sys
from pathlib import Path
from install.test_loopback import Access, directions, serve
with serve(directions(Path({str(folder / "own")!r})), Access({{}}), {secret!r}) as router:
    print(router.base, flush=True)
    sys.stdin.read()
"""
    environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", source]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        try:
            yield other, other.stdout.readline().strip()
        finally:
            other.kill()


def test_one_process_has_one_router_for_the_same_routes(tmp_path: Path) -> None:
    build_wheel(tmp_path / "own", "tool", "1.0")
    secret = token(tmp_path / "cache")

    with serve(directions(tmp_path / "own"), Access({}), secret) as first:
        with serve(directions(tmp_path / "own"), Access({}), secret) as second:
            assert second is first
        assert "tool-1.0" in body(f"{first.base}/named/tool/")


def test_routes_of_another_user_are_not_answered(tmp_path: Path) -> None:
    build_wheel(tmp_path / "own", "tool", "1.0")
    with serve(directions(tmp_path / "own"), Access({}), token(tmp_path / "mine")) as mine:
        stranger = mine.base.replace(token(tmp_path / "mine"), token(tmp_path / "theirs"))
        try:
            body(f"{stranger}/named/tool/")
        except urllib.error.HTTPError as error:
            assert error.code == 404
        else:
            raise AssertionError("a token that is not that of the run must not be answered")
