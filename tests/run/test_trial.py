"""Trials of fixes, for real: the set that a fix leads to is built, and the probe runs in it once."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import pytest

from knowngood.events import Event, ProbeFinished, QuestionAnswered
from knowngood.model import ComboFacts, Status, Trial
from knowngood.run.context import prepare
from knowngood.run.evaluate import evaluate
from knowngood.run.stop import Stop
from knowngood.run.trial import Trials
from support.index import Index
from support.runs import cells, machine, matrix, names, record, request, task
from support.wheels import build_wheel
from support.workshop import combo

COMBO = combo(("user==1.0",), name="one")


def stock(index: Index) -> None:
    """Serve a user of what lib 2 and then dep 2 lack: to go back with lib alone is not enough."""
    source = "from lib import gone\nfrom dep import lost\n"
    build_wheel(index.folder, "user", "1.0", requires=("lib", "dep"), files={"user.py": source})
    for version in ("1.0", "2.0"):
        has = version == "1.0"
        build_wheel(index.folder, "lib", version, files={"lib.py": "gone = 1\n" if has else ""})
        build_wheel(index.folder, "dep", version, files={"dep.py": "lost = 1\n" if has else ""})


def trials(events: list[Event]) -> list[tuple[tuple[str, ...], Any]]:
    answered = [event for event in events if isinstance(event, QuestionAnswered) and isinstance(event.question, Trial)]
    return [(event.question.requirements, event.answer) for event in answered if isinstance(event.question, Trial)]


def test_a_fix_that_leads_to_another_failure_is_completed_by_trials(
    index: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    stock(index)
    subject = matrix(tmp_path, index.url, (COMBO,), probes={"works": "import user\n"})
    folder = tmp_path / "runs" / "tiny" / "first"

    events = record(request(subject, folder, environ))

    diagnosis = cells(events)["one"].diagnosis
    assert diagnosis is not None
    assert (diagnosis.culprit, diagnosis.fix) == ("lib", ("lib<2", "dep<2"))
    (first, failed), (second, passed) = trials(events)
    assert (first, second) == (("user==1.0", "lib<2"), ("user==1.0", "lib<2", "dep<2"))
    assert failed[:1] == ("fail",) and "cannot import name 'lost'" in failed[1]
    assert passed == ("pass",)
    # Only the answers are recorded, and no environment is left.
    assert {getattr(event, "combo", "one") for event in events} == {"one"}
    assert not list(folder.rglob("one.trial*/env"))


def test_nothing_is_tried_with_what_the_probe_of_a_user_may_do_outside_of_its_folder(
    index: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    stock(index)
    subject = matrix(tmp_path, index.url, (COMBO,), probes={"works": "import user\n"})
    subject = replace(subject, probes=tuple(replace(probe, network=True) for probe in subject.probes))

    events = record(request(subject, tmp_path / "runs" / "tiny" / "second", environ))

    diagnosis = cells(events)["one"].diagnosis
    assert diagnosis is not None
    assert diagnosis.fix == ("lib<2",)
    assert trials(events) == [(("user==1.0", "lib<2"), None)]


def test_a_combo_whose_trial_is_cut_short_keeps_its_verdict_and_is_not_reused(
    index: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    stock(index)
    sleeps = "import lib, time\nif hasattr(lib, 'gone'): time.sleep(60)\nimport user\n"
    subject = matrix(tmp_path, index.url, (COMBO,), probes={"works": sleeps})
    folder = tmp_path / "runs" / "tiny" / "cut"

    def stop_when_tried(event: Event, stop: Stop) -> None:
        if isinstance(event, ProbeFinished):
            Thread(target=wait_and_stop, args=(stop,)).start()

    def wait_and_stop(stop: Stop) -> None:
        while not (folder / "combos" / "one.trial1" / "works.1").exists():
            sleep(0.02)
        stop("the test")

    events = record(request(subject, folder, environ), stop_when_tried)

    assert (cells(events)["one"].verdict.status, names(events).count("combo-finished")) == (Status.FAIL, 1)
    assert trials(events) == [(("user==1.0", "lib<2"), None)]
    again = record(request(subject, tmp_path / "runs" / "tiny" / "again", environ, tries_fixes=False))
    assert "facts-reused" not in names(again), "the next run makes the trial"


def test_a_search_tries_nothing_twice(index: Index, tmp_path: Path, environ: Mapping[str, str]) -> None:
    stock(index)
    subject = matrix(tmp_path, index.url, (COMBO,), probes={"works": "import user\n"})

    events = record(request(subject, tmp_path / "runs" / "tiny" / "third", environ, tries_fixes=False))

    assert trials(events) == [(("user==1.0", "lib<2"), None)]
    assert "question-answered" in names(events)


@pytest.mark.parametrize(("sizes", "answer"), [((10**9, 0), None), ((10**7, 10**7), None), ((10**7, 10**4), ("pass",))])
def test_what_is_too_large_to_be_tried_by_the_way_is_not_built(
    sizes: tuple[int, int], answer: object, index: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    stock(index)
    question = Trial(requirements=("lib<2",))
    subject = task(COMBO, index.url, probe="import lib\n")
    home = machine(environ, tmp_path / "cache")
    folder, project = tmp_path / "run", tmp_path
    with prepare(
        subject.settings, machine=home, folder=folder, environments=tmp_path / "kept", stop=Stop(), project=project
    ) as context:
        trials = Trials(task=subject, context=context, evaluate=evaluate, sizes=lambda versions: sizes)

        assert trials.answer(question, ComboFacts(combo=COMBO)) == answer

    assert not list(folder.rglob("env"))
