"""Version checks in words: "X>=1,<2 is required ..., but found X==2.1"."""

import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import settle
from knowngood.model import Confidence, Diagnosis

_CLAUSE = r"(?:===?|[<>!~]=?)\s*v?\d[\w.*+!]*"
_CLAUSES = rf"{_CLAUSE}(?:\s*,\s*{_CLAUSE})*"
_LATER = r"or (?:later|newer|greater|higher|above)"
_PACKAGE = r"(?P<name>[A-Za-z][\w.-]*)"
_CHECKS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_PACKAGE}\s*(?P<spec>{_CLAUSES}) is required[^\n]*? but found (?P<found>[^\n]+)",
        rf"requires? {_PACKAGE}\s*(?P<spec>{_CLAUSES})[^\n]*?(?:but|found|installed|have) (?P<found>[^\n]+)",
        rf"{_PACKAGE} (?:version )?(?P<spec>{_CLAUSES}) is (?:required|needed)(?P<found>)",
        rf"(?:needs?|requires?) {_PACKAGE} (?:version )?(?P<least>\d[\w.]*) {_LATER}(?P<found>)",
        rf"{_PACKAGE} (?P<least>\d[\w.]*) {_LATER} is required(?P<found>)",
        rf"(?:needs|requires) {_PACKAGE} (?P<most>\d[\w.]*) or (?:less|lower|earlier|below|older)\b[^\n]*(?P<found>)",
    )
)
_CALLED = {"pytorch": "torch", "sklearn": "scikit-learn", "opencv": "opencv-python"}
"""How messages call what is installed under another name."""


def rule(case: Case) -> Diagnosis | None:
    """Find a check in the exception or the output that names an installed package and what it should be."""
    for pattern in _CHECKS:
        for found in pattern.finditer(case.said):
            groups = found.groupdict()
            called = canonicalize_name(groups["name"])
            name = _CALLED.get(called, called)
            requirement = _requirement(name, groups)
            version = case.installed.get(name)
            if requirement is None or version is None or packages.satisfies(version, requirement):
                continue
            who = _speaker(case, found) or next((one for one in case.path if one != name), None)
            return settle(
                case,
                provider=name,
                consumer=who,
                wanted=requirement,
                why=f"{case.shown(who) if who else 'the probe'} asks for {requirement}, and {version} is installed",
                evidence=(found[0].strip(),),
                confidence=Confidence.CERTAIN,
            )
    return None


def _speaker(case: Case, found: re.Match[str]) -> str | None:
    """Return the distribution that a log line begins with: "[transformers] Disabling PyTorch because ..."."""
    line = found.string[found.string.rfind("\n", 0, found.start()) + 1 : found.start()]
    named = re.match(r"\[(?P<who>[\w.-]+)\]", line)
    who = canonicalize_name(named["who"]) if named else None
    return who if who in case.installed else None


def _requirement(name: str, groups: dict[str, str | None]) -> Requirement | None:
    spec = groups.get("spec") or ""
    if groups.get("least"):
        spec = f">={groups['least']}"
    elif groups.get("most"):
        # "2.0 or less" means the whole of 2.0.
        spec = f"<={groups['most']}.999"
    return packages.requirement(f"{name}{spec}")
