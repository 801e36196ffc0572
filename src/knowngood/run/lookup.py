"""Look up what the diagnosis of a failure asks, until it asks nothing new."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from knowngood.install.environment import Environment
from knowngood.install.releases import ReleaseIndex, definitions
from knowngood.judge.rules import Rules
from knowngood.judge.verdict import open_questions
from knowngood.model import (
    Answer,
    Answered,
    ComboFacts,
    CurrentAt,
    Definitions,
    FirstWith,
    LastWith,
    NearestWithout,
    NextWithWheel,
    Question,
    Releases,
    Solvable,
    Uploaded,
)


class Source(Protocol):
    """Answers questions; an answer that it leaves out, or that is None, is unknown."""

    def answer(self, questions: Sequence[Question], facts: ComboFacts) -> Mapping[Question, Answer]:
        """Return the answers to ``questions`` about a combo."""
        ...


def look_up(facts: ComboFacts, rules: Rules, source: Source) -> Iterator[Answered]:
    """Yield each answer to what the diagnosis of the first failing cell asks; nothing when no cell failed."""
    while questions := open_questions(facts, rules):
        answers = source.answer(questions, facts)
        answered = tuple(Answered(question=question, answer=answers.get(question)) for question in questions)
        yield from answered
        facts = replace(facts, answers=(*facts.answers, *answered))


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexAndFiles:
    """The source for real: the package index, through uv's resolver, and the files of the environment."""

    index: ReleaseIndex
    environment: Environment

    def answer(self, questions: Sequence[Question], facts: ComboFacts) -> Mapping[Question, Answer]:
        """Return the answers to ``questions``; all dates are looked up at once, and so are all definitions."""
        answers: dict[Question, Answer] = {}
        dated = [question for question in questions if isinstance(question, Uploaded)]
        if dated:
            days = self.index.uploaded({question.package: question.version for question in dated})
            answers |= {question: days.get(question.package) for question in dated}
        named = [question for question in questions if isinstance(question, Definitions)]
        if named:
            known = {owner.name: owner for owner in facts.environment.distributions} if facts.environment else {}
            among = dict.fromkeys(name for question in named for name in question.among)
            owners = [known[name] for name in among if name in known]
            defined = definitions(self.environment, [question.name for question in named], owners)
            answers |= {question: defined.get(question.name, ()) for question in named}
        return answers | {
            question: self._looked_up(question, facts) for question in questions if question not in answers
        }

    def _looked_up(self, question: Question, facts: ComboFacts) -> Answer:
        python = facts.python_version or facts.combo.python
        match question:
            case CurrentAt():
                return self.index.current(question.package, question.time)
            case NextWithWheel():
                return self.index.next_with_wheel(question.package, question.above)
            case Releases():
                return self.index.listed(question.package, python)
            case LastWith() | FirstWith():
                return self.index.nearest_with(question, python)
            case NearestWithout():
                return self.index.nearest_without(question, python)
            case Solvable():
                return self.index.solvable(question.requirements, question.options)
            case Uploaded() | Definitions():
                return None
