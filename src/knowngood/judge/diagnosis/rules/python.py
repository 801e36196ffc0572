"""Diagnose what Python itself removed: modules and names that the standard library no longer has."""

import collections.abc
import re
import typing
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Diagnosis, Question, Raised
from knowngood.tracebacks import standard_path

_MODULES: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("dummy_threading", "_bootlocale"), (3, 9)),
    **dict.fromkeys(("formatter", "parser", "symbol"), (3, 10)),
    **dict.fromkeys(("binhex",), (3, 11)),
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), (3, 12)),
    **dict.fromkeys(("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap"), (3, 13)),
    **dict.fromkeys(("msilib", "nis", "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau"), (3, 13)),
    **dict.fromkeys(("telnetlib", "uu", "xdrlib", "pyaudioop"), (3, 13)),
}
"""Module -> the Python that no longer has it (https://docs.python.org/3/whatsnew/)."""

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

_NAMES: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("time.clock", "cgi.escape", "platform.linux_distribution", "platform.dist"), (3, 8)),
    **dict.fromkeys(("fractions.gcd", "base64.encodestring", "base64.decodestring", "array.array.tostring"), (3, 9)),
    **dict.fromkeys(("typing.io", "typing.re"), (3, 13)),
    **dict.fromkeys(("inspect.getargspec", "inspect.formatargspec", "asyncio.coroutine"), (3, 11)),
    **dict.fromkeys(("gettext.lgettext", "random.jumpahead", "binascii.b2a_hqx"), (3, 11)),
    **dict.fromkeys(("pkgutil.ImpImporter", "pkgutil.ImpLoader", "configparser.SafeConfigParser"), (3, 12)),
    **dict.fromkeys(("ssl.wrap_socket", "locale.format", "importlib.find_loader", "ssl.match_hostname"), (3, 12)),
    **dict.fromkeys(("unittest.makeSuite", "unittest.findTestCases", "unittest._TextTestResult"), (3, 13)),
    **dict.fromkeys(("ast.Str", "ast.Num", "ast.NameConstant", "ast.Bytes", "pkgutil.find_loader"), (3, 14)),
    **dict.fromkeys(("asyncio.get_child_watcher", "typing.ByteString"), (3, 14)),
}
"""Name -> the Python that no longer has it."""

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

_CALLED = re.compile(r"^(?P<owner>\w+)\.\w+\(\) (?:missing|got|takes)")


def questions(case: Case, answers: Answers) -> Iterable[Question]:
    """Ask nothing more than for a version of the culprit that fits, which is asked for every culprit."""
    return ()


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Find something that the Python of this environment no longer has, or whose syntax it does not know."""
    for raised in case.raised:
        removed = _removed(case, raised.message)
        if removed is not None:
            name, since = removed
            return _diagnosis(case, answers, name, since, raised.message)
        if _is_syntax(case, raised):
            why = f"{case.label(case.path[0])} is not written for {case.label('python')}"
            return _unsupported(case, answers, why, (raised.message,), Confidence.LIKELY)
    return None


def nearest(case: Case, answers: Answers, evidence: tuple[str, ...]) -> Diagnosis:
    """Return the diagnosis of a package that failed in a way that concerns Python."""
    why = f"{case.label(case.path[0])} does not work with {case.label('python')}"
    return _unsupported(case, answers, why, evidence, Confidence.POSSIBLE)


def _unsupported(
    case: Case, answers: Answers, why: str, evidence: tuple[str, ...], confidence: Confidence
) -> Diagnosis:
    user = case.path[0]
    newer = _newer(case, answers, user)
    return Diagnosis(
        culprit=user,
        conflicts_with="python",
        why=why,
        fix=(newer or f"python<{case.python[0]}.{case.python[1]}",),
        evidence=evidence,
        confidence=confidence,
    )


def is_concerned(case: Case) -> bool:
    """Return whether Python may be the other party: it removed something, or its own library raised the error."""
    if any(_removed(case, raised.message) or _is_syntax(case, raised) for raised in case.raised):
        return True
    innermost = standard_path(case.frames[0].file) if case.frames else None
    of_python = innermost is not None and not innermost.startswith("importlib/")
    calls = [_CALLED.search(raised.message) for raised in case.raised]
    return bool(case.path) and (of_python or any(call and hasattr(typing, call["owner"]) for call in calls))


def supported_since(case: Case) -> datetime | None:
    """Return when packages had caught up with the Python of this environment, as far as its release is known."""
    day = _RELEASED.get(case.python)
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + _CATCHING_UP if day else None


def _newer(case: Case, answers: Answers, user: str | None) -> str | None:
    """Return the constraint for the version of ``user`` that was current when this Python was new, if it is newer."""
    then, installed = answers.current(user), case.installed.get(user or "")
    if then is None or installed is None or then <= installed:
        return None
    # Newer setuptools removed pkg_resources, which is what most users of setuptools at run time want.
    return f"{user}>={then.public}" + (",<81" if user == "setuptools" else "")


def _is_syntax(case: Case, raised: Raised) -> bool:
    """Return whether code was written for another Python: with a word that is a keyword now, or newer syntax."""
    return raised.type == "builtins.SyntaxError" and bool(case.path)


def _removed(case: Case, message: str) -> tuple[str, tuple[int, int]] | None:
    """Return what a message misses that this Python no longer has, and the Python that removed it."""
    if absent := _NO_MODULE.search(message):
        dotted = absent["module"]
        name = dotted if dotted in _NAMES else dotted.partition(".")[0]
        since = _NAMES.get(dotted) or _MODULES.get(name)
    elif absent := _NO_NAME.search(message):
        module, attribute = absent["module"] or absent["from"], absent["name"] or absent["imported"]
        name = f"{module}.{attribute}"
        moved = module == "collections" and attribute in collections.abc.__all__
        since = (3, 10) if moved else _NAMES.get(name)
    else:
        return None
    return (name, since) if since is not None and since <= case.python else None


def _diagnosis(case: Case, answers: Answers, name: str, since: tuple[int, int], message: str) -> Diagnosis:
    user = next(iter(case.path), None)
    python = f"Python {since[0]}.{since[1]}"
    backport = _BACKPORTS.get(name)
    newer = _newer(case, answers, user)
    evidence = [message, f"{python} removed {name}"]
    if user is not None and newer is not None:
        culprit, fix, backport = user, (newer,), None
        evidence.append(f"{newer} was current when {python} was new")
    elif backport is not None:
        culprit, fix = backport, (backport,)
        evidence.append(f"{backport} brings it back")
    else:
        culprit, fix = user or "python", (f"python<{since[0]}.{since[1]}",)
    return Diagnosis(
        culprit=culprit,
        conflicts_with=(user if backport else "python") if user else None,
        why=f"{case.label(user) if user else 'the probe'} uses {name}, which {python} removed",
        fix=fix,
        evidence=tuple(evidence),
        confidence=Confidence.CERTAIN,
    )
