"""Read random files that knowngood keeps for later runs, and random pages of indexes."""

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.cache.environments import PooledEnvironment
from knowngood.declare import selectors as selections
from knowngood.errors import UsageError
from knowngood.install import pages
from knowngood.install.releases import read_page
from knowngood.install.wheelhouse import Wheelhouse, read_wheel
from knowngood.model import Searched, Selection, Wanted
from knowngood.nox import _combos
from knowngood.project import searched
from knowngood.project.runs import Runs
from knowngood.report import history_json
from report.factory import mission
from report.histories import HISTORY
from support.fuzz import changed, fuzzed, show, written
from support.wheels import build_wheel

SEARCHED = Searched(
    verb="fix",
    combo="one",
    about=("numpy",),
    answer="numpy<2 works",
    kind="minimal",
    works=False,
    cells=3,
    run="20260101-000000",
    complete=True,
    headers=("a", "b"),
    rows=(("1", "2"),),
    notes=("a note",),
)
SELECTED = (
    Selection(wanted=Wanted(package="numpy", selector="latest"), versions=(("1.26", "1.26.4"), ("2.0", "2.0.1"))),
)
PAGE: dict[str, Any] = {
    "meta": {"api-version": "1.1"},
    "name": "tool",
    "project-status": {"status": "archived", "reason": "old"},
    "files": [
        {
            "filename": f"tool-{version}-py3-none-any.whl",
            "url": f"../../files/tool-{version}-py3-none-any.whl",
            "hashes": {"sha256": "0f" * 32},
            "requires-python": ">=3.8",
            "size": 1000,
            "upload-time": "2026-01-01T00:00:00Z",
            "yanked": False,
            "core-metadata": {"sha256": "0f" * 32},
        }
        for version in ("1.0", "2.0")
    ],
}
LINKS = """<!doctype html><meta name="pypi:repository-version" content="1.0"><base href="http://host/simple/">
<a href="../tool-1.0.tar.gz#sha256=0f" data-requires-python="&gt;=3.8" data-yanked="bad">tool-1.0.tar.gz</a>
<a href="http://host/tool-2.0-py3-none-any.whl" data-core-metadata="sha256=0f">tool-2.0-py3-none-any.whl</a>"""
SCRAPS = st.sampled_from(
    ["http://[", "//[::1", "#sha256=", "data-", "<", ">", '"', "&#xD800;", "\0", "\x1b", "1" * 5000, "2.0", "é"]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


def texts(document: object) -> st.SearchStrategy[bytes]:
    """Draw the JSON of a document with some parts changed, sometimes cut short."""
    whole = changed(document).map(written)
    return whole | st.tuples(whole, st.integers(0, 500)).map(lambda pair: pair[0][: pair[1]])


@fuzzed(60)
@given(data=texts(asdict(SEARCHED)))
def test_any_record_of_a_search_is_reported_or_passed_over(folder: Path, data: bytes) -> None:
    run = folder / "runs" / SEARCHED.run
    run.mkdir(parents=True, exist_ok=True)
    (run / "search.json").write_bytes(data)

    show(mission(), searches=searched.found_in(run.parent))


@fuzzed(60)
@given(data=texts(selections.to_json(SELECTED)))
def test_any_selections_are_read_or_passed_over(folder: Path, data: bytes) -> None:
    runs, matrices = folder / ".knowngood" / "runs" / "m", folder / "matrices"
    for place in (runs, matrices):
        place.mkdir(parents=True, exist_ok=True)
    (runs / "selections.json").write_bytes(data)
    (matrices / "m.toml").write_text(
        '[[grid]]\nid = "g"\naxes = { numpy = ["latest"] }\nsteps = [["numpy=={numpy}"]]\n'
    )

    assert all(isinstance(name, str) for name, _ in _combos(matrices, None))


@fuzzed(60)
@given(data=texts({"one": 1.5, "two": 2}))
def test_any_durations_are_estimates_or_passed_over(folder: Path, data: bytes) -> None:
    (folder / "durations.json").write_bytes(data)

    assert all(0 <= seconds < 10**8 for seconds in Runs(folder=folder, project=folder).past_seconds().values())


@fuzzed(60)
@given(data=texts(json.loads(history_json.render(HISTORY))))
def test_any_history_is_shown_or_refused_with_a_word(data: bytes) -> None:
    try:
        history = history_json.loads(data, name="history.json")
    except UsageError as refused:
        assert refused.cause and refused.cause.isprintable()
    else:
        show(mission(), history=history)


@fuzzed(60)
@given(data=texts({"fingerprint": "0f"}))
def test_any_record_of_an_environment_is_read_or_passed_over(folder: Path, data: bytes) -> None:
    (folder / "built.jsonl").write_bytes(data + b"\n")

    assert PooledEnvironment(folder=folder).built() is None


@fuzzed(60)
@given(data=st.data())
def test_any_record_of_a_built_wheel_is_used_or_passed_over(folder: Path, data: st.DataObject) -> None:
    house, outside = Wheelhouse(folder=folder / "wheels"), folder / "outside.whl"
    kept = house.put("key", read_wheel(build_wheel(folder / "made", "tool", "1.0")))
    outside.write_bytes(b"not this one")
    record = kept.path.with_name("wheel.json")
    right = {**asdict(kept), "file": kept.path.name}
    del right["path"]
    odd = st.sampled_from(["../../outside.whl", str(outside), "", ".", "\0"])
    record.write_bytes(data.draw(texts(right) | odd.map(lambda file: written({**right, "file": file}))))

    wheel = house.get("key")

    assert wheel is None or (wheel.path.parent == record.parent and isinstance(wheel.version, str))


@fuzzed(200)
@given(body=texts(PAGE), accept=st.sampled_from([pages.JSON, "text/html"]))
def test_any_json_of_an_index_is_a_page_or_not_an_index(body: bytes, accept: str) -> None:
    with contextlib.suppress(pages.NotAnIndexError):
        page = pages.parse(body, pages.JSON, "http://host/simple/tool/", "tool")
        pages.render(page, "tool", accept)
        read_page(page, "3.11")


@fuzzed(200)
@given(
    cuts=st.lists(st.tuples(st.integers(0, len(LINKS)), SCRAPS | st.text(max_size=3)), max_size=4),
    accept=st.sampled_from([pages.JSON, "text/html"]),
)
def test_any_html_of_an_index_is_a_page_or_not_an_index(cuts: list[tuple[int, str]], accept: str) -> None:
    text = LINKS
    for place, scrap in cuts:
        text = text[:place] + scrap + text[place + len(scrap) :]
    with contextlib.suppress(pages.NotAnIndexError):
        page = pages.parse(text.encode("utf-8", "surrogatepass"), "text/html", "http://host/simple/tool/", "tool")
        pages.render(page, "tool", accept)
        read_page(page, "3.11")
