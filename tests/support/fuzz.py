"""Make hostile input for fuzz tests: documents with a few parts changed, and everything that is done with a run."""

import copy
import json
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from knowngood.judge import changes
from knowngood.judge.verdict import exit_code, judge
from knowngood.model import History, JudgedRun, Run, Searched
from knowngood.report import diff, explain_markdown, explain_text
from knowngood.report.formats import FORMATS, ReportContext
from support.facts import RULES

EXAMPLES: list[int] = []
"""How many inputs ``--examples`` asks for; without it, each test draws a few that are always the same."""


def fuzzed(short: int) -> settings:
    """Return the settings of a fuzz test that draws ``short`` inputs in the normal suite."""
    examples, fixed = (EXAMPLES[0], False) if EXAMPLES else (short, True)
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, derandomize=fixed, deadline=None, suppress_health_check=slow)


_HUGE, _DEEP = "a number of 5,000 digits", "100,000 lists in each other"
_UNWRITABLE = {f'"{_HUGE}"': "1" * 5000, f'"{_DEEP}"': "[" * 100_000 + "]" * 100_000}
"""What ``json`` refuses to write, by what stands for it."""
ODD: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            *(None, True, False, 0, -1, 2**63, -(2**70), 10**400, 0.1, 1e308, -1e308, _HUGE, _DEEP),
            *(float("nan"), float("inf"), float("-inf"), [], {}, [[]], [None], {"": None}, [[1, 2], {"a": []}]),
            *("", "\0", "\ud800", "\x1b[2J", "../../x", "x" * 5000, "1e999", "pass", "fail", "NaN", "9999-12-31"),
            *("2026-01-01", "2026-13-45T99:00:00+99:00", "(((", "numpy==1", "numpy", "*", "[", "a\nb", "%s{0}"),
        ]
    ),
    st.text(max_size=6),
    st.integers(),
    st.floats(),
)
"""A value that a reader may not expect."""


def written(document: object) -> bytes:
    """Return a document as JSON on one line, with what ``json`` itself would not write."""
    text = json.dumps(document, separators=(",", ":"))
    for stand_in, token in _UNWRITABLE.items():
        text = text.replace(stand_in, token)
    return text.encode()


@st.composite
def changed(draw: st.DrawFn, document: object, most: int = 3) -> Any:
    """Draw ``document`` with up to ``most`` values replaced, removed, renamed, moved or doubled."""
    root = [copy.deepcopy(document)]
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(root))
        holder, place = places[draw(st.integers(0, len(places) - 1))]
        other, elsewhere = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "move", "double"])):
            case "remove" if holder is not root:
                del holder[place]
            case "rename" if isinstance(holder, dict):
                holder[draw(st.text(max_size=4))] = holder.pop(place)
            case "move":
                holder[place] = copy.deepcopy(other[elsewhere])
            case "double" if isinstance(holder, list) and holder is not root:
                holder.append(copy.deepcopy(holder[place]))
            case _:
                holder[place] = copy.deepcopy(draw(ODD))  # an odd list would be changed in turn
    return root[0]


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each list or dictionary in a document with each of its places."""
    for place in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, place
        if isinstance(holder[place], dict | list):
            yield from _places(holder[place])


_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=()), max_size=6),  # lone surrogates too: a probe may print anything
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(-1e300, 1e300),  # as a log has them: neither NaN nor what no reader takes
    type(None): st.none(),
    date: st.dates(),
}


@cache
def values(hint: Hashable) -> st.SearchStrategy[Any]:
    """Return values of a type as the fields of events are annotated with it."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        return st.builds(hint, **{name: values(of) for name, of in get_type_hints(hint).items()})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    parts = get_args(hint)
    if get_origin(hint) is Literal:
        return st.sampled_from(parts)
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*(values(part) for part in parts))
    if get_origin(hint) is Mapping:
        return st.dictionaries(values(parts[0]), values(parts[1]), max_size=2)
    assert get_origin(hint) is tuple, f"no values for {hint!r}"
    if parts[1:] == (...,):
        return st.lists(values(parts[0]), max_size=2).map(tuple)
    return st.tuples(*(values(part) for part in parts))


def report(run: Run) -> JudgedRun:
    """Judge a run and render everything that reports have of it, as the verbs do; nothing of it may raise."""
    judged = judge(run, RULES)
    show(judged)
    return judged


def show(judged: JudgedRun, *, searches: tuple[Searched, ...] = (), history: History | None = None) -> None:
    """Render everything that reports have of a judged run; nothing of it may raise."""
    exit_code(judged)
    compared = changes.compare(changes.snapshots(judged), changes.snapshots(judged))
    for kind in FORMATS.values():
        context = ReportContext(judged=judged, changes=compared, searches=searches, history=history)
        kind.render(context).encode()
    diff.render(compared, baseline_name="b")
    for cell in judged.cells[:3]:
        explain_text.render(cell, judged.run, run_folder="r").encode()
        explain_markdown.render(cell, judged.run, run_folder="r").encode()
