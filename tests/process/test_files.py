"""Tests of reading files that a process under test could have replaced by anything."""

import ast
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import knowngood
from knowngood.cache import compile_sources
from knowngood.cache.bytecode import BytecodeStore
from knowngood.cache.environments import PooledEnvironment
from knowngood.cache.keys import asset_digest
from knowngood.install import inspect
from knowngood.install.environment import Environment
from knowngood.install.snapshot import Snapshot
from knowngood.install.symbols import definitions, offers
from knowngood.model import Asset, Distribution
from knowngood.process.files import open_regular, read_end, read_regular, read_text, walk
from knowngood.process.remover import remove_tree
from knowngood.project.files import write

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


def test_a_link_to_a_file_is_read_where_links_are_expected(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xffmore")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "endless").symlink_to("/dev/zero")

    assert read_regular(tmp_path / "link", 100) == b""
    assert read_regular(tmp_path / "link", 100, linked=True) == b"\xffmore"
    assert read_text(tmp_path / "link") == "\ufffdmore"
    assert read_text(tmp_path / "endless") == ""
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(tmp_path / "endless", linked=True)


ROOMS = ("cache", "install", "probe", "process", "run")
"""They read what packages under test may have replaced."""
READ_OTHERWISE = {
    "install/folder_index.py": "folders of the user that serve as an index",
    "install/interface.py": "a wheel that was read before",
    "install/loopback.py": "folders of the user that serve as an index",
    "install/origin.py": "the user's own project",
    "install/pip/launcher.py": "a process of its own, with a time limit",
    "install/pip/installer.py": "settings of the user",
    "install/routing.py": "folders of the user that serve as an index",
    "install/uv/settings.py": "settings of the user",
    "install/wheelhouse.py": "members of a wheel",
    "cache/compile_sources.py": "a process of its own, which opens sources as this module does",
    "cache/keys.py": "files of knowngood itself",
    "process/commands.py": "a log, after a look at what it is",
    "process/helpers.py": "what Linux says about processes",
    "process/supervisor.py": "what Linux says about processes",
    "run/executors/dask.py": "the scheduler file of the user",
    "run/executors/hosts.py": "files of knowngood itself",
    "run/host.py": "what Linux says about the machine",
}


def test_what_packages_under_test_may_have_replaced_is_read_only_through_this_module() -> None:
    package = Path(knowngood.__file__).parent
    reading = set()
    for room in ROOMS:
        for module in (package / room).rglob("*.py"):
            name = module.relative_to(package).as_posix()
            if "in_env" in module.parts or name == "process/files.py":
                continue
            for node in ast.walk(ast.parse(module.read_bytes())):
                match node:
                    case ast.Call(func=ast.Attribute(attr="read_text" | "read_bytes")):
                        reading.add(name)
                    case ast.Call(func=ast.Attribute(attr="open", value=ast.Name(id="os" | "tarfile" | "SESSIONS"))):
                        pass
                    case ast.Call(func=ast.Attribute(attr="open") | ast.Name(id="open")):
                        reading.add(name)
                    case _:
                        pass

    assert reading <= READ_OTHERWISE.keys(), reading - READ_OTHERWISE.keys()
    assert reading == READ_OTHERWISE.keys(), READ_OTHERWISE.keys() - reading


@pytest.mark.parametrize("what", ["pipe", "sparse"])
def test_no_file_of_an_environment_keeps_its_readers_waiting(what: str, tmp_path: Path) -> None:
    site = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    places = [
        *(site / "solid-1.0.dist-info" / name for name in ("METADATA", "RECORD", "WHEEL")),
        *(site / "old-1.0.egg-info" / "PKG-INFO", site / "bad.py", site / "bad.pyi", site / "bad" / "__init__.py"),
        tmp_path / "env" / "pyvenv.cfg",
        tmp_path / "env" / "include" / "python3.11" / "patchlevel.h",
    ]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        if what == "pipe":
            os.mkfifo(place)
        else:
            place.touch()
            os.truncate(place, 2**36)
    environment = Environment(folder=tmp_path / "env")
    readers: dict[str, Callable[[], object]] = {
        "installed": environment.installed,
        "version": environment.python_version,
        "facts": lambda: inspect.read(environment),
        "bytecode": lambda: list(BytecodeStore(folder=tmp_path / "store").sources(environment)),
        "tampering": lambda: Snapshot.of(environment).owners([str(site / "bad.py")]),
        "definitions": lambda: definitions(
            environment, ["name"], [Distribution(name="bad", version="1", modules=("bad",))]
        ),
        "names": lambda: offers(site, "bad", "name"),
        "assets": lambda: asset_digest(Asset(name="a", wheel="solid==1.0", path="solid"), site / "solid"),
        "kept": PooledEnvironment(folder=tmp_path).built,
    }
    os.mkfifo(tmp_path / "built.jsonl")
    stored = tmp_path / "stored" / "bad.pyc"
    job = {"source": str(site / "bad.py"), "sha256": "", "stored": str(stored), "tag": sys.implementation.cache_tag}
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps([{**job, "level": -1}]))
    readers["compiling"] = lambda: compile_sources.main(str(asked))
    for name, reader in readers.items():
        done: list[object] = []
        thread = threading.Thread(target=lambda read=reader, done=done: done.append(read()), daemon=True)
        thread.start()
        thread.join(20)

        assert done, f"{name} waits, or failed"


def deep(folder: Path, levels: int = 3000) -> None:
    """Nest folders deeper than Python recurses and than a path may be long."""
    place = os.open(folder, os.O_RDONLY)
    for level in range(levels):
        os.close(os.open(f"{level}.py", os.O_CREAT | os.O_WRONLY, dir_fd=place))
        os.mkdir("d", dir_fd=place)
        below = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)


def test_a_folder_is_removed_however_deep_it_is_and_whatever_is_in_it(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "kept").touch()
    (folder / "locked" / "inner" / "more").mkdir(parents=True)
    (folder / "link").symlink_to(outside)
    (folder / "locked" / "link").symlink_to(outside / "kept")
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"\xff")).touch()
    deep(folder)
    for place in ("locked/inner", "locked"):
        (folder / place).chmod(0)

    remove_tree(folder)

    assert not folder.exists()
    assert (outside / "kept").exists() and outside.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("what", ["link", "pipe", "nothing"])
def test_what_stands_for_a_folder_is_removed_and_not_what_it_leads_to(what: str, tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    if what == "link":
        folder.symlink_to(outside)
    elif what == "pipe":
        os.mkfifo(folder)

    remove_tree(folder)

    assert not os.path.lexists(folder) and (outside / "kept").exists()


def test_a_deep_environment_is_read_without_recursion(tmp_path: Path) -> None:
    environment = Environment(folder=tmp_path / "env")
    (site := environment.folder / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    deep(site, 1500)
    (site / "solid").symlink_to(site)

    assert len(Snapshot.of(environment).files) > 1000
    assert not offers(site, "absent", "name") and not list(walk(tmp_path / "gone"))
    remove_tree(tmp_path / "env")


@pytest.mark.parametrize("what", ["pipe", "device"])
def test_a_report_takes_the_place_of_whatever_has_its_name(what: str, tmp_path: Path) -> None:
    file = tmp_path / "matrix.json"
    if what == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")

    write(file, "text")

    assert file.read_text() == "text" and not file.is_symlink()
