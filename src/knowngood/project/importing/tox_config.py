"""Read the settings of tox: the environments of a file, and what holds for one of them by its factors."""

import configparser
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from knowngood.errors import UsageError
from knowngood.project.importing import pythons

MOST_ENVIRONMENTS = 2000
"""Most environments of a file that are read."""
_CONDITION = re.compile(r"(?P<factors>!?[\w.{][\w.{},!-]*(?:\s*,\s*!?[\w.{][\w.{},!-]*)*)\s*:(?:\s+|$)(?P<content>.*)")
_BRACES = re.compile(r"\{([^{}]*)\}")
_SUBSTITUTION = re.compile(r"\{(\[[^\]{}]+\][^{}]+|[\w./][\w./]*(?::[^{}]*)?)\}")
_RANGE = re.compile(r"(\d+)-(\d+)")
_CONTINUED = "\\\n"
"""What separates the lines of a setting that a backslash joins, until it is known which of them hold."""
UNKNOWN = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}{}\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
"""What stands for a folder that only tox knows, in what may be left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of a setting."""

    text: str
    line: int


class ToxConfig:
    """The settings of a ``tox.ini``, or of what another file has in its place."""

    def __init__(self, text: str, path: str, *, prefix: str = "") -> None:
        """Read the settings; ``prefix`` is that of the section of tox, ``tox:`` in a ``setup.cfg``.

        Raises ``UsageError``: it is not a file that configparser reads.
        """
        self._path = path
        self._prefix = prefix
        parser = configparser.RawConfigParser(
            strict=False, interpolation=None, allow_no_value=True, delimiters=("=",), comment_prefixes=("#", ";")
        )
        parser.optionxform = lambda optionstr: optionstr.strip().lower().replace("-", "_")  # type: ignore[method-assign]
        try:
            parser.read_string(text)
        except (configparser.Error, ValueError, RecursionError) as error:
            cause = " ".join(str(error).split())[:200]
            raise UsageError(f"{path} cannot be read", cause=cause, next_step="fix it, and try again") from error
        self._parser = parser
        self._lines = _line_numbers(text)
        self._read: dict[tuple[str, tuple[str, ...]], tuple[Row, ...]] = {}
        self._set: dict[str, dict[str, str]] = {}
        self._by_factor: dict[tuple[str, tuple[str, ...]], Mapping[str, list[int]]] = {}
        """Section and keys -> factor -> the numbers of lines that hold for no environment without it; empty: all."""
        self._sections: dict[str, list[str]] = {}
        for section in parser.sections():
            if section.startswith("testenv:"):
                for name in expanded(section.removeprefix("testenv:").strip()):
                    self._sections.setdefault(name, []).append(section)

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """The environments that tox runs by default, in order."""
        rows = self._rows(f"{self._prefix}tox", "envlist", "env_list")
        names: dict[str, None] = {}
        for row in rows:
            text = self.substituted(row.text, "")
            for name in _listed(_joined(text)):
                for each in itertools.islice(expanded(name), MOST_ENVIRONMENTS):
                    names[each] = None
        return tuple(names)[:MOST_ENVIRONMENTS] or tuple(self._sections) or ("py",)

    @property
    def builds(self) -> bool:
        """Whether the project is built at all."""
        return not any(is_true(row.text) for row in self._rows(f"{self._prefix}tox", "skipsdist", "no_package"))

    def line(self, section: str) -> int:
        """Return the line of a section."""
        return self._lines.get((section, ""), 0)

    def rows(self, environment: str, *keys: str) -> tuple[Row, ...]:
        """Return the lines of a setting of an environment that hold for its factors, with what they refer to."""
        for section in (*self._sections.get(environment, ()), "testenv"):
            if self._parser.has_section(section) and any(self._parser.has_option(section, key) for key in keys):
                return tuple(
                    Row(text=text, line=row.line)
                    for row in self._holding(section, keys, environment)
                    for each in _held(row.text, environment)
                    for text in self._referred(each, environment)
                    if text
                )
        return ()

    def _holding(self, section: str, keys: tuple[str, ...], environment: str) -> Iterator[Row]:
        """Yield the lines of a setting that may hold for an environment: there can be thousands of both."""
        if (section, keys) not in self._by_factor:
            made: dict[str, list[int]] = {}
            for number, row in enumerate(self._rows(section, *keys)):
                for factor in self._needed(row.text):
                    made.setdefault(factor, []).append(number)
            self._by_factor[section, keys] = made
        by_factor = self._by_factor[section, keys]
        numbers = {number for factor in ("", *environment.split("-")) for number in by_factor.get(factor, ())}
        rows = self._rows(section, *keys)
        yield from (rows[number] for number in sorted(numbers))

    def _needed(self, text: str) -> frozenset[str]:
        """Return factors of which an environment has at least one if a line holds for it.

        Of the factors that a condition asks for, it is the rarest. An empty one: an environment may have none of them.
        """
        match = _condition(text.partition(_CONTINUED)[0])
        if match is None:
            return frozenset({""})
        wanted = ([part for part in each.split("-") if part[:1] != "!"] for each in _alternatives(match["factors"]))
        return frozenset(min(parts, key=self._counts.__getitem__) if parts else "" for parts in wanted)

    @cached_property
    def _counts(self) -> Counter[str]:
        """How many environments have each factor."""
        return Counter(factor for name in self.environments for factor in name.split("-"))

    def value(self, environment: str, *keys: str) -> str:
        """Return a setting of one line; empty when there is none."""
        return next((row.text for row in self.rows(environment, *keys)), "")

    def flag(self, environment: str, *keys: str) -> bool:
        """Return whether a setting is on."""
        return is_true(self.value(environment, *keys))

    def substituted(self, text: str, environment: str) -> str:
        """Return a text with what stands in braces replaced; what only tox can replace stays."""

        def referred(section: str, key: str) -> str:
            return " ".join(_joined(row.text) for row in self._rows(section, key))

        return substituted(text, environment, self._variables(environment), referred)

    def _variables(self, environment: str) -> Mapping[str, str]:
        """Return the variables that an environment sets, with what stands in braces in their values."""
        if not environment:
            return {}
        if environment not in self._set:
            values: dict[str, str] = {}
            self._set[environment] = values
            for section in (*self._sections.get(environment, ()), "testenv"):
                for row in self._holding(section, ("setenv", "set_env"), environment):
                    for text in _held(row.text, environment):
                        name, equals, value = (part.strip() for part in text.partition("="))
                        if equals and f"{{env:{name}" not in value:
                            values.setdefault(name, value)
        return self._set[environment]

    def _referred(self, text: str, environment: str, depth: int = 0) -> Iterator[str]:
        """Yield a line, or the lines of the setting that it is a reference to."""
        match = re.fullmatch(r"\{\[([^\]{}]+)\]([^{}]+)\}", text.strip())
        if match is None or depth > 10:
            yield self.substituted(text, environment).strip()
            return
        for row in self._rows(match[1], match[2].strip().lower().replace("-", "_")):
            for each in _held(row.text, environment):
                yield from self._referred(each, environment, depth + 1)

    def _rows(self, section: str, *keys: str) -> tuple[Row, ...]:
        if (section, keys) not in self._read:
            self._read[section, keys] = self._read_rows(section, keys)
        return self._read[section, keys]

    def _read_rows(self, section: str, keys: tuple[str, ...]) -> tuple[Row, ...]:
        key = next((key for key in keys if self._parser.has_option(section, key)), None)
        if key is None:
            return ()
        first = self._lines.get((section, key), 0)
        rows: list[Row] = []
        waiting, start = "", 0
        for number, text in enumerate((self._parser.get(section, key) or "").splitlines()):
            text = re.sub(r"(^|\s+)#.*", "", text).strip()
            start = start if waiting else first + number
            if text.endswith("\\"):
                waiting += text[:-1].rstrip() + _CONTINUED
                continue
            if waiting + text:
                rows.append(Row(text=waiting + text, line=start))
            waiting = ""
        return tuple(rows)


def python_of(environment: str) -> tuple[str | None, str]:
    """Return the Python that the factors of an environment name, and the name without it."""
    python, others = None, []
    for factor in environment.split("-"):
        named = pythons.named(factor) if re.match(r"(cpython|pypy|python|cp|py)?-?[23][\d.]*t?$", factor) else None
        if python is None and named is not None:
            python = named
        elif factor not in ("py", "py3", "python3"):
            others.append(factor)
    return python, "-".join(others)


def expanded(text: str) -> Iterator[str]:
    """Yield the names that one with braces stands for: ``py3{10,11}-django{42,52}`` and ``py3{10-12}``."""
    return (re.sub("-+", "-", name).strip("-") for name in _expanded(text))


def _expanded(text: str) -> Iterator[str]:
    match = _BRACES.search(text)
    if match is None:
        yield text.strip()
        return
    for option in match[1].split(","):
        bounds = _RANGE.fullmatch(option.strip())
        options = (
            [str(number) for number in range(int(bounds[1]), min(int(bounds[2]), int(bounds[1]) + 100) + 1)]
            if bounds
            else [option.strip()]
        )
        for each in options:
            for rest in _expanded(text[match.end() :]):
                yield f"{text[: match.start()]}{each}{rest}".strip()


def substituted(text: str, environment: str, variables: Mapping[str, str], referred: Callable[[str, str], str]) -> str:
    """Return a text with what stands in braces replaced; what only tox can replace stays.

    ``variables`` are those that the environment sets; ``referred`` returns the value of a section and a key.
    """

    def replace(match: re.Match[str]) -> str:
        inner = match[1]
        if inner.startswith("["):
            section, _, key = inner[1:].partition("]")
            return referred(section, key.lower().replace("-", "_"))
        name, colon, default = inner.partition(":")
        match name:
            case "env":
                variable, _, otherwise = default.partition(":")
                return variables.get(variable, otherwise)
            case "posargs":
                return default if colon else ""
            case "toxinidir" | "tox_root" | "package_root" | "toxworkdir/..":
                return "."
            case "envname" | "env_name":
                return environment
            case "envpython" | "env_python" | "basepython":
                return "python"
            case "/":
                return "/"
            case "envbindir" | "env_bin_dir":
                return "bin"
            case "envtmpdir" | "env_tmp_dir" | "temp_dir" | "tox_temp_dir":
                return ".tmp"
            case "toxworkdir" | "work_dir" | "tox_work_dir":
                return ".tox"
            case "envdir" | "env_dir":
                return f".tox/{environment}"
            case "envsitepackagesdir" | "env_site_packages_dir":
                return UNKNOWN.format(name)
            case "tty":
                # A probe has no terminal.
                return default.partition(":")[2]
            case "opts" | "packages":
                return ""
            case _:
                return match[0]

    for _ in range(5):
        after = _SUBSTITUTION.sub(replace, text)
        if after == text:
            break
        text = after
    return text


def _held(text: str, environment: str) -> Iterator[str]:
    """Yield the part of a line that applies to an environment: all of it, or what follows its condition.

    A line that is continued may have conditions of its own on each of its parts.
    """
    text, _, rest = text.partition(_CONTINUED)
    match = _condition(text)
    if match is not None and not _holds(match["factors"], environment):
        return
    content = text if match is None else match["content"]
    first = [text] if match is None else list(_held(content, environment))
    if content and not first:
        return
    parts = (part for each in rest.split(_CONTINUED) for part in _held(each, environment))
    if whole := " ".join(filter(None, (*first, *(parts if rest else ())))):
        yield whole


def _joined(text: str) -> str:
    return text.replace(_CONTINUED, " ")


def _condition(text: str) -> re.Match[str] | None:
    match = _CONDITION.fullmatch(text)
    return None if match is None or "://" in match["factors"] else match


def _holds(expression: str, environment: str) -> bool:
    factors = set(environment.split("-"))
    return any(
        each == environment
        or all((part[1:] not in factors) if part[:1] == "!" else part in factors for part in each.split("-"))
        for each in _alternatives(expression)
    )


@cache
def _alternatives(expression: str) -> tuple[str, ...]:
    return tuple(each for alternative in _listed(expression) for each in expanded(alternative))


def _listed(text: str) -> list[str]:
    """Return the names in a list, split at commas and spaces outside of braces."""
    names, depth, word = [], 0, ""
    for letter in text + ",":
        depth += (letter == "{") - (letter == "}")
        if depth == 0 and (letter == "," or letter.isspace()):
            names.append(word)
            word = ""
        else:
            word += "" if letter.isspace() else letter
    return [name for name in names if name]


def is_true(text: str) -> bool:
    """Return whether a setting is on."""
    return text.strip().lower() in ("true", "1", "yes", "on")


def _line_numbers(text: str) -> Mapping[tuple[str, str], int]:
    """Return the line of each section, and of the first line of the value of each key."""
    numbers: dict[tuple[str, str], int] = {}
    section = ""
    for number, row in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\[(.+)\]", row):
            section = header[1]
            numbers.setdefault((section, ""), number)
        elif key := re.match(r"([^\s#;=][^=]*?)\s*=\s*", row):
            name = key[1].strip().lower().replace("-", "_")
            numbers.setdefault((section, name), number)
    return numbers
