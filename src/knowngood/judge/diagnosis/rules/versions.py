"""Read version checks that a program prints: "X>=1,<2 is required ..., but found X==2.1"."""

import re
from collections.abc import Iterable
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import choose_culprit
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Diagnosis, Question

_CLAUSE = r"(?:===?|[<>!~]=?)\s*v?\d[\w.*+!]*"
CLAUSES = rf"{_CLAUSE}(?:\s*,\s*{_CLAUSE})*"
"""The versions that a message asks for: ``>=1, <2``."""
_LATER = r"or (?:later|newer|greater|higher|above)"
_NAME = r"[A-Za-z][\w.-]*"
_PACKAGE = rf"(?<![\w.-])(?P<name>{_NAME})"
_QUOTE = r"[`'\"]"
_CHECKS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_PACKAGE}\s*(?P<spec>{CLAUSES}) is required[^\n]*? but found (?P<found>[^\n]+)",
        rf"requires? {_PACKAGE}\s*(?P<spec>{CLAUSES})[^\n]*?(?:but|found|installed|have) (?P<found>[^\n]+)",
        rf"{_PACKAGE} (?:version )?(?P<spec>{CLAUSES}) is (?:required|needed)(?P<found>)",
        rf"(?:depends on|requires?|needs?) {_PACKAGE}\s*\(?(?P<spec>{CLAUSES})(?P<found>)",
        rf"{_PACKAGE} version (?P<spec>{_CLAUSE}(?:(?:\s*,|\s+and)\s*{_CLAUSE})*) is required for (?P<found>)",
        rf"(?:needs?|requires?) {_PACKAGE} (?:version )?(?P<least>\d[\w.]*) {_LATER}(?P<found>)",
        rf"{_PACKAGE} (?P<least>\d[\w.]*) {_LATER} is required(?P<found>)",
        rf"requires? (?:at least )?version {_QUOTE}?(?P<least>\d[\w.]*\w){_QUOTE}? (?:{_LATER} )?of "
        rf"{_QUOTE}?(?P<name>{_NAME})(?P<found>)",
        rf"{_PACKAGE} (?:version )?must be (?:at least )?(?:version )?(?P<least>\d[\w.]*\w) {_LATER}(?P<found>)",
        rf"{_PACKAGE} (?:version )?must be at least (?:version )?(?P<least>\d[\w.]*\w)(?P<found>)",
        rf"(?:at least|minimum) (?:version of )?{_PACKAGE} (?:version )?(?P<least>\d[\w.]*\w)(?P<found>)",
        rf"(?:needs|requires) {_PACKAGE} (?P<most>\d[\w.]*) or (?:less|lower|earlier|below|older)\b[^\n]*(?P<found>)",
    )
)
_VERSION = re.compile(r"(?<![\w.-])\d+(?:\.\d+){1,3}(?!\w|\.\w)")
_OLDER = re.compile(r"\b(?:older than|too old|lower than|less than|at least|or (?:newer|later|higher|above))\b")
_BEGINNING = 2000  # characters of a message
_NEAR = 4  # distributions from the innermost frame outwards
_ALIASES = {"pytorch": "torch", "sklearn": "scikit-learn", "opencv": "opencv-python"}
"""Name in messages -> name of the distribution, where they differ."""


def questions(case: Case, answers: Answers) -> Iterable[Question]:
    """Ask nothing more than the dates, which are asked for every failure in a program."""
    return ()


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Find a check in the exception or the output that names an installed package and the versions it must have."""
    for pattern in _CHECKS:
        for check in pattern.finditer(case.text):
            groups = check.groupdict()
            alias = canonicalize_name(groups["name"])
            name = _ALIASES.get(alias, alias)
            requirement = _requirement(name, groups)
            version = case.installed.get(name)
            if requirement is None or version is None or packages.satisfies(version, requirement):
                continue
            user = _speaker(case, check) or next((owner for owner in case.path if owner != name), None)
            diagnosis = choose_culprit(
                case,
                answers,
                provider=name,
                consumer=user,
                wanted=requirement,
                why=f"{case.label(user) if user else 'the probe'} requires {requirement}, and {version} is installed",
                evidence=(check[0].strip(),),
                confidence=Confidence.CERTAIN,
            )
            # That the two do not fit is certain. Only their dates say that the one that asks has to move.
            return diagnosis if diagnosis.culprit == name else replace(diagnosis, confidence=Confidence.LIKELY)
    return _too_old(case, answers)


def _too_old(case: Case, answers: Answers) -> Diagnosis | None:
    """Find a message that names two versions, the lower of which is that of an installed package, and says so."""
    for raised in case.raised:
        message = raised.message[:_BEGINNING]
        named = dict.fromkeys(_VERSION.findall(message))
        if len(named) != 2 or not _OLDER.search(message):
            continue
        lower, higher = sorted(named, key=Version)
        parties = [name for name in case.path[:_NEAR] if case.installed.get(name) == Version(lower)]
        if len(parties) != 1:
            continue
        provider = parties[0]
        return choose_culprit(
            case,
            answers,
            provider=provider,
            consumer=next((owner for owner in case.path if owner != provider), None),
            wanted=packages.requirement(f"{provider}>={higher}"),
            stated=True,
            why=f"the message calls {case.label(provider)} too old, and names {higher}",
            evidence=(message.splitlines()[0],),
            confidence=Confidence.LIKELY,
        )
    return None


def _speaker(case: Case, check: re.Match[str]) -> str | None:
    """Return who says a line: the code that a warning is about, or what a log line begins with: ``[transformers]``."""
    by = next((file for warning, file in case.warned_by.items() if check[0] in warning), None)
    if by is not None and (owner := case.owner(by)) is not None:
        return owner
    line = check.string[check.string.rfind("\n", 0, check.start()) + 1 : check.start()]
    prefix = re.match(r"\[(?P<name>[\w.-]+)\]", line)
    name = canonicalize_name(prefix["name"]) if prefix else None
    return name if name in case.installed else None


def _requirement(name: str, groups: dict[str, str | None]) -> Requirement | None:
    spec = (groups.get("spec") or "").replace(" and ", ", ")
    if groups.get("least"):
        spec = f">={groups['least']}"
    elif groups.get("most"):
        # "2.0 or less" means the whole of 2.0.
        spec = f"<={groups['most']}.999"
    return packages.requirement(f"{name}{spec}")
