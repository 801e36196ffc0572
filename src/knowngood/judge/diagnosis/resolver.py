"""What a resolver's proof names: the pin that must give way and the requirement that forbids it."""

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from knowngood.judge import installs
from knowngood.judge.diagnosis.case import Case
from knowngood.model import Confidence, Diagnosis, Status

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


def rule(case: Case) -> Diagnosis | None:
    """Read the proof of ``No solution found`` or ``ResolutionImpossible``."""
    if case.verdict.status is not Status.UNSOLVABLE or case.action is None:
        return None
    text = " ".join(case.output.replace("\n", " ").split())
    proof = installs.message(case.action, case.verdict.status)
    return _python(case, text, proof) or _conflict(case, text, proof) or _absent(case, text, proof)


def _conflict(case: Case, text: str, proof: str) -> Diagnosis | None:
    """Find a requirement of one package on another that a pin of the combo contradicts."""
    pins = _pins(case)
    needs = [(_name(one["who"]), _requirement(one["what"])) for one in _NEEDS.finditer(text)]
    needs += [(_name(one["who"]), _requirement(one["what"])) for one in _PIP_NEEDS.finditer(case.output)]
    known = [(who, what) for who, what in needs if what is not None]
    # A package that the combo pins against what another one needs is the one to move.
    known.sort(key=lambda need: canonicalize_name(need[1].name) not in pins)
    for who, what in known:
        culprit = canonicalize_name(what.name)
        if culprit in pins and who != culprit:
            remedy = f"{culprit}{what.specifier}" if str(what.specifier) else None
            return Diagnosis(
                culprit=culprit,
                conflicts_with=who,
                why=f"{who} needs {culprit}{what.specifier or ' in another version'}, and the combo asks for "
                f"{' and '.join(map(str, pins[culprit]))}",
                remedy=(remedy,) if remedy else (),
                evidence=(proof,),
                confidence=Confidence.CERTAIN,
            )
    for pinned, asked in pins.items():
        if len(asked) > 1 and pinned in text:
            return Diagnosis(
                culprit=pinned,
                conflicts_with=None,
                why=f"the combo asks for {' and '.join(map(str, asked))} at once",
                evidence=(proof,),
                confidence=Confidence.CERTAIN,
            )
    rivals = [(who, what) for who, what in known if who in pins]
    if len(rivals) > 1 and len({who for who, _ in rivals}) > 1:
        # Two of what the combo asks for, which need a third one differently.
        (other, first), (rival, second) = rivals[0], next(one for one in rivals if one[0] != rivals[0][0])
        return Diagnosis(
            culprit=rival,
            conflicts_with=other,
            why=f"{other} needs {first}, and {rival} needs {second}",
            evidence=(proof,),
            confidence=Confidence.LIKELY,
        )
    if known:
        who, what = known[0]
        culprit = canonicalize_name(what.name)
        return Diagnosis(
            culprit=culprit,
            conflicts_with=who,
            why=f"{who} needs {what}, which the other requirements rule out",
            remedy=(f"{culprit}{what.specifier}",) if str(what.specifier) else (),
            evidence=(proof,),
            confidence=Confidence.LIKELY,
        )
    return None


def _python(case: Case, text: str, proof: str) -> Diagnosis | None:
    found = _PYTHON.search(text) or re.search(
        r"Package '(?P<who>[\w.-]+)' requires a different Python: \S+ not in '(?P<what>[^']+)'", text
    )
    abi = re.search(r"(?P<who>[\w.-]+?)(?:==[\w.+!-]+)? has no wheels with a matching Python", text)
    if found is None and abi is None:
        return None
    who = _name((found or abi)["who"])  # type: ignore[index]
    python = f"{case.python[0]}.{case.python[1]}"
    why = f"{who} needs Python {found['what']}" if found else f"{who} has no wheel for this Python"
    return Diagnosis(
        culprit=who,
        conflicts_with="python",
        why=f"{why}, and the combo runs on {python}",
        evidence=(proof,),
        confidence=Confidence.CERTAIN,
    )


def _absent(case: Case, text: str, proof: str) -> Diagnosis | None:
    found = _MISSING.search(text)
    if found is None:
        return None
    asked = found["pinned"] or found["absent"] or found["unmatched"].strip()
    name = _name(asked)
    return Diagnosis(
        culprit=name,
        conflicts_with=None,
        why=f"the index has no {asked}",
        evidence=(proof,),
        confidence=Confidence.CERTAIN,
    )


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
