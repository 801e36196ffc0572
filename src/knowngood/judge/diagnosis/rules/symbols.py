"""Something that is not there: a name, a module, an attribute, a parameter. Who should provide it, and who asked."""

import builtins
import re
from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import settle
from knowngood.model import Confidence, Diagnosis

_FROM_MODULE = re.compile(
    r"cannot import name '(?P<name>\w+)' from (?:partially initialized module )?'(?P<module>[\w.]+)'"
    r"|module '(?P<of>[\w.]+)' has no attribute '(?P<attribute>\w+)'"
    r"|No module named '(?P<missing>[\w.]+)'"
)
_OF_THING = re.compile(
    r"(?:type object |class )?'(?P<owner>\w+)' object has no attribute '(?P<attribute>\w+)'"
    r"|type object '(?P<kind>\w+)' has no attribute '(?P<of_kind>\w+)'"
    r"|(?P<called>\w+(?:\.\w+)*)\(\) (?:got an unexpected keyword argument '(?P<keyword>\w+)'"
    r"|missing \d+ required (?:positional|keyword-only) arguments?|takes (?:from )?\d+|got multiple values for)"
    r"|(?P<abstract>\w+) with abstract methods?"
)

_BUILTINS = frozenset(dir(builtins)) | {"NoneType", "function", "method", "coroutine", "generator"}
"""Types that are nobody's: that their attribute is missing says nothing about who defines one of that name."""

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
"""Module -> (the distribution that brings it, what to ask for), where their names differ."""


def rule(case: Case) -> Diagnosis | None:
    """Find what is missing and settle between its provider and whoever asked for it."""
    # The last exception first: after "except ImportError: try the other place" both are told, and that one counts.
    for raised in reversed(case.raised):
        if found := _FROM_MODULE.search(raised.message):
            return _from_module(case, found, raised.message)
        if found := _OF_THING.search(raised.message):
            return _of_thing(case, found, raised.message)
    return None


def wanted(case: Case) -> Iterator[str]:
    """Yield the names of classes and functions whose definition would tell who is concerned."""
    for raised in case.raised:
        for found in _OF_THING.finditer(raised.message):
            names = [found["owner"], found["kind"], *(found["called"] or "").split("."), found["abstract"]]
            if names[0] not in _BUILTINS - {"super"}:
                names += [found["attribute"], found["of_kind"]]
            yield from (name for name in names if name and name not in ("super", "__init__", "type", "module"))


def symbol(case: Case) -> tuple[str, str] | None:
    """Return module and name of what could not be imported or found in a module."""
    for raised in reversed(case.raised):
        found = _FROM_MODULE.search(raised.message)
        if found is None:
            continue
        if found["missing"]:
            # A part of a package: that it is there is all there is to know.
            parent, _, child = found["missing"].rpartition(".")
            return (parent, child) if parent else None
        return found["module"] or found["of"], found["name"] or found["attribute"]
    return None


def _from_module(case: Case, found: re.Match[str], message: str) -> Diagnosis | None:
    module = found["module"] or found["of"] or found["missing"]
    provider = case.provider(module)
    if provider is None:
        return _absent(case, module, message) if found["missing"] else None
    consumer = next((one for one in case.path if one != provider), None)
    name = found["name"] or found["attribute"]
    what = f"{name} of {module}" if name else module
    who = case.shown(consumer) if consumer else "the probe"
    return settle(
        case,
        provider=provider,
        consumer=consumer,
        symbol=":".join(symbol(case) or ()) or None,
        why=f"{who} uses {what}, which {case.shown(provider)} does not have",
        evidence=(message,),
        confidence=Confidence.LIKELY,
    )


def _absent(case: Case, module: str, message: str) -> Diagnosis | None:
    """Handle a module that nothing installed provides: a dependency that nobody declared."""
    top = module.partition(".")[0]
    name, requirement = _BROUGHT_BY.get(top, (canonicalize_name(top), canonicalize_name(top)))
    consumer = next(iter(case.path), None)
    declared = [one for one in case.requirements(consumer or "") if packages.name_of(one) == name]
    if declared and requirement == name:
        requirement = f"{name}{declared[0].specifier}"
    installed = case.installed.get(name)
    state = f"{case.shown(name)} no longer brings" if installed else "nothing that is installed brings"
    return Diagnosis(
        culprit=name,
        conflicts_with=consumer,
        why=f"{case.shown(consumer) if consumer else 'the probe'} imports {module}, and {state} it",
        fix=(requirement,),
        evidence=(message,),
        confidence=Confidence.LIKELY,
    )


def _of_thing(case: Case, found: re.Match[str], message: str) -> Diagnosis | None:
    definitions = case.facts.leads.definitions
    asked = [found["owner"], found["kind"], found["abstract"], *reversed((found["called"] or "").split("."))]
    # A class tells best; the attribute itself does when the message names no class of anybody ("super", "NoneType").
    if found["owner"] not in _BUILTINS - {"super"}:
        asked += [found["attribute"], found["of_kind"]]
    for name in asked:
        owners = [owner for owner in definitions.get(name or "", ()) if owner in case.installed]
        if len(owners) == 0:
            continue
        outside = [owner for owner in owners if owner not in case.path[:1]]
        provider = (outside or owners)[0]
        consumer = next((one for one in case.path if one != provider), None)
        who = case.shown(consumer) if consumer else "the probe"
        return settle(
            case,
            provider=provider,
            consumer=consumer,
            why=f"{who} uses {name} of {case.shown(provider)} as it is not: {message.splitlines()[0]}",
            evidence=(message, f"{name} is defined in {provider}"),
            confidence=Confidence.LIKELY,
        )
    return None
