"""Provide text that a program under test may print to harm a reader of a report, and judged runs full of it."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from unicodedata import category

from hypothesis import strategies as st

from knowngood.model import (
    Cell,
    Check,
    Confidence,
    Diagnosis,
    Drift,
    Expectation,
    Frame,
    IndexChoice,
    JudgedRun,
    Numbers,
    Outcome,
    Phase,
    Raised,
    Reason,
    Status,
)
from report.factory import cell, combo, passing, run

CORPUS = (
    "\x1b[2J\x1b[H\x1b]52;c;ZXZpbA==\x07wiped",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31m\x9dtitle\x9c",
    "\x1bP1$r\x1b\\ \x00\x08\x08\x7f",
    "progress 10%\rprogress 20%\r\ndone\u2028next\u2029last\x85end\x0b\x0c",
    "\u202etfel\u202c \u2066\u2069 \u200f\u200e \ufeff \U000e0041",
    "\ud800 lone \udfff",
    "| a | b |\n| --- | --- |\n| c \\| d \\\\| e |",
    "```\n</details><script>alert(1)</script>\n````\n~~~\n# heading",
    "`` ` code ` `` \\` trailing`",
    "<!-- knowngood:end --> <img src=x onerror=alert(1)> &lt; &amp; $x$",
    "@someone please look at #123 and org/repo#4, [link](javascript:alert(1)) ![x](y)",
    "# not a heading",
    "- not a list",
    "1. nor this",
    "---",
    "[/nope] [red]markup[/red] {braces} %s %d",
    "::error file=x::boo\n##[group]x",
    "日本語 ❤️ 👩‍👩‍👧 e\u0301\u0301\u0301",
    "",
    " ",
    "\x01",
    "1.10",
    "x" * 500,
)


@cache
def anything() -> st.SearchStrategy[str]:
    """Draw a concatenation of pieces of the corpus and of any characters, surrogates too."""
    every = st.text(st.characters(exclude_categories=()), max_size=20)
    return st.lists(st.one_of(st.sampled_from(CORPUS), every), max_size=4).map("".join)


def dangerous(text: str) -> set[str]:
    """Return the characters of ``text`` that a terminal may obey, or that hide or reorder what is shown."""
    return {character for character in text if category(character) in {"Cc", "Cf", "Cs"}}


def poisoned(say: Callable[[], str]) -> JudgedRun:
    """Return a run in which every text from outside is the next return value of ``say``."""
    steps = ((say(), "numpy==1.24.3"), (say(),))
    expect = Expectation(status=Status.FAIL, reason=say(), match=say())
    bad = combo(say(), say(), steps=steps, expect=expect, probes=(say(), say()))
    name = say()
    frames = (Frame(file=say(), line=1, function=say(), text=say()), Frame(file=f"/{say()}", line=2, function=say()))
    raised = (Raised(type=say(), message=say(), frames=frames), Raised(type=say(), message=say()))
    diagnosis = Diagnosis(
        culprit=say(),
        conflicts_with=say(),
        why=say(),
        fix=(say(), say()),
        evidence=(say(), say()),
        reference=say(),
        confidence=Confidence.LIKELY,
    )
    numbers = Numbers(
        cosine=0.5, difference=1.0, norm=0.0, dtype=None, order_changed=False, finite=True, moved=False, says=say()
    )
    failed = cell(
        bad,
        Status.FAIL,
        Phase.PROBE,
        Reason.CHECK_FAILED,
        as_expected=False,
        probe=say(),
        python=say(),
        check=name,
        message=say(),
        checks=(
            Check(name=name, outcome=Outcome.FAILED, message=say(), raised=raised, warnings=(say(),)),
            Check(name=say(), outcome=Outcome.SKIPPED, message=say()),
            Check(name=say(), outcome=Outcome.PASSED),
        ),
        diagnosis=diagnosis,
        numbers=numbers,
        predicted=say(),
        known=say(),
        flaky=say(),
        installed={"numpy": say(), say(): say()},
        drift=(Drift(package="numpy", step=1, before=say(), after=say(), violates=say()),),
        metrics={say(): say(), "rate": float("nan"), "best": float("inf")},
        warnings=(say(), say()),
        log=say(),
    )
    others: tuple[Cell, ...] = (
        replace(failed, as_expected=True),
        replace(failed, as_expected=None, diagnosis=replace(diagnosis, culprit=None, fix=())),
        replace(failed, diagnosis=replace(diagnosis, fix=()), checks=()),
        replace(failed, verdict=replace(failed.verdict, reason=Reason.PIN_VIOLATED)),
        passing(combo(say(), say()), warnings=(say(),), python=say(), installed={"numpy": say()}, attempts=2),
    )
    cells = (failed, *others)
    recorded = run(cells)
    index = IndexChoice(name=say(), asked=say(), used=say(), packages=(say(),), why=say())
    info = replace(
        recorded.info, title=say(), platform=say(), cpu=say(), started=say(), command=say(), versions={"uv": say()}
    )
    return JudgedRun(run=replace(recorded, info=info, indexes=(index, replace(index, used=index.asked))), cells=cells)
