"""Patterns are quick, whatever a program prints: ours are linear, and a slow one of the user is given up."""

import functools
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator

import pytest

import knowngood
from knowngood import patterns
from knowngood.model import Action, Check, Ending, Exit, Frame, Outcome, Problem, ProblemKind, Raised
from knowngood.model.transcripts import LONGEST_LINE, LONGEST_TEXT, shortened
from support.pumping import near_misses

MEGABYTE = 2**20
READERS = (
    *("knowngood.judge", "knowngood.tracebacks", "knowngood.run", "knowngood.report.publication"),
    *("knowngood.report.text", "knowngood.report.markup", "knowngood.report.github", "knowngood.install.common_output"),
    *("knowngood.install.uv", "knowngood.install.pip", "knowngood.install.symbols", "knowngood.install.releases"),
)
"""The modules that look at what programs print, or at files of packages."""
HOSTILE = (
    *("A", "a", "0", "f", " ", "\t", "\n", "/", ".", "-", "_", "<", "'", '"', "(", "["),
    *(
        "a.",
        "a-",
        "a ",
        "a\n",
        "\n ",
        " \n",
        "a/",
        "a, ",
        "a: ",
        "a==1,",
        "a>=1 ",
        ">=1,",
        "==",
        "a==",
        "a<",
        "x.Error: ",
    ),
    *(
        'File "',
        "Traceback (most recent call last):\n ",
        "requires a",
        "a depends on ",
        "import ",
        "E a",
        "at 0x",
        "file:/",
    ),
)


def foreign_patterns() -> Iterator[tuple[str, "re.Pattern[str]"]]:
    """Yield each pattern that is a value of a module in ``READERS``, with its place."""
    for module in pkgutil.walk_packages(knowngood.__path__, "knowngood."):
        if module.name.startswith(READERS):
            for name, value in vars(importlib.import_module(module.name)).items():
                for pattern in _patterns_in(value):
                    yield f"{module.name}.{name}", pattern


def _patterns_in(value: object) -> Iterator["re.Pattern[str]"]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _patterns_in(item)
    elif hasattr(value, "pattern") and not isinstance(value, type):
        yield from _patterns_in(value.pattern)


FOREIGN = {pattern.pattern: (place, pattern) for place, pattern in foreign_patterns()}


def test_the_patterns_are_found() -> None:
    assert len(FOREIGN) > 80


@functools.cache
def hostile_texts() -> tuple[str, ...]:
    """Return each piece a megabyte long in one line, and in lines of 900 characters, as it is recorded."""
    return tuple(
        shortened(text)
        for piece in HOSTILE
        for text in (piece * (MEGABYTE // len(piece)), f"{piece * (900 // len(piece))}\n" * 60)
    )


@pytest.mark.parametrize("place, pattern", FOREIGN.values(), ids=[place for place, _ in FOREIGN.values()])
def test_a_pattern_is_quick_with_a_megabyte_of_anything(place: str, pattern: "re.Pattern[str]") -> None:
    texts = hostile_texts()
    began = time.process_time()

    for text in texts:
        for _ in pattern.finditer(text):
            pass

    assert time.process_time() - began < 5


@pytest.mark.parametrize("place, pattern", FOREIGN.values(), ids=[place for place, _ in FOREIGN.values()])
def test_a_pattern_nests_no_repetitions(place: str, pattern: "re.Pattern[str]") -> None:
    # A nested repetition takes three times as long, or more, with each repetition: with 24 it never ends.
    for times in (4, 8, 11, 14, 17, 20, 24):
        for text in near_misses(pattern, times):
            began = time.process_time()
            pattern.search(text)
            assert time.process_time() - began < 0.5, text


def recorded_texts(text: str) -> dict[str, str]:
    """Return ``text`` as each record keeps it."""
    frame = Frame(file=text, line=1, function=text, text=text)
    return {
        "output": Action(exit=Exit(ending=Ending.EXITED), seconds=0.0, log="log", output=text).output,
        "exception": Raised(type="E", message=text).message,
        "type": Raised(type=text, message="").type,
        "file": frame.file,
        "function": frame.function,
        "line": frame.text,
        "check": Check(name="c", outcome=Outcome.FAILED, message=text).message,
        "warning": Check(name="c", outcome=Outcome.FAILED, warnings=(text,)).warnings[0],
        "problem": Problem(kind=ProblemKind.USAGE, message=text).message,
    }


@pytest.mark.parametrize("kept", recorded_texts(""))
def test_what_is_recorded_has_no_long_line_and_keeps_both_ends(kept: str) -> None:
    text = recorded_texts(f"ImportError: it began{'A' * MEGABYTE}and ended here")[kept]

    assert len(text) <= LONGEST_LINE
    assert text.startswith("ImportError: it began")
    assert text.endswith("and ended here")


def test_a_text_of_many_lines_is_bounded() -> None:
    text = shortened("first\n" + "a line\n" * MEGABYTE + "last")

    assert len(text) <= LONGEST_TEXT
    assert text.startswith("first\n")
    assert text.endswith("last")


def test_what_people_print_is_recorded_as_it_is() -> None:
    text = "a line\n" * 2000 + "b" * LONGEST_LINE

    assert shortened(text) == text


@pytest.mark.parametrize("pattern, text", [(r"(a|aa)+$", "a" * 60 + "!"), (r"([a-z]+)*\d", "a" * 30000)])
def test_a_search_that_would_take_for_ever_is_given_up(pattern: str, text: str) -> None:
    began = time.process_time()

    with pytest.raises(patterns.TooSlowError, match="do not nest repetitions"):
        patterns.find(pattern, text)

    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "pattern, text, found",
    [
        (r"no attribute '(\w+)'", "x has no attribute 'y' here", "no attribute 'y'"),
        (r"(?i)ERROR: .*$", "ok\nerror: bad", "error: bad"),
        (r"(?m)^b.$", "aa\nbb\ncc", "bb"),
        (r"(?P<n>a)(?P=n)", "baab", "aa"),
        (r"(?<!x)y(?=z)", "xyz yz", "y"),
        (r"\bfoo\b|bar", "a foo", "foo"),
        (r"nothing", "something", None),
    ],
)
def test_patterns_of_users_have_the_syntax_of_python(pattern: str, text: str, found: str | None) -> None:
    match = re.search(pattern, text)

    assert (match[0] if match else None) == found
    assert patterns.find(pattern, text) == found


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "(?P<n>a)(?P<n>b)", "[z-a]", "*"])
def test_an_invalid_pattern_has_a_reason(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        patterns.check(pattern)
