"""Diagnose what Python itself removed: modules and names that the standard library no longer has."""

import collections.abc
import re
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.moves import Move, Symbol, forward
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.removed import ADDED, REMOVED
from knowngood.model import Confidence, Diagnosis, Question, Raised
from knowngood.tracebacks import standard_path

_BACKPORTS: Mapping[str, str] = {
    "audioop": "audioop-lts",
    "pyaudioop": "audioop-lts",
    "cgi": "legacy-cgi",
    "cgitb": "legacy-cgi",
    "telnetlib": "standard-telnetlib",
    "imghdr": "standard-imghdr",
    "sndhdr": "standard-sndhdr",
    "aifc": "standard-aifc",
    "chunk": "standard-chunk",
    "sunau": "standard-sunau",
    "xdrlib": "standard-xdrlib",
    "nntplib": "standard-nntplib",
    "pipes": "standard-pipes",
    "uu": "standard-uu",
    "asyncore": "pyasyncore",
    "asynchat": "pyasynchat",
    "imp": "zombie-imp",
}
"""Module -> the distribution that brings it back."""

_LATER = """
3.8: time: clock platform: linux_distribution dist cgi: escape
3.14: ast: Str Num NameConstant Bytes pkgutil: find_loader get_loader asyncio: get_child_watcher typing: ByteString
"""
"""What Pythons that the data was not made from removed, in the same form (https://docs.python.org/3/whatsnew/)."""
_EARLIER_NAMES = {"pyaudioop": (3, 13)}
"""Modules that never existed, but that programs import when they miss another."""

_RELEASED: Mapping[tuple[int, int], str] = {
    (3, 7): "2018-06-27",
    (3, 8): "2019-10-14",
    (3, 9): "2020-10-05",
    (3, 10): "2021-10-04",
    (3, 11): "2022-10-24",
    (3, 12): "2023-10-02",
    (3, 13): "2024-10-07",
    (3, 14): "2025-10-07",
}
"""When a Python came out (PEPs 537, 569, 596, 619, 664, 693, 719, 745)."""
_CATCHING_UP = timedelta(days=120)  # packages support a new Python within months

_NO_MODULE = re.compile(r"No module named '(?P<module>[\w.]+)'")
_NO_NAME = re.compile(
    r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'"
    r"|cannot import name '(?P<imported>\w+)' from '(?P<from>[\w.]+)'"
)

_NO_MEMBER = re.compile(
    r"'(?P<owner>\w+)' (?:object )?has no attribute '(?P<attribute>\w+)'"
    r"|(?<![\w.])(?P<function>[\w.]+)\(\) (?:got an unexpected keyword argument '(?P<unexpected>\w+)'"
    r"|missing \d+ required (?:positional|keyword-only) arguments?: '(?P<needed>\w+)')"
)

_DUNDER = re.compile(r"(?<!\w)__[a-z_]+__(?!\w)")
_CALLED = re.compile(r"^(?P<owner>\w+)\.\w+\(\) (?:missing|got|takes)")


def questions(case: Case, answers: Answers) -> Iterable[Question]:
    """Ask nothing more than for a version of the culprit that fits, which is asked for every culprit."""
    return ()


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Find something that the Python of this environment no longer has, or whose syntax it does not know."""
    if (found := _first_removed(case, answers)) is not None:
        return _diagnosis(case, answers, *found)
    for raised in case.raised:
        if (added := _added(case, raised)) is not None and predates(case, answers, case.path[0]):
            puts = f"Python {ADDED[added][0]}.{ADDED[added][1]} puts {added} into every class"
            why = f"{case.label(case.path[0])} does not know {case.label('python')}: {puts}"
            return _unsupported(case, answers, why, (raised.message, puts), Confidence.LIKELY)
        if _is_syntax(case, raised):
            why = f"{case.label(case.path[0])} is not written for {case.label('python')}"
            return _unsupported(case, answers, why, (raised.message,), Confidence.LIKELY)
    return None


def predates(case: Case, answers: Answers, package: str) -> bool:
    """Return whether the installed release of ``package`` is known to be older than the Python of the environment."""
    return is_newer(case, answers.uploaded(package))


def is_newer(case: Case, time: datetime | None) -> bool:
    """Return whether the Python of the environment is known to have come out after ``time``."""
    day = released(case)
    return day is not None and time is not None and time < day


def nearest(case: Case, answers: Answers, evidence: tuple[str, ...]) -> Diagnosis:
    """Return the diagnosis of a package that failed in a way that concerns Python."""
    why = f"{case.label(case.path[0])} does not work with {case.label('python')}"
    return _unsupported(case, answers, why, evidence, Confidence.POSSIBLE)


def _unsupported(
    case: Case, answers: Answers, why: str, evidence: tuple[str, ...], confidence: Confidence
) -> Diagnosis:
    """Return the diagnosis of the innermost package, which must move to a version that supports this Python."""
    user = case.path[0]
    newer = _newer(case, answers, user)
    return Diagnosis(
        culprit=user,
        conflicts_with="python",
        why=why,
        fix=(newer.fix if newer else f"python<{case.python[0]}.{case.python[1]}",),
        evidence=(*evidence, newer.evidence) if newer else evidence,
        confidence=confidence,
    )


def ways(case: Case, answers: Answers, *parties: str | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield fixes for ``parties`` on this Python, with evidence: a newer release, or what brings a module back."""
    for party in filter(None, parties):
        if (newer := _newer(case, answers, party)) is not None:
            yield (newer.fix,), newer.evidence
    for raised in case.raised:
        removed = _removed(case, raised.message, answers)
        if removed is not None and (backport := _BACKPORTS.get(removed.name.partition(".")[0])) is not None:
            yield (backport,), f"{backport} brings {removed.name} back"


def removed_word(case: Case, answers: Answers) -> Symbol | None:
    """Return what Python removed and the failure misses, to look for releases that do not use it."""
    found = _first_removed(case, answers)
    if found is None:
        return None
    removed, _ = found
    module, _, name = removed.name.rpartition(".")
    return Symbol(module=module, name=name, word=name.split("(")[0].rpartition(".")[2] or name)


def is_concerned(case: Case) -> bool:
    """Return whether Python may be the other party: it removed something, or its own library raised the error."""
    if any(_removed(case, each.message) or _is_syntax(case, each) or _added(case, each) for each in case.raised):
        return True
    innermost = standard_path(case.frames[0].file) if case.frames else None
    of_python = innermost is not None and not innermost.startswith("importlib/")
    calls = [_CALLED.search(raised.message) for raised in case.raised]
    return bool(case.path) and (of_python or any(call and hasattr(typing, call["owner"]) for call in calls))


def supported_since(case: Case) -> datetime | None:
    """Return when packages had caught up with the Python of this environment, as far as its release is known."""
    day = released(case)
    return day + _CATCHING_UP if day is not None else None


def released(case: Case) -> datetime | None:
    """Return when the Python of the environment came out, as far as it is known."""
    day = _RELEASED.get(case.python)
    return datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None


def _newer(case: Case, answers: Answers, user: str | None) -> Move | None:
    """Return the move of ``user`` to versions that came out after this Python, or that need not what it removed."""
    since = released(case)
    if user is None or since is None:
        return None
    move = forward(case, answers, user, "python", since, removed_word(case, answers))
    if move is not None and user == "setuptools" and "<" not in move.fix:
        # Newer setuptools removed pkg_resources, which is what most users of setuptools at run time want.
        return replace(move, fix=f"{move.fix},<81")
    return move


def _is_syntax(case: Case, raised: Raised) -> bool:
    """Return whether code was written for another Python: with a word that is a keyword now, or newer syntax."""
    return raised.type == "builtins.SyntaxError" and bool(case.path)


def _added(case: Case, raised: Raised) -> str | None:
    """Return what a message names that this Python, and no older one, puts into every class."""
    names = _DUNDER.findall(raised.message) if case.path else []
    return next((name for name in names if name in ADDED and ADDED[name] <= case.python), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Removal:
    """Something that a Python no longer has."""

    name: str
    since: tuple[int, int] | None
    """None: the data does not have it, so only this Python is known to lack it."""


@lru_cache(maxsize=1)
def _data() -> Mapping[str, tuple[int, int]]:
    """Return what was removed -> the Python that no longer has it: ``cgi``, ``ast.Num``, ``json.loads(encoding)``."""
    removed: dict[str, tuple[int, int]] = dict(_EARLIER_NAMES)
    python, module = (0, 0), ""
    for word in f"{REMOVED} {_LATER}".split():
        if re.fullmatch(r"\d\.\d+:", word):
            major, minor = word[:-1].split(".")
            python = int(major), int(minor)
        elif word.endswith(":"):
            module = word[:-1]
        else:
            name = word if module == "-" else f"{module}.{word}"
            # A parameter that must be passed may have changed more than once.
            removed[name] = python if "+" in name else removed.get(name, python)
    return removed


@lru_cache(maxsize=1)
def _members() -> Mapping[str, tuple[str, tuple[int, int]]]:
    """Return members and parameters without their module -> the full name, and the Python: ``Thread.isAlive``."""
    short: dict[str, tuple[str, tuple[int, int]]] = {}
    for name, python in _data().items():
        if match := re.search(r"\.(\w+\.\w+|(?:\w+\.)?\w+\(\+?\w+\))$", name):
            short.setdefault(match[1], (name, python))
    return short


def _removed(case: Case, message: str, answers: Answers | None = None) -> _Removal | None:
    """Return what a message misses that this Python no longer has.

    It names a class or function without its module: that counts only if ``answers`` say that no package defines it.
    """
    name, since = "", None
    if absent := _NO_MODULE.search(message):
        parts = absent["module"].split(".")
        names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
        name = next((candidate for candidate in names if candidate in _data()), "")
        since = _data().get(name)
    elif absent := _NO_NAME.search(message):
        module, attribute = absent["module"] or absent["from"], absent["name"] or absent["imported"]
        name = f"{module}.{attribute}"
        moved = module == "collections" and attribute in collections.abc.__all__
        since = (3, 10) if moved else _data().get(name)
        if since is None and _is_old_name(case, answers, module):
            return _Removal(name=name, since=None)
    elif answers is not None and (absent := _NO_MEMBER.search(message)):
        keys = [f"{absent['owner']}.{absent['attribute']}"]
        if absent["function"]:
            function = absent["function"].removesuffix(".__init__").split(".")
            argument = f"({absent['unexpected'] or '+' + absent['needed']})"
            keys = [".".join(function[-2:]) + argument, function[-1] + argument]
        if not answers.definitions((absent["owner"] or absent["function"]).partition(".")[0]):
            name, since = next((_members()[key] for key in keys if key in _members()), ("", None))
    return _Removal(name=name, since=since) if since is not None and since <= case.python else None


def _first_removed(case: Case, answers: Answers) -> tuple[_Removal, str] | None:
    """Return what is missing and the message about it; what the data has goes before what only its age explains."""
    found = [
        (removed, raised.message)
        for raised in case.raised
        if (removed := _removed(case, raised.message, answers)) is not None
    ]
    return next((pair for pair in found if pair[0].since is not None), next(iter(found), None))


def _is_old_name(case: Case, answers: Answers | None, module: str) -> bool:
    """Return whether a name that a module of Python lacks is one of an older Python: its user is older than this one.

    A newer user may want what only a newer Python has.
    """
    standard = module.partition(".")[0] in sys.stdlib_module_names and case.provider(module) is None
    return standard and answers is not None and bool(case.path) and predates(case, answers, case.path[0])


def _diagnosis(case: Case, answers: Answers, removed: _Removal, message: str) -> Diagnosis:
    user = next(iter(case.path), None)
    major, minor = removed.since or case.python
    python = f"Python {major}.{minor}"
    backport = _BACKPORTS.get(removed.name.partition(".")[0])
    newer = _newer(case, answers, user)
    does = f"{python} {'changed' if '+' in removed.name else 'removed'} {removed.name.replace('(+', '(')}"
    if removed.since is None:
        does = f"{python} does not have {removed.name}, and {case.label(user or '')} is older than it"
    evidence = [message, does]
    if user is not None and newer is not None:
        culprit, fix, backport = user, (newer.fix,), None
        evidence.append(newer.evidence)
    elif backport is not None:
        culprit, fix = backport, (backport,)
        evidence.append(f"{backport} brings it back")
    else:
        culprit, fix = user or "python", (f"python<{major}.{minor}",)
    return Diagnosis(
        culprit=culprit,
        conflicts_with=(user if backport else "python") if user else None,
        why=f"{case.label(user) if user else 'the probe'} relies on something that was removed: {does}",
        fix=fix,
        evidence=tuple(evidence),
        confidence=Confidence.CERTAIN if removed.since is not None else Confidence.LIKELY,
    )
