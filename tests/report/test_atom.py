"""The Atom feed: its entries, their ids, and the text in them."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowngood.judge.changes import compare, snapshots
from knowngood.model import Change, ChangeKind, JudgedRun, Status
from knowngood.report import atom
from report.factory import combo, mission, only, passing, whole
from report.hostile import CORPUS, anything, dangerous, poisoned

GOLDEN = Path(__file__).parent / "golden" / "feed.xml"
ATOM = "{http://www.w3.org/2005/Atom}"
TEXTS = st.lists(anything(), min_size=1, max_size=12)


def change(kind: ChangeKind, name: str = "legacy", **more: object) -> Change:
    base = Change(combo=name, probe="embedding", kind=kind, before="pass", after="fail", why="in probe: it broke")
    return replace(base, **more)  # type: ignore[arg-type]


PACKAGES = (("numpy", "1.24.3", "2.4.6"), ("python", "3.11.7", "3.11.8"), ("triton", None, "3.9.0"))
CHANGES = (
    change(ChangeKind.STILL_PASS, "same"),
    change(ChangeKind.FIXED, "repaired", before="fail", after="pass", why="it was fail in probe"),
    change(ChangeKind.INCONCLUSIVE, "cut-off", after="infra", why="in install: connection refused"),
    change(ChangeKind.REGRESSED, "legacy", packages=PACKAGES),
    change(ChangeKind.NEW, "new", before=None),
    change(ChangeKind.CHANGED_FAIL, "other", before="fail"),
    change(ChangeKind.MOVED, "drifting", after="moved"),
    change(ChangeKind.GONE, "gone", after=None),
)


def feed(judged: JudgedRun, changes: tuple[Change, ...] = ()) -> Element:
    """Return a parsed feed; fail if it lacks anything that RFC 4287 requires."""
    root = ElementTree.fromstring(atom.render(judged, changes).encode())
    assert root.tag == f"{ATOM}feed"
    assert root.find(f"{ATOM}author/{ATOM}name") is not None
    assert root.find("author") is None
    for element in (root, *root.iter(f"{ATOM}entry")):
        assert text(element, "title")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text(element, "updated"))
        assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text(element, "id"))
        for tag in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{tag}")) == 1
    for entry in root.iter(f"{ATOM}entry"):
        content = entry.find(f"{ATOM}content")  # an entry without content needs a link
        assert content is not None and content.get("type") == "text" and len(content) == 0
    assert len(set(ids(root))) == len(ids(root))
    return root


def text(of: Element, tag: str) -> str:
    return of.findtext(f"{ATOM}{tag}") or ""


def entries(root: Element) -> list[Element]:
    return root.findall(f"{ATOM}entry")


def ids(root: Element) -> list[str]:
    return [text(root, "id"), *(text(entry, "id") for entry in entries(root))]


def test_the_feed_is_the_golden_one() -> None:
    assert atom.render(mission(), CHANGES) == GOLDEN.read_text(encoding="utf-8")


def test_each_change_that_matters_is_an_entry_and_regressions_come_first() -> None:
    listed = entries(feed(mission(), CHANGES))
    kinds = [category.get("term") for entry in listed for category in entry.iter(f"{ATOM}category")]
    assert kinds == ["regressed", "changed-fail", "moved", "fixed", "inconclusive"]
    assert text(listed[0], "title") == "legacy regressed (pass -> fail)"
    assert text(listed[0], "content") == (
        "in probe: it broke.\n"
        "Packages that differ: numpy 1.24.3 -> 2.4.6, python 3.11.7 -> 3.11.8, triton absent -> 3.9.0."
    )
    assert text(listed[0], "updated") == "2026-11-24T07:10:00Z"


def test_a_real_comparison_with_an_older_run_becomes_entries() -> None:
    now = whole(mission())
    before = [
        replace(snapshot, status=Status.PASS) if snapshot.combo == "legacy-numpy2" else snapshot
        for snapshot in snapshots(now)
    ]
    (entry,) = entries(feed(now, compare(before, snapshots(now))))
    assert text(entry, "title").startswith("legacy-numpy2 regressed")


def test_without_a_baseline_the_run_itself_is_the_entry() -> None:
    (entry,) = entries(feed(mission()))
    assert text(entry, "title") == "Sentence embeddings on the CPU: run 20261124-071000-7f3a"
    assert text(entry, "content").startswith("7 combos, 7 cells: 1 pass, ")
    assert "modern-loose: UNEXPECTED PASS" in text(entry, "content")


def test_a_run_that_changed_nothing_is_a_feed_without_entries() -> None:
    assert not entries(feed(mission(), (change(ChangeKind.STILL_PASS), change(ChangeKind.STILL_FAIL, "b"))))


def test_ids_stay_when_the_feed_is_rendered_again_and_are_new_for_another_run() -> None:
    judged = mission()
    info = replace(judged.run.info, id="20261125-071000-0000", title="Another title")
    other = replace(judged, run=replace(judged.run, info=info))
    assert ids(feed(judged, CHANGES)) == ids(feed(whole(judged), CHANGES[::-1]))
    assert ids(feed(judged, CHANGES))[0] == ids(feed(other, CHANGES))[0]
    assert not set(ids(feed(judged, CHANGES))[1:]) & set(ids(feed(other, CHANGES)))


def test_long_lists_are_cut() -> None:
    many = tuple((f"p{number}", "1", "2") for number in range(25))
    (entry,) = entries(feed(mission(), (change(ChangeKind.REGRESSED, packages=many),)))
    assert text(entry, "content").endswith("p19 1 -> 2, and 5 more packages.")
    (entry,) = entries(feed(only(*(passing(combo(f"c{number}"), as_expected=False) for number in range(23)))))
    assert text(entry, "content").endswith("\nand 3 more cells.")


def test_a_combo_with_several_probes_is_named_with_the_probe() -> None:
    both = combo("legacy", probes=("embedding", "numbers"))
    judged = only(passing(both), passing(both, probe="numbers"))
    (entry,) = entries(feed(judged, (change(ChangeKind.REGRESSED),)))
    assert text(entry, "title").startswith("legacy embedding regressed ")


@pytest.mark.parametrize("raw", [*CORPUS, "not in XML: \ufffe \uffff"])
def test_a_run_full_of_one_hostile_text_is_inert(raw: str) -> None:
    assert_inert(lambda: raw)


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_any_hostile_text_is_parsed_and_inert(texts: list[str]) -> None:
    assert_inert(cycle(texts).__next__)


def assert_inert(say: Callable[[], str]) -> None:
    judged = poisoned(say)
    changes = tuple(
        change(kind, f"{say()}{number}", probe=say(), why=say(), packages=((say(), say(), None),))
        for number, kind in enumerate(ChangeKind)
    )
    for rendered, count in ((changes, len(atom.ENTRIES)), ((), 1)):
        shown = atom.render(judged, rendered)
        assert shown == atom.render(judged, rendered)
        assert not dangerous(shown.replace("\n", "").replace("\t", ""))
        root = feed(judged, rendered)
        assert len(entries(root)) == count
        texts = [
            part
            for element in root.iter()
            for part in (element.text or "", element.tail or "", *element.attrib.values())
        ]
        assert not dangerous("".join(texts).replace("\n", "").replace("\t", ""))
