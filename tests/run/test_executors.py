"""Tests of the seam between a run and the machines that evaluate its combos."""

import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from knowngood.events import Emit
from knowngood.install.index import Route, Routes
from knowngood.model import Index as DeclaredIndex
from knowngood.model import Run
from knowngood.run.engine import execute
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization, Task, without_credentials
from knowngood.run.stop import Stop
from support.elsewhere import Elsewhere
from support.index import Index
from support.runs import matrix, request
from support.wheels import build_wheel
from support.workshop import combo

PROBE = """
from probe_api import check, record

@check
def the_version_is_good():
    import solid
    record(version=solid.__version__)
    assert solid.__version__ == "1.0", "only 1.0 is any good"
"""
COMBOS = (
    combo(("solid==1.0",), name="passes"),
    combo(("solid==2.0",), name="fails"),
    combo(("solid==1.0",), ("wants-new",), name="drifts"),
    combo(("solid==9.9",), name="unsolvable"),
)
VARIES = {"seconds", "log", "output", "peak_memory", "environment_bytes"}
"""Names of recorded values that differ between two evaluations of the same combo."""


@pytest.fixture
def stocked(index: Index) -> Index:
    for version in ("1.0", "2.0"):
        build_wheel(index.folder, "solid", version)
    build_wheel(index.folder, "wants-new", "1.0", requires=("solid>=2",))
    return index


def without_what_varies(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_what_varies(inner) for name, inner in value.items() if name not in VARIES}
    if isinstance(value, list | tuple):
        return [without_what_varies(inner) for inner in value]
    # A traceback names files of the environment and of the probe, which are in the folder of each machine.
    return re.sub(r"/[\w./-]+(?=/env/|/works\.)", "FOLDER", value) if isinstance(value, str) else value


def facts(run: Run) -> dict[str, Any]:
    return {facts.combo.id: without_what_varies(asdict(facts)) for facts in run.combos}


@pytest.mark.parametrize("optimizations", [ALL_OPTIMIZATIONS, frozenset[Optimization]()], ids=["all", "none"])
def test_a_pickled_task_gives_the_same_facts_in_another_process_as_here(
    optimizations: frozenset[Optimization], stocked: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    subject = matrix(tmp_path, stocked.url, COMBOS, probes={"works": PROBE})
    locally = request(subject, tmp_path / "here" / "runs" / "tiny" / "one", environ, optimizations=optimizations)
    remotely = request(subject, tmp_path / "there" / "runs" / "tiny" / "one", environ, optimizations=optimizations)
    worker = Elsewhere(outside=environ, home=tmp_path / "worker")

    here, there = execute(locally), execute(remotely, executor=worker)

    assert here.finished and there.finished
    assert [combo.finished for combo in there.combos] == [True] * len(COMBOS)
    assert facts(there) == facts(here)


class Kept:
    """An executor that only keeps its tasks."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def execute(self, tasks: Sequence[Task], emit: Emit, stop: Stop) -> None:
        self.tasks.extend(tasks)


def test_a_task_holds_no_credentials(environ: Mapping[str, str], tmp_path: Path) -> None:
    indexes = (
        DeclaredIndex(name="ours", url="http://user:5ecret-word@127.0.0.1:9/simple"),
        DeclaredIndex(name="torch", url="http://127.0.0.1:9/whl?token=5ecret-word", packages=("torch",)),
    )
    subject = replace(matrix(tmp_path, "", COMBOS), indexes=indexes)
    kept = Kept()

    execute(request(subject, tmp_path / "runs" / "tiny" / "one", environ), executor=kept)

    assert {task.combo.id for task in kept.tasks} == {combo.id for combo in COMBOS}
    assert kept.tasks[0].settings.routes.default == "http://127.0.0.1:9/simple"
    assert not [task for task in kept.tasks if b"5ecret" in pickle.dumps(task)]


def test_routes_without_credentials_lead_to_the_same_pages() -> None:
    routes = Routes(
        default="https://token@example.org:8443/simple/",
        own=(Route(url="https://user:word@example.org/whl/?key=1", packages=("torch",), name="cpu"),),
    )

    bare = without_credentials(routes)

    assert bare.default == "https://example.org:8443/simple/"
    assert bare.own == (Route(url="https://example.org/whl/", packages=("torch",), name="cpu"),)
