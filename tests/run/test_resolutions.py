"""Tests of steps that several combos begin with: they are resolved once."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from knowngood.events import StepResolved
from knowngood.install.interface import Resolution, Step
from knowngood.model import InstallerName
from knowngood.model import Step as DeclaredStep
from knowngood.run.context import Resolutions, Resolved
from support.declared import declared
from support.facts import BAD, GOOD, action
from support.index import Index
from support.runs import cells, matrix, record, request
from support.wheels import build_wheel
from support.workshop import combo

PYTHON = "3.11.7"
STEPS = declared(("a==1",))


def step(folder: Path) -> Step:
    return Step(number=1, declared=STEPS[0], folder=folder)


class Resolver:
    """Answers as slowly as a resolver, and counts its calls."""

    def __init__(self, folder: Path, *, ok: bool = True) -> None:
        self.calls = 0
        self._lock = folder / "asked" / "step1.lock"
        self._ok = ok

    def __call__(self) -> Resolved:
        self.calls += 1
        time.sleep(0.05)
        if self._ok:
            self._lock.parent.mkdir(exist_ok=True)
            self._lock.write_text("a==1\n", encoding="utf-8")
        answer = Resolution(action=action(GOOD if self._ok else BAD), versions={"a": "1"})
        return Resolved(resolution=answer, files=(self._lock,) if self._ok else ())


@pytest.fixture
def resolve(tmp_path: Path) -> Callable[..., Resolved]:
    resolutions = Resolutions()

    def ask(
        name: str, resolver: Callable[[], Resolved], *, python: str = PYTHON, steps: tuple[DeclaredStep, ...] = STEPS
    ) -> Resolved:
        return resolutions.resolve((InstallerName.UV, python), steps, step(tmp_path / name), resolver)

    return ask


def test_equal_steps_are_resolved_once_and_each_combo_gets_the_lock(
    resolve: Callable[..., Resolved], tmp_path: Path
) -> None:
    resolver = Resolver(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: resolve(f"c{number}", resolver), range(8)))

    assert resolver.calls == 1
    assert {answer.resolution.versions["a"] for answer in answers} == {"1"}
    assert len(list(tmp_path.glob("c?/step1.lock"))) == 7, "the first has the original"


def test_steps_with_another_python_or_other_steps_before_are_resolved_again(
    resolve: Callable[..., Resolved], tmp_path: Path
) -> None:
    resolver = Resolver(tmp_path)

    resolve("one", resolver)
    resolve("two", resolver, python="3.12.1")
    resolve("three", resolver, steps=declared(("b",), ("a==1",)))
    resolve("four", resolver, steps=declared(("a==1", "b")))

    assert resolver.calls == 4


def test_a_failed_resolution_is_shared_too(resolve: Callable[..., Resolved], tmp_path: Path) -> None:
    resolver = Resolver(tmp_path, ok=False)

    assert not resolve("one", resolver).resolution.action.exit.ok
    assert not resolve("two", resolver).resolution.action.exit.ok
    assert resolver.calls == 1
    assert not (tmp_path / "two").exists()


def test_an_exception_while_resolving_is_raised_for_every_waiting_combo(resolve: Callable[..., Resolved]) -> None:
    began = threading.Event()

    def fail() -> Resolved:
        began.set()
        time.sleep(0.1)
        raise OSError("the disk is full")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(resolve, "one", fail)
        assert began.wait(5)
        second = pool.submit(resolve, "two", fail)
        for future in (first, second):
            with pytest.raises(OSError, match="full"):
                future.result(timeout=5)


def test_combos_that_share_their_first_steps_resolve_as_if_they_were_alone(
    index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    for version in ("1.0", "2.0"):
        build_wheel(index.folder, "solid", version)
    build_wheel(index.folder, "wants-new", "1.0", requires=("solid>=2",))
    combos = (
        combo(("solid==1.0",), ("wants-new",), name="one"),
        combo(("solid==1.0",), ("solid",), name="two"),
        combo(("solid==1.0",), name="three"),
        combo(("solid==9.9",), name="none"),
        combo(("solid==9.9",), name="none-either"),
    )
    folder = tmp_path / "runs" / "tiny" / "one"

    events = record(request(matrix(tmp_path, index.url, combos, probes={"works": ""}), folder, environ))

    answers = [event for event in events if isinstance(event, StepResolved)]
    assert {(event.combo, event.step, tuple(event.resolved.items())) for event in answers} == {
        ("one", 1, (("solid", "1.0"),)),
        ("one", 2, (("solid", "2.0"), ("wants-new", "1.0"))),
        ("two", 1, (("solid", "1.0"),)),
        ("two", 2, (("solid", "1.0"),)),
        ("three", 1, (("solid", "1.0"),)),
        ("none", 1, ()),
        ("none-either", 1, ()),
    }
    logs = [path for path in folder.glob("combos/*/step1.resolve.log") if ".trial" not in path.parent.name]
    assert len(logs) == 2, "one for each of the two first steps"
    locks = {path.parent.name: path.read_bytes() for path in folder.glob("combos/*/step1.lock")}
    assert locks["one"] == locks["two"] == locks["three"]
    judged = cells(events)
    assert judged["none"].message == judged["none-either"].message
    for cell in judged.values():
        assert cell.log is None or (folder / cell.log).is_file()
