"""Read the axes of a grid: their names, and what each of their values means."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Protocol

from packaging.requirements import Requirement

from knowngood.declare.line_contents import Order
from knowngood.declare.problems import WrongValueError, did_you_mean, kind, parse_choice, shown
from knowngood.declare.selectors import Selector, read_selector
from knowngood.declare.toml import Where
from knowngood.declare.values import (
    as_of,
    axis_requirement,
    checked_line,
    package_name,
    python_version,
    search_path,
    slug,
    text,
    variable_name,
    variable_value,
    version_slug,
)
from knowngood.model import SEARCH_PATH, InstallerName, ResolutionMode

RESERVED = ("python", "order", "installer", "resolution", "as-of", "extras", "with")
"""Axes that are not packages, beside ``env.NAME``."""

PACKAGE = "package:"
"""What a quoted name begins with that is a package in spite of its name: ``"package:installer"``."""

_VARIABLE = "env."
ABSENT = "absent"
NO_EXTRAS = "none"

_WORDS = {
    **dict.fromkeys(
        ("python-version", "python-versions", "pythons", "pyversion", "py-version", "interpreter"), "python"
    ),
    **dict.fromkeys(("python_version", "python_versions", "requires-python"), "python"),
    **dict.fromkeys(("installers", "backend", "frontend"), "installer"),
    **dict.fromkeys(("orders", "install-order"), "order"),
    **dict.fromkeys(("resolutions", "resolution-strategy", "resolver", "strategy"), "resolution"),
    **dict.fromkeys(("asof", "as_of", "date", "exclude-newer", "exclude_newer", "cutoff", "before"), "as-of"),
    **dict.fromkeys(("extra", "optional-dependencies"), "extras"),
    **dict.fromkeys(("requirements", "dependencies", "deps", "dependency", "groups"), "with"),
    **dict.fromkeys(("environment", "environ", "envs", "variables"), "env.NAME"),
}
"""A wrong name that users write for an axis -> its name."""
_BESIDE = ("include", "exclude", "steps", "probes", "expect", "timeout", "memory", "warnings", "title", "id")
_ONE_MACHINE = ("os", "platform", "runs-on", "arch", "machine")


class AddProblem(Protocol):
    """A function that collects problems, such as ``Problems.add``."""

    def __call__(self, where: Where, what: str, hint: str = "") -> None:
        """Add a problem with the value at ``where``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """One value of an axis."""

    text: str
    """What combos, ``exclude`` and reports call it."""
    part: str
    """Its part of an id."""
    title: str
    """Its part of a title."""
    meaning: object
    """Hashable; equal for two values that mean the same."""
    requirement: str = ""
    """For a package: what is installed, unless a selector became an exact version."""
    selector: Selector | None = None
    line: str = ""
    """The release line that it is, of those that ``selector`` stands for."""
    lines: tuple[str, ...] = ()
    """For the axis ``with``: requirement lines."""
    names: tuple[str, ...] = ()
    """For the axis ``extras``: extras."""


@cache
def is_package(axis: str) -> bool:
    """Return whether an axis is a package."""
    return axis not in RESERVED and not axis.startswith(_VARIABLE)


def package_of(axis: str) -> str:
    """Return the package that an axis is."""
    return axis.removeprefix(PACKAGE)


@cache
def variable_of(axis: str) -> str | None:
    """Return the environment variable that an axis is; None if it is none."""
    return axis.removeprefix(_VARIABLE) if axis.startswith(_VARIABLE) else None


def flattened(raw: Mapping[object, object]) -> Iterator[tuple[str, object, Where]]:
    """Yield the key, the value and the place of each axis of a table: ``env.DB = [...]`` is a table in a table."""
    for key, value in raw.items():
        if key == "env" and isinstance(value, Mapping):
            for name, values in value.items():
                yield f"{_VARIABLE}{name}", values, ("env", str(name))
        else:
            yield str(key), value, (str(key),)


def axis_name(key: str, value: object = ()) -> str:
    """Return the name of the axis that a key of a table means; ``value`` is what the table gives it."""
    if key in RESERVED:
        return key
    if key.startswith(PACKAGE):
        package = package_name(key.removeprefix(PACKAGE))
        return f"{PACKAGE}{package}" if package in RESERVED else package
    if key.startswith(_VARIABLE):
        return f"{_VARIABLE}{variable_name(key.removeprefix(_VARIABLE))}"
    if key in _BESIDE:
        raise WrongValueError(f"{shown(key)} is not an axis", f"write it beside axes, as {key} = ... of the [[grid]]")
    if key.lower() in _ONE_MACHINE:
        raise WrongValueError(f"{shown(key)} is not an axis", "leave it out: a run tests the machine that it runs on")
    word = "env.NAME" if key == "env" else _WORDS.get(key.lower())
    if key.lower() == "py" and _all(value, re.compile(r"(pypy)?3\.\d+t?|\d\.\d+", re.ASCII)):
        word = "python"
    if word is not None:
        raise WrongValueError(f"unknown axis {shown(key)}", f'did you mean {word}? A package is "{PACKAGE}{key}"')
    if (meant := _misspelled(key, value)) is not None:
        raise WrongValueError(f"unknown axis {shown(key)}", f'did you mean {meant}? A package is "{PACKAGE}{key}"')
    if re.fullmatch(r"[A-Z][A-Z0-9_]+", key, re.ASCII):
        what = f"unknown axis {shown(key)}"
        raise WrongValueError(what, f'did you mean the variable env.{key}? A package is "{PACKAGE}{key}"')
    return package_name(key)


_VALUES = {
    "python": re.compile(r"(pypy)?3\.\d+(\.\d+)?t?", re.ASCII),
    "installer": re.compile("|".join(InstallerName)),
    "order": re.compile("|".join(Order)),
    "resolution": re.compile("|".join(ResolutionMode)),
    "as-of": re.compile(r"now|\d+d|\d{4}-\d\d-\d\d", re.ASCII),
}
"""What the values of an axis look like, for axes whose name may be misspelled."""


def _misspelled(key: str, value: object) -> str | None:
    """Return the axis that is nearly spelled like a key, and has such values."""
    near = difflib.get_close_matches(key[:100].lower(), _VALUES, n=1, cutoff=0.7)
    return near[0] if near and _all(value, _VALUES[near[0]]) else None


def _all(value: object, pattern: re.Pattern[str]) -> bool:
    items = value if isinstance(value, list | tuple) else [value]
    return bool(items) and all(isinstance(item, str) and pattern.fullmatch(item) for item in items)


def read_value(axis: str, raw: object) -> Value:
    """Return one value of an axis. Raises ``WrongValueError``."""
    if is_package(axis):
        return _package_value(package_of(axis), raw)
    if (variable := variable_of(axis)) is not None:
        setting = variable_value(raw)
        if variable == SEARCH_PATH:
            search_path(setting)
        part = "-".join(filter(None, (slug(variable), slug(setting))))
        return Value(text=setting, part=part, title=f"{variable}={setting}", meaning=setting)
    match axis:
        case "python":
            version = python_version(raw)
            part = version if version.startswith("pypy") else f"py{version}"
            return Value(text=version, part=part, title=f"Python {version}", meaning=version)
        case "order":
            return _word(parse_choice(raw, Order))
        case "installer":
            return _word(parse_choice(raw, InstallerName))
        case "resolution":
            return _word(parse_choice(raw, ResolutionMode))
        case "as-of":
            day = as_of(raw)
            part = day if day == "now" else f"as-of-{day}"
            return Value(text=day, part=part, title=f"as of {day}", meaning=day)
        case "extras":
            return _extras(raw)
        case _:
            name = text(raw, "the name of a list")
            return Value(text=name, part=slug(name), title=f"with {name}", meaning=name)


def _word(choice: Order | InstallerName | ResolutionMode) -> Value:
    return Value(text=choice.value, part=choice.value, title=choice.value, meaning=choice.value)


def _extras(raw: object) -> Value:
    items = raw if isinstance(raw, list | tuple) else [part.strip() for part in text(raw, "extras").split(",")]
    names = tuple(sorted({package_name(item) for item in items if item not in ("", NO_EXTRAS)}))
    if not names:
        return Value(text=NO_EXTRAS, part="no-extras", title="no extras", meaning=names)
    joined = ",".join(names)
    return Value(text=joined, part="-".join(names), title=f"extras {joined}", meaning=names, names=names)


def _package_value(package: str, raw: object) -> Value:
    version = text(raw, "a version")
    if version == ABSENT:
        return Value(text=ABSENT, part=f"no-{package}", title=f"no {package}", meaning=ABSENT)
    selector = read_selector(version) if version == version.strip() else None
    if selector is None:
        requirement = axis_requirement(package, version)
        return Value(
            text=version,
            part=version_slug(package, version),
            title=f"{package} {version}",
            # 1.16 and 1.16.0 are the same version.
            meaning=Requirement(requirement).specifier,
            requirement=requirement,
        )
    return Value(
        text=selector.text,
        part=version_slug(package, selector.text),
        title=f"{package} {selector.text}",
        meaning=selector,
        requirement=f"{package}{selector.range}",
        selector=selector,
    )


def line_value(axis: str, selector: Selector, line: str) -> Value:
    """Return the value of an axis for one release line of a selector."""
    package = package_of(axis)
    return Value(
        text=line,
        part=version_slug(package, f"{line}.x"),
        title=f"{package} {selector.kind} {line}",
        meaning=(selector, line),
        requirement=f"{package}{selector.within(line)}",
        selector=selector,
        line=line,
    )


def read_values(axis: str, raw: object, where: Where, add_problem: AddProblem) -> Iterator[Value]:
    """Yield the values of an axis. Passes each problem to ``add_problem`` and leaves out what is wrong."""
    if axis == "with":
        yield from _named_lists(raw, where, add_problem)
        return
    if not isinstance(raw, list | tuple):
        example = json.dumps(raw[:40]) if isinstance(raw, str) else '"1.26.4", "2.0.2"'
        add_problem(where, f"an axis must be an array, not {kind(raw)}", f"write it as [{example}]")
        return
    if not raw:
        add_problem(where, "the axis has no values, so nothing would be tested", "add a value, or remove the axis")
    seen: set[object] = set()
    for position, item in enumerate(raw):
        try:
            value = read_value(axis, item)
            if value.meaning in seen:
                hint = "remove one of them: an earlier value of the axis means the same"
                raise WrongValueError(f"duplicate value {shown(item if isinstance(item, str) else value.text)}", hint)
        except WrongValueError as wrong:
            add_problem((*where, position), wrong.what, wrong.hint)
            continue
        seen.add(value.meaning)
        yield value


def _named_lists(raw: object, where: Where, add_problem: AddProblem) -> Iterator[Value]:
    """Yield the values of the axis ``with``: named lists of requirement lines."""
    example = 'write { new = ["pandas>=2"], none = [] }'
    if not isinstance(raw, Mapping) or not raw:
        what = "must name at least one list" if raw == {} else f"must be a table of lists, not {kind(raw)}"
        add_problem(where, what, example)
        return
    for name, lines in raw.items():
        try:
            part = slug(str(name))
            if not part:
                raise WrongValueError(f"invalid name {shown(name)}", "begin it with a letter or a digit")
            if not isinstance(lines, list | tuple):
                raise WrongValueError(f"must be an array of requirements, not {kind(lines)}", example)
            checked = tuple(map(checked_line, lines))
        except WrongValueError as wrong:
            add_problem((*where, str(name)), wrong.what, wrong.hint)
            continue
        yield Value(text=str(name), part=part, title=f"with {name}", meaning=name, lines=checked)


def written(value: object) -> str:
    """Return a value of ``exclude`` or ``include`` as combos have it; extras may be an array, a day a date."""
    if isinstance(value, list | tuple):
        return ",".join(sorted(map(str, value))) or NO_EXTRAS
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return text(value, "a value")


def unknown_axis(key: str, axes: Iterable[str]) -> WrongValueError:
    """Return the problem that a grid has no such axis."""
    axes = tuple(axes)
    return WrongValueError(f"unknown axis {shown(key)}", did_you_mean(key, axes, f"the axes are: {', '.join(axes)}"))
