"""Ask many candidates in turn, name what came out, and write down what was asked: what all searches have in common."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from knowngood.judge.causes import Fingerprint
from knowngood.model import Searched
from knowngood.report.text import count, plain, seconds
from knowngood.search.ask import Answer, Candidate, Oracle, Resolved, Says
from knowngood.search.changes import Change

GLYPHS = {Says.WORKS: "✓", Says.FAILS: "✗", Says.UNSOLVABLE: "∅", Says.UNKNOWN: "?"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What came out, without what differs from version to version: equal failures are of one kind."""

    says: Says
    cause: Fingerprint | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Trail:
    """What a search asked, and what it took."""

    answers: tuple[Answer, ...]
    run: str
    """The id of the run that holds every candidate."""
    elapsed: float
    """Seconds."""
    interrupted: bool = False
    spent: bool = False
    """Whether the budget ended it."""

    @property
    def cells(self) -> int:
        """How many candidates ran."""
        return sum(answer.ran for answer in self.answers)

    @property
    def line(self) -> str:
        """One line for a terminal."""
        early = ", interrupted" if self.interrupted else ", the budget is spent" if self.spent else ""
        asked = f"{count(self.cells, 'cell')} of {len(self.answers)} asked"
        return f"spent  {asked}, {seconds(self.elapsed)}{early}  (run {self.run})"

    def searched(self, verb: str, base: Answer, answer: str, kind: str, **found: Any) -> Searched:
        """Return what is kept of the search for reports; ``base`` is the answer for the combo as it is."""
        works = None if base.says is Says.UNKNOWN else base.says is Says.WORKS
        return Searched(
            verb=verb,
            combo=base.combo.id,
            answer=plain(answer),
            kind=kind,
            works=works,
            cells=sum(bool(each.facts.probes) for each in self.answers),
            run=self.run,
            complete=not (self.interrupted or self.spent),
            **found,
        )

    @property
    def document(self) -> dict[str, object]:
        """What the JSON of every search has."""
        return {
            "cells": self.cells,
            "seconds": round(self.elapsed, 3),
            "run": self.run,
            "ended": "interrupted" if self.interrupted else "budget" if self.spent else "complete",
            "tried": [
                {
                    "combo": answer.combo.id,
                    "change": asdict(answer.candidate.change),
                    "why": answer.candidate.why,
                    "says": str(answer.says),
                    "ran": answer.ran,
                    "message": message(answer),
                    "seconds": round(answer.seconds, 3),
                }
                for answer in self.answers
            ],
        }


def trail_of(oracle: Oracle) -> Trail:
    """Return what a search asked that ends now."""
    return Trail(
        answers=tuple(oracle.answers),
        run=oracle.run_id,
        elapsed=oracle.elapsed,
        interrupted=oracle.interrupted,
        spent=oracle.over and not oracle.interrupted,
    )


def ask_each(oracle: Oracle, candidates: Sequence[Candidate], *, fresh: bool = False) -> dict[Change, Answer]:
    """Return the answers by change: fewer than asked for when the budget ends or the user stops the search."""
    answers: dict[Change, Answer] = {}
    width = max(1, oracle.jobs)
    for start in range(0, len(candidates), width):
        if oracle.over:
            break
        more = max(0, len(candidates) - start - width)
        asked = oracle.ask(candidates[start : start + width], fresh=fresh, more=more)
        # What an interrupt cut short is not known to be undecidable.
        kept = [each for each in asked if not (oracle.interrupted and each.says is Says.UNKNOWN)]
        answers |= {each.candidate.change: each for each in kept}
    return answers


def kind_of(answer: Answer) -> Kind | None:
    """Return the kind of an answer; None when it is unknown."""
    match answer.says:
        case Says.UNKNOWN:
            return None
        case Says.FAILS:
            return Kind(says=answer.says, cause=answer.fingerprint)
        case Says.WORKS | Says.UNSOLVABLE:
            return Kind(says=answer.says)


def message(answer: Answer) -> str:
    """Return why a candidate does not work, or what it works against, in one line; mostly empty when it works."""
    if answer.failing is not None:
        return plain(answer.failing.message)
    found = dict.fromkeys(conflict for cell in answer.cells for conflict in cell.conflicts)
    against = [f"{each.distribution} {each.version} needs {each.requirement}" for each in found]
    return plain(f"against what is declared: {', '.join(against)}") if against else ""


def source_names(resolved: Resolved | Answer) -> frozenset[str]:
    """Return what a candidate builds from this machine or takes from a URL, which no version can stand for."""
    return frozenset(source.name for step in resolved.facts.steps for source in step.sources)
