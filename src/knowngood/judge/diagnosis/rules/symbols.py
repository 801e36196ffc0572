"""Diagnose a name, a module, an attribute or a parameter that is missing: who should provide it, and who uses it."""

import builtins
import re
from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import choose_culprit, parties
from knowngood.judge.diagnosis.moves import Symbol
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Definitions, Diagnosis, Question

_FROM_MODULE = re.compile(
    r"cannot import name '(?P<name>\w+)' from (?:partially initialized module )?'(?P<module>[\w.]+)'"
    r"|module '(?P<of>[\w.]+)' has no attribute '(?P<attribute>\w+)'"
    r"|No module named '(?P<missing>[\w.]+)'"
)
_OF_THING = re.compile(
    r"(?:type object |class )?'(?P<owner>\w+)' object has no attribute '(?P<attribute>\w+)'"
    r"|type object '(?P<kind>\w+)' has no attribute '(?P<of_kind>\w+)'"
    r"|(?<![\w.])(?P<called>\w+(?:\.\w+)*)\(\) (?:got an unexpected keyword argument '(?P<keyword>\w+)'"
    r"|missing \d+ required (?:positional|keyword-only) arguments?|takes (?:from )?\d+|got multiple values for)"
    r"|(?<!\w)(?P<abstract>\w+) with abstract methods?"
)

_BUILTINS = frozenset(dir(builtins)) | {"NoneType", "function", "method", "coroutine", "generator"}
"""Types of Python itself: a missing attribute of one says nothing about who defines a type of that name."""

_BROUGHT_BY: Mapping[str, tuple[str, str]] = {
    "pkg_resources": ("setuptools", "setuptools<81"),
    "attr": ("attrs", "attrs"),
    "bs4": ("beautifulsoup4", "beautifulsoup4"),
    "cv2": ("opencv-python-headless", "opencv-python-headless"),
    "dateutil": ("python-dateutil", "python-dateutil"),
    "dotenv": ("python-dotenv", "python-dotenv"),
    "jose": ("python-jose", "python-jose"),
    "jwt": ("pyjwt", "pyjwt"),
    "OpenSSL": ("pyopenssl", "pyopenssl"),
    "PIL": ("pillow", "pillow"),
    "serial": ("pyserial", "pyserial"),
    "skimage": ("scikit-image", "scikit-image"),
    "sklearn": ("scikit-learn", "scikit-learn"),
    "yaml": ("pyyaml", "pyyaml"),
}
"""Module -> (the distribution that brings it, the requirement to add), where their names differ."""


def questions(case: Case, answers: Answers) -> Iterator[Question]:
    """Ask which distributions define the classes and functions that the messages name."""
    among = tuple(name for name in parties(case) if name in case.distributions)
    for raised in case.raised:
        for match in _OF_THING.finditer(raised.message):
            names = [match["owner"], match["kind"], *(match["called"] or "").split("."), match["abstract"]]
            if names[0] not in _BUILTINS - {"super"}:
                names += [match["attribute"], match["of_kind"]]
            for name in names:
                if name and name not in ("super", "__init__", "type", "module"):
                    yield Definitions(name=name, among=among)


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Find what is missing, and choose between its provider and its user."""
    # The last exception first: "except ImportError: try the other place" raises two, and the second one counts.
    for raised in reversed(case.raised):
        if match := _FROM_MODULE.search(raised.message):
            return _from_module(case, answers, match, raised.message)
        if match := _OF_THING.search(raised.message):
            return _of_thing(case, answers, match, raised.message)
    return None


def missing(case: Case) -> Symbol | None:
    """Return the name that could not be imported, or found in a module, a class or the parameters of a function."""
    for raised in reversed(case.raised):
        if match := _FROM_MODULE.search(raised.message):
            if match["missing"]:
                # A part of a package; all there is to know of it is whether it exists.
                parent, _, child = match["missing"].rpartition(".")
                return Symbol(module=parent, name=child, word=child) if parent else None
            name = match["name"] or match["attribute"]
            return Symbol(module=match["module"] or match["of"], name=name, word=name)
        if match := _OF_THING.search(raised.message):
            owner, attribute = match["owner"] or match["kind"], match["attribute"] or match["of_kind"]
            if owner and owner not in _BUILTINS:
                return Symbol(module="", name=f"{owner}.{attribute}", word=attribute)
            if match["keyword"]:
                called = ".".join(match["called"].split(".")[-2:])
                return Symbol(module="", name=f"{called}({match['keyword']})", word=match["keyword"])
    return None


def _from_module(case: Case, answers: Answers, match: re.Match[str], message: str) -> Diagnosis | None:
    module = match["module"] or match["of"] or match["missing"]
    provider = case.provider(module)
    if provider is None:
        return _absent(case, module, message) if match["missing"] else None
    consumer = next((owner for owner in case.path if owner != provider), None)
    name = match["name"] or match["attribute"]
    symbol = f"{name} of {module}" if name else module
    user = case.label(consumer) if consumer else "the probe"
    return choose_culprit(
        case,
        answers,
        provider=provider,
        consumer=consumer,
        symbol=missing(case),
        why=f"{user} uses {symbol}, which {case.label(provider)} does not have",
        evidence=(message,),
        confidence=Confidence.LIKELY,
    )


def _absent(case: Case, module: str, message: str) -> Diagnosis | None:
    """Diagnose a module that no installed distribution provides: a dependency that nobody declared."""
    top = module.partition(".")[0]
    name, requirement = _BROUGHT_BY.get(top, (canonicalize_name(top), canonicalize_name(top)))
    consumer = next(iter(case.path), None)
    declared = [need for need in case.requirements(consumer or "") if packages.name_of(need) == name]
    if declared and requirement == name:
        requirement = f"{name}{declared[0].specifier}"
    state = f"{case.label(name)} no longer has" if name in case.installed else "no installed distribution provides"
    return Diagnosis(
        culprit=name,
        conflicts_with=consumer,
        why=f"{case.label(consumer) if consumer else 'the probe'} imports {module}, and {state} it",
        fix=(requirement,),
        evidence=(message,),
        confidence=Confidence.LIKELY,
    )


def _of_thing(case: Case, answers: Answers, match: re.Match[str], message: str) -> Diagnosis | None:
    names = [match["owner"], match["kind"], match["abstract"], *reversed((match["called"] or "").split("."))]
    # The class says most; the attribute itself helps when the message names no class of a package ("super").
    if match["owner"] not in _BUILTINS - {"super"}:
        names += [match["attribute"], match["of_kind"]]
    for name in names:
        owners = [owner for owner in answers.definitions(name or "") if owner in case.installed]
        if not owners:
            continue
        outside = [owner for owner in owners if owner not in case.path[:1]]
        provider = (outside or owners)[0]
        consumer = next((owner for owner in case.path if owner != provider), None)
        user = case.label(consumer) if consumer else "the probe"
        usage = f"{user} uses {name} from {case.label(provider)} in an unsupported way"
        return choose_culprit(
            case,
            answers,
            provider=provider,
            consumer=consumer,
            symbol=missing(case),
            why=f"{usage}: {message.splitlines()[0]}",
            evidence=(message, f"{name} is defined in {provider}"),
            confidence=Confidence.LIKELY,
        )
    return None
