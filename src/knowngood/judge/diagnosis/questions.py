"""Answers to the questions of a diagnosis, and what a rule looks like: it asks, is answered, and diagnoses."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood import packages
from knowngood.judge.diagnosis.history import History, history
from knowngood.model import (
    Answer,
    Answered,
    CurrentAt,
    Definitions,
    Diagnosis,
    FirstWith,
    LastWith,
    NearestWithout,
    NextWithWheel,
    Question,
    Releases,
    Solvable,
    Uploaded,
)
from knowngood.model.releases import release

if TYPE_CHECKING:
    from knowngood.judge.diagnosis.case import Case


class Answers:
    """What was looked up for one combo.

    A method returns None both for what nobody asked and for what is unknown: neither is evidence of anything.
    """

    def __init__(self, answered: Iterable[Answered] = ()) -> None:
        self._answers = {entry.question: entry.answer for entry in answered}

    def __contains__(self, question: Question) -> bool:
        """Return whether ``question`` was asked, whatever the answer."""
        return question in self._answers

    def uploaded(self, package: str | None) -> datetime | None:
        """Return when the installed version of ``package`` was uploaded."""
        time = self._text(lambda asked: isinstance(asked, Uploaded) and asked.package == package)
        return datetime.fromisoformat(time) if time else None

    def current(self, package: str | None) -> Version | None:
        """Return the version of ``package`` that was the newest when the other party to the conflict came out."""
        return self._version(lambda asked: isinstance(asked, CurrentAt) and asked.package == package)

    def next_with_wheel(self, package: str) -> str | None:
        """Return the next version of ``package`` that has a wheel for the Python of the environment."""
        return self._text(lambda asked: isinstance(asked, NextWithWheel) and asked.package == package)

    def history(self, package: str | None) -> History | None:
        """Return the releases of ``package``."""
        answer = self._answers.get(Releases(package=package or ""))
        listed = [parsed for text in answer if (parsed := release(text))] if isinstance(answer, tuple) else []
        return history(package or "", listed) if listed else None

    def last_with(self, module: str, name: str) -> Version | None:
        """Return the newest version below the installed one in which ``module`` still has ``name``."""
        return self._version(lambda asked: isinstance(asked, LastWith) and (asked.module, asked.name) == (module, name))

    def first_with(self, module: str, name: str) -> Version | None:
        """Return the lowest version above the installed one in which ``module`` has ``name``."""
        return self._version(
            lambda asked: isinstance(asked, FirstWith) and (asked.module, asked.name) == (module, name)
        )

    def nearest_without(self, package: str | None, *, newer: bool) -> Version | None:
        """Return the nearest older or newer version of ``package`` that does not use what is missing."""
        return self._version(
            lambda asked: isinstance(asked, NearestWithout) and (asked.package, asked.newer) == (package, newer)
        )

    def definitions(self, name: str) -> tuple[str, ...]:
        """Return the distributions in whose source a class or function called ``name`` is defined."""
        answer = self._first(lambda asked: isinstance(asked, Definitions) and asked.name == name)
        return answer if isinstance(answer, tuple) else ()

    def solvable(self, question: Solvable) -> bool | None:
        """Return whether all requirements of ``question`` can be met at once."""
        answer = self._answers.get(question)
        return answer if isinstance(answer, bool) else (True if isinstance(answer, tuple) else None)

    def solution(self, question: Solvable) -> Mapping[str, tuple[Version, datetime | None]]:
        """Return canonical name -> version and day of the set that meets ``question``; empty where it is not known."""
        answer = self._answers.get(question)
        solution: dict[str, tuple[Version, datetime | None]] = {}
        for pin in answer if isinstance(answer, tuple) else ():
            named, _, time = pin.partition(" ")
            name, _, text = named.partition("==")
            if (version := packages.version(text)) is not None:
                solution[canonicalize_name(name)] = version, datetime.fromisoformat(time) if time else None
        return solution

    def _first(self, matches: Callable[[Question], bool]) -> Answer:
        return next((answer for asked, answer in self._answers.items() if matches(asked)), None)

    def _text(self, matches: Callable[[Question], bool]) -> str | None:
        answer = self._first(matches)
        return answer if isinstance(answer, str) else None

    def _version(self, matches: Callable[[Question], bool]) -> Version | None:
        return packages.version(self._text(matches) or "")


class Rule(Protocol):
    """One way to diagnose a failure; the modules in ``rules`` are such rules."""

    def questions(self, case: "Case", answers: Answers, /) -> Iterable[Question]:
        """Yield what the rule wants to have looked up for ``case``, given the answers so far."""
        ...

    def diagnose(self, case: "Case", answers: Answers, /) -> Diagnosis | None:
        """Return the diagnosis of ``case``; None when the rule does not know this kind of failure."""
        ...
