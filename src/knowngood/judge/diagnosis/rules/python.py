"""What Python itself took away: modules and names of the standard library that are gone from some version on."""

import collections.abc
import re
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.model import Confidence, Diagnosis
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

_INSTEAD: Mapping[str, str] = {
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


def rule(case: Case) -> Diagnosis | None:
    """Find something that the Python of this environment no longer has, or whose syntax it does not know."""
    for raised in case.raised:
        gone = _gone(case, raised.message)
        if gone is not None:
            what, since = gone
            return _diagnosis(case, what, since, raised.message)
        if raised.type == "builtins.SyntaxError" and case.path:
            return _syntax(case, raised.message)
    return None


def _syntax(case: Case, message: str) -> Diagnosis:
    """Code that was written for another Python: a word that became a keyword, or syntax that is not known yet."""
    user = case.path[0]
    newer = _newer(case, user)
    return Diagnosis(
        culprit=user,
        conflicts_with="python",
        why=f"{case.shown(user)} is not written for Python {case.python[0]}.{case.python[1]}",
        fix=(newer or f"python<{case.python[0]}.{case.python[1]}",),
        evidence=(message,),
        confidence=Confidence.LIKELY,
    )


def is_concerned(case: Case) -> bool:
    """Whether Python itself may be the other party: it took something away, or raised the error in its own library."""
    if rule(case) is not None:
        return True
    innermost = standard_path(case.frames[0].file) if case.frames else None
    of_python = innermost is not None and not innermost.startswith("importlib/")
    called = [_CALLED.search(one.message) for one in case.raised]
    return bool(case.path) and (of_python or any(found and hasattr(typing, found["owner"]) for found in called))


def supported_since(case: Case) -> datetime | None:
    """Return when packages had caught up with the Python of this environment, as far as its release is known."""
    day = _RELEASED.get(case.python)
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + _CATCHING_UP if day else None


def nearest(case: Case, evidence: tuple[str, ...]) -> Diagnosis:
    """Return the diagnosis of a package that failed in a way that concerns Python."""
    user = case.path[0]
    newer = _newer(case, user)
    return Diagnosis(
        culprit=user,
        conflicts_with="python",
        why=f"{case.shown(user)} does not get along with Python {case.python[0]}.{case.python[1]}",
        fix=(newer or f"python<{case.python[0]}.{case.python[1]}",),
        evidence=evidence,
        confidence=Confidence.POSSIBLE,
    )


def _newer(case: Case, user: str | None) -> str | None:
    """Return the constraint for the version of ``user`` that was current when this Python was new, if it is newer."""
    then = packages.version(case.facts.leads.current_then.get(user or "", ""))
    installed = case.installed.get(user or "")
    if then is None or installed is None or then <= installed:
        return None
    # Newer setuptools took pkg_resources away, which is what most of those want who need an older one.
    return f"{user}>={then.public}" + (",<81" if user == "setuptools" else "")


def _gone(case: Case, message: str) -> tuple[str, tuple[int, int]] | None:
    if found := _NO_MODULE.search(message):
        dotted = found["module"]
        what = dotted if dotted in _NAMES else dotted.partition(".")[0]
        since = _NAMES.get(dotted) or _MODULES.get(what)
    elif found := _NO_NAME.search(message):
        module, name = found["module"] or found["from"], found["name"] or found["imported"]
        what = f"{module}.{name}"
        moved = module == "collections" and name in collections.abc.__all__
        since = (3, 10) if moved else _NAMES.get(what)
    else:
        return None
    return (what, since) if since is not None and since <= case.python else None


def _diagnosis(case: Case, what: str, since: tuple[int, int], message: str) -> Diagnosis:
    user = next(iter(case.path), None)
    python = f"Python {since[0]}.{since[1]}"
    instead = _INSTEAD.get(what)
    newer = _newer(case, user)
    evidence = [message, f"{what} is gone since {python}"]
    if user is not None and newer is not None:
        culprit, fix, instead = user, (newer,), None
        evidence.append(f"{newer} was current when {python} was new")
    elif instead is not None:
        culprit, fix = instead, (instead,)
        evidence.append(f"{instead} brings it back")
    else:
        culprit, fix = user or "python", (f"python<{since[0]}.{since[1]}",)
    return Diagnosis(
        culprit=culprit,
        conflicts_with=(user if instead else "python") if user else None,
        why=f"{case.shown(user) if user else 'the probe'} uses {what}, which {python} removed",
        fix=fix,
        evidence=tuple(evidence),
        confidence=Confidence.CERTAIN,
    )
