"""What is published: the same verdicts and versions give the same bytes, but for the day."""

import json
import re
from dataclasses import replace

import pytest

from knowngood.model import (
    Action,
    Array,
    Cell,
    Change,
    ChangeKind,
    Check,
    Confidence,
    Cover,
    Diagnosis,
    Ending,
    EnvironmentFacts,
    Exit,
    Frame,
    Group,
    IndexChoice,
    JudgedRun,
    Numbers,
    Outcome,
    Pair,
    Phase,
    ProbeFacts,
    Raised,
    Reason,
    Reused,
    Run,
    RunInfo,
    Seconds,
    Status,
    StepFacts,
    Transcript,
    UnsolvablePair,
    Verdict,
)
from knowngood.report.formats import FORMATS, PUBLISHED, FormatName, ReportContext
from knowngood.report.publication import command, publication, published, stable
from report.factory import combo, only, passing

FIRST, SECOND = 1, 2
"""Two executions of one matrix, on two days, in two places, with the same verdicts and versions."""
DAYS = {FIRST: "2026-11-24", SECOND: "2026-11-28"}


def executed(number: int, *, reused: bool = False) -> JudgedRun:
    """Return the judged run of an execution: all that is measured, named or placed by it depends on ``number``."""
    home = f"/home/me{number}/work"
    site = f"{home}/.knowngood/envs/{number}{number}/lib/python3.11/site-packages"
    temporary = f"/tmp/tmp{'abcdefgh' if number == FIRST else 'x9_kq01z'}/"
    address = f"0x7f{number}{number}aa00bb00"
    run_id = f"{DAYS[number].replace('-', '')}-0{number}1000-{number}237f3a"
    origin = Reused(run=f"2026110{number}-101112-{number}237f3a", combo="x", recorded=f"2026-11-0{number}", key="k")
    taken = origin if reused else None
    good = combo("good", "NumPy 2", steps=(("numpy==2.3.5",), (f"tool @ file://{home}/tool.whl",)))
    bad = combo("bad", steps=(("numpy==2.3.5",), ("torch==2.1.2",)))
    dead = combo("dead")
    vectors = Array(dtype="float32", shape=(1, 2), encoding="f4", data=f"AACAPwAA{number}AA=")
    measured: dict[str, bool | int | float | str | None] = {
        "import_seconds": number / 10,
        "sentences_per_second": 100 + number,
        "peak_memory_mib": 800 + number,
        "dimension": 384,
        "device": f"cpu, read from {temporary}model",
    }
    cells = (
        passing(
            good,
            checks=(
                Check(
                    name="vectors",
                    outcome=Outcome.PASSED,
                    seconds=number / 7,
                    metrics=measured,
                    arrays={"vectors": vectors},
                ),
            ),
            metrics=measured,
            seconds=Seconds(resolve=number, create=number, install=number, probe=number),
            attempts=number,
            warnings=tuple(
                sorted([f"{address} leaked", f"{site}/x/y.py:3: DeprecationWarning: z"], reverse=number == FIRST)
            ),
            numbers=Numbers(
                cosine=1 - number * 1e-7,
                difference=1.2e-7 * number,
                norm=1.1e-8 * number,
                dtype=None,
                order_changed=False,
                finite=True,
                moved=False,
                says=f"the same (cosine {1 - number * 1e-6:.6f}, largest difference {1.2e-7 * number:.2g}): fine",
            ),
            reused=taken,
        ),
        Cell(
            combo=bad,
            probe="embedding",
            python="3.11.7",
            verdict=Verdict(status=Status.FAIL, phase=Phase.PROBE, reason=Reason.CHECK_FAILED),
            as_expected=False,
            check="encode",
            message=f"TypeError: <Model object at {address}> in {site}/torch/nn/module.py, see {temporary}log",
            checks=(
                Check(
                    name="encode",
                    outcome=Outcome.FAILED,
                    seconds=number / 9,
                    message=f"TypeError: <Model object at {address}>",
                    raised=(
                        Raised(
                            type="builtins.TypeError",
                            message=f"<Model object at {address}> of process {number}4711",
                            frames=(
                                Frame(file=f"{temporary}probe.py", line=3, function="encode", text="model(1)"),
                                Frame(file=f"{site}/torch/nn/module.py", line=9, function="call", text="raise"),
                            ),
                        ),
                    ),
                ),
            ),
            installed={"torch": "2.1.2", "numpy": "2.3.5"},
            seconds=Seconds(install=number, probe=number),
            log=f"logs/{number}.log",
            diagnosis=Diagnosis(
                culprit="numpy",
                conflicts_with="torch",
                why=f"torch was built for NumPy 1, says {site}/torch/_C.so",
                evidence=(f"at 0{number}:10:11.123 on 127.0.0.1:4{number}000", "0x1000009 is its ABI"),
                fix=("numpy<2",),
                confidence=Confidence.LIKELY,
            ),
            reused=taken,
        ),
        Cell(
            combo=dead,
            probe="embedding",
            python="3.11.7",
            verdict=Verdict(status=Status.CRASH, phase=Phase.PROBE, reason=Reason.SIGNALLED),
            as_expected=False,
            check="encode",
            message=f"died of SIGSEGV, in check 'encode', at {site}/torch/nn/module.py:9 in call",
            installed={"torch": "2.1.2"},
            reused=taken,
        ),
    )
    output = (
        f"Resolved in {number}ms",
        "Fatal Python error: Segmentation fault",
        f"Current thread {address} (most recent call first):",
        f'  File "{site}/torch/nn/module.py", line 9 in call',
        f'  File "{temporary}probe.py", line 3 in f',
    )
    crashed = Action(
        exit=Exit(ending=Ending.SIGNALLED, signal="SIGSEGV", peak_memory=number),
        seconds=number,
        log=f"logs/{number}.log",
        output="\n".join(output),
    )
    probed = ProbeFacts(probe="embedding", action=crashed, transcript=Transcript(hello=True))
    judged = only(*cells)
    combos = tuple(
        replace(
            facts,
            environment_bytes=number * 10_000_000,
            environment=EnvironmentFacts(remarks=(f"two OpenMP runtimes: {site}/a/x.so",)),
            create=replace(crashed, exit=Exit(ending=Ending.EXITED, code=0)),
            probes=(probed,),
            steps=(StepFacts(number=1, requirements=("torch==2.1.2",), resolved={"torch": "2.1.2"}, install=crashed),),
            reused=taken,
        )
        for facts in judged.run.combos
    )
    info: RunInfo = replace(
        judged.run.info,
        id=run_id,
        started=f"{DAYS[number]}T0{number}:10:00+00:00",
        command=f"knowngood run {home}/matrices/embedding.toml --state-dir /tmp/state{number}",
    )
    index = IndexChoice(
        name="cpu", asked=f"file://{home}/wheels", used="default", packages=("torch",), why=f"no {home}/wheels/a"
    )
    run: Run = replace(judged.run, info=info, combos=combos, indexes=(index,))
    return JudgedRun(run=run, cells=cells, groups=(Group(cause=cells[1].message, cells=(cells[1],)),))


def rendered(judged: JudgedRun, name: FormatName) -> str:
    """Return what is published in a format, with the day of every execution replaced by one word."""
    address = "0x7f11aa00bb00" if judged.run.info.started.startswith(DAYS[FIRST]) else "0x7f22aa00bb00"
    change = Change(
        combo="bad",
        probe="embedding",
        kind=ChangeKind.REGRESSED,
        before="pass",
        after="fail",
        why=f"encode: <Model object at {address}> in /tmp/tmpabcdefgh/a/b/c",
        packages=(("torch", "2.1.1", "2.1.2"),),
    )
    shown = FORMATS[name].render(publication(ReportContext(judged=judged, changes=(change,))))
    shown = re.sub("|".join([*DAYS.values(), "2026-11-01", "2026-11-02"]), "DAY", shown)
    # The oldest verdict and the run may have two days.
    return re.sub(r"(<time[^>]*>DAY</time>|DAY) to (<time[^>]*>DAY</time>|DAY)", r"\1", shown)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(("first", "second"), [(False, False), (False, True), (True, True)])
def test_two_executions_with_the_same_verdicts_and_versions_are_published_alike_but_for_the_day(
    name: FormatName, first: bool, second: bool
) -> None:
    before, after = rendered(executed(FIRST, reused=first), name), rendered(executed(SECOND, reused=second), name)

    if name is FormatName.ATOM:  # an entry is a new one on a new day
        before, after = (re.sub("urn:uuid:[0-9a-f-]+", "ID", text) for text in (before, after))
    assert before == after


@pytest.mark.parametrize("name", PUBLISHED)
def test_nothing_that_is_published_holds_an_absolute_path_an_address_or_a_timing(name: FormatName) -> None:
    shown = rendered(executed(FIRST), name)

    assert re.findall(r"/home/|/tmp/|tmpabcd|0x7f|4711|\bDAYT(?!00:00:00Z)|\d ms\b|\d MB\b|logs/", shown) == []


def test_what_the_verdicts_depend_on_is_kept() -> None:
    judged = published(executed(FIRST))
    good, bad, dead = judged.cells

    assert [cell.verdict for cell in judged.cells] == [cell.verdict for cell in executed(FIRST).cells]
    assert dict(good.metrics) == {"device": "cpu, read from .../model", "dimension": 384}
    assert good.numbers is not None
    assert good.numbers.says == "the same (cosine 1.0000, largest difference 1e-06): fine"
    assert bad.message == "TypeError: <Model object at 0x...> in torch/nn/module.py, see .../log"
    assert bad.diagnosis is not None
    assert bad.diagnosis.evidence[1] == "0x1000009 is its ABI"
    assert bad.installed == {"torch": "2.1.2", "numpy": "2.3.5"}
    assert judged.groups[0].cells == (bad,)
    assert 'line 9 in call\n  File "/probe.py", line 3 in f' in judged.run.combos[2].probes[0].action.output
    assert dead.message.endswith("at torch/nn/module.py:9 in call")


def test_the_id_is_the_day_of_the_run_and_the_start_is_the_day_of_the_oldest_verdict() -> None:
    fresh, reused = published(executed(SECOND)).run.info, published(executed(SECOND, reused=True)).run.info

    assert (fresh.id, fresh.started) == ("2026-11-28", "2026-11-28")
    assert (reused.id, reused.started) == ("2026-11-28", "2026-11-02")


def test_a_feed_is_dated_by_its_run_even_when_its_verdicts_are_older() -> None:
    shown = FORMATS[FormatName.ATOM].render(publication(ReportContext(judged=executed(SECOND, reused=True))))

    assert "<updated>2026-11-28T00:00:00Z</updated>" in shown


def test_what_is_published_is_published_again_as_it_is() -> None:
    once = published(executed(FIRST))

    assert published(once) == once


def test_a_flaky_cell_keeps_its_attempts() -> None:
    flaky = passing(combo("a"), attempts=3, flaky="2/3")

    assert published(only(flaky)).cells[0].attempts == 3


def test_published_json_is_read_back() -> None:
    shown = FORMATS[FormatName.JSON].render(publication(ReportContext(judged=executed(FIRST))))

    assert json.loads(shown)["run"]["started"] == "2026-11-24"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("knowngood run embedding", "knowngood run embedding"),
        ("knowngood run matrices/embedding.toml", "knowngood run embedding"),
        ("knowngood run /home/me/matrices/embedding.toml", "knowngood run embedding"),
        ("knowngood run /home/me/other.toml", "knowngood run other.toml"),
        ("knowngood run other/compat.toml --keep", "knowngood run other/compat.toml --keep"),
        ("knowngood run m --state-dir /tmp/x --report-dir=/tmp/y", "knowngood run m"),
        ("/usr/bin/python3 -m knowngood run 'a b'", "python3 -m knowngood run 'a b'"),
        ("unclosed ' in /home/me/a/log", "unclosed ' in .../log"),
    ],
)
def test_a_command_is_published_as_it_works_in_any_copy_of_the_project(text: str, expected: str) -> None:
    assert command(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.org/a/b/c.html", "see https://example.org/a/b/c.html"),
        ("and/or 3/4 numpy/core", "and/or 3/4 numpy/core"),
        ("</details> </a/b>", "</details> </a/b>"),
        ("/tmp/x and /usr/lib/y.so", ".../x and .../y.so"),
        ("compiled against ABI version 0x1000009", "compiled against ABI version 0x1000009"),
        ("<object at 0x1e4c2b0>", "<object at 0x...>"),
        ("2026-11-24 10:11:12,345 WARNING", "2026-11-24 WARNING"),
        ("2026-11-24T10:11:12+00:00 WARNING", "2026-11-24 WARNING"),
        ("uploaded 2024-06-16", "uploaded 2024-06-16"),
        ("1 failed in 0.12s, Resolved in 12 ms", "1 failed, Resolved"),
        ("did not answer in 10 s", "did not answer in 10 s"),
        ("tmp_path and .tmpAbC123", "tmp_path and tmp"),
        ("python 3.11.7", "python 3.11.7"),
    ],
)
def test_a_message_keeps_its_words_and_loses_what_differs_between_runs(text: str, expected: str) -> None:
    assert stable(text) == expected


def test_what_a_cover_left_out_is_published_without_what_differs_from_machine_to_machine() -> None:
    pair = Pair(grid=0, values=(("numpy", "2"), ("torch", "2.1")))
    never = UnsolvablePair(pair=pair, why="no wheel in /home/me1/work/index")
    run = replace(executed(FIRST).run, cover=Cover(strength=2, left_out=(combo("rest"),), unsolvable=(never,)))
    cover = published(replace(executed(FIRST), run=run)).run.cover

    assert cover is not None
    assert [left_out.id for left_out in cover.left_out] == ["rest"]
    assert [pair.why for pair in cover.unsolvable] == ["no wheel in .../index"]
