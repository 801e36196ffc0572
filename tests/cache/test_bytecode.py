"""Tests of the bytecode store: it links only bytecode that belongs to an environment."""

import marshal
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.cache.bytecode import BytecodeStore, Compiler, Linked, Sources
from knowngood.install.environment import Environment
from knowngood.install.index import Routes
from knowngood.model import InstallerName
from knowngood.process import Processes
from support.imported import TAG, by_hand, bytecode, load, site
from support.index import Index
from support.wheels import build_wheel
from support.workshop import Workshop


@pytest.fixture
def store(tmp_path: Path) -> BytecodeStore:
    return BytecodeStore(folder=tmp_path / "all" / "of" / "it" / "in" / "store")


@pytest.fixture
def compile_all(tmp_path: Path) -> Compiler:
    return Compiler(processes=Processes(tmp_path), python=Path(sys.executable), folder=tmp_path / "compiled")


def note(store: BytecodeStore, installed: Iterable[Sources], before: Linked, compile_all: Compiler) -> None:
    """Note what an environment compiled, and compile it as the next environment would have it done."""
    installed = list(installed)
    store.note(installed, before)
    if jobs := list(store.wanted(installed)):
        compile_all(jobs)


def kept(store: BytecodeStore) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*.pyc"))


def test_bytecode_of_one_environment_is_linked_into_another_and_python_uses_it(
    index: Index, environ: Mapping[str, str], tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    build_wheel(index.folder, "solid", "1.0")
    build_wheel(index.folder, "other", "1.0")
    workshop = Workshop(folder=tmp_path, environ=dict(environ) | {"UV_LINK_MODE": "hardlink"})
    for name, steps in (("first", (("solid",),)), ("second", (("other", "solid"),))):
        workshop.carry_out(InstallerName.UV, steps, Routes(default=index.url), environment=name)
    first, second = workshop.environment("first"), workshop.environment("second")
    subprocess.run([first.python, "-I", "-c", "import solid"], check=True)
    note(store, store.sources(first), {}, compile_all)

    linked = store.link(store.sources(second))

    assert list(linked) == [str(bytecode(second))]
    assert bytecode(second).stat().st_ino == kept(store)[0].stat().st_ino
    verbose = subprocess.run(
        [second.python, "-I", "-v", "-c", "import solid"], capture_output=True, text=True, check=True
    )
    assert f"{bytecode(second)} matches {site(second) / 'solid.py'}" in verbose.stderr
    assert bytecode(second).stat().st_ino == kept(store)[0].stat().st_ino
    assert bytecode(first).stat().st_nlink == 1, "what an environment compiled is not shared"
    assert store.distributions() == {("solid", "1.0")}
    assert not bytecode(second, "other").exists()


def test_a_distribution_without_bytecode_counts_as_compiled(
    tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    for one in (
        by_hand(tmp_path / "first", {"solid.py": "SAYS = 'one'\n"}, name="unused"),
        by_hand(tmp_path / "second", {}, name="libraries"),
    ):
        note(store, store.sources(one), {}, compile_all)

    assert kept(store) == []
    assert store.distributions() == {("unused", "1.0"), ("libraries", "1.0")}


def test_nothing_is_linked_from_other_files_of_the_same_name_and_version(
    tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    first = by_hand(tmp_path / "first", {"solid.py": "SAYS = 'one'\n"})
    second = by_hand(tmp_path / "second", {"solid.py": "SAYS = 'two'\n"})
    assert load(first) == "one"
    note(store, store.sources(first), {}, compile_all)

    assert store.link(store.sources(second)) == {}
    # Both sources have the same size and time: Python would use linked bytecode of the other one.
    assert load(second) == "two"
    note(store, store.sources(second), {}, compile_all)
    assert len(kept(store)) == 2


def test_bytecode_that_was_written_into_is_dropped_from_the_store(
    tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    sources = {"solid.py": "SAYS = 'one'\n", "pack/__init__.py": "SAYS = 'pack'\n"}
    first, second, third = (by_hand(tmp_path / name, sources) for name in ("first", "second", "third"))
    load(first), load(first, "pack")
    note(store, store.sources(first), {}, compile_all)
    linked = store.link(store.sources(second))
    with bytecode(second).open("r+b") as file:
        file.write(b"\0" * 64)

    store.note(store.sources(second), linked)

    assert [path.name for path in kept(store)] == [f"__init__.{TAG}.pyc"]
    assert list(store.link(store.sources(third))) == [str(bytecode(third, "pack/__init__"))]
    assert load(third) == "one"


def test_compiling_again_in_one_environment_does_not_change_others(
    tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    first, second = (by_hand(tmp_path / name, {"solid.py": "SAYS = 'one'\n"}) for name in ("first", "second"))
    load(first)
    note(store, store.sources(first), {}, compile_all)
    before = bytecode(first).read_bytes()
    linked = store.link(store.sources(second))
    (site(second) / "solid.py").write_text("SAYS = 'changed here'\n", encoding="utf-8")

    assert load(second) == "changed here"

    note(store, store.sources(second), linked, compile_all)
    assert bytecode(first).read_bytes() == before
    assert load(first) == "one"
    # The stored bytecode no longer fits a source, which Python notices itself.
    third = by_hand(tmp_path / "third", {"solid.py": "SAYS = 'one'\n"})
    store.link(store.sources(third))
    assert load(third) == "one"


def test_bytecode_of_a_file_that_two_distributions_own_is_not_stored(
    tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    both = by_hand(tmp_path / "both", {"solid.py": "SAYS = 'one'\n", "mine.py": "SAYS = 'mine'\n"})
    by_hand(tmp_path / "both", {"solid.py": "SAYS = 'two'\n"}, name="rival")
    alone = by_hand(tmp_path / "alone", {"solid.py": "SAYS = 'one'\n", "mine.py": "SAYS = 'mine'\n"})
    assert (load(both), load(both, "mine")) == ("two", "mine")

    note(store, store.sources(both), {}, compile_all)

    store.link(store.sources(alone))
    assert load(alone) == "one"
    assert {path.name for path in kept(store)} == {f"mine.{TAG}.pyc"}


def test_a_file_that_two_distributions_own_gets_the_bytecode_of_neither(
    tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    alone = by_hand(tmp_path / "alone", {"solid.py": "SAYS = 'one'\n", "mine.py": "SAYS = 'mine'\n"})
    assert (load(alone), load(alone, "mine")) == ("one", "mine")
    note(store, store.sources(alone), {}, compile_all)
    both = by_hand(tmp_path / "both", {"solid.py": "SAYS = 'one'\n", "mine.py": "SAYS = 'mine'\n"})
    by_hand(tmp_path / "both", {"solid.py": "SAYS = 'two'\n"}, name="rival")

    assert list(store.link(store.sources(both))) == [str(bytecode(both, "mine"))]
    assert load(both) == "two"


@pytest.mark.parametrize("path", ["../../../../outside.py", "pack/../../../../../outside.py", "/{}/outside.py"])
def test_a_record_that_leads_out_of_its_environment_is_not_followed(
    path: str, tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    line = path.format(str(tmp_path / "home").lstrip("/"))
    outside = tmp_path / "home" / "__pycache__" / f"outside.{TAG}.pyc"
    environment = by_hand(tmp_path / "home" / "env", {"pack/__init__.py": "SAYS = 1\n"}, also=f"{line},sha256=00,0\n")
    outside.parent.mkdir()
    outside.write_bytes(b"bytecode of somebody else")

    note(store, store.sources(environment), {}, compile_all)

    assert kept(store) == []
    assert list(tmp_path.rglob(outside.name)) == [outside]


def test_bytecode_is_stored_once(tmp_path: Path, store: BytecodeStore, compile_all: Compiler) -> None:
    environment = by_hand(tmp_path / "env", {"solid.py": "SAYS = 'one'\n"})
    load(environment)

    note(store, store.sources(environment), {}, compile_all)
    note(store, store.sources(environment), {}, compile_all)

    assert [path.name for path in kept(store)] == [f"solid.{TAG}.pyc"]


def test_several_runs_can_use_a_store_at_once(tmp_path: Path, store: BytecodeStore, compile_all: Compiler) -> None:
    sources = {f"pack/m{number}.py": f"SAYS = {number}\n" for number in range(40)}
    environments = [by_hand(tmp_path / f"env{number}", sources) for number in range(6)]
    by_them = [sys.executable, "-I", "-m", "compileall", "-q", *map(str, map(site, environments))]
    subprocess.run(by_them, check=True)

    def use(environment: Environment) -> None:
        compiler = replace(compile_all, folder=environment.folder.with_suffix(".compiled"))  # as each run has its own
        for _ in range(5):
            note(store, store.sources(environment), store.link(store.sources(environment)), compiler)

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(use, environment) for environment in environments]:
            future.result()

    fresh = by_hand(tmp_path / "fresh", sources)
    assert len(store.link(store.sources(fresh))) == 40
    assert load(fresh, "pack.m7") == "7"
    assert len(kept(store)) == 40, "no unfinished files are left"


def test_the_distributions_used_least_recently_are_removed_first(
    tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    for age, name in enumerate(("new", "middle", "old")):
        environment = by_hand(tmp_path / name, {f"{name}.py": "SAYS = 1\n"}, name=name)
        load(environment, name)
        note(store, store.sources(environment), {}, compile_all)
        (folder,) = store.folder.glob(f"{name}-*")
        os.utime(folder, (1000 - age, 1000 - age))

    store.prune(most=2)

    assert {name for name, _ in store.distributions()} == {"new", "middle"}


def test_forged_bytecode_and_changed_sources_do_not_reach_the_store(
    tmp_path: Path, store: BytecodeStore, compile_all: Compiler
) -> None:
    sources = {"solid.py": "SAYS = 'one'\n", "pack/__init__.py": "SAYS = 'pack'\n"}
    first, second = (by_hand(tmp_path / name, sources) for name in ("first", "second"))
    installed = list(store.sources(first))
    load(first), load(first, "pack")
    forged = marshal.dumps(compile("SAYS = 'forged'", "solid.py", "exec"))
    bytecode(first).write_bytes(bytecode(first).read_bytes()[:16] + forged)
    assert load(first) == "forged"
    state = (site(first) / "pack" / "__init__.py").stat()
    (site(first) / "pack" / "__init__.py").write_text("SAYS = 'kcap'\n", encoding="utf-8")
    os.utime(site(first) / "pack" / "__init__.py", ns=(state.st_atime_ns, state.st_mtime_ns))

    note(store, installed, {}, compile_all)

    assert list(store.link(store.sources(second))) == [str(bytecode(second))]
    assert (load(second), load(second, "pack")) == ("one", "pack")
