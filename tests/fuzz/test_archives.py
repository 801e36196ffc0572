"""Read random files from elsewhere: exported caches, ``matrix.json``, and what is kept beside runs."""

import contextlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.test_logs import BROKEN
from knowngood.cache.keys import key
from knowngood.cache.verdicts import Entry, Verdicts, take_in
from knowngood.errors import UsageError
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    EnvironmentCreated,
    ProbeFinished,
    RunFinished,
    RunStarted,
    fold,
)
from knowngood.model import Reused
from knowngood.report import matrix_json, matrix_reader
from knowngood.run.reuse import replayed
from report.factory import mission
from support.facts import action, attempt, combo, info
from support.fuzz import changed, fuzzed, report, show, written

INGREDIENTS: dict[str, Any] = {"steps": [{"lock": "ab"}], "timeout": 600.0, "environment": {"A": "b"}}
ENTRY = Entry(
    reused=Reused(run="r", combo="one", recorded="2026-01-01T00:00:00+00:00", key=key(INGREDIENTS)),
    matrix="m",
    statuses={"works": "fail"},
    ingredients=INGREDIENTS,
    events=(
        EnvironmentCreated(combo="one", action=action(), python_version="3.11.7"),
        ProbeFinished(combo="one", probe="works", action=action(), transcript=attempt(BROKEN).transcript),
    ),
    reads={"probes/a.py": "0f"},
)
LINES = [json.loads(line) for line in ENTRY.lines().splitlines()]
DOCUMENT = json.loads(matrix_json.render(mission()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archives")


@st.composite
def entries(draw: st.DrawFn) -> bytes:
    """Draw an entry with some parts changed, mostly with the key that belongs to it."""
    lines = draw(changed(LINES, most=4))
    lines = lines if isinstance(lines, list) else LINES
    if draw(st.integers(0, 4)) and lines and isinstance(lines[0], dict):
        with contextlib.suppress(ValueError, KeyError, RecursionError, TypeError):
            lines[0]["key"] = key(json.loads(written(lines[0]["ingredients"])))
    data = b"\n".join(map(written, lines)) + b"\n"
    return data if draw(st.integers(0, 9)) else data[: draw(st.integers(0, len(data)))]


@fuzzed(100)
@given(data=entries(), damage=st.none() | st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=8)))
def test_any_archive_is_imported_or_refused_and_what_is_imported_can_be_reported(
    folder: Path, data: bytes, damage: tuple[int, bytes] | None
) -> None:
    archive, verdicts = folder / "known.zip", Verdicts(folder=folder / "verdicts")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written_archive:
        written_archive.writestr("one.jsonl", data)
    if damage is not None:
        whole = bytearray(archive.read_bytes())
        place = damage[0] % len(whole)
        whole[place : place + len(damage[1])] = damage[1]
        archive.write_bytes(whole)
    try:
        taken = take_in(verdicts, archive)
    except (OSError, zipfile.BadZipFile):
        return
    assert taken.added + taken.refused + taken.known <= 1
    for stored in list(verdicts):
        entry = verdicts.get(stored.key.partition("-")[0])
        assert entry is not None and entry.reused.archive == "known.zip"
        events = (*replayed(entry, "one", is_built=False), ComboFinished(combo="one"), RunFinished())
        run = fold([RunStarted(info=info("one"), combos=(combo("one"),)), ComboStarted(combo="one"), *events])
        assert run is not None
        report(run)
        stored.path.unlink()


@fuzzed(60)
@given(document=changed(DOCUMENT, most=3), cut=st.none() | st.integers(0, 5000))
def test_any_matrix_json_can_be_reported_or_is_refused_with_a_word(document: object, cut: int | None) -> None:
    try:
        judged = matrix_reader.loads(written(document)[:cut])
    except UsageError as refused:
        assert refused.cause and str(refused).isprintable() and refused.cause.isprintable()
    else:
        show(judged)
