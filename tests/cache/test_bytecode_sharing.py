"""Tests of bytecode that is shared between the environments of one run."""

import shutil
import sys
import threading
from pathlib import Path

import pytest

from knowngood.cache.bytecode import BytecodeSharing, BytecodeStore
from knowngood.process import Processes
from support.imported import by_hand, bytecode, load

SOURCES = {"solid.py": "SAYS = 'one'\n"}


@pytest.fixture
def sharing(tmp_path: Path) -> BytecodeSharing:
    return BytecodeSharing(BytecodeStore(folder=tmp_path / "store"), threading.Lock(), Processes(tmp_path))


def test_bytecode_is_linked_only_before_an_environment_is_imported_from(
    sharing: BytecodeSharing, tmp_path: Path
) -> None:
    first, second, third = (by_hand(tmp_path / name, SOURCES) for name in ("first", "second", "third"))
    sharing.link(first, Path(sys.executable), tmp_path / "compiled")
    sharing.link(second, Path(sys.executable), tmp_path / "compiled")
    load(first)

    sharing.note(first)
    sharing.link(third, Path(sys.executable), tmp_path / "compiled")

    assert not bytecode(second).exists()
    assert bytecode(third).stat().st_nlink == 2, "a link into the store"
    assert bytecode(first).stat().st_nlink == 1, "what an environment compiled is not shared"


def test_other_files_of_the_same_name_and_deleted_environments_get_no_bytecode(
    sharing: BytecodeSharing, tmp_path: Path
) -> None:
    first, ended = (by_hand(tmp_path / name, SOURCES) for name in ("first", "ended"))
    other = by_hand(tmp_path / "other", SOURCES | {"solid.py": "SAYS = 'two'\n"})
    for environment in (first, ended):
        sharing.link(environment, Path(sys.executable), tmp_path / "compiled")
    sharing.note(ended)
    shutil.rmtree(ended.folder)
    load(first)

    sharing.note(first)

    sharing.link(other, Path(sys.executable), tmp_path / "compiled")
    assert not bytecode(other).exists()
    assert not ended.folder.exists(), "nothing is created in a deleted environment"


def test_bytecode_that_is_not_to_be_kept_is_not_shared(sharing: BytecodeSharing, tmp_path: Path) -> None:
    first, second = (by_hand(tmp_path / name, SOURCES) for name in ("first", "second"))
    sharing.link(first, Path(sys.executable), tmp_path / "compiled")
    load(first)

    sharing.note(first, keep=False)

    sharing.link(second, Path(sys.executable), tmp_path / "compiled")
    assert not bytecode(second).exists()
