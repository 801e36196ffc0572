"""Read what a message asks for: a package to add, to remove, or to move to another version."""

import re
from collections.abc import Iterable

from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import choose_culprit
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules.versions import CLAUSES
from knowngood.model import Confidence, Diagnosis, Question

_SPEC = rf"(?P<spec>{CLAUSES})"
_QUOTE = r"[`'\"]"
_NAME = r"(?P<name>[A-Za-z][\w.-]*[A-Za-z0-9])"
_EXTRAS = r"(?P<extras>\[[\w,.-]+\])?"
_ABSENT = tuple(
    re.compile(pattern)
    for pattern in (
        rf"requires? {_QUOTE}?{_NAME}{_QUOTE}?\s*{_SPEC}?,? but it (?:is|was) not (?:installed|found)",
        rf"requires? {_QUOTE}{_NAME}{_QUOTE} to be installed",
        rf"[Mm]issing (?:optional |required )?dependency:? {_QUOTE}{_NAME}{_QUOTE}",
        rf"\bpip3? install (?:-[\w-]+ )*{_QUOTE}?{_NAME}{_EXTRAS}\s?{_SPEC}?",
        rf"[Pp]lease install (?:the )?{_QUOTE}{_NAME}{_EXTRAS}{_QUOTE}",
        rf"[Pp]lease install (?:the )?(?:package )?{_NAME}(?= (?:package|library|to use|with pip|first|via)|[.,]?$)",
        rf"requires the {_QUOTE}?{_NAME}{_QUOTE}? (?:package|library|module)",
        rf"(?<![\w.-]){_QUOTE}?{_NAME}{_QUOTE}? (?:package |library )?is not installed",
    )
)
_REMOVE = re.compile(rf"\b(?:remove|pip3? uninstall|uninstall) (?:-y |the |package )*{_QUOTE}?{_NAME}")
_MOVE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<verb>[Dd]owngrad|[Uu]pgrad|[Uu]pdat)(?:e|ing) (?:the |your |package |module )*{_QUOTE}?{_NAME}{_QUOTE}?"
        rf"(?: (?:package|module|library|version))*(?: to| below)? (?:version )?v?(?P<version>\d[\w.]*)"
        rf"(?P<side> or (?:lower|earlier|below|older|later|newer|higher|above|greater))?",
        rf"(?P<verb>[Dd]owngrad|[Uu]pgrad|[Uu]pdat)(?:e|ing)\b[^\n.]*? to {_QUOTE}?{_NAME}\s*{_SPEC}",
        rf"(?P<verb>pin|use|using|install|try) (?:to )?{_QUOTE}?{_NAME}\s?{_SPEC}",
    )
)
_WORDS = frozenset(
    {"it", "the", "this", "that", "a", "an", "package", "python", "pip", "them", "all", "and", "or", "to"}
)
"""What follows "install" or "remove" in plain sentences and names no package."""
_BEGINNING = 4000  # characters of a message


def questions(case: Case, answers: Answers) -> Iterable[Question]:
    """Ask nothing more than the dates, which are asked for every failure in a program."""
    return ()


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Find a sentence in the messages of the failure that names a package and what to do with it."""
    text = "\n".join([raised.message for raised in case.raised])[:_BEGINNING]
    return _unwanted(case, text) or _elsewhere(case, answers, text) or _absent(case, answers, text)


def _unwanted(case: Case, text: str) -> Diagnosis | None:
    for match in _REMOVE.finditer(text):
        name = canonicalize_name(match["name"])
        if name not in case.installed or name in _WORDS:
            continue
        named = (canonicalize_name(word) for word in re.findall(r"[`'\"]([\w.-]+)[`'\"]", text))
        other = next((word for word in (*named, *case.path) if word in case.installed and word != name), None)
        return Diagnosis(
            culprit=name,
            conflicts_with=other,
            why=f"{case.label(name)} must be removed, as its message says",
            fix=(packages.removal(name),),
            evidence=(_sentence(text, match),),
            confidence=Confidence.CERTAIN,
        )
    return None


def _elsewhere(case: Case, answers: Answers, text: str) -> Diagnosis | None:
    """Find an installed package that the message wants in another version."""
    for match in (match for pattern in _MOVE for match in pattern.finditer(text)):
        groups = match.groupdict()
        name = canonicalize_name(groups["name"])
        specifier = groups.get("spec") or _specifier(groups)
        wanted = packages.requirement(f"{name}{specifier}")
        version = case.installed.get(name)
        if wanted is None or version is None or packages.satisfies(version, wanted):
            continue
        consumer = next((owner for owner in case.path if owner != name), None)
        return choose_culprit(
            case,
            answers,
            provider=name,
            consumer=consumer,
            wanted=wanted,
            stated=True,
            why=f"the message asks for {wanted}, and {version} is installed",
            evidence=(_sentence(text, match),),
            confidence=Confidence.LIKELY,
        )
    return None


def _specifier(groups: dict[str, str | None]) -> str:
    version = (groups["version"] or "").rstrip(".").removesuffix(".x")
    down = (groups["verb"] or "").lower().startswith("down")
    if not down:
        return f">={version}"
    # "3.20.x or lower" means the whole of 3.20.
    return f"<={version}.999" if version.count(".") < 2 else f"<={version}"


def _absent(case: Case, answers: Answers, text: str) -> Diagnosis | None:
    for match in (match for pattern in _ABSENT for match in pattern.finditer(text)):
        groups = match.groupdict()
        name = canonicalize_name(groups["name"])
        if name in _WORDS or len(name) < 2:
            continue
        consumer = next((owner for owner in case.path if owner != name), None)
        extras = groups.get("extras") or ""
        if name in case.installed and not extras:
            if "installed" not in match[0] or groups.get("spec") or consumer is None:
                continue
            # It is there, but not in the form in which it is looked for.
            return choose_culprit(
                case,
                answers,
                provider=name,
                consumer=consumer,
                why=f"{case.label(consumer)} does not recognize {case.label(name)}",
                evidence=(_sentence(text, match),),
                confidence=Confidence.LIKELY,
            )
        culprit: str = name
        requirement = f"{name}{extras}{groups.get('spec') or ''}"
        if name in case.installed:
            lacking = _lacking(case, name, extras.strip("[]").split(","))
            if lacking is None:
                continue
            culprit, consumer = lacking, name
        return Diagnosis(
            culprit=culprit,
            conflicts_with=consumer,
            why=f"{case.label(consumer) if consumer else 'the probe'} wants {requirement}, which is not installed",
            fix=(requirement,),
            evidence=(_sentence(text, match),),
            confidence=Confidence.CERTAIN if "not installed" in match[0] else Confidence.LIKELY,
        )
    return None


def _lacking(case: Case, name: str, extras: list[str]) -> str | None:
    """Return the first requirement of ``extras`` that is not installed."""
    distribution = case.distributions.get(name)
    for extra in extras:
        for requirement in packages.requirements(distribution.requires if distribution else ()):
            if requirement.marker is None or f"extra == '{extra}'" not in str(requirement.marker).replace('"', "'"):
                continue
            if packages.name_of(requirement) not in case.installed:
                return packages.name_of(requirement)
    return None


def _sentence(text: str, match: re.Match[str]) -> str:
    """Return the line in which a match begins."""
    start = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.start())
    return text[start : end if end >= 0 else None].strip()[:400]
