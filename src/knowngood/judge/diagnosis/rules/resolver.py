"""What a resolver's proof names: the pin that must give way and the requirement that forbids it."""

import re
from collections.abc import Iterable
from dataclasses import replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Diagnosis, Question, Status

_NEEDS = re.compile(
    r"(?<![\w.])(?P<who>[A-Za-z][\w.-]*(?:==[\w.+!-]+|[<>=!~][^\s]*)?)(?: all versions of [\w.-]+)? depends? on "
    r"(?P<what>[\w.-]+(?:\[[\w,.-]+\])?(?:\{[^}]*\})?(?:[<>=!~][\w.*+!,<>=~-]*)?)"
)
_PIP_NEEDS = re.compile(r"^\s+(?P<who>[\w.-]+) (?P<version>[\w.+!-]+) depends on (?P<what>.+)$", re.MULTILINE)
_MISSING = re.compile(
    r"(?:there (?:is|are) no versions? of (?P<pinned>[\w.-]+(?:[<>=!~][^\s,]*)?)|(?P<absent>[\w.-]+) was not found in"
    r"|No matching distribution found for (?P<unmatched>[^\n]+))"
)
_PYTHON = re.compile(
    r"(?P<who>[\w.-]+?)(?:[<>=!~]=?[\w.+*!-]+)? (?:requires|depends on) Python ?(?P<what>[<>=!~][^\s]+)"
)


def questions(case: Case, answers: Answers) -> Iterable[Question]:
    """Ask nothing: the proof names the parties."""
    return ()


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Read the proof of ``No solution found`` or ``ResolutionImpossible``."""
    if case.verdict.status is not Status.UNSOLVABLE or case.action is None:
        return None
    text = " ".join(case.output.replace("\n", " ").split())
    proof = case.installer.message(case.action, case.verdict.status)
    pins, needs = _pins(case), _needs(case.output, text)
    return (
        _python(case, text, proof)
        or _against_a_pin(pins, needs, proof)
        or _at_once(pins, text, proof)
        or _between_two(pins, needs, proof)
        or _anything(needs, proof)
        or _absent(text, proof)
    )


_Pins = dict[str, list[Requirement]]
_Needs = list[tuple[str, Requirement]]


def _needs(output: str, text: str) -> _Needs:
    """Return what the proof says of who needs what; ``text`` is the output on one line."""
    told = [*_NEEDS.finditer(text), *_PIP_NEEDS.finditer(output)]
    return [(_name(one["who"]), what) for one in told if (what := _requirement(one["what"])) is not None]


def _against_a_pin(pins: _Pins, needs: _Needs, proof: str) -> Diagnosis | None:
    """Find what the combo pins against what another package needs: the pin is the one to move."""
    for who, what in needs:
        culprit = canonicalize_name(what.name)
        if culprit in pins and who != culprit:
            asked = " and ".join(map(str, pins[culprit]))
            return Diagnosis(
                culprit=culprit,
                conflicts_with=who,
                why=f"{who} needs {culprit}{what.specifier or ' in another version'}, and the combo asks for {asked}",
                fix=_constraint(culprit, what),
                evidence=(proof,),
                confidence=Confidence.CERTAIN,
            )
    return None


def _at_once(pins: _Pins, text: str, proof: str) -> Diagnosis | None:
    """Find a package that the combo itself asks for twice, in versions that exclude each other."""
    for culprit, asked in pins.items():
        if len(asked) > 1 and culprit in text:
            why = f"the combo asks for {' and '.join(map(str, asked))} at once"
            return _said(culprit, None, why, proof, Confidence.CERTAIN)
    return None


def _between_two(pins: _Pins, needs: _Needs, proof: str) -> Diagnosis | None:
    """Find two packages that the combo asks for and that need a third one differently."""
    rivals = [(who, what) for who, what in needs if who in pins]
    for culprit, second in rivals[1:]:
        other, first = rivals[0]
        if culprit != other:
            return _said(
                culprit, other, f"{other} needs {first}, and {culprit} needs {second}", proof, Confidence.LIKELY
            )
    return None


def _anything(needs: _Needs, proof: str) -> Diagnosis | None:
    """Take the first requirement of the proof, when none of it is the combo's own."""
    for who, what in needs:
        culprit = canonicalize_name(what.name)
        found = _said(culprit, who, f"{who} needs {what}, which the others rule out", proof, Confidence.LIKELY)
        return replace(found, fix=_constraint(culprit, what))
    return None


def _python(case: Case, text: str, proof: str) -> Diagnosis | None:
    found = _PYTHON.search(text) or re.search(
        r"Package '(?P<who>[\w.-]+)' requires a different Python: \S+ not in '(?P<what>[^']+)'", text
    )
    abi = re.search(r"(?P<who>[\w.-]+?)(?:==[\w.+!-]+)? has no wheels with a matching Python", text)
    if found is None and abi is None:
        return None
    who = _name((found or abi)["who"])  # type: ignore[index]
    needs = f"needs Python {found['what']}" if found else "has no wheel for this Python"
    why = f"{who} {needs}, and the combo runs on {case.python[0]}.{case.python[1]}"
    return _said(who, "python", why, proof, Confidence.CERTAIN)


def _absent(text: str, proof: str) -> Diagnosis | None:
    found = _MISSING.search(text)
    if found is None:
        return None
    asked = found["pinned"] or found["absent"] or found["unmatched"].strip()
    return _said(_name(asked), None, f"the index has no {asked}", proof, Confidence.CERTAIN)


def _said(culprit: str, other: str | None, why: str, proof: str, confidence: Confidence) -> Diagnosis:
    return Diagnosis(culprit=culprit, conflicts_with=other, why=why, evidence=(proof,), confidence=confidence)


def _constraint(name: str, needed: Requirement) -> tuple[str, ...]:
    return (f"{name}{needed.specifier}",) if str(needed.specifier) else ()


def _pins(case: Case) -> dict[str, list[Requirement]]:
    """Canonical name -> what the combo itself asks for in the step that failed."""
    failed = [step for step in case.facts.steps if step.resolve is not None and not step.resolve.exit.ok]
    pins: dict[str, list[Requirement]] = {}
    for text in failed[0].requirements if failed else ():
        requirement = Requirement(text)
        pins.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pins


def _name(text: str) -> str:
    return canonicalize_name(re.split(r"[<>=!~\[{ ]", text, maxsplit=1)[0])


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(re.sub(r"\{[^}]*\}", "", text).strip().rstrip(".,"))
    except InvalidRequirement:
        return None
