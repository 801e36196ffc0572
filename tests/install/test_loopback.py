"""Test that the address of the router stays the same, and that runs with the same routes share it."""

import urllib.error
import urllib.request
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


def test_runs_with_the_same_routes_share_a_port_and_each_answers_when_the_other_ended(tmp_path: Path) -> None:
    build_wheel(tmp_path / "own", "tool", "1.0")
    secret = token(tmp_path / "cache")

    with serve(directions(tmp_path / "own"), Access({}), secret) as first:
        with serve(directions(tmp_path / "own"), Access({}), secret) as second:
            assert first.base == second.base
            pages = {body(f"{first.base}/named/tool/") for _ in range(8)}
            assert len(pages) == 1 and "tool-1.0" in pages.pop()
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
