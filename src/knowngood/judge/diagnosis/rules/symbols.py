"""Diagnose a name, a module, an attribute or a parameter that is missing: who should provide it, and who uses it."""

import builtins
import re
from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import choose_culprit, parties
from knowngood.judge.diagnosis.moves import Symbol, back, up_to
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.rules import python
from knowngood.model import Confidence, Definitions, Diagnosis, Question, Raised

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
            names = [name for name in names if name not in _BUILTINS]
            if match["owner"] not in _BUILTINS - {"super"}:
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
            return _of_thing(case, answers, match, raised)
    return None


def missing(case: Case) -> Symbol | None:
    """Return the name that could not be imported, or found in a module, a class or the parameters of a function."""
    for raised in reversed(case.raised):
        if match := _FROM_MODULE.search(raised.message):
            if match["missing"]:
                # A part of a package; all there is to know of it is whether it exists.
                parent, _, child = match["missing"].rpartition(".")
                # A package imports its own parts by relative names.
                word = child if case.path[:1] == (case.provider(match["missing"]),) else match["missing"]
                return Symbol(module=match["missing"], name="", word=word) if parent else None
            name = match["name"] or match["attribute"]
            return Symbol(module=match["module"] or match["of"], name=name, word=name)
        if match := _OF_THING.search(raised.message):
            owner, attribute = match["owner"] or match["kind"], match["attribute"] or match["of_kind"]
            if owner and owner not in _BUILTINS:
                homes = (place.rpartition(":") for place in raised.owners)
                home = next((module for module, _, name in homes if name == owner), "")
                return Symbol(module="", name=f"{owner}.{attribute}", word=attribute, home=home)
            if owner == "super" and (base := _base(case, raised)) is not None:
                return Symbol(module="", name=f"{base}.{attribute}", word=attribute)
            if owner and owner != "super":
                # A value of Python itself has no such attribute: code that was written for another type uses it.
                return Symbol(module="", name="", word=attribute)
            if match["keyword"]:
                passed = _passed(case, raised, match)
                called = ".".join((passed[1] if passed is not None else match["called"]).split(".")[-2:])
                return Symbol(module="", name=f"{called}({match['keyword']})", word=match["keyword"])
    return None


def _base(case: Case, raised: Raised) -> str | None:
    """Return the class of an installed package in which ``super()`` looked for an attribute."""
    places = (place.partition(":") for place in raised.owners)
    return next((name for module, _, name in places if name and case.provider(module)), None)


def _passed(case: Case, raised: Raised, match: re.Match[str]) -> tuple[str, str] | None:
    """Return the distribution and the name of what was called with an unexpected keyword, if it only handed it on.

    A function that takes any keywords passes one on to code that does not know it, such as that of Python itself.
    """
    keyword, refused = match["keyword"], match["called"].removesuffix(".__init__").rpartition(".")[2]
    for frame in reversed(raised.frames):
        if not re.search(rf"[(,]\s*{re.escape(keyword)}\s*=", frame.text):
            continue
        for value in frame.values:
            name, _, place = value.partition("=")
            module, _, called = place.partition(":")
            provider = case.provider(module)
            if provider is not None and called and f"{name}(" in frame.text:
                refuser = _refuser(case, raised, match["called"])
                if refuser not in (None, provider):
                    # It is known whose function refused it: that of another package.
                    return None
                called = called.removesuffix(".__init__").rpartition(".")[2]
                return (provider, called) if called != refused else None
    return None


def _refuser(case: Case, raised: Raised, called: str) -> str | None:
    """Return the distribution whose function was called in the innermost line, as the probe recorded it."""
    last = called.removesuffix(".__init__").rpartition(".")[2]
    values = [value.partition("=")[2] for value in raised.frames[-1].values] if raised.frames else []
    modules = (place.partition(":")[0] for place in values if place.rpartition(":")[2].split(".")[-1] == last)
    return next(filter(None, map(case.provider, modules)), None)


def _from_module(case: Case, answers: Answers, match: re.Match[str], message: str) -> Diagnosis | None:
    module = match["module"] or match["of"] or match["missing"]
    provider = case.provider(module)
    if provider is None:
        return _absent(case, module, message) if match["missing"] else None
    name = match["name"] or match["attribute"]
    if case.path[:1] == (provider,) and re.match(r"\s*(from|import)\b", case.frames[0].text):
        return _incomplete(case, answers, provider, f"{name} of {module}" if name else module, message)
    consumer = next((owner for owner in case.path if owner != provider), None)
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


def _incomplete(case: Case, answers: Answers, package: str, what: str, message: str) -> Diagnosis:
    """Diagnose a package that lacks a part of itself: the release is broken, and a later one is likely not."""
    symbol = missing(case)
    if symbol is not None and _is_made_up(answers, symbol) and python.predates(case, answers, package):
        return python.nearest(case, answers, (message, f"no release of {package} has a file of {what}"))
    move = up_to(case, answers, package, symbol) if symbol is not None else None
    move = move or back(case, answers, package, None, symbol) or back(case, answers, package, None, symbol, uses=True)
    return Diagnosis(
        culprit=package,
        conflicts_with=None,
        why=f"{case.label(package)} uses {what}, which it does not have itself",
        fix=(move.fix,) if move is not None else (),
        evidence=(message, *([move.evidence] if move is not None and move.evidence else [])),
        confidence=Confidence.LIKELY,
    )


def _is_made_up(answers: Answers, symbol: Symbol) -> bool:
    """Return whether no release has a file of a module: code makes it up on import, in ways that depend on Python."""
    known = (answers.last_with(symbol.module, symbol.name), answers.first_with(symbol.module, symbol.name))
    return not symbol.name and known == (None, None)


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


def _of_thing(case: Case, answers: Answers, match: re.Match[str], raised: Raised) -> Diagnosis | None:
    known = _recorded(case, match, raised)
    if known is not None:
        name, owners, where = known
        return _unsupported(case, answers, name, owners, raised.message, where)
    names = [match["owner"], match["kind"], match["abstract"], *reversed((match["called"] or "").split("."))]
    # The class says most; the attribute itself helps when the message names no class of a package ("super").
    if match["owner"] not in _BUILTINS - {"super"}:
        names += [match["attribute"], match["of_kind"]]
    for name in (name for name in names if name and name not in _BUILTINS):
        owners = [owner for owner in answers.definitions(name) if owner in case.installed]
        if owners:
            return _unsupported(case, answers, name, owners, raised.message, "is defined in")
    return None


def _recorded(case: Case, match: re.Match[str], raised: Raised) -> tuple[str, list[str], str] | None:
    """Return the name in the message, the distributions that it comes from as the probe saw it, and how.

    What the probe saw is certain, where a class that happens to have the same name is not.
    """
    if match["keyword"] and (passed := _passed(case, raised, match)) is not None:
        return passed[1], [passed[0]], "was called, from"
    places = list(raised.owners)
    if match["called"]:
        last = match["called"].removesuffix(".__init__").rpartition(".")[2]
        values = [value.partition("=")[2] for frame in raised.frames for value in frame.values]
        places = [
            place for place in values if place.removesuffix(".__init__").rpartition(":")[2].split(".")[-1] == last
        ]
    owners = dict.fromkeys(filter(None, (case.provider(place.partition(":")[0]) for place in places)))
    if not owners:
        return None
    place = next(place for place in places if case.provider(place.partition(":")[0]))
    return place.rpartition(":")[2] or place.rstrip(":"), list(owners), "comes from"


def _unsupported(case: Case, answers: Answers, name: str, owners: list[str], message: str, where: str) -> Diagnosis:
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
        evidence=(message, f"{name} {where} {provider}"),
        confidence=Confidence.LIKELY,
    )
