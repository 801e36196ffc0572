"""Bytecode between environments that are imported from at the same time."""

import shutil
import threading
from pathlib import Path

import pytest

from knowngood.cache.bytecode import BytecodeStore, Seeding
from support.imported import by_hand, bytecode, load

SOURCES = {"solid.py": "SAYS = 'one'\n", "late.py": "SAYS = 'late'\n"}


@pytest.fixture
def seeding(tmp_path: Path) -> Seeding:
    return Seeding(BytecodeStore(folder=tmp_path / "store"), threading.Lock())


def test_what_one_compiled_is_linked_into_another_that_has_begun_already(seeding: Seeding, tmp_path: Path) -> None:
    first, second = (by_hand(tmp_path / name, SOURCES) for name in ("first", "second"))
    seeding.begin(first)
    seeding.begin(second)
    load(first)
    load(first, "late")
    load(second)
    its_own = bytecode(second).stat().st_ino

    seeding.end(first)

    assert bytecode(second, "late").stat().st_ino == bytecode(first, "late").stat().st_ino
    assert load(second, "late") == "late"
    assert bytecode(second).stat().st_ino == its_own != bytecode(first).stat().st_ino


def test_other_files_of_the_same_name_and_what_has_ended_get_nothing(seeding: Seeding, tmp_path: Path) -> None:
    first, ended = (by_hand(tmp_path / name, SOURCES) for name in ("first", "ended"))
    other = by_hand(tmp_path / "other", SOURCES | {"solid.py": "SAYS = 'two'\n"})
    for one in (first, ended, other):
        seeding.begin(one)
    seeding.end(ended)
    shutil.rmtree(ended.folder)
    load(first)

    seeding.end(first)

    assert not bytecode(other).exists()
    assert not ended.folder.exists(), "nothing is made anew of what was deleted"


def test_what_was_linked_late_and_written_into_is_dropped_from_the_store(seeding: Seeding, tmp_path: Path) -> None:
    first, second, third = (by_hand(tmp_path / name, SOURCES) for name in ("first", "second", "third"))
    seeding.begin(first)
    seeding.begin(second)
    load(first)
    seeding.end(first)
    with bytecode(second).open("r+b") as file:
        file.write(b"what is this?")

    seeding.end(second)

    seeding.begin(third)
    assert not bytecode(third).exists()


def test_where_nothing_is_to_be_kept_nothing_is(seeding: Seeding, tmp_path: Path) -> None:
    first, second = (by_hand(tmp_path / name, SOURCES) for name in ("first", "second"))
    seeding.begin(first)
    load(first)

    seeding.end(first, keep=False)

    seeding.begin(second)
    assert not bytecode(second).exists()
