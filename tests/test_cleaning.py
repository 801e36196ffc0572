"""Events are cleaned of secrets, and stay events with the same locks, whatever text is secret."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from knowngood.events import (
    CombosAdded,
    EnvironmentRead,
    Event,
    FixVerified,
    ProbeFinished,
    QuestionAnswered,
    StepResolved,
    cleaned,
    decode,
    encode,
)
from knowngood.model import (
    Action,
    Array,
    Check,
    Distribution,
    Ending,
    EnvironmentFacts,
    Exit,
    Outcome,
    Transcript,
    Uploaded,
    VerifiedFix,
)
from knowngood.process.redaction import Redactor
from support.workshop import combo

ACTION = Action(exit=Exit(ending=Ending.EXITED, code=0), seconds=1.123, log="combos/one/step1.log")
EVENTS: tuple[Event, ...] = (
    CombosAdded(combos=(replace(combo(("tensorflow==2.15.0",), name="one"), title="A title"),)),
    StepResolved(
        combo="one",
        step=1,
        requirements=("tensorflow",),
        action=ACTION,
        resolved={"tensorflow": "2.15.0"},
        lock="abc123" * 10,
    ),
    EnvironmentRead(
        combo="one",
        environment=EnvironmentFacts(
            distributions=(Distribution(name="tensorflow", version="2.15.0", contents="abc 123"),)
        ),
    ),
    QuestionAnswered(
        combo="one", question=Uploaded(package="tensorflow", version="2.15.0"), answer="2026-01-01T00:00:00+00:00"
    ),
    FixVerified(
        combo="one",
        fix=VerifiedFix(constraints=("tensorflow<2.16",), steps=(("tensorflow==2.15.0",),), python="3.11"),
    ),
    ProbeFinished(
        combo="one",
        probe="works",
        action=ACTION,
        transcript=Transcript(
            hello=True,
            checks=(
                Check(
                    name="c",
                    outcome=Outcome.PASSED,
                    metrics={"n": 1123},
                    arrays={"a": Array(dtype="float64", shape=(1,), encoding="f8", data="abcd1123")},
                ),
            ),
            reads={"data.csv": "abc123"},
        ),
    ),
)


@pytest.mark.parametrize(
    "secret",
    [
        *("true", "null", "123", "abc", "2.1", "2026", "exited", "passed", "event", "combo", "tensorflow"),
        *("step-resolved", "probe-finished", "requirements", "transcript", "hello", "one", "works", "=="),
    ],
)
@pytest.mark.parametrize("event", EVENTS, ids=[event.event for event in EVENTS])
def test_an_event_is_the_same_where_a_secret_is_only_in_its_form_or_in_what_identifies_things(
    event: Event, secret: str
) -> None:
    after = cleaned(event, Redactor([secret]).text)
    line = encode(after, seq=1, at=datetime.now(UTC), elapsed=0.0)

    assert list(decode([line])) == [event]


def test_text_of_programs_is_cleaned_wherever_it_stands() -> None:
    event = ProbeFinished(
        combo="one",
        probe="works",
        action=Action(exit=ACTION.exit, seconds=1.0, log="", output="said canary-1"),
        transcript=Transcript(
            checks=(
                Check(
                    name="test[canary-1]",
                    outcome=Outcome.FAILED,
                    message="canary-1",
                    metrics={"canary-1": "canary-1"},
                    arrays={"canary-1": Array(dtype="int64", shape=(), encoding="f8", data="")},
                    warnings=("canary-1",),
                    warned_by={"canary-1": "canary-1.py"},
                ),
            ),
            modules={"canary-1": "canary-1"},
            reads={"canary-1": "digest"},
            spawned=("canary-1",),
        ),
    )

    line = encode(cleaned(event, Redactor(["canary-1"]).text), seq=1, at=datetime.now(UTC), elapsed=0.0)

    assert b"canary-1" not in line
    assert b"***" in line


def test_urls_and_local_versions_of_packages_are_cleaned() -> None:
    step = combo(("tiny @ https://me:hunter2@host/tiny.whl", "tiny==1.0+canary1"))
    resolved = StepResolved(
        combo="one", step=1, requirements=("tensorflow",), action=ACTION, resolved={"tiny": "1.0+canary1"}
    )

    text = str([cleaned(event, Redactor(["canary1"]).text) for event in (CombosAdded(combos=(step,)), resolved)])

    assert "hunter2" not in text and "canary1" not in text
