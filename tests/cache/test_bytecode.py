"""The bytecode store: what one environment compiled is linked into another, and never shows it what it should not."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from knowngood.cache.bytecode import BytecodeStore
from knowngood.install.environment import Environment
from knowngood.install.index import Routes
from knowngood.model import InstallerName
from support.imported import TAG, by_hand, bytecode, load, site
from support.index import Index
from support.wheels import build_wheel
from support.workshop import Workshop


@pytest.fixture
def store(tmp_path: Path) -> BytecodeStore:
    return BytecodeStore(folder=tmp_path / "all" / "of" / "it" / "in" / "store")


def kept(store: BytecodeStore) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


def test_what_one_environment_compiled_is_linked_into_another_with_another_lock_and_python_takes_it(
    index: Index, environ: Mapping[str, str], tmp_path: Path, store: BytecodeStore
) -> None:
    build_wheel(index.folder, "solid", "1.0")
    build_wheel(index.folder, "other", "1.0")
    workshop = Workshop(folder=tmp_path, environ=dict(environ) | {"UV_LINK_MODE": "hardlink"})
    for name, steps in (("first", (("solid",),)), ("second", (("other", "solid"),))):
        workshop.carry_out(InstallerName.UV, steps, Routes(default=index.url), environment=name)
    first, second = workshop.environment("first"), workshop.environment("second")
    subprocess.run([first.python, "-I", "-c", "import solid"], check=True)
    store.harvest(store.sources(first), {})

    linked = store.seed(store.sources(second))

    assert list(linked) == [str(bytecode(second))]
    assert bytecode(second).stat().st_ino == bytecode(first).stat().st_ino
    verbose = subprocess.run(
        [second.python, "-I", "-v", "-c", "import solid"], capture_output=True, text=True, check=True
    )
    assert f"{bytecode(second)} matches {site(second) / 'solid.py'}" in verbose.stderr
    assert bytecode(second).stat().st_ino == bytecode(first).stat().st_ino
    assert store.known() == {("solid", "1.0")}
    assert not bytecode(second, "other").exists()


def test_what_an_environment_with_it_was_harvested_of_is_known_even_without_any_bytecode(
    tmp_path: Path, store: BytecodeStore
) -> None:
    for one in (
        by_hand(tmp_path / "first", {"solid.py": "SAYS = 'one'\n"}, name="unused"),
        by_hand(tmp_path / "second", {}, name="libraries"),
    ):
        store.harvest(store.sources(one), {})

    assert kept(store) == []
    assert store.known() == {("unused", "1.0"), ("libraries", "1.0")}


def test_of_the_same_name_and_version_with_other_files_nothing_is_taken(tmp_path: Path, store: BytecodeStore) -> None:
    first = by_hand(tmp_path / "first", {"solid.py": "SAYS = 'one'\n"})
    second = by_hand(tmp_path / "second", {"solid.py": "SAYS = 'two'\n"})
    assert load(first) == "one"
    store.harvest(store.sources(first), {})

    assert store.seed(store.sources(second)) == {}
    # Size and time of both sources are the same: had it been linked, Python would have believed it.
    assert load(second) == "two"
    store.harvest(store.sources(second), {})
    assert len(kept(store)) == 2


def test_bytecode_that_was_written_into_is_dropped_from_the_store(tmp_path: Path, store: BytecodeStore) -> None:
    sources = {"solid.py": "SAYS = 'one'\n", "pack/__init__.py": "SAYS = 'pack'\n"}
    first, second, third = (by_hand(tmp_path / name, sources) for name in ("first", "second", "third"))
    load(first), load(first, "pack")
    store.harvest(store.sources(first), {})
    linked = store.seed(store.sources(second))
    with bytecode(second).open("r+b") as file:
        file.write(b"\0" * 64)

    store.harvest(store.sources(second), linked)

    assert [path.name for path in kept(store)] == [f"__init__.{TAG}.pyc"]
    assert list(store.seed(store.sources(third))) == [str(bytecode(third, "pack/__init__"))]
    assert load(third) == "one"


def test_what_an_environment_compiles_anew_leaves_others_as_they_were(tmp_path: Path, store: BytecodeStore) -> None:
    first, second = (by_hand(tmp_path / name, {"solid.py": "SAYS = 'one'\n"}) for name in ("first", "second"))
    load(first)
    store.harvest(store.sources(first), {})
    before = bytecode(first).read_bytes()
    linked = store.seed(store.sources(second))
    (site(second) / "solid.py").write_text("SAYS = 'changed here'\n", encoding="utf-8")

    assert load(second) == "changed here"

    store.harvest(store.sources(second), linked)
    assert bytecode(first).read_bytes() == before
    assert load(first) == "one"
    # What is stored now fits nobody's source, which Python sees by itself.
    third = by_hand(tmp_path / "third", {"solid.py": "SAYS = 'one'\n"})
    store.seed(store.sources(third))
    assert load(third) == "one"


def test_of_a_file_that_two_distributions_own_nothing_is_kept(tmp_path: Path, store: BytecodeStore) -> None:
    both = by_hand(tmp_path / "both", {"solid.py": "SAYS = 'one'\n", "mine.py": "SAYS = 'mine'\n"})
    by_hand(tmp_path / "both", {"solid.py": "SAYS = 'two'\n"}, name="rival")
    alone = by_hand(tmp_path / "alone", {"solid.py": "SAYS = 'one'\n", "mine.py": "SAYS = 'mine'\n"})
    assert (load(both), load(both, "mine")) == ("two", "mine")

    store.harvest(store.sources(both), {})

    store.seed(store.sources(alone))
    assert load(alone) == "one"
    assert {path.name for path in kept(store)} == {f"mine.{TAG}.pyc"}


def test_a_file_that_two_distributions_own_gets_the_bytecode_of_neither(tmp_path: Path, store: BytecodeStore) -> None:
    alone = by_hand(tmp_path / "alone", {"solid.py": "SAYS = 'one'\n", "mine.py": "SAYS = 'mine'\n"})
    assert (load(alone), load(alone, "mine")) == ("one", "mine")
    store.harvest(store.sources(alone), {})
    both = by_hand(tmp_path / "both", {"solid.py": "SAYS = 'one'\n", "mine.py": "SAYS = 'mine'\n"})
    by_hand(tmp_path / "both", {"solid.py": "SAYS = 'two'\n"}, name="rival")

    assert list(store.seed(store.sources(both))) == [str(bytecode(both, "mine"))]
    assert load(both) == "two"


@pytest.mark.parametrize("path", ["../../../../outside.py", "pack/../../../../../outside.py", "/{}/outside.py"])
def test_a_record_that_leads_out_of_its_environment_is_not_followed(
    path: str, tmp_path: Path, store: BytecodeStore
) -> None:
    line = path.format(str(tmp_path / "home").lstrip("/"))
    outside = tmp_path / "home" / "__pycache__" / f"outside.{TAG}.pyc"
    environment = by_hand(tmp_path / "home" / "env", {"pack/__init__.py": "SAYS = 1\n"}, also=f"{line},sha256=00,0\n")
    outside.parent.mkdir()
    outside.write_bytes(b"bytecode of somebody else")

    store.harvest(store.sources(environment), {})

    assert kept(store) == []
    assert list(tmp_path.rglob(outside.name)) == [outside]


def test_what_is_in_the_store_already_is_kept_once(tmp_path: Path, store: BytecodeStore) -> None:
    environment = by_hand(tmp_path / "env", {"solid.py": "SAYS = 'one'\n"})
    load(environment)

    store.harvest(store.sources(environment), {})
    store.harvest(store.sources(environment), {})

    assert [path.name for path in kept(store)] == [f"solid.{TAG}.pyc"]


def test_several_runs_can_use_a_store_at_once(tmp_path: Path, store: BytecodeStore) -> None:
    sources = {f"pack/m{number}.py": f"SAYS = {number}\n" for number in range(40)}
    environments = [by_hand(tmp_path / f"env{number}", sources) for number in range(6)]
    compile_all = [sys.executable, "-I", "-m", "compileall", "-q", *map(str, map(site, environments))]
    subprocess.run(compile_all, check=True)

    def use(environment: Environment) -> None:
        for _ in range(5):
            store.harvest(store.sources(environment), store.seed(store.sources(environment)))

    with ThreadPoolExecutor(6) as pool:
        for one in [pool.submit(use, environment) for environment in environments]:
            one.result()

    fresh = by_hand(tmp_path / "fresh", sources)
    assert len(store.seed(store.sources(fresh))) == 40
    assert load(fresh, "pack.m7") == "7"
    assert len(kept(store)) == 40, "no unfinished files are left"


def test_what_was_used_least_lately_goes_first(tmp_path: Path, store: BytecodeStore) -> None:
    for age, name in enumerate(("new", "middle", "old")):
        environment = by_hand(tmp_path / name, {f"{name}.py": "SAYS = 1\n"}, name=name)
        load(environment, name)
        store.harvest(store.sources(environment), {})
        (folder,) = store.folder.glob(f"{name}-*")
        os.utime(folder, (1000 - age, 1000 - age))

    store.prune(most=2)

    assert {name for name, _ in store.known()} == {"new", "middle"}
