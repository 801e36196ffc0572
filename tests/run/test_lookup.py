"""The loop that looks up what the diagnosis of a failure asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from knowngood.model import (
    Answer,
    ComboFacts,
    CurrentAt,
    Outcome,
    ProjectStatus,
    Question,
    Releases,
    Solvable,
    Uploaded,
)
from knowngood.run.evaluate import look_up
from support.facts import RULES, attempt, check, combo, facts, step


@dataclass
class Recorder:
    """A source that only knows dates; it records what it was asked, round by round."""

    dates: Mapping[str, str] = field(default_factory=dict)
    rounds: list[tuple[Question, ...]] = field(default_factory=list)

    def answer(self, questions: Sequence[Question], facts: ComboFacts) -> Mapping[Question, Answer]:
        self.rounds.append(tuple(questions))
        return {question: self.dates.get(question.package) for question in questions if isinstance(question, Uploaded)}


def failing() -> ComboFacts:
    requirements = ("flask==2.0.0", "werkzeug==3.0.0")
    failed = attempt(check("starts", Outcome.FAILED, "it does not"))
    installed = {"flask": "2.0.0", "werkzeug": "3.0.0"}
    return facts(failed, of=combo("one", requirements), steps=(step(1, requirements, installed),))


def test_questions_are_answered_until_no_rule_asks_anything_new() -> None:
    source = Recorder(dates={"flask": "2021-05-11T00:00:00+00:00", "werkzeug": "2023-09-30T00:00:00+00:00"})

    answered = list(look_up(failing(), RULES, source))

    dates, lists, back, fix, status = source.rounds
    assert dates == (Uploaded(package="flask", version="2.0.0"), Uploaded(package="werkzeug", version="3.0.0"))
    assert lists == (Releases(package="werkzeug"), Releases(package="flask"))
    assert back == (CurrentAt(package="werkzeug", time="2021-05-11T00:00:00+00:00"),)
    assert fix == (Solvable(requirements=("flask==2.0.0", "werkzeug<3")),)
    assert status == (ProjectStatus(package="werkzeug"), ProjectStatus(package="flask"))
    assert [entry.question for entry in answered] == [*dates, *lists, *back, *fix, *status]


def test_what_the_source_leaves_out_is_recorded_as_cannot_tell_and_not_asked_again() -> None:
    source = Recorder()

    answered = list(look_up(failing(), RULES, source))

    assert [(entry.question, entry.answer) for entry in answered] == [
        (Uploaded(package="flask", version="2.0.0"), None),
        (Uploaded(package="werkzeug", version="3.0.0"), None),
    ]


def test_nothing_is_asked_again_when_the_facts_hold_the_answers() -> None:
    answers = tuple(look_up(failing(), RULES, Recorder()))
    source = Recorder()

    assert answers
    assert list(look_up(replace(failing(), answers=answers), RULES, source)) == []
    assert source.rounds == []


def test_nothing_is_asked_about_a_combo_that_passes() -> None:
    source = Recorder()

    assert list(look_up(facts(attempt(check("starts"))), RULES, source)) == []
    assert source.rounds == []
