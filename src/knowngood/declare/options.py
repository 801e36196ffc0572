"""List the options that an install line may hold, and split a line into its options and what it installs."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from packaging.utils import InvalidName, canonicalize_name

from knowngood.declare.problems import WrongValueError, did_you_mean, shown


class Use(Enum):
    """What is done with an option."""

    FLAG = auto()
    """It is passed to the installer."""
    VALUE = auto()
    """It is passed to the installer with its value."""
    PACKAGES = auto()
    """It is passed to the installer, once for each package that its value names."""
    REQUIREMENTS = auto()
    CONSTRAINTS = auto()
    GROUP = auto()
    EDITABLE = auto()
    HASH = auto()
    INDEX = auto()
    """It names an index, which only ``[index.NAME]`` may."""
    IGNORED = auto()
    """It changes nothing about what is installed."""
    IGNORED_VALUE = auto()
    """It has a value, and changes nothing about what is installed."""
    REFUSED = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option of an install command, by the name that it has everywhere else in knowngood."""

    name: str
    use: Use
    fixed: str = ""
    """What it stands for, if that is not its name: ``--no-build`` is ``--only-binary=:all:``."""
    why: str = ""
    """For a refused one: what to do instead."""

    @property
    def takes_value(self) -> bool:
        """Whether a value follows it."""
        return self.use not in (Use.FLAG, Use.IGNORED, Use.REFUSED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One part of a line: an option with its value, or with ``option`` None what to install."""

    option: Option | None
    text: str


BUILD_CONSTRAINT = "--build-constraint"
"""What limits the requirements of builds. Its value is a requirement, where installers have the name of a file."""

ONLY_UV = frozenset(
    {
        BUILD_CONSTRAINT,
        "--config-settings-package",
        "--exclude-newer",
        "--exclude-newer-package",
        "--no-build-isolation-package",
        "--prerelease",
        "--prerelease-package",
        "--resolution",
    }
)
"""Options that pip does not have."""

ONLY_PIP = frozenset({"--prefer-binary"})
"""Options that uv does not have."""

_FRESH = "leave it out: the environment of a combo is a new one"
_INSIDE = "leave it out: a step installs into the environment of its combo"
_ALL: tuple[tuple[Use, str, str], ...] = (
    (Use.REQUIREMENTS, "-r --requirement --requirements", ""),
    (Use.CONSTRAINTS, "-c --constraint --constraints", ""),
    (Use.GROUP, "--group", ""),
    (Use.EDITABLE, "-e --editable", ""),
    (Use.HASH, "--hash", ""),
    (Use.FLAG, "--pre", ""),
    (Use.FLAG, "--no-deps --no-dependencies", ""),
    (Use.FLAG, "--upgrade -U", ""),
    (Use.FLAG, "--no-build-isolation", ""),
    (Use.FLAG, "--require-hashes", ""),
    (Use.FLAG, "--prefer-binary", ""),
    (Use.PACKAGES, "--no-binary --no-binary-package", ""),
    (Use.PACKAGES, "--only-binary --no-build-package", ""),
    (Use.PACKAGES, "--no-build-isolation-package", ""),
    (Use.VALUE, "--config-settings --config-setting -C", ""),
    (Use.VALUE, "--config-settings-package", ""),
    (Use.VALUE, "--exclude-newer", ""),
    (Use.VALUE, "--exclude-newer-package", ""),
    (Use.VALUE, "--prerelease", ""),
    (Use.VALUE, "--prerelease-package", ""),
    (Use.VALUE, "--resolution", ""),
    (Use.INDEX, "--index-url -i --pypi-url --default-index --index", ""),
    (Use.INDEX, "--extra-index-url", ""),
    (Use.INDEX, "--find-links -f", ""),
    (Use.INDEX, "--trusted-host --allow-insecure-host", ""),
    (Use.INDEX, "--index-strategy", ""),
    (Use.IGNORED, "--quiet -q -qq -qqq --verbose -v -vv -vvv --no-color --no-input --use-pep517", ""),
    (Use.IGNORED, "--no-cache-dir --no-cache --disable-pip-version-check --no-python-version-warning", ""),
    (Use.IGNORED, "--no-warn-script-location --no-warn-conflicts --compile --no-compile --compile-bytecode", ""),
    (Use.IGNORED, "--break-system-packages --system --isolated", ""),
    (Use.IGNORED_VALUE, "--progress-bar --root-user-action --timeout --default-timeout --retries --exists-action", ""),
    (Use.IGNORED_VALUE, "--cache-dir --log --use-feature --use-deprecated --link-mode", ""),
    (Use.REFUSED, "--no-index", "declare the folder or index that has the packages in [index.NAME]"),
    (Use.REFUSED, "--force-reinstall --ignore-installed -I --reinstall --reinstall-package", _FRESH),
    (Use.REFUSED, "--user --target -t --prefix --root --python -p", _INSIDE),
    (Use.REFUSED, "--upgrade-package -P --upgrade-strategy", "write --upgrade, or the version to install"),
    (Use.REFUSED, "--no-use-pep517", "leave it out: pip builds every project as PEP 517 prescribes"),
    (Use.REFUSED, "--global-option --build-option --install-option", "write --config-settings"),
    (Use.REFUSED, "--extra --all-extras", 'write the extras after the project: ".[name]"'),
    (Use.REFUSED, "--override --overrides", "write them into override-dependencies of [tool.uv] in pyproject.toml"),
    (Use.REFUSED, "--build-constraint --build-constraints -b", "build requirements cannot be limited"),
    (Use.REFUSED, "--torch-backend", 'declare the index in [index.NAME] with packages = ["torch"]'),
    (Use.REFUSED, "--no-sources", "write tool-uv = false into [project]"),
    (Use.REFUSED, "--dry-run --report", "leave it out"),
)


def _table() -> dict[str, Option]:
    table = {}
    for use, names, why in _ALL:
        for word in names.split():
            canonical = word if use in (Use.INDEX, Use.REFUSED) else names.split()[0]
            table[word] = Option(name=canonical, use=use, why=why)
    table["--no-build"] = Option(name="--no-build", use=Use.FLAG, fixed="--only-binary=:all:")
    return table


_OPTIONS = _table()


def find(word: str) -> Option | None:
    """Return the option that a word is or begins with, such as ``-r``, ``-rdev.txt`` and ``--group=dev``."""
    return _OPTIONS.get(_parted(word)[0])


_WORD = re.compile(r"(?:\\.|\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\s\"']|[\"'])+")
_COMMAND = re.compile(r"(?:python[\d.]* +-m +)?(?:uv +)?pip[\d.]* +install\s")


def split(line: str) -> Iterator[Item]:
    """Yield the parts of an install line in order.

    Raises ``WrongValueError`` for an option that is unknown, refused or lacks its value.
    """
    if command := _COMMAND.match(line):
        what = f"{shown(line)} is a whole command"
        raise WrongValueError(what, f"leave out {shown(command[0].strip())}: each step is one install command")
    words = list(_WORD.finditer(line))
    position = 0
    while position < len(words):
        start = position
        while position < len(words) and not words[position][0].startswith("-"):
            position += 1
        if position > start:
            yield Item(option=None, text=line[words[start].start() : words[position - 1].end()])
        if position < len(words):
            name, value = _parted(words[position][0])
            option = _known(name)
            position += 1
            if option.takes_value and value is None:
                if position == len(words):
                    raise WrongValueError(f"{name} lacks its value", f"write {name} and what it names in one string")
                value = words[position][0]
                position += 1
            elif value is not None and not option.takes_value:
                raise WrongValueError(f"{name} takes no value", f"write {name}")
            yield Item(option=option, text=_unquoted(value or ""))


def _parted(word: str) -> tuple[str, str | None]:
    """Return an option and the value that is attached to it, if any: ``--group=x``, ``-rx.txt``."""
    name, equals, value = word.partition("=")
    if not word.startswith("--"):
        if word in _OPTIONS or word[:2] not in _OPTIONS:
            return word, None
        return word[:2], word[2:].removeprefix("=")
    return name, value if equals else None


def _known(name: str) -> Option:
    option = _OPTIONS.get(name)
    if option is None:
        hint = did_you_mean(name, _OPTIONS, "write the options that pip install has")
        raise WrongValueError(f"unknown option {shown(name)}", hint)
    if option.use is Use.REFUSED:
        raise WrongValueError(f"{name} is not supported in a step", option.why)
    return option


def canonical(option: Option, value: str) -> Iterator[str]:
    """Yield an option as the installers take it, once for each package that it names."""
    if option.use is Use.FLAG:
        yield option.fixed or option.name
    elif option.use is Use.VALUE:
        yield f"{option.name}={value}"
    else:
        for name in filter(None, (part.strip() for part in value.split(","))):
            try:
                package = name if name in (":all:", ":none:") else canonicalize_name(name, validate=True)
            except InvalidName:
                what = f"invalid package name {shown(name)} for {option.name}"
                raise WrongValueError(what, "name packages without versions, or write :all:") from None
            yield f"{option.name}={package}"


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value)) if re.search(r"[\"'\\]", value) else value
    except ValueError:
        raise WrongValueError(f"{shown(value)} lacks a quotation mark", "quote the whole value, or nothing") from None
