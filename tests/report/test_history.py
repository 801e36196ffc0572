"""The history as a file that is read back strictly, and in words: on the page, in matrix.md and in the feed."""

import json
import time
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from knowngood import report
from knowngood.errors import UsageError
from knowngood.model import History, MovedRelease, Phase, Status
from knowngood.report import atom, history_json, markdown
from knowngood.report.history import entries
from knowngood.report.html import page
from knowngood.report.html.history import MOST_ENTRIES, MOST_SEGMENTS, MOST_STRIPS
from report.factory import mission
from report.histories import HISTORY, cell, long, state
from report.hostile import CORPUS

SCHEMA: dict[str, Any] = json.loads((Path(report.__file__).parent / "history.schema.json").read_text(encoding="utf-8"))
ATOM = "{http://www.w3.org/2005/Atom}"


def written(history: History = HISTORY) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(history_json.render(history))
    return document


def test_a_history_is_read_back_as_it_was_written_and_fits_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(written())

    assert history_json.loads(history_json.render(HISTORY).encode(), name="it") == HISTORY


def test_the_schema_lists_every_word_and_every_key() -> None:
    described = SCHEMA["$defs"]["cell"]["properties"]
    assert described["status"]["enum"] == [str(status) for status in Status]
    assert described["phase"]["enum"] == [str(phase) for phase in Phase]
    document = written()
    for value, part in (
        (document, SCHEMA),
        (document["states"][1], SCHEMA["$defs"]["state"]),
        (document["states"][0]["cells"][0], SCHEMA["$defs"]["cell"]),
        (document["states"][1]["releases"][0], SCHEMA["$defs"]["release"]),
        (document["states"][2]["gone"][0], SCHEMA["$defs"]["name"]),
    ):
        assert list(value) == list(part["properties"]) == part["required"]
    assert SCHEMA["properties"]["states"]["maxItems"] == history_json.MOST_STATES


def test_a_state_lists_only_what_differs_from_the_one_before() -> None:
    first, second, third = written()["states"]

    assert [each["combo"] for each in first["cells"]] == ["legacy", "modern"]
    assert [each["combo"] for each in second["cells"]] == ["modern"]
    assert ([each["combo"] for each in third["cells"]], third["gone"]) == (
        ["legacy"],
        [{"combo": "modern", "probe": "embedding"}],
    )


def put(*path: str | int, value: object) -> bytes:
    """Return the text of a history with another value at a path."""
    document: Any = written()
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return json.dumps(document).encode()


BROKEN = {
    "no JSON": (b"{", "Invalid JSON"),
    "half of it": (history_json.render(HISTORY).encode()[:500], "Invalid JSON"),
    "a conflict of git": (b"<<<<<<< ours\n", "Invalid JSON"),
    "too deep": (b"[" * 100_000, "Invalid JSON"),
    "a list": (b"[]", "Input should be an object"),
    "another schema": (put("schema", value=2), "its schema is 2; this version of knowngood reads schema 1"),
    "a key of a newer version": (put("states", 0, "note", value="x"), "states[0].note: Unexpected keyword argument"),
    "a wrong type": (put("states", 1, "first", value=7), "states[1].first: Input should be a valid string"),
    "an unknown status": (put("states", 0, "cells", 0, "status", value="good"), "states[0].cells[0].status: Input"),
    "no day": (put("states", 2, "last", value="2026-11-31"), "states[2]: '2026-11-31' is not a day"),
    "days in the wrong order": (put("states", 1, "first", value="2026-11-02"), "states[1]: its days are not in order"),
    "one id twice": (put("states", 1, "id", value="2026-11-01-00000001"), "states[1].id: '2026-11-01-00000001' is not"),
    "an id that is an address": (put("states", 0, "id", value='"><script>'), "states[0].id:"),
    "a wrong lock": (put("states", 0, "cells", 0, "lock", value="1"), "states[0]: the lock of 'legacy' is not"),
    "an unknown cell is gone": (put("states", 0, "gone", value=[{"combo": "x", "probe": "y"}]), "has no cell 'x'"),
    "a negative number": (put("states", 0, "more_releases", value=-1), "states[0].more_releases: it is negative"),
}


@pytest.mark.parametrize(("data", "cause"), BROKEN.values(), ids=BROKEN)
def test_a_broken_history_is_refused_with_the_place_and_the_way_out(data: bytes, cause: str) -> None:
    with pytest.raises(UsageError, match=r"reports/m/history\.json cannot be read as a history") as caught:
        history_json.loads(data, name="reports/m/history.json")

    assert cause in caught.value.cause
    assert "restore it" in caught.value.next_step


def test_a_history_keeps_a_limited_number_of_states_and_counts_those_it_dropped() -> None:
    history = history_json.bounded(long(history_json.MOST_STATES + 5, 1))

    assert (len(history.states), history.dropped) == (history_json.MOST_STATES, 5)
    assert history_json.loads(history_json.render(history).encode(), name="it") == history
    assert history_json.bounded(history) == history


def test_a_history_keeps_to_its_size_and_never_drops_the_last_state() -> None:
    history = history_json.bounded(long(60, 400))

    assert len(history_json.render(history)) <= history_json.MOST_BYTES
    assert history.states[-1] == long(60, 400).states[-1]
    assert len(history.states) + history.dropped == 60 and history.dropped > 0


def test_a_state_is_put_into_words() -> None:
    newest, middle, oldest = entries(HISTORY)

    assert (middle.days, middle.verdicts) == ("2026-11-10 to 2026-11-12", "1 pass, 1 fail; 1 not as expected")
    assert middle.headline == "modern: pass -> fail, unexpected"
    assert middle.releases == "numpy 2.3.4 -> 2.3.5, and 4 more"
    assert newest.headline == "modern: gone"
    assert oldest.headline == "the first state that is kept"


def test_the_page_in_markdown_ends_with_a_short_table_of_linked_states() -> None:
    text = markdown.render(mission(), history=HISTORY, page="index.html")

    table = text.partition("## History\n\n")[2].splitlines()
    assert table[0] == "3 states from 2026-11-01 to 2026-11-24."
    assert [line.split(" | ")[0] for line in table[4:]] == [
        "| [2026-11-15 to 2026-11-24](index.html#state-2026-11-15-00000003)",
        "| [2026-11-10 to 2026-11-12](index.html#state-2026-11-10-00000002)",
        "| [2026-11-01 to 2026-11-09](index.html#state-2026-11-01-00000001)",
    ]
    assert "](" not in markdown.render(mission(), history=HISTORY).partition("## History")[2]
    assert (
        len(markdown.render(mission(), history=long(50, 1)).partition("## History")[2].splitlines())
        == 6 + markdown.MOST_STATES
    )


def test_the_feed_has_an_entry_for_each_state_with_a_link_to_it() -> None:
    root = ElementTree.fromstring(atom.render(mission(), history=HISTORY, page="index.html"))

    found = root.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in found] == [
        "2026-11-15: modern: gone",
        "2026-11-10: modern: pass -> fail, unexpected",
        "2026-11-01: the first state that is kept",
    ]
    assert [link.get("href") for link in root.iter(f"{ATOM}link")] == [
        "index.html",
        *(f"index.html#state-{state.id}" for state in reversed(HISTORY.states)),
    ]
    assert found[1].findtext(f"{ATOM}updated") == "2026-11-10T00:00:00Z"
    assert "numpy 2.3.4 -> 2.3.5, and 4 more packages" in (found[1].findtext(f"{ATOM}content") or "")


def test_a_state_that_only_lasts_longer_does_not_show_up_in_the_feed_again() -> None:
    longer = replace(HISTORY, states=(*HISTORY.states[:-1], replace(HISTORY.states[-1], last="2026-12-24")))

    assert atom.render(mission(), history=longer) == atom.render(mission(), history=HISTORY)


def test_the_page_has_a_strip_for_each_combo_that_says_in_words_what_it_shows() -> None:
    html = page.render(mission(), history=HISTORY)

    assert 'aria-label="legacy: pass from 2026-11-01 to 2026-11-24"' in html
    words = (
        "modern: pass from 2026-11-01 to 2026-11-09; fail, unexpected from 2026-11-10 to 2026-11-12; not in the matrix"
    )
    assert words in html
    # Nine days of a pass, then three days of a failure, drawn low; then the combo is gone.
    assert '<rect class="good" x="0" y="0" width="9" height="10" data-state="state-2026-11-01-00000001">' in html
    assert '<rect class="bad" x="9" y="5" width="3" height="5" data-state="state-2026-11-10-00000002">' in html


def test_every_link_of_the_history_leads_to_a_state_on_the_page() -> None:
    html = page.render(mission(), history=HISTORY)

    for each in HISTORY.states:
        assert html.count(f'<li id="state-{each.id}">') == 1
        assert f'<a href="#state-{each.id}" aria-label=' in html
    assert "<h2 id=" in html and 'href="#history"' in html
    assert 'id="history"' not in page.render(mission())


def test_a_long_history_of_many_combos_stays_small_on_the_page() -> None:
    html = page.render(mission(), history=long(history_json.MOST_STATES, MOST_STRIPS + 10))

    assert html.count("<rect") <= MOST_SEGMENTS
    assert html.count('<li id="state-') == MOST_ENTRIES
    assert f"{history_json.MOST_STATES - MOST_ENTRIES} older states in history.json" in html
    assert len(html) - len(page.render(mission())) < 400_000


def test_the_page_of_thousands_of_combos_with_a_history_is_written_in_seconds() -> None:
    history = long(20, 3000)
    started = time.process_time()

    page.render(mission(), history=history)

    assert time.process_time() - started < 20  # with a loop over all cells for each combo it took minutes


def test_of_many_combos_only_those_whose_verdict_changed_have_a_strip() -> None:
    steady = [cell(f"c{number}") for number in range(MOST_STRIPS + 1)]
    first = state("2026-11-01", "2026-11-01", *steady, cell("moving"))
    second = state("2026-11-02", "2026-11-02", *steady, cell("moving", Status.FAIL))

    html = page.render(mission(), history=History(matrix="m", states=(first, second)))

    assert html.count('aria-label="moving: ') == 1 and 'aria-label="c0: ' not in html
    assert f"{MOST_STRIPS + 1} other combos without a strip" in html


def test_hostile_text_in_a_history_stays_text() -> None:
    texts = cycle(CORPUS)
    moved = tuple(
        MovedRelease(package=next(texts), before=next(texts), after=next(texts), combos=(next(texts),))
        for _ in range(6)
    )
    cells = [cell(next(texts), Status.FAIL, probe=next(texts), message=next(texts)) for _ in CORPUS]
    history = History(
        matrix="m",
        states=(
            state("2026-11-01", "2026-11-01", cell(), id="2026-11-01-00000001"),
            state("2026-11-02", "2026-11-02", *cells, releases=moved, id="2026-11-02-00000002"),
        ),
    )

    html = page.render(mission(), history=history)
    assert "<script>alert" not in html
    assert "<img" not in html
    ElementTree.fromstring(atom.render(mission(), history=history))
    lines = markdown.render(mission(), history=history).partition("## History")[2].splitlines()
    assert len(lines) == 8 and "<" not in "".join(lines)
    history_json.loads(history_json.render(history).encode(), name="it")
