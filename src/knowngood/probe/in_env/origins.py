"""Say where the values in a failing line come from: module and class of each. Stdlib only, Python 3.7 and newer.

``probe_api.py`` loads this module when a check fails. No code of the program runs: attributes are looked up in the
dictionaries of modules and classes, and nothing is called, compared or printed.
"""

from __future__ import annotations

import re
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST = 12  # most values of a line
_MOST_CLASSES = 12  # most classes of a value
_WORDS = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_ABSENT: Any = object()
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)


def of_line(frame: Any, line: str) -> list[str]:
    """Return ``NAME=MODULE:CLASS`` for what a line of source uses, ``NAME=MODULE:`` for a module."""
    found: dict[str, str] = {}
    for word in _WORDS.findall(line):
        parts = word.split(".")
        value = _variable(frame, parts[0])
        for number in range(len(parts)):
            if number:
                value = _attribute(value, parts[number])
            place = "" if value is _ABSENT else place_of(value)
            if place and len(found) < _MOST:
                found[".".join(parts[: number + 1])] = place
    return ["%s=%s" % pair for pair in found.items()]


def of_error(error: BaseException) -> list[str]:
    """Return the classes of the object that lacks an attribute, ``MODULE:CLASS``, the nearest first."""
    owner = getattr(error, "obj", _ABSENT) if _is(error, AttributeError) else _ABSENT
    if owner is _ABSENT or owner is None:
        return []
    if type(owner) is super:
        # ``super()`` looks in the classes after the one that it is used in.
        here, classes = super.__thisclass__.__get__(owner), _classes(super.__self_class__.__get__(owner))  # type: ignore[attr-defined]
        classes = classes[classes.index(here) + 1 :] if here in classes else classes
    elif _is(owner, types.ModuleType):
        return [place_of(owner)]
    else:
        classes = _classes(owner if _is(owner, type) else type(owner))
    places = [_class_place(each) for each in classes[:_MOST_CLASSES]]
    return [place for place in places if place and not place.startswith("builtins:")]


def place_of(value: Any) -> str:
    """Return ``MODULE:NAME`` of a function, a class, or the class of another value; empty for one of Python itself."""
    if _is(value, types.ModuleType):
        name = _dictionary(value).get("__name__")
        return "%s:" % name if isinstance(name, str) else ""
    if _is(value, types.MethodType):
        value = value.__func__
    if _is(value, _FUNCTIONS):
        module: Any = value.__module__
        return "%s:%s" % (module, value.__qualname__) if isinstance(module, str) and module != "builtins" else ""
    place = _class_place(value if _is(value, type) else type(value))
    return "" if place.startswith("builtins:") else place


def _is(value: Any, kinds: Any) -> bool:
    """Return whether a value is of some kinds, without asking it: ``isinstance`` would."""
    return issubclass(type(value), kinds)


def _variable(frame: Any, name: str) -> Any:
    for names in (frame.f_locals, frame.f_globals):
        if name in names:
            return names[name]
    return _ABSENT


def _attribute(value: Any, name: str) -> Any:
    if value is _ABSENT:
        return _ABSENT
    if _is(value, types.ModuleType):
        return _dictionary(value).get(name, _ABSENT)
    for each in _classes(value if _is(value, type) else type(value)):
        names = type.__dict__["__dict__"].__get__(each)
        if name in names:
            found = names[name]
            return found.__func__ if _is(found, (staticmethod, classmethod)) else found
    return _dictionary(value).get(name, _ABSENT)


def _dictionary(value: Any) -> dict[str, Any]:
    try:
        names = object.__getattribute__(value, "__dict__")
    except Exception:
        return {}
    return names if type(names) is dict else {}


def _classes(kind: Any) -> list[Any]:
    return list(type.__dict__["__mro__"].__get__(kind))


def _class_place(kind: Any) -> str:
    names = type.__dict__["__dict__"].__get__(kind)
    module = names.get("__module__", type.__dict__["__module__"].__get__(kind))
    name = type.__dict__["__qualname__"].__get__(kind)
    return "%s:%s" % (module, name) if isinstance(module, str) else ""
