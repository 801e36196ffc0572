import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowngood.events import (
    SCHEMA,
    ComboFinished,
    ComboStarted,
    EnvironmentCreated,
    EnvironmentMeasured,
    Event,
    HarnessFailed,
    IndexChosen,
    Interrupted,
    PhaseStarted,
    ProbeFinished,
    Retrying,
    RunFinished,
    RunResumed,
    RunStarted,
    StepInstalled,
    StepResolved,
    TroubleMet,
    Unknown,
    decode,
    encode,
    fold,
)
from knowngood.model import IndexChoice, Phase, Reason, Run, Trouble
from support.facts import BAD, GOOD, action, attempt, check, combo, info
from support.fuzz import values

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


def line(event: Event, seq: int = 1) -> bytes:
    return encode(event, seq=seq, at=NOW, elapsed=1.23456)


@pytest.mark.parametrize("kind", Event.__args__, ids=lambda kind: kind.__name__)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_an_event_is_read_as_it_was_written(kind: type[Any], data: st.DataObject) -> None:
    event = data.draw(values(kind))  # type: ignore[arg-type]
    encoded = line(event)

    assert list(decode([encoded])) == [event]
    assert encoded.count(b"\n") == 1 and encoded.endswith(b"\n")
    assert encoded.isascii()


def test_a_line_begins_with_its_number_the_time_and_the_time_in_the_run() -> None:
    raw = json.loads(line(ComboFinished(combo="a"), seq=7))

    assert list(raw)[:3] == ["seq", "at", "elapsed"]
    assert raw == {
        "seq": 7,
        "at": "2026-01-02T03:04:05.678+00:00",
        "elapsed": 1.235,
        "event": "combo-finished",
        "combo": "a",
    }


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (b'{"event": "combo-danced", "combo": "a"}\n', Unknown(name="combo-danced")),
        (b'{"event": "combo-finished", "combo": "a", "mood": "good"}\n', ComboFinished(combo="a")),
        (b'{"event": "combo-finished"}\n', None),
        (b'{"event": 3}\n', None),
        (b'{"combo": "a"}\n', None),
        (b"[1]\n", None),
        (b"null\n", None),
        (b"\n", None),
        (b"\xff\xfe\n", None),
        (line(ComboFinished(combo="a"))[:-7], None),
    ],
)
def test_a_line_without_an_event_is_none_and_an_unknown_event_is_named(
    raw: bytes, read: Event | Unknown | None
) -> None:
    assert list(decode([raw])) == [read]


ONE, TWO = combo("one", ("numpy",), ("torch",)), combo("two")
START = RunStarted(info=info(), combos=(ONE, TWO))


def folded(*events: Event | Unknown | None) -> Run:
    run = fold([START, *events])
    assert run is not None
    return run


def resolved(step: int, end: Any = GOOD, version: str = "1") -> StepResolved:
    return StepResolved(
        combo="one", step=step, requirements=("numpy",), action=action(end), resolved={"numpy": version}
    )


def installed(step: int, version: str = "1") -> StepInstalled:
    return StepInstalled(combo="one", step=step, requirements=("numpy",), action=action(), installed={"numpy": version})


def probed(*, end: Any = GOOD) -> ProbeFinished:
    probe = attempt(check("a"), end=end)
    return ProbeFinished(combo="one", probe="works", action=probe.action, transcript=probe.transcript)


def test_a_whole_run_folds_into_its_facts() -> None:
    choice = IndexChoice(name="cpu", asked="http://a/", used="default", packages=("torch",), why="answered 404")
    run = folded(
        IndexChosen(choice=choice),
        ComboStarted(combo="one"),
        PhaseStarted(combo="one", phase=Phase.RESOLVE, detail="numpy"),
        resolved(1),
        resolved(2),
        EnvironmentCreated(combo="one", action=action(), python_version="3.11.7"),
        installed(1),
        installed(2, "2"),
        EnvironmentMeasured(combo="one", size=1234),
        probed(end=BAD),
        Retrying(combo="one", phase=Phase.PROBE, why="crash", delay=0.0),
        probed(),
        ComboFinished(combo="one"),
        ComboStarted(combo="two"),
        TroubleMet(combo="two", trouble=Trouble(phase=Phase.CREATE, reason=Reason.PYTHON_MISSING, message="none")),
        ComboFinished(combo="two"),
        RunFinished(),
    )

    one, two = run.combos
    assert (run.finished, run.interrupted, run.indexes) == (True, None, (choice,))
    assert (run.unknown_events, run.bad_lines) == (0, 0)
    assert [(step.number, step.resolved, step.installed) for step in one.steps] == [
        (1, {"numpy": "1"}, {"numpy": "1"}),
        (2, {"numpy": "1"}, {"numpy": "2"}),
    ]
    assert (one.started, one.finished, one.python_version, one.environment_bytes) == (True, True, "3.11.7", 1234)
    assert one.installed == {"numpy": "2"}
    assert [attempt.action.exit for attempt in one.probes] == [BAD, GOOD]
    assert two.trouble is not None and two.trouble.message == "none"


def test_a_log_without_run_started_holds_no_run() -> None:
    assert fold([]) is None
    assert fold([ComboStarted(combo="one"), RunFinished()]) is None


def test_a_log_without_run_finished_is_an_unfinished_run() -> None:
    run = folded(ComboStarted(combo="one"), ComboFinished(combo="one"))

    assert not run.finished
    assert [(facts.started, facts.finished) for facts in run.combos] == [(True, True), (False, False)]


def test_unreadable_lines_and_unknown_events_are_counted() -> None:
    run = folded(None, Unknown(name="x"), Unknown(name="y"), ComboStarted(combo="nobody"))

    assert (run.unknown_events, run.bad_lines) == (2, 2)


def test_a_later_answer_for_a_step_replaces_the_earlier_one() -> None:
    run = folded(ComboStarted(combo="one"), resolved(2), resolved(1, BAD), resolved(1, GOOD, "2"))

    assert [(step.number, step.resolved) for step in run.combos[0].steps] == [(1, {"numpy": "2"}), (2, {"numpy": "1"})]
    assert [step.resolve.exit for step in run.combos[0].steps if step.resolve] == [GOOD, GOOD]


def test_a_combo_that_starts_again_drops_the_facts_of_its_unfinished_try() -> None:
    run = folded(
        ComboStarted(combo="one"),
        resolved(1),
        probed(end=BAD),
        HarnessFailed(combo="one", error="KeyError"),
        RunResumed(),
        ComboStarted(combo="one"),
    )

    assert run.combos[0] == replace(folded(ComboStarted(combo="one")).combos[0])
    assert not run.combos[0].steps and not run.combos[0].probes
    assert run.combos[0].harness_error is None


def test_an_interruption_lasts_until_the_run_is_resumed() -> None:
    assert folded(Interrupted(signal="SIGTERM")).interrupted == "SIGTERM"
    assert folded(Interrupted(signal="SIGTERM"), RunResumed()).interrupted is None
    assert folded(Interrupted(signal="SIGTERM"), RunResumed(), Interrupted(signal="SIGINT")).interrupted == "SIGINT"


def test_the_last_choice_of_an_index_counts() -> None:
    first = IndexChoice(name="cpu", asked="http://a/", used="http://a/", packages=(), why="reachable")
    second = replace(first, used="default", why="answered 500")
    other = replace(first, name="other")

    assert folded(*(IndexChosen(choice=choice) for choice in (first, other, second))).indexes == (other, second)


def test_the_version_of_the_log_is_in_its_first_event() -> None:
    assert json.loads(line(START))["schema_version"] == SCHEMA == 2


@pytest.mark.parametrize("name", ["\ud800", "\udfff\ud800", "\x00", "ü"])
def test_any_name_of_a_metric_is_read_as_it_was_written(name: str) -> None:
    facts = attempt(replace(check(name), metrics={name: 1}))
    event = ProbeFinished(combo="one", probe=facts.probe, action=facts.action, transcript=facts.transcript)

    assert list(decode([line(event)])) == [event]


def test_what_finished_combos_have_in_common_is_kept_once() -> None:
    started = RunStarted(info=info(), combos=tuple(combo(name) for name in ("a", "b", "c")))
    events: list[Event] = [started]
    for name, metric in (("a", 1), ("b", 1), ("c", True)):
        recorded = attempt(replace(check("works"), metrics={"works": metric}))
        probe = ProbeFinished(combo=name, probe="works", action=recorded.action, transcript=recorded.transcript)
        events += [ComboStarted(combo=name), probe, ComboFinished(combo=name)]
    lines = [line(event, seq) for seq, event in enumerate(events, 1)]

    run = fold(decode(lines))

    assert run is not None
    a, b, c = (facts.probes[0].transcript.checks[0].metrics for facts in run.combos)
    assert a is b
    assert [type(metrics["works"]) for metrics in (a, b, c)] == [int, int, bool]
    assert run.combos[0].combo.steps is run.combos[1].combo.steps
    assert run == fold(events)
