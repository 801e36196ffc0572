"""Read random event logs: whatever is in one, it is a run that every report can show, or no run."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.errors import UsageError
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    EnvironmentCreated,
    EnvironmentRead,
    Event,
    FactsReused,
    HarnessFailed,
    Interrupted,
    ProbeFinished,
    RunFinished,
    RunResumed,
    RunStarted,
    StepInstalled,
    StepResolved,
    TamperingFound,
    TroubleMet,
    decode,
    encode,
    fold,
)
from knowngood.model import (
    Array,
    Check,
    Distribution,
    EnvironmentFacts,
    Frame,
    Outcome,
    Phase,
    Raised,
    Reason,
    Reused,
    Tampering,
    Trouble,
)
from knowngood.project.runs import Runs
from support.facts import BAD, action, attempt, check, combo, info
from support.fuzz import changed, fuzzed, report, values, written

COMBOS = (combo("one", ("numpy==1.26.4",), ("solid",)), combo("two", ("numpy==2",), probes=("works", "other")))
RAISED = Raised(
    type="builtins.ImportError",
    message="cannot import name 'x' from 'solid'",
    frames=(Frame(file="site-packages/solid/__init__.py", line=3, function="<module>", text="import x"),),
    owners=("solid",),
)
BROKEN = Check(
    name="reads",
    outcome=Outcome.FAILED,
    seconds=0.5,
    message="no",
    raised=(RAISED,),
    metrics={"score": 0.5, "rows": 3},
    arrays={"v": Array(dtype="float32", shape=(1,), encoding="f4", data="AAAA")},
    warnings=("old",),
)


def lock(name: str, number: int) -> StepResolved:
    return StepResolved(
        combo=name, step=number, requirements=("numpy",), action=action(), resolved={"numpy": "1.26.4"}, lock="ab"
    )


def line(event: Event) -> bytes:
    return encode(event, seq=1, at=datetime(2026, 1, 2, tzinfo=UTC), elapsed=1.0)


EVENTS: tuple[Event, ...] = (
    RunStarted(info=info("one"), combos=COMBOS, order=("one", "two")),
    ComboStarted(combo="one"),
    lock("one", 1),
    lock("one", 2),
    EnvironmentCreated(combo="one", action=action(), python_version="3.11.7"),
    StepInstalled(combo="one", step=1, requirements=("numpy",), action=action(), installed={"numpy": "1.26.4"}),
    StepInstalled(
        combo="one", step=2, requirements=("solid",), action=action(), installed={"numpy": "2", "solid": "1"}
    ),
    EnvironmentRead(
        combo="one", environment=EnvironmentFacts(distributions=(Distribution(name="solid", version="1"),))
    ),
    ProbeFinished(combo="one", probe="works", action=action(BAD), transcript=attempt(BROKEN).transcript),
    TamperingFound(combo="one", tampering=Tampering(probe="works", files=("solid.py",), distributions=("solid",))),
    HarnessFailed(combo="one", error="no"),
    ComboFinished(combo="one"),
    RunResumed(),
    ComboStarted(combo="two"),
    FactsReused(combo="two", reused=Reused(run="r", combo="x", recorded="2026-01-01T00:00:00+00:00", key="k")),
    ProbeFinished(combo="two", probe="works", action=action(), transcript=attempt(check("reads")).transcript),
    TroubleMet(combo="two", trouble=Trouble(phase=Phase.RESOLVE, reason=Reason.NO_SPACE, message="full")),
    ComboFinished(combo="two"),
    Interrupted(signal="SIGINT"),
    RunFinished(),
)
LINES = tuple(json.loads(line(event)) for event in EVENTS)


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Draw the lines of a log, some of them changed, doubled, left out, in another place, cut short or foreign."""
    lines: list[Any] = [written(read) for read in LINES]
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["change", "change", "change", "leave out", "double", "move", "cut", "foreign"])):
            case "change":
                lines[place] = written(draw(changed(LINES[place % len(LINES)])))
            case "leave out" if len(lines) > 2:
                del lines[place]
            case "double":
                lines.append(lines[place])
            case "move":
                lines.insert(draw(st.integers(0, len(lines))), lines.pop(place))
            case "cut":
                lines[place] = lines[place][: draw(st.integers(0, 200))]
            case _:
                lines.insert(place, draw(st.binary(max_size=20)))
    return b"\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@fuzzed(60)
@given(log=logs())
def test_any_log_is_a_run_that_can_be_reported_or_no_run(log: bytes) -> None:
    if (run := fold(decode(log.splitlines(keepends=True)))) is not None:
        report(run)


@fuzzed(40)
@given(log=logs())
def test_any_log_among_the_runs_of_a_matrix_is_continued_or_left_alone(folder: Path, log: bytes) -> None:
    runs = Runs(folder=folder / "matrix", project=folder)
    recorded = runs.new("20260101-000000-abcd")
    recorded.folder.mkdir(parents=True, exist_ok=True)
    recorded.file.write_bytes(log)

    runs.unfinished("d1", lambda: COMBOS)
    runs.selected("d1")
    runs.covered("d1", 2, COMBOS)
    runs.newest_with("one")
    recorded.ended()
    try:
        recorded.read()
    except UsageError as refused:
        assert refused.next_step


@fuzzed(40)
@given(data=st.data())
def test_any_event_of_the_right_form_can_be_reported(data: st.DataObject) -> None:
    kinds = [kind for kind in Event.__args__ if kind is not RunStarted]
    events = [data.draw(values(data.draw(st.sampled_from(kinds)))) for _ in range(data.draw(st.integers(1, 5)))]
    lines = [json.loads(line(event)) for event in events]
    for drawn in lines:
        if "combo" in drawn:
            drawn["combo"] = data.draw(st.sampled_from(["one", "two"]))
        if "probe" in drawn:
            drawn["probe"] = data.draw(st.sampled_from(["works", "other"]))
    log = [*map(written, LINES[:8]), *map(written, lines), *map(written, LINES[-3:])]
    run = fold(decode(log))
    assert run is not None
    report(run)
