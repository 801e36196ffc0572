"""Read the page with a real HTML parser, as a browser would."""

import hashlib
import math
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

from browser.runs import EARLIER, NUMBERS, grid, large, of, spread
from knowngood.model import Cell, Change, ChangeKind, ComboFacts, JudgedRun, Phase, Reason, Status, StepFacts
from knowngood.report import explain_markdown
from knowngood.report.budget import BUDGET
from knowngood.report.html.overview import sentence
from knowngood.report.html.page import render, side_files
from knowngood.report.publication import published
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
        packages=(("numpy", "1.24.3", "2.3.5"),),
    ),
    Change(combo="legacy", probe="embedding", kind=ChangeKind.STILL_PASS, before="pass", after="pass", why=""),
    Change(combo="old", probe="embedding", kind=ChangeKind.GONE, before="pass", after=None, why=""),
)


def parsed(page: str, *, strict: bool = True) -> Element:
    """Return the root element; with ``strict`` invalid HTML is an error."""
    parser = html5lib.HTMLParser(strict=strict, namespaceHTMLElements=False)
    root = parser.parse(page)
    assert isinstance(root, Element)
    return root


def text_of(element: Element) -> str:
    """Return the text of an element, with a space for every tag."""
    return " ".join(" ".join(element.itertext()).split())


def block(element: Element) -> str:
    """Return the text of a ``<pre>`` as a browser shows it: html5lib keeps the line break after the tag."""
    return "".join(element.itertext()).removeprefix("\n")


def by_id(root: Element, name: str) -> Element:
    (element,) = [element for element in root.iter() if element.get("id") == name]
    return element


def ids(root: Element) -> list[str]:
    return [name for element in root.iter() if (name := element.get("id")) is not None]


def elements(root: Element) -> set[str]:
    return {str(element.tag) for element in root.iter()}


def classed(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if name in (element.get("class") or "").split()]


def policy(root: Element) -> str:
    (content,) = [meta.get("content") or "" for meta in root.iter("meta") if meta.get("http-equiv")]
    return content


def links(root: Element) -> Iterator[str]:
    for element in root.iter("a"):
        yield element.get("href") or ""


@pytest.mark.parametrize("judged", [mission(), only(diagnosed()), grid(("3.11", "3.13")), only()])
def test_the_page_is_valid_html_and_rendering_it_again_gives_the_same_bytes(judged: JudgedRun) -> None:
    page = render(judged, changes=CHANGES)
    root = parsed(page)
    assert page == render(judged, changes=CHANGES)
    assert len(ids(root)) == len(set(ids(root)))
    assert {link[1:] for link in links(root) if link.startswith("#")} <= set(ids(root))


def test_the_security_policy_allows_only_the_pages_own_style_and_script() -> None:
    root = parsed(render(mission()))
    hashes = {
        kind: b64encode(hashlib.sha256("".join(element.itertext()).encode()).digest()).decode()
        for kind, name in (("style", "style"), ("script", "script"))
        for element in root.iter(name)
        if element.get("type") is None
    }
    assert policy(root) == (
        "default-src 'none'; img-src data:; "
        f"style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_a_page_that_is_not_self_contained_links_to_its_side_files() -> None:
    root = parsed(render(mission(), self_contained=False))
    assert [script.get("src") for script in root.iter("script")] == [None, "page.js"]
    assert [link.get("href") for link in root.iter("link") if link.get("rel") == "stylesheet"] == ["page.css"]
    assert set(side_files()) == {"page.css", "page.js"}
    assert "style-src 'self'; script-src 'self'" in policy(root)
    assert not list(root.iter("style"))


@pytest.fixture(scope="module")
def harmless() -> set[str]:
    """Return the elements that pages without hostile text have."""
    pages = [render(judged, changes=CHANGES) for judged in (mission(), only(diagnosed()), grid())]
    return {name for page in pages for name in elements(parsed(page))}


@settings(max_examples=60)
@given(judged=RUNS)
def test_hostile_text_does_nothing_and_is_shown_literally(harmless: set[str], judged: JudgedRun) -> None:
    page = render(judged)
    root = parsed(page, strict=False)
    assert dangerous(page) <= {"\n", "\t"}
    assert elements(root) <= harmless
    assert [script.get("type") for script in root.iter("script")] in ([None], ["application/json", None])
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
    assert all(re.match("#|https?://", link) for link in links(root))
    assert len(ids(root)) == len(set(ids(root)))
    bodies = list(by_id(root, "cells").iter("tbody"))
    for shown, body in zip(judged.cells, bodies, strict=True):
        assert text_of(next(body.iter("a"))) == plain(shown.combo.id)
        text = text_of(body)
        assert all(plain(raw) in text for raw in (shown.combo.title, *shown.combo.steps[0].lines))
        assert all(plain(check.name) in text for check in shown.checks)


def test_markup_in_a_message_is_shown_as_text() -> None:
    attack = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>"
    attacked = cell(combo("a"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, check="c", message=f"{attack}\n  more")
    root = parsed(render(only(attacked)))
    message, issue = [block(element) for element in root.iter("pre")]
    assert message == f"{attack}\n  more"
    assert attack in issue
    assert not list(root.iter("img"))


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", " javascript:alert(1)", "//host/path"])
def test_only_web_pages_are_linked(address: str) -> None:
    failed = diagnosed()
    assert failed.diagnosis
    failed = replace(failed, diagnosis=replace(failed.diagnosis, reference=address))
    root = parsed(render(only(failed)))
    assert [link for link in links(root) if not link.startswith("#")] == []
    assert address.strip() in text_of(root)


def test_the_head_says_how_the_run_went_what_limits_it_and_how_to_run_it_again() -> None:
    head = text_of(next(parsed(render(mission())).iter("header")))
    assert (
        "2 of 7 combos pass, 1 of them unexpectedly; 3 fail as expected; 1 could not be tested; 1 was not run." in head
    )
    assert "incomplete run: interrupted by SIGINT" in head
    assert "Tested 2026-11-24 07:10 UTC" in head
    assert "knowngood run matrices/embedding.toml" in head
    assert "torch, torchvision, torchaudio from the default index" in head
    assert "ago" not in head


@pytest.mark.parametrize(
    ("judged", "changes", "expected"),
    [
        (only(), (), "No combos were run"),
        (only(passing(combo("a"))), (), "1 of 1 combo passes"),
        (only(passing(combo("a")), passing(combo("b"))), CHANGES[1:], "2 of 2 combos pass; nothing regressed"),
        (
            whole(mission()),
            CHANGES,
            "2 of 5 combos pass, 1 of them unexpectedly; 3 fail as expected; 1 regressed",
        ),
        (only(diagnosed(as_expected=False)), (), "0 of 1 combo passes; 1 fails unexpectedly"),
        (
            only(*(passing(combo("a", probes=("x", "y")), probe=probe) for probe in ("x", "y"))),
            (),
            "2 of 2 cells pass",
        ),
    ],
)
def test_the_sentence_counts_passes_failures_and_regressions(
    judged: JudgedRun, changes: tuple[Change, ...], expected: str
) -> None:
    assert sentence(judged, changes) == expected


def test_each_verdict_has_a_glyph_and_words_and_its_details_have_an_id() -> None:
    root = parsed(render(mission()))
    badges = [text_of(next(iter(classed(body, "v")))) for body in by_id(root, "cells").iter("tbody")]
    assert badges == [
        "\u2713 pass",
        "\u2717 fail (expected)",
        "\u2717 fail (expected)",
        "\u2205 unsolvable (expected)",
        "\u2713 UNEXPECTED PASS",
        "? infra",
        "\u2013 not-run",
    ]
    assert "RuntimeError: Numpy is not available" in text_of(by_id(root, "legacy-numpy2--embedding"))
    assert "\n  _ARRAY_API" in "".join(by_id(root, "legacy-numpy2--embedding").itertext())
    assert NUMPY_ABI.startswith("RuntimeError")


def test_the_details_of_a_failure_show_all_facts_about_it() -> None:
    details = text_of(by_id(parsed(render(only(diagnosed()))), "legacy-loose--embedding"))
    for text in (
        "drift: sentence-transformers imports",
        "torch==2.1.2 was asked for, 2.15.0 is installed",
        "sentence_transformers/util.py:12",
        "Culprit huggingface-hub 0.36.2 , in conflict with sentence-transformers 2.2.2 .",
        "likely: several facts point to it",
        "Fix: huggingface-hub<0.26 torch==2.1.2 (huggingface-hub<0.26, torch==2.1.2 in step 3)",
        "huggingface-hub 0.25.2 still has it",
        "More: https://example.org/breakage",
        "declared fail: torch moves, with evidence that matches",
        "flaky 1/2 attempts passed",
        "predicted torch 2.1.2 was compiled for NumPy 1.x",
        "step 3 torch 2.1.2 \u2192 2.15.0 violates torch==2.1.2",
        "knowngood run matrices/embedding.toml --only legacy-loose --keep",
        "Timing: resolve 900 ms, create env 200 ms, install 4.1s, probe 3.1s; 2 attempts",
        "Log: logs/legacy-loose/embedding.log",
        "also observed A module that was compiled using NumPy 1.x",
        "all 6 packages",
        "triton 3.9.0",
    ):
        assert text in details, text


def test_a_lock_is_shown_with_its_packages_and_its_digest() -> None:
    passed = passing(combo("legacy"))
    step = StepFacts(number=1, requirements=passed.combo.steps[0].lines, resolved={"numpy": "1.24.3"}, lock="ab" * 32)
    facts = ComboFacts(combo=passed.combo, steps=(step,))
    judged = JudgedRun(run=replace(run((passed,)), combos=(facts,)), cells=(passed,))
    (steps,) = classed(parsed(render(judged)), "steps")
    assert "lock: 1 package, sha256 abababababab" in text_of(steps)
    assert "numpy==1.24.3" in text_of(steps)
    assert "ab" * 32 in text_of(steps)


def test_a_reused_verdict_says_where_it_comes_from_and_how_old_it_is() -> None:
    root = parsed(render(only(passing(combo("a"), reused=EARLIER))))
    assert "Reused results 1, the oldest from 2026-10-01" in text_of(next(root.iter("header")))
    assert "reused from run 20261001-100000-aaaa , combo other, tested 2026-10-01 10:00 UTC" in text_of(
        by_id(root, "a--embedding")
    )
    assert next(by_id(root, "cells").iter("time")).get("datetime") == EARLIER.recorded


def test_two_axes_span_a_map_on_which_an_untested_point_is_not_a_pass() -> None:
    root = parsed(render(grid(("3.11", "3.13"))))
    maps = classed(root, "map")
    assert [text_of(next(table.iter("caption"))) for table in maps] == ["python 3.11", "python 3.13"]
    rows = [[text_of(square) for square in row] for row in maps[0].iter("tr")]
    assert rows[0][1:] == ["2.1.2", "2.3.1", "2.5.1", "2.9.0"]
    assert [row[0] for row in rows[1:]] == ["1.24.4", "1.26.4", "2.0.2", "2.3.5"]
    assert rows[4][2] == "not tested"
    assert rows[4][3].startswith("\u2713 pass")
    assert rows[1][4].startswith("\u21af CRASH")
    assert len(classed(maps[0], "none")) == 1


def test_each_grid_has_a_map_of_its_own_with_the_versions_that_selectors_became() -> None:
    def cell(number: int, lib: str, python: str, exact: str) -> Cell:
        axes = (("lib", lib), ("python", python))
        made = combo(f"g{number}-{lib}-{python}")
        return passing(replace(made, grid=number, axes=axes, versions=(("lib", exact),) if exact else ()))

    first = [cell(0, "2.1", "3.11", "2.1.3"), cell(0, "2.1", "3.12", "2.1.3"), cell(0, "latest", "3.11", "3.1")]
    second = [cell(1, version, python, "") for version in ("1.0", "2.0") for python in ("3.11", "3.12")]
    maps = classed(parsed(render(only(*first, cell(0, "latest", "3.12", "3.2"), *second))), "map")

    rows = [[next(text_of(square) for square in row) for row in table.iter("tr")][1:] for table in maps]
    assert rows == [["2.1 (2.1.3)", "latest"], ["1.0", "2.0"]]


def test_all_probes_of_a_point_are_in_one_cell_of_the_map() -> None:
    (table,) = classed(parsed(render(spread(2, 3, ("serves", "templates")))), "map")
    rows = [[text_of(square) for square in row] for row in table.iter("tr")]
    assert rows[1][1:] == ["\u2713 serves pass \u2717 templates FAIL"] * 3


def test_a_map_with_many_columns_has_a_glyph_in_each_cell_and_the_words_as_its_title() -> None:
    (table,) = classed(parsed(render(spread(25, 20, ("serves", "templates")))), "compact")
    links = list(table.iter("a"))
    assert len(links) == 25 * 20 * 2
    assert [(text_of(link), link.get("title")) for link in links[:2]] == [
        ("\u2713", "serves: pass"),
        ("\u2717", "templates: FAIL"),
    ]


def test_a_page_says_what_it_is_where_it_is_shared_and_links_to_its_other_formats() -> None:
    root = parsed(
        render(mission(), beside={"markdown": "matrix.md", "json": "m.json", "atom": "f.xml", "badge-svg": "b"})
    )
    named = {meta.get("name") or meta.get("property"): meta.get("content") for meta in root.iter("meta")}
    assert named["description"] and named["og:title"] and named["og:description"]
    links = {link.get("rel"): link.get("href") for link in root.iter("link")}
    assert links["alternate"] == "f.xml"
    assert str(links["icon"]).startswith("data:image/svg+xml,")
    assert {link.get("href") for link in next(root.iter("footer")).iter("a")} == {"matrix.md", "m.json", "f.xml", "b"}
    assert not list(next(parsed(render(mission())).iter("footer")).iter("a")), "a page alone has nothing beside it"


def test_without_axes_there_is_no_map() -> None:
    assert not classed(parsed(render(mission())), "map")


def test_the_causes_are_listed_above_the_results_with_their_fixes() -> None:
    page = render(grid())
    causes = text_of(by_id(parsed(page), "causes"))
    assert "torch 2.1.2 was built for NumPy 1.x, NumPy 2.0.2 is installed fix numpy<2" in causes
    assert "numpy2.0.2-torch2.1.2-py3.11" in causes
    assert page.index('id="causes"') < page.index('id="results"')


def test_the_changes_list_what_regressed_and_what_is_gone() -> None:
    root = parsed(render(mission(), changes=CHANGES))
    listed = text_of(by_id(root, "changes"))
    assert "1 regressed, 1 gone, 1 unchanged." in listed
    assert "regressed legacy-numpy2 pass fail Numpy is not available numpy 1.24.3 \u2192 2.3.5" in listed
    assert [body.get("data-changed") for body in by_id(root, "cells").iter("tbody")].count("") == 1
    assert "changes" not in ids(parsed(render(mission())))


def test_numbers_durations_and_sizes_have_charts_with_a_description_if_the_run_has_any() -> None:
    away = passing(combo("modern"), numbers=NUMBERS)
    root = parsed(render(only(passing(combo("legacy"), numbers=replace(NUMBERS, difference=0.0)), away)))
    titles = [text_of(caption) for caption in root.iter("figcaption")]
    assert titles == [
        "Cosine distance from the reference Logarithmic scale.",
        "Largest difference of a component Logarithmic scale.",
        "Import",
        "Encode",
        "Size of the environment",
    ]
    assert "legacy 0; modern 1.5e-07" in text_of(by_id(root, "plot-difference-desc"))
    assert f"legacy {METRICS['import_seconds']:.1f}s" in text_of(by_id(root, "plot-time-0-desc"))
    nothing = cell(combo("a"), Status.NOT_RUN, Phase.RESOLVE, Reason.INTERRUPTED, as_expected=None)
    assert "measured" not in ids(parsed(render(only(nothing))))


def test_a_pass_has_one_command_that_installs_it_and_a_failure_has_a_text_for_an_issue() -> None:
    root = parsed(render(only(passing(combo("good")), diagnosed())))
    command = "pip install --no-deps numpy==1.24.3 sentence-transformers==2.2.2 torch==2.1.2 transformers==4.36.2"
    copied = [text_of(element) for element in classed(by_id(root, "good"), "copy")]
    assert copied == [command]
    assert command in text_of(by_id(root, "good--embedding"))
    (text,) = [block(element) for element in by_id(root, "legacy-loose--embedding").iter("pre") if element.get("class")]
    unlogged = replace(diagnosed(), log=None)
    assert f"{text}\n" == explain_markdown.render(unlogged, run((unlogged,)), run_folder="")


def test_the_page_links_to_the_files_that_are_beside_it_and_to_no_others() -> None:
    files = {"locks/good.txt", "../combos/good/step1.lock", "../logs/bad/embedding.log", "../logs/other.log"}
    bad = cell(combo("bad"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, log="logs/bad/embedding.log")
    root = parsed(render(only(passing(combo("good")), bad), files=files))
    assert [link for link in links(by_id(root, "good")) if link[0] != "#"] == ["locks/good.txt"]
    assert list(links(by_id(root, "good--embedding"))) == ["locks/good.txt", "../combos/good/step1.lock"]
    assert list(links(by_id(root, "bad--embedding"))) == ["../logs/bad/embedding.log"]


def test_packages_that_two_cells_share_are_listed_once() -> None:
    root = parsed(render(only(passing(combo("a")), passing(combo("b")))))
    assert "4 packages in all, the same as in a" in text_of(by_id(root, "b--embedding"))


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (only(), "This run has no cells"),
        (
            only(cell(combo("a"), Status.UNSOLVABLE, Phase.RESOLVE, Reason.CONFLICT, message="no solution")),
            "No combo passed with every probe.",
        ),
        (
            only(cell(combo("a"), Status.NOT_RUN, Phase.RESOLVE, Reason.INTERRUPTED, as_expected=None)),
            "1 was not run",
        ),
    ],
)
def test_a_run_without_results_still_has_a_page(judged: JudgedRun, expected: str) -> None:
    assert expected in text_of(parsed(render(judged)))


@pytest.mark.parametrize("failing", [1, 3])
def test_a_page_of_a_thousand_cells_keeps_within_its_budget_and_has_every_cause_and_fix(
    failing: int,
) -> None:
    judged = large(failing=failing)
    page = render(judged)
    assert len(page.encode()) <= BUDGET < 1024**2
    root = parsed(page)
    assert "To load fast, this page leaves out" in text_of(by_id(root, "left-out"))
    bodies = list(by_id(root, "cells").iter("tbody"))
    assert len(bodies) == 1000
    for shown, body in zip(judged.cells, bodies, strict=True):
        if shown.diagnosis:
            text = text_of(body)
            assert shown.diagnosis.why in text
            assert "numpy<2" in text
    assert page == render(judged)


def test_a_page_that_fits_leaves_nothing_out() -> None:
    root = parsed(render(large(60)))
    assert "left-out" not in ids(root)
    assert "line 59 of what the probe of combo 7 printed" in text_of(root)


def test_a_cause_names_the_probe_if_the_combo_has_several() -> None:
    both = combo("a", probes=("x", "y"))
    judged = of([passing(both, probe="x"), diagnosed(combo=both, probe="y")])
    root = parsed(render(judged))
    assert "a y" in text_of(by_id(root, "causes"))
    assert {"a--x", "a--y"} <= set(ids(root))


def test_a_published_run_has_no_empty_columns_charts_or_links() -> None:
    root = parsed(render(published(mission()), changes=CHANGES))
    headers = [text_of(header) for header in next(by_id(root, "cells").iter("thead")).iter("th")]
    page = text_of(root)

    assert headers == ["Combo", "Verdict", "Python", "numpy", "torch", "sentence-transformers", "transformers"]
    assert "measured" not in ids(root)
    assert {link[1:] for link in links(root) if link.startswith("#")} <= set(ids(root))
    assert "Tested 2026-11-24 Python" in page
    assert "Run it again knowngood run embedding" in page
    for absent in ("Measurements", "Timing", "Log:", "Time ", "UTC", "0.0s", "<1 ms", "Run 2026-11-24"):
        assert absent not in page, absent


def test_a_published_run_with_reused_verdicts_was_tested_on_several_days() -> None:
    reused = only(passing(combo("a")), passing(combo("b"), reused=EARLIER))

    assert "Tested 2026-10-01 to 2026-11-24 Python" in text_of(parsed(render(published(reused))))


def test_without_a_command_the_page_does_not_offer_to_run_anything_again() -> None:
    stable = published(mission())
    stable = replace(stable, run=replace(stable.run, info=replace(stable.run.info, command="")))

    assert "Run it again" in text_of(parsed(render(mission())))
    assert "Run it again" not in text_of(parsed(render(stable)))


def test_every_cell_spans_as_many_columns_as_the_list_has() -> None:
    for judged in (mission(), published(mission()), grid(("3.11", "3.13"))):
        table = by_id(parsed(render(judged)), "cells")
        number = len(list(next(table.iter("thead")).iter("th")))

        assert {cell.get("colspan") for cell in table.iter("td") if cell.get("colspan")} == {str(number)}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("environment_mib", 4877, "environment 4.8 GiB"),
        ("peak_memory_mib", 812, "peak memory 812 MiB"),
        ("import_seconds", 0.25, "import 250 ms"),
        ("import_seconds", math.nan, "import seconds nan"),
        ("seconds", 2.0, "seconds 2"),
        ("sentences_per_second", 128.75, "sentences per second 129"),
        ("build_mib", True, "build mib yes"),
    ],
)
def test_a_metric_is_shown_with_its_unit(name: str, value: float, expected: str) -> None:
    details = by_id(parsed(render(only(passing(combo("a"), metrics={name: value}, checks=())))), "a--embedding")

    assert f"Measurements {expected} Run it again" in text_of(details)


def test_messages_and_output_can_be_scrolled_with_the_keyboard() -> None:
    failed = cell(combo("a"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, message="line\n" * 100)

    assert {element.get("tabindex") for element in parsed(render(only(failed))).iter("pre")} == {"0"}
