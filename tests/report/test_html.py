"""The page is read with a real HTML parser, as a browser would."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from browser.runs import EARLIER, NUMBERS, grid, large, of
from knowngood.model import Change, ChangeKind, ComboFacts, JudgedRun, Phase, Reason, Status, StepFacts
from knowngood.report.html.budget import BUDGET
from knowngood.report.html.head import sentence
from knowngood.report.html.page import render, side_files
from knowngood.report.text import plain
from report.factory import METRICS, NUMPY_ABI, cell, combo, diagnosed, mission, only, passing, run, whole
from report.hostile import anything, dangerous, poisoned

RUNS = st.lists(anything(), min_size=1, max_size=12).map(lambda texts: poisoned(cycle(texts).__next__))
CHANGES = (
    Change(
        combo="legacy-numpy2",
        probe="embedding",
        kind=ChangeKind.REGRESSED,
        before="pass",
        after="fail",
        why="Numpy is not available",
        moved=(("numpy", "1.24.3", "2.3.5"),),
    ),
    Change(combo="legacy", probe="embedding", kind=ChangeKind.STILL_PASS, before="pass", after="pass", why=""),
    Change(combo="old", probe="embedding", kind=ChangeKind.GONE, before="pass", after=None, why=""),
)


def parsed(page: str, *, strict: bool = True) -> Element:
    """Return the root element; with ``strict`` anything that HTML does not allow is an error."""
    parser = html5lib.HTMLParser(strict=strict, namespaceHTMLElements=False)
    root = parser.parse(page)
    assert isinstance(root, Element)
    return root


def said(element: Element) -> str:
    """Return the text of an element, with a space wherever a tag is."""
    return " ".join(" ".join(element.itertext()).split())


def block(element: Element) -> str:
    """Return the text of a ``<pre>`` as a browser shows it: html5lib keeps the line break that opens it."""
    return "".join(element.itertext()).removeprefix("\n")


def by_id(root: Element, name: str) -> Element:
    (found,) = [element for element in root.iter() if element.get("id") == name]
    return found


def ids(root: Element) -> list[str]:
    return [name for element in root.iter() if (name := element.get("id")) is not None]


def elements(root: Element) -> set[str]:
    return {str(element.tag) for element in root.iter()}


def classed(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if name in (element.get("class") or "").split()]


def policy(root: Element) -> str:
    (found,) = [one.get("content") or "" for one in root.iter("meta") if one.get("http-equiv")]
    return found


def links(root: Element) -> Iterator[str]:
    for element in root.iter("a"):
        yield element.get("href") or ""


@pytest.mark.parametrize("judged", [mission(), only(diagnosed()), grid(("3.11", "3.13")), only()])
def test_the_page_is_valid_html_and_the_same_bytes_each_time(judged: JudgedRun) -> None:
    page = render(judged, changes=CHANGES)
    root = parsed(page)
    assert page == render(judged, changes=CHANGES)
    assert len(ids(root)) == len(set(ids(root)))
    assert {link[1:] for link in links(root) if link.startswith("#")} <= set(ids(root))


def test_the_policy_allows_just_the_text_of_the_own_style_and_script() -> None:
    root = parsed(render(mission()))
    hashes = {
        kind: b64encode(hashlib.sha256("".join(element.itertext()).encode()).digest()).decode()
        for kind, name in (("style", "style"), ("script", "script"))
        for element in root.iter(name)
    }
    assert policy(root) == (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_a_page_with_side_files_has_none_of_their_text_and_names_them() -> None:
    root = parsed(render(mission(), self_contained=False))
    assert [one.get("src") for one in root.iter("script")] == ["page.js"]
    assert [one.get("href") for one in root.iter("link")] == ["page.css"]
    assert set(side_files()) == {"page.css", "page.js"}
    assert "style-src 'self'; script-src 'self'" in policy(root)
    assert not list(root.iter("style"))


@pytest.fixture(scope="module")
def harmless() -> set[str]:
    """The elements that pages without hostile text have."""
    pages = [render(judged, changes=CHANGES) for judged in (mission(), only(diagnosed()), grid())]
    return {name for page in pages for name in elements(parsed(page))}


@settings(max_examples=60)
@given(judged=RUNS)
def test_hostile_text_does_nothing_and_reads_as_it_was_said(harmless: set[str], judged: JudgedRun) -> None:
    page = render(judged)
    root = parsed(page, strict=False)
    assert dangerous(page) <= {"\n", "\t"}
    assert elements(root) <= harmless
    assert len(list(root.iter("script"))) == 1
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
    assert all(re.match("#|https?://", link) for link in links(root))
    assert len(ids(root)) == len(set(ids(root)))
    bodies = list(by_id(root, "cells").iter("tbody"))
    for one, body in zip(judged.cells, bodies, strict=True):
        assert said(next(body.iter("a"))) == plain(one.combo.id)
        told = said(body)
        assert all(plain(text) in told for text in (one.combo.title, *one.combo.steps[0]))
        assert all(plain(check.name) in told for check in one.checks)


def test_markup_in_what_a_program_said_is_text() -> None:
    attack = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>"
    hurt = cell(combo("a"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, check="c", message=f"{attack}\n  more")
    root = parsed(render(only(hurt)))
    assert [f"{attack}\n  more"] == [block(one) for one in root.iter("pre")]
    assert not list(root.iter("img"))


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", " javascript:alert(1)", "//host/path"])
def test_only_pages_are_linked(address: str) -> None:
    found = diagnosed()
    assert found.diagnosis
    told = replace(found, diagnosis=replace(found.diagnosis, reference=address))
    root = parsed(render(only(told)))
    assert [link for link in links(root) if not link.startswith("#")] == []
    assert address.strip() in said(root)


def test_the_head_tells_the_verdict_what_limits_it_and_how_to_run_it_again() -> None:
    head = said(next(parsed(render(mission())).iter("header")))
    assert "2 of 7 combos pass, 1 of them unexpectedly; 3 fail as expected; 1 could not be told; 1 was not run." in head
    assert "incomplete run: ended by SIGINT" in head
    assert "Tested 2026-11-24 07:10 UTC" in head
    assert "knowngood run matrices/embedding.toml" in head
    assert "torch, torchvision, torchaudio: the default index" in head
    assert "ago" not in head


@pytest.mark.parametrize(
    ("judged", "changes", "expected"),
    [
        (only(), (), "Nothing was run: there is nothing to tell"),
        (only(passing(combo("a"))), (), "1 of 1 combo passes"),
        (only(passing(combo("a")), passing(combo("b"))), CHANGES[1:], "2 of 2 combos pass; nothing regressed"),
        (
            whole(mission()),
            CHANGES,
            "2 of 5 combos pass, 1 of them unexpectedly; 3 fail as expected; 1 regressed",
        ),
        (only(diagnosed(as_expected=False)), (), "0 of 1 combo pass; 1 fails unexpectedly"),
        (
            only(*(passing(combo("a", probes=("x", "y")), probe=probe) for probe in ("x", "y"))),
            (),
            "2 of 2 cells pass",
        ),
    ],
)
def test_the_sentence_counts_what_a_reader_asks_for(
    judged: JudgedRun, changes: tuple[Change, ...], expected: str
) -> None:
    assert sentence(judged, changes) == expected


def test_verdicts_are_told_by_glyph_and_word_and_deep_linked() -> None:
    root = parsed(render(mission()))
    told = [said(next(iter(classed(body, "v")))) for body in by_id(root, "cells").iter("tbody")]
    assert told == [
        "\u2713 pass",
        "\u2717 fail (expected)",
        "\u2717 fail (expected)",
        "\u2205 unsolvable (expected)",
        "\u2713 PASS, expected fail",
        "? infra",
        "\u2013 not-run",
    ]
    assert "RuntimeError: Numpy is not available" in said(by_id(root, "legacy-numpy2--embedding"))
    assert "\n  _ARRAY_API" in "".join(by_id(root, "legacy-numpy2--embedding").itertext())
    assert NUMPY_ABI.startswith("RuntimeError")


def test_the_details_of_a_failure_tell_all_that_is_known() -> None:
    told = said(by_id(parsed(render(only(diagnosed()))), "legacy-loose--embedding"))
    for text in (
        "drift: sentence-transformers imports",
        "torch==2.1.2 was asked for, 2.15.0 is installed",
        "sentence_transformers/util.py:12",
        "Culprit huggingface-hub 0.36.2 , in conflict with sentence-transformers 2.2.2 .",
        "likely: several facts point at it",
        "Fix: huggingface-hub<0.26 torch==2.1.2 (huggingface-hub<0.26, torch==2.1.2 in step 3)",
        "huggingface-hub 0.25.2 still has it",
        "More: https://example.org/breakage",
        "expected fail: torch moves, with evidence that matches",
        "flaky 1/2 attempts passed",
        "predicted torch 2.1.2 was compiled for NumPy 1.x",
        "step 3 torch 2.1.2 \u2192 2.15.0 violates torch==2.1.2",
        "knowngood run matrices/embedding.toml --only legacy-loose --keep",
        "all 6 packages",
        "triton 3.9.0",
    ):
        assert text in told, text


def test_a_lock_is_told_by_its_packages_and_its_digest() -> None:
    one = passing(combo("legacy"))
    step = StepFacts(number=1, requirements=one.combo.steps[0], resolved={"numpy": "1.24.3"}, lock="ab" * 32)
    judged = JudgedRun(run=replace(run((one,)), combos=(ComboFacts(combo=one.combo, steps=(step,)),)), cells=(one,))
    (steps,) = classed(parsed(render(judged)), "steps")
    assert "lock: 1 package, sha256 abababababab" in said(steps)
    assert "numpy==1.24.3" in said(steps)
    assert "ab" * 32 in said(steps)


def test_what_was_taken_over_tells_from_where_and_how_old_it_is() -> None:
    root = parsed(render(only(passing(combo("a"), reused=EARLIER))))
    assert "1 verdict taken over, the oldest of 2026-10-01" in said(next(root.iter("header")))
    assert "from other in run 20261001-100000-aaaa , found out 2026-10-01 10:00 UTC" in said(
        by_id(root, "a--embedding")
    )
    assert next(by_id(root, "cells").iter("time")).get("datetime") == EARLIER.recorded


def test_two_axes_span_a_map_on_which_the_untested_is_no_pass() -> None:
    root = parsed(render(grid(("3.11", "3.13"))))
    maps = classed(root, "map")
    assert [said(next(one.iter("caption"))) for one in maps] == ["python 3.11", "python 3.13"]
    rows = [[said(square) for square in row] for row in maps[0].iter("tr")]
    assert rows[0][1:] == ["2.1.2", "2.3.1", "2.5.1", "2.9.0"]
    assert [row[0] for row in rows[1:]] == ["1.24.4", "1.26.4", "2.0.2", "2.3.5"]
    assert rows[4][2] == "not tested"
    assert rows[4][3].startswith("\u2713 pass")
    assert rows[1][4].startswith("\u21af CRASH")
    assert len(classed(maps[0], "none")) == 1


def test_without_axes_there_is_no_map() -> None:
    assert not classed(parsed(render(mission())), "map")


def test_causes_stand_above_the_list_with_what_cures_them() -> None:
    page = render(grid())
    causes = said(by_id(parsed(page), "causes"))
    assert "torch 2.1.2 was built for NumPy 1.x, NumPy 2.0.2 is installed needs numpy<2" in causes
    assert "numpy2.0.2-torch2.1.2-py3.11" in causes
    assert page.index('id="causes"') < page.index('id="results"')


def test_changes_tell_what_regressed_and_what_is_gone() -> None:
    root = parsed(render(mission(), changes=CHANGES))
    told = said(by_id(root, "changes"))
    assert "1 regressed, 1 gone, 1 unchanged." in told
    assert "regressed legacy-numpy2 pass fail Numpy is not available numpy 1.24.3 \u2192 2.3.5" in told
    assert [body.get("data-changed") for body in by_id(root, "cells").iter("tbody")].count("") == 1
    assert "changes" not in ids(parsed(render(mission())))


def test_numbers_durations_and_sizes_are_drawn_with_their_text_and_only_where_there_are_any() -> None:
    away = passing(combo("modern"), numbers=NUMBERS)
    root = parsed(render(only(passing(combo("legacy"), numbers=replace(NUMBERS, difference=0.0)), away)))
    drawn = [said(one) for one in root.iter("figcaption")]
    assert drawn == [
        "Cosine distance from the reference Logarithmic scale.",
        "Largest difference of a component Logarithmic scale.",
        "Import",
        "Encode",
        "Size of the environment",
    ]
    assert "legacy 0; modern 1.5e-07" in said(by_id(root, "plot-difference-desc"))
    assert f"legacy {METRICS['import_seconds']:.1f}s" in said(by_id(root, "plot-time-0-desc"))
    nothing = cell(combo("a"), Status.NOT_RUN, Phase.RESOLVE, Reason.INTERRUPTED, as_expected=None)
    assert "measured" not in ids(parsed(render(only(nothing))))


def test_what_two_cells_have_installed_alike_is_listed_once() -> None:
    root = parsed(render(only(passing(combo("a")), passing(combo("b")))))
    assert "4 packages in all, the same as in a" in said(by_id(root, "b--embedding"))


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (only(), "This run has no cells"),
        (
            only(cell(combo("a"), Status.UNSOLVABLE, Phase.RESOLVE, Reason.CONFLICT, message="no solution")),
            "No combo passed whole.",
        ),
        (
            only(cell(combo("a"), Status.NOT_RUN, Phase.RESOLVE, Reason.INTERRUPTED, as_expected=None)),
            "1 was not run",
        ),
    ],
)
def test_a_run_without_data_still_is_a_page(judged: JudgedRun, expected: str) -> None:
    assert expected in said(parsed(render(judged)))


@pytest.mark.parametrize("failing", [1, 3])
def test_a_thousand_cells_keep_within_the_budget_and_each_tells_its_verdict_its_cause_and_its_fix(
    failing: int,
) -> None:
    judged = large(failing=failing)
    page = render(judged)
    assert len(page.encode()) <= BUDGET < 1024**2
    root = parsed(page)
    assert "To open at once this page leaves out" in said(by_id(root, "left-out"))
    bodies = list(by_id(root, "cells").iter("tbody"))
    assert len(bodies) == 1000
    for one, body in zip(judged.cells, bodies, strict=True):
        if one.diagnosis:
            told = said(body)
            assert one.diagnosis.why in told
            assert "numpy<2" in told
    assert page == render(judged)


def test_a_run_that_fits_leaves_nothing_out() -> None:
    root = parsed(render(large(60)))
    assert "left-out" not in ids(root)
    assert "line 59 of what the probe of combo 7 printed" in said(root)


def test_a_failure_of_several_probes_is_named_with_its_probe() -> None:
    both = combo("a", probes=("x", "y"))
    judged = of([passing(both, probe="x"), diagnosed(combo=both, probe="y")])
    root = parsed(render(judged))
    assert "a y" in said(by_id(root, "causes"))
    assert {"a--x", "a--y"} <= set(ids(root))
