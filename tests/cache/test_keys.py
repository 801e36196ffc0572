"""Tests of keys: everything that a verdict depends on changes its key, and nothing else does."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from knowngood import __version__
from knowngood.cache.keys import Ingredients, Surroundings, asset_digest, digest_of, key
from knowngood.events import SCHEMA
from knowngood.model import (
    Asset,
    ComboFacts,
    Expectation,
    InstallerName,
    Known,
    Probe,
    Status,
    StepFacts,
    WarningPolicy,
)
from knowngood.probe.launch import IN_ENV, Launcher
from knowngood.process import Processes
from support.workshop import combo

STEPS = (("solid==1.0",), ("more", "other"))
COMBO = combo(*STEPS, name="one", probes=("first", "second"))
FACTS = ComboFacts(
    combo=COMBO,
    steps=tuple(
        StepFacts(number=number, requirements=asked, lock=str(number) * 64) for number, asked in enumerate(STEPS, 1)
    ),
)
AROUND = Surroundings(
    machine="Linux x86_64, glibc 2.36",
    cpu_flags="avx avx2",
    installers={InstallerName.UV: "0.9", InstallerName.PIP: "with virtualenv 20"},
    assets={"weights": "d1"},
)
PYTHON = "3.11.7 (main, Jan 1 2026) [GCC] cpython-311"


def ingredients(
    *,
    facts: ComboFacts = FACTS,
    around: Surroundings = AROUND,
    python: str = PYTHON,
    sources: Mapping[str, str] | None = None,
    outside: Mapping[str, str] | None = None,
    threads: int = 1,
) -> Ingredients:
    """Return the ingredients as a run makes them."""
    launcher = Launcher(
        processes=Processes(Path("/nowhere")),
        outside={"PATH": "/bin", "HOME": "/home"} | dict(outside or {}),
        assets={},
        threads=threads,
    )
    declared = {"first": "pass", "second": "assert True"} | dict(sources or {})
    probes = {name: Probe(id=name, source=source, path=None) for name, source in declared.items()}
    return around.verdict(around.build(facts, python), facts.combo, probes, launcher.settings(facts.combo))


def of_combo(**changes: object) -> ComboFacts:
    return replace(FACTS, combo=replace(COMBO, **changes))  # type: ignore[arg-type]


def step(number: int, **changes: object) -> ComboFacts:
    steps = tuple(replace(step, **changes) if step.number == number else step for step in FACTS.steps)  # type: ignore[arg-type]
    return replace(FACTS, steps=steps)


MATTERS: dict[str, Callable[[], Ingredients]] = {
    "a requirement": lambda: ingredients(facts=step(2, requirements=("more", "another"))),
    "the order of requirements": lambda: ingredients(facts=step(2, requirements=("other", "more"))),
    "a lock": lambda: ingredients(facts=step(1, lock="9" * 64)),
    "the order of steps": lambda: ingredients(facts=replace(FACTS, steps=FACTS.steps[::-1])),
    "a step less": lambda: ingredients(facts=replace(FACTS, steps=FACTS.steps[:1])),
    "the installer": lambda: ingredients(facts=of_combo(installer=InstallerName.PIP)),
    "the version of the installer": lambda: ingredients(
        around=replace(AROUND, installers={InstallerName.UV: "0.10", InstallerName.PIP: "with virtualenv 20"})
    ),
    "the build of the interpreter": lambda: ingredients(python=PYTHON.replace("Jan 1", "Jan 2")),
    "the machine": lambda: ingredients(around=replace(AROUND, machine="Linux x86_64, glibc 2.39")),
    "the processor": lambda: ingredients(around=replace(AROUND, cpu_flags="avx avx2 avx512f")),
    "the source of a probe": lambda: ingredients(sources={"second": "assert  True"}),
    "the order of probes": lambda: ingredients(facts=of_combo(probes=("second", "first"))),
    "a probe less": lambda: ingredients(facts=of_combo(probes=("first",))),
    "an asset": lambda: ingredients(around=replace(AROUND, assets={"weights": "d2"})),
    "the name of an asset": lambda: ingredients(around=replace(AROUND, assets={"model": "d1"})),
    "an asset less": lambda: ingredients(around=replace(AROUND, assets={})),
    "a variable of the combo": lambda: ingredients(facts=of_combo(env=(("EXTRA", "1"),))),
    "a variable for probes": lambda: ingredients(outside={"KG_HINT": "1"}),
    "a setting of a numeric library": lambda: ingredients(outside={"OMP_PROC_BIND": "true"}),
    "where libraries are looked for": lambda: ingredients(outside={"LD_LIBRARY_PATH": "/opt"}),
    "the locale": lambda: ingredients(outside={"LC_ALL": "tr_TR.UTF-8"}),
    "the number of threads": lambda: ingredients(threads=2),
    "the time limit": lambda: ingredients(facts=of_combo(timeout=31.0)),
}
MATTERS_NOT: dict[str, Callable[[], Ingredients]] = {
    "the id": lambda: ingredients(facts=of_combo(id="two")),
    "the title": lambda: ingredients(facts=of_combo(title="Two")),
    "what is expected": lambda: ingredients(facts=of_combo(expect=Expectation(status=Status.FAIL, reason="r"))),
    "what is known of it": lambda: ingredients(
        facts=of_combo(known=(Known(combo="one", status=Status.FAIL, reason="r", expires=date(2026, 1, 1)),))
    ),
    "the policy for warnings": lambda: ingredients(facts=of_combo(warnings=WarningPolicy.FAIL)),
    "its place on the axes": lambda: ingredients(facts=of_combo(axes=(("python", "3.11"),))),
    "the search path of the shell": lambda: ingredients(outside={"PATH": "/usr/local/bin"}),
    "the terminal": lambda: ingredients(outside={"TERM": "xterm"}),
    "a variable that no probe sees": lambda: ingredients(outside={"EDITOR": "ed", "HOME": "/root"}),
    "a probe of another combo": lambda: ingredients(sources={"third": "pass"}),
    "the version of another installer": lambda: ingredients(
        around=replace(AROUND, installers={InstallerName.UV: "0.9", InstallerName.PIP: "with virtualenv 21"})
    ),
}


def test_equal_ingredients_have_one_key() -> None:
    assert key(ingredients()) == key(ingredients())
    assert len(key(ingredients())) == 64


@pytest.mark.parametrize("what", MATTERS)
def test_a_change_that_verdicts_depend_on_changes_the_key(what: str) -> None:
    assert key(MATTERS[what]()) != key(ingredients())


def test_different_changes_give_different_keys() -> None:
    assert len({key(change()) for change in MATTERS.values()}) == len(MATTERS)


@pytest.mark.parametrize("what", MATTERS_NOT)
def test_a_change_that_no_verdict_depends_on_keeps_the_key(what: str) -> None:
    assert key(MATTERS_NOT[what]()) == key(ingredients())


def test_the_runners_the_harness_and_the_events_are_ingredients() -> None:
    assert ingredients()["harness"] == {
        "knowngood": __version__,
        "events": SCHEMA,
        "runner": digest_of(b"\0".join(path.read_bytes() for path in IN_ENV)),
    }


def leaves(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the way to each plain value in ``value``."""
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in leaves(inner, (*path, name))]
    if isinstance(value, list):
        return [leaf for number, inner in enumerate(value) for leaf in leaves(inner, (*path, number))]
    return [path]


def changed(value: object, path: tuple[object, ...]) -> object:
    """Return ``value`` with another plain value at the end of ``path``."""
    if not path:
        return f"{value} and more"
    if isinstance(value, dict):
        return {name: changed(inner, path[1:]) if name == path[0] else inner for name, inner in value.items()}
    assert isinstance(value, list)
    return [changed(inner, path[1:]) if number == path[0] else inner for number, inner in enumerate(value)]


def test_every_ingredient_goes_into_the_key() -> None:
    complete = dict(ingredients())
    ways = leaves(complete)

    keys = set()
    for way in ways:
        other = changed(complete, way)
        assert isinstance(other, dict)
        keys.add(key(other))

    assert len(keys | {key(complete)}) == len(ways) + 1
    assert set(complete) == {
        "assets",
        "cpu",
        "environment",
        "harness",
        "installer",
        "isolation",
        "machine",
        "probes",
        "python",
        "steps",
        "timeout",
    }


def test_the_key_of_an_environment_does_not_depend_on_probes() -> None:
    def build(facts: ComboFacts, around: Surroundings = AROUND) -> str:
        return key(around.build(facts, PYTHON))

    assert build(of_combo(probes=("first",), timeout=1.0, env=(("A", "1"),))) == build(FACTS)
    assert build(FACTS, replace(AROUND, assets={}, cpu_flags="")) == build(FACTS)
    assert build(step(1, lock="9" * 64)) != build(FACTS)


def unpacked(folder: Path, *, record: str = "pack/model/w.bin,sha256=aa,1\n", version: str = "1.0") -> Path:
    """Return the path of an asset in a wheel that is unpacked into ``folder``."""
    place = folder / "pack" / "model"
    place.mkdir(parents=True)
    (folder / f"pack-{version}.dist-info").mkdir()
    (folder / f"pack-{version}.dist-info" / "RECORD").write_text(record, encoding="utf-8")
    return place


def test_an_asset_is_identified_by_the_hashes_of_its_files_in_any_folder(tmp_path: Path) -> None:
    asset = Asset(name="weights", wheel="pack==1.0", path="pack/model")
    digest = asset_digest(asset, unpacked(tmp_path / "here"))

    assert asset_digest(asset, unpacked(tmp_path / "there")) == digest
    assert asset_digest(replace(asset, name="called-otherwise"), unpacked(tmp_path / "named")) == digest
    assert asset_digest(asset, unpacked(tmp_path / "other", record="pack/model/w.bin,sha256=bb,1\n")) != digest
    assert asset_digest(replace(asset, wheel="pack==1.1"), unpacked(tmp_path / "newer")) != digest
    assert asset_digest(replace(asset, path="pack"), tmp_path / "here" / "pack") != digest


def test_ingredients_hold_a_digest_of_what_has_a_password_and_the_key_changes_with_it() -> None:
    def made(password: str) -> Ingredients:
        url = f"https://me:{password}@host/a"
        facts = step(1, requirements=(f"solid @ {url}.whl",))
        steps = tuple(replace(declared, options=("--index-url", url)) for declared in COMBO.steps)
        facts = replace(facts, combo=replace(COMBO, steps=steps))
        return ingredients(facts=facts, outside={"KG_DATABASE": url, "KG_PLAIN": "seen"})

    assert "hunter2" not in str(made("hunter2"))
    assert "seen" in str(made("hunter2"))
    assert key(made("hunter2")) != key(made("hunter3"))
