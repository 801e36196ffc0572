"""Hold the words of CONTRIBUTING.md: no banned word in the source, the tests, the docs and the output of ``--help``."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from knowngood.cli.main import main

ROOT = Path(__file__).parent.parent
CONTRIBUTING = ROOT / "CONTRIBUTING.md"

ROOMS = (".ci", ".github", "bench", "docs", "matrices", "probes", "src", "tests")
"""The folders whose files are read."""
PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "DESIGN.md", "README.md", "noxfile.py")
"""The files at the top that are read."""
SUFFIXES = {"", ".css", ".jinja", ".js", ".json", ".md", ".py", ".sh", ".toml", ".yml"}
MADE = {"__pycache__", "_build", "node_modules"}
"""Folders whose content a tool makes."""

GAP = r"""(?:_|[\s"'#]+(?:[fr]{1,2}["'])?)"""
"""Between two words: a space, an underscore of an identifier, or a line break in a comment or a string."""


@cache
def phrases() -> tuple[str, ...]:
    """Return the banned words and phrases: the code spans in the last column of the tables below "Words"."""
    _, _, section = CONTRIBUTING.read_text(encoding="utf-8").partition("\n## Words\n")
    rows = [line.strip("| ") for line in section.splitlines() if line.startswith("|")]
    return tuple(phrase for row in rows for phrase in re.findall("`([^`]+)`", row.rpartition("|")[2]))


@cache
def pattern(phrase: str) -> re.Pattern[str]:
    """Return what matches ``phrase`` as whole words, in prose and in identifiers; ``…`` matches any word."""
    words = ["(?!longer|more|such|less|doubt)[a-z]+" if word == "…" else re.escape(word) for word in phrase.split()]
    return re.compile(rf"(?<![a-z]){GAP.join(words)}(?![a-z0-9])", re.IGNORECASE)


@cache
def certain(phrase: str) -> str:
    """Return the longest word of ``phrase`` that is written out: no text matches without it."""
    return max((word.casefold() for word in phrase.split() if word != "…"), key=len)


def banned(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line, counted from 1, and the words of each banned phrase in ``text``."""
    folded = text.casefold()
    for phrase in phrases():
        if certain(phrase) not in folded:
            continue  # the pattern is slow, and most files have none of the words
        for match in pattern(phrase).finditer(text):
            existential = phrase.endswith("…") and re.search(r"there[\s_]+$", text[: match.start()], re.IGNORECASE)
            if not existential:
                yield text.count("\n", 0, match.start()) + 1, " ".join(match[0].split())


def prose(path: Path) -> str:
    """Return the text of a file without our tables, the old names in the changelog, and the probes of a matrix."""
    text = path.read_text(encoding="utf-8")
    if path.parent.name == "matrices":
        return re.sub("^source = '''.*?^'''", "", text, flags=re.MULTILINE | re.DOTALL)
    if path == CONTRIBUTING:
        return re.sub(r"^\|.*$", "", text, flags=re.MULTILINE)
    return re.sub("`[^`\n]+`", "", text) if path.name == "CHANGELOG.md" else text


def files() -> Iterator[Path]:
    """Yield every file that somebody wrote."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES and not MADE.intersection(path.parts):
                yield path
    yield from (ROOT / page for page in PAGES)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def verbs(group: click.Group = main, name: str = "knowngood") -> Iterator[tuple[str, click.Command]]:
    """Yield every verb by what a user types."""
    yield name, group
    for verb, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, f"{name} {verb}")
        else:
            yield f"{name} {verb}", command


@pytest.mark.parametrize("path", [path for path in files() if path != Path(__file__)], ids=relative)
def test_no_file_says_a_word_that_contributing_bans(path: Path) -> None:
    found = [f"{relative(path)}:{line}: {words}" for line, words in banned(prose(path))]

    assert not found, "\n".join(["see the tables in CONTRIBUTING.md for what to say", *found])


@pytest.mark.parametrize(("name", "command"), list(verbs()), ids=lambda value: value if isinstance(value, str) else "")
def test_no_help_says_a_word_that_contributing_bans(name: str, command: click.Command) -> None:
    text = command.get_help(click.Context(command, info_name=name))

    assert not list(banned(text))


@pytest.mark.parametrize(
    "text",
    [
        "This cures it.",
        "A remedy",
        "Read it\n    # anew.",
        "'it is ' 'no version'",
        "def test_a_file_is_no_matrix() -> None:",
        "x = _told(y)",
        '"what stood in "\n    "the way"',
        "The run ends with 3.",
    ],
)
def test_a_banned_word_is_found_in_prose_strings_comments_and_identifiers(text: str) -> None:
    assert list(banned(text))


@pytest.mark.parametrize(
    "text",
    [
        "There is no wheel.",
        "It is no longer kept.",
        "a renewed secure lease",
        "Ends with 30 lines.",
        "The user recommends it.",
    ],
)
def test_proper_english_is_not_banned(text: str) -> None:
    assert not list(banned(text))
