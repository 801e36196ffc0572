"""Thousands of combos are resolved in waves, so that the first verdict does not wait for the last lock."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.events import ComboFinished, Event, FactsReused, ProbeFinished, StepResolved
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization
from knowngood.run.executors.local import LocalExecutor
from knowngood.run.stop import Stop
from support.index import Index
from support.runs import matrix, record, request
from support.wheels import build_wheel
from support.workshop import combo

COUNT = 12


def events(
    index: Index, environ: Mapping[str, str], folder: Path, wave: int, optimizations: frozenset[Optimization]
) -> list[Event]:
    """Run combos of which every third is equal to the first, in waves of ``wave``, and return what happened."""
    build_wheel(index.folder, "solid", "1.0")
    combos = tuple(
        combo(("solid==1.0",), name=f"c{number:02}", env=() if number % 3 == 0 else (("KG_N", str(number)),))
        for number in range(COUNT)
    )
    subject = matrix(folder, index.url, combos)
    asked = request(subject, folder / "runs" / "tiny" / "one", environ, optimizations=optimizations)
    return record(replace(asked, executor=lambda site: LocalExecutor(site=site, wave=wave)))


@pytest.mark.parametrize(
    "optimizations", [ALL_OPTIMIZATIONS, frozenset({Optimization.SHARING})], ids=["all", "without cache"]
)
def test_equal_combos_of_several_waves_are_probed_once(
    optimizations: frozenset[Optimization], index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    happened = events(index, environ, tmp_path, 2, optimizations)

    kinds = [type(event) for event in happened]
    assert kinds.count(ComboFinished) == COUNT
    assert kinds.count(FactsReused) == COUNT // 3 - 1
    assert len({event.combo for event in happened if isinstance(event, ProbeFinished)}) == COUNT


@pytest.mark.parametrize(("wave", "waits"), [(2, False), (24, True)])
def test_the_first_verdict_does_not_wait_for_the_locks_of_later_waves(
    wave: int, waits: bool, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    names = [f"solid-{number:02}" for number in range(24)]
    for name in names:
        build_wheel(index.folder, name, "1.0")
    index.delay = 0.5
    probes = {"works": "from probe_api import check\n@check\ndef nothing(): pass\n"}
    subject = matrix(tmp_path, index.url, tuple(combo((name,), name=name) for name in names), probes=probes)
    asked = request(subject, tmp_path / "runs" / "tiny" / "one", environ)

    def end(event: Event, stop: Stop) -> None:
        if isinstance(event, ComboFinished):
            stop("enough")

    happened = record(replace(asked, executor=lambda site: LocalExecutor(site=site, wave=wave)), end)

    before = [type(event) for event in happened]
    resolved = before[: before.index(ComboFinished)].count(StepResolved)
    assert (resolved == len(names)) == waits
