"""Parsing sources from several threads."""

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from knowngood.syntax import parse

SOURCE = "".join(
    f"def f{number}(a, b=(1, [2, {{3: 4}}])):\n    return [a + b for a in b if a]\n" for number in range(500)
)


@pytest.fixture
def collections_that_switch_threads() -> Iterator[None]:
    """Let another thread run during each collection of garbage, as a finalizer that closes a file does."""
    before = gc.get_threshold()

    def switch(phase: str, info: dict[str, Any]) -> None:
        time.sleep(0)

    gc.set_threshold(100)
    gc.callbacks.append(switch)
    yield
    gc.callbacks.remove(switch)
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collections_that_switch_threads")
def test_several_threads_parse_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(parse, [SOURCE] * 24))

    assert all(tree is not None and len(tree.body) == 500 for tree in trees)


def test_what_cannot_be_parsed_has_no_tree() -> None:
    assert parse("def :") is None
    assert parse(b"\0") is None
    assert parse("(" * 100_000) is None
