"""Check the benchmark on made-up numbers; nothing here depends on the speed of the machine."""

import itertools
import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.request
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from bench import cluster, figures, plot, promises, results, searches, tiny
from bench.figures import Figure, Kind
from bench.measure import CommandError, Sample, environment, measure
from bench.peers import peers
from bench.results import Part
from bench.work import Place, Work, discard, outcomes, write_probes
from knowngood.model import Probe
from knowngood.probe.launch import Launcher
from knowngood.process import Processes
from knowngood.project.project import Project
from knowngood.run.host import cores
from support.workshop import PYTHON, combo

BENCH = Path(figures.__file__).parent
GOLDEN = Path(__file__).parent / "golden"


def seconds(*values: float) -> tuple[Sample, ...]:
    return tuple(Sample(seconds=value, cpu=2 * value) for value in values)


def part(**series: tuple[Sample, ...]) -> Part:
    return Part(
        measured="2026-11-24",
        rounds=3,
        machine={"cpu": "A CPU", "cores": "2 cores"},
        versions={"Python": "3.11.7", "uv": "0.13.9"},
        series=series,
    )


def parts() -> dict[str, Part]:
    """Return a figure that is met, one that is not, one of each kind, and no part ``start``."""
    six = part(
        **{
            figures.FLOOR: seconds(10.0, 14.5, 12.0),
            figures.FIRST: seconds(20.0, 30.0, 25.0),
            figures.TOX: seconds(25.0, 30.0, 50.0),
            figures.UNCHANGED: seconds(1.2, 1.25, 1.3),
            figures.BARE: seconds(0.6, 0.65, 0.8),
        }
    )
    small = part(
        **{
            figures.sized(figures.FIRST, 100): (Sample(seconds=9.0, cpu=12.0),),
            figures.sized(figures.LOOP, 100): (Sample(seconds=4.0, cpu=7.5),),
            figures.sized(figures.FIRST, 1000): (Sample(seconds=80.0, cpu=120.0, memory=120 * 2**20),),
        }
    )
    return {"tiny": small, "six": six}


def golden(name: str, text: str) -> str:
    """Return the text of a golden file; KG_WRITE_GOLDENS writes it first."""
    path = GOLDEN / name
    if os.environ.get("KG_WRITE_GOLDENS"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def test_the_page_shows_each_figure_with_limit_spread_and_whether_it_is_met() -> None:
    page = results.render(parts(), "Why the first run is slow.\n")

    assert page == golden("RESULTS.md", page)


def test_stored_results_are_read_back_and_make_the_same_page() -> None:
    text = results.dump(parts())

    assert results.render(results.load(text), "") == results.render(parts(), "")
    assert results.dump(results.load(text)) == text


def test_a_ratio_is_the_median_of_the_ratios_of_all_rounds_and_not_a_ratio_of_medians() -> None:
    figure = Figure(part="six", what="", limit=2.2, kind=Kind.RATIO, of="ours", against="theirs")
    series = {"ours": seconds(1.0, 6.0, 2.0), "theirs": seconds(1.0, 2.0, 4.0)}

    assert figure.values(series) == (1.0, 3.0, 0.5)
    assert figure.met(series) is True
    assert figures.ratio(series["ours"], series["theirs"]) == 1.0


def test_a_figure_that_was_not_measured_is_neither_met_nor_missed() -> None:
    figure = Figure(part="six", what="", limit=2.2, kind=Kind.RATIO, of="ours", against="theirs")

    assert figure.met({"ours": seconds(1.0)}) is None


def test_each_kind_of_figure_has_its_own_unit() -> None:
    series = {
        "ours": (Sample(seconds=3.0, cpu=9.0, memory=64 * 2**20),),
        "theirs": (Sample(seconds=2.0, cpu=4.0),),
    }

    def value(kind: Kind) -> tuple[float, ...]:
        return Figure(part="", what="", limit=1, kind=kind, of="ours", against="theirs", cells=100).values(series)

    assert value(Kind.SECONDS) == (3.0,)
    assert value(Kind.BEYOND) == (1.0,)
    assert value(Kind.CPU_PER_CELL) == (50.0,)  # milliseconds
    assert value(Kind.MEMORY) == (64.0,)  # MiB


def test_the_plot_has_a_line_for_each_series_and_logarithmic_scales() -> None:
    points = ((10, 0.1), (100, 1.0), (1000, 10.0))
    drawn = plot.render({"ours & fast": points, "theirs": ((10, 0.3), (1000, 30.0))}, "Seconds")

    assert drawn == golden("linear.svg", drawn)
    marks = ElementTree.fromstring(drawn).findall(".//{*}g[@class='l0']/{*}circle")
    places = [(float(mark.attrib["cx"]), float(mark.attrib["cy"])) for mark in marks]
    across, down = zip(*((b[0] - a[0], a[1] - b[1]) for a, b in itertools.pairwise(places)), strict=True)
    assert across[0] == pytest.approx(across[1], abs=0.2)
    assert down[0] == pytest.approx(down[1], abs=0.2)
    assert all(step > 0 for step in (*across, *down))


@pytest.mark.parametrize("combos", figures.SIZES)
def test_a_tiny_matrix_has_the_given_number_of_combos_all_different(tmp_path: Path, combos: int) -> None:
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "tiny.py").write_text(tiny.PROBE, encoding="utf-8")
    (tmp_path / "tiny.toml").write_text(tiny.matrix(combos, "http://127.0.0.1:1/simple"), encoding="utf-8")

    declared = Project.open(tmp_path / "tiny.toml").matrix.combos

    assert len({combo.steps for combo in declared}) == len(declared) == combos


def test_the_index_has_the_wheels_of_every_tiny_combo_and_allows_caching(tmp_path: Path) -> None:
    with tiny.serve(tmp_path) as url, urllib.request.urlopen(f"{url}/tiny-left/") as answer:
        page, caching = answer.read().decode(), answer.headers["Cache-Control"]
        with urllib.request.urlopen(f"{url.removesuffix('/simple')}/files/tiny_right-1.0-py3-none-any.whl") as wheel:
            assert "immutable" in wheel.headers["Cache-Control"]

    assert caching == "max-age=600"
    wheels = {tiny.step(number)[0].replace("==", "-").replace("tiny-left", "tiny_left") for number in range(tiny.MOST)}
    assert all(f"{name}-py3-none-any.whl" in page for name in wheels)


def test_there_are_six_real_combos_that_need_no_other_index_and_a_hundred_to_plan() -> None:
    declared = Project.open(BENCH / "matrices" / "six.toml").matrix

    assert len(declared.combos) == 6
    assert declared.indexes == ()
    assert len(Project.open(BENCH / "matrices" / "hundred.toml").matrix.combos) == 100


def test_a_probe_of_the_benchmark_runs_exactly_as_knowngood_runs_it(tmp_path: Path) -> None:
    source = """
import gc, os, sys
from probe_api import asset, check, pins, record

@check
def sees():
    record(
        environ=str(sorted(os.environ.items())),
        arguments=str(sys.orig_argv[1:-1]),
        flags=str(sys.flags),
        cwd=os.getcwd(),
        files=str(os.listdir() + os.listdir(os.environ["HOME"]) + os.listdir(os.environ["TMPDIR"])),
        garbage=str(gc.get_threshold()),
        pins=str(pins()),
        model=asset("model"),
    )
"""
    (tmp_path / "works.py").write_text(source, encoding="utf-8")
    subject = combo(("numpy==2.0.2",), env=(("EXTRA", "1"),))
    assets = {"model": tmp_path / "model"}
    env = {"PATH": os.environ["PATH"], "HF_TOKEN": "secret", "OMP_NUM_THREADS": "64"}
    place = Place(folder=tmp_path, env=env, uv=Path("/uv"), python=PYTHON, jobs=1)
    launcher = Launcher(processes=Processes(tmp_path), outside=env, assets=assets, threads=cores())

    scripts = write_probes(place, [subject], tmp_path / "works.py", assets)
    subprocess.run(["sh", scripts / f"{subject.id}.sh", PYTHON, tmp_path / "records"], env=env, check=True)
    ours = launcher.launch(PYTHON, subject, Probe(id="works", source=source, path=None), tmp_path / "launched")

    def neutral(metric: object) -> str:
        """Remove what differs by design: the folders, of which knowngood's private ones are short, and the nonce."""
        text = re.sub(r"('(?:HOME|TMPDIR)', )'[^']+'", r"\1'PRIVATE'", str(metric))
        text = text.replace(str(tmp_path / "records" / subject.id), "PRIVATE")
        text = text.replace(str(tmp_path / "launched"), "PRIVATE")
        text = text.replace("PRIVATE/works.py", "PROBE").replace(str(tmp_path / "works.py"), "PROBE")
        text = re.sub(r"PRIVATE(/records)?\.jsonl|PRIVATE/records\.jsonl", "RECORDS", text)
        return re.sub(r"'--nonce', '\w+'", "'--nonce', 'N'", text)

    lines = (tmp_path / "records" / f"{subject.id}.jsonl").read_text(encoding="utf-8").splitlines()
    (theirs,) = [json.loads(line)["metrics"] for line in lines if '"end"' in line and '"sees"' in line]
    (check,) = ours.transcript.checks
    assert "secret" not in str(theirs)
    assert {name: neutral(value) for name, value in theirs.items()} == {
        name: neutral(value) for name, value in check.metrics.items()
    }


def test_every_peer_installs_every_step_of_every_combo_and_runs_its_probe(tmp_path: Path) -> None:
    combos = Project.open(BENCH / "matrices" / "six.toml").matrix.combos
    place = Place(folder=tmp_path, env={}, uv=Path("/uv"), python=Path("/python"), jobs=2)

    written = peers(place, Work(combos=combos, probes=tmp_path / "scripts"), Path(sys.executable))

    assert [peer.name for peer in written] == [
        "tox -p auto, tox-uv",
        "nox -j 2, uv",
        "shell loop, xargs -P2, uv",
    ]
    for peer in written:
        text = "".join(file.read_text(encoding="utf-8") for file in peer.folder.rglob("*") if file.is_file())
        assert all(requirement in text for combo in combos for step in combo.steps for requirement in step.lines), (
            peer.name
        )
        assert str(tmp_path / "scripts") in text, peer.name
    settings = tomllib.loads((tmp_path / "tox" / "tox.toml").read_text(encoding="utf-8"))
    steps = [command[6:] for command in settings["env"]["legacy"]["commands"][:-1]]
    assert tuple(map(tuple, steps)) == tuple(step.lines for step in combos[0].steps)


def test_variables_that_change_the_speed_of_a_tool_are_removed() -> None:
    outside = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "UV_LINK_MODE": "copy",
        "NOX_PARALLEL": "8",
        "HOME": "/h",
        "PATH": "/bin",
    }

    variables = environment(outside, uv_cache=Path("/wheels"), settings=Path("/settings"), tools=Path("/tools"))

    assert variables["HOME"] == "/h"
    assert variables["PATH"] == "/tools:/bin"
    assert variables["UV_CACHE_DIR"] == "/wheels"
    assert not variables.keys() & {"PYTHONDONTWRITEBYTECODE", "UV_LINK_MODE", "NOX_PARALLEL"}


def test_a_discarded_folder_is_moved_away_and_not_deleted(tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "envs" / "one").mkdir(parents=True)
        discard(tmp_path / "envs")
    discard(tmp_path / "nothing")

    assert not (tmp_path / "envs").exists()
    assert len(list(tmp_path.glob("*/one"))) == 2


def test_a_measurement_includes_the_time_of_children_and_the_memory_of_the_command(tmp_path: Path) -> None:
    child = "sum(range(3_000_000))"
    script = f"import subprocess, sys; b = bytearray(50_000_000); subprocess.run([sys.executable, '-c', '{child}'])"

    sample = measure(
        [sys.executable, "-c", script], env=dict(os.environ), cwd=tmp_path, log=tmp_path / "log", watch_memory=True
    )

    assert sample.memory > 50_000_000
    assert 0 < sample.cpu < 60


def test_a_command_that_fails_ends_the_benchmark_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such luck"):
        measure(["sh", "-c", "echo no such luck; exit 4"], env={}, cwd=tmp_path, log=tmp_path / "log")


def test_incomplete_records_are_another_outcome_than_complete_ones(tmp_path: Path) -> None:
    end = '{"kind": "end", "check": "works", "outcome": "passed"}\n'
    (tmp_path / "a.jsonl").write_text(end + '{"kind": "bye"}\n', encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(end, encoding="utf-8")

    assert outcomes(tmp_path) == {"a": ("works: passed",), "b": ("cut short",)}


def test_searches_are_compared_by_what_they_take_and_what_they_are_right_about(tmp_path: Path) -> None:
    costs = list(searches.measure(9, 2, tmp_path, env=os.environ, only="two edges"))

    assert [cost.method for cost in costs] == list(searches.METHODS)
    by = {cost.method: cost for cost in costs}
    every, halved = by[figures.ROW_EXHAUSTIVE], by[figures.ROW_BISECTION]
    assert (every.cells, every.right) == (9, 9)
    assert halved.cells < 9 and halved.right < 9, "it knows one edge only"


def test_the_page_says_of_which_share_of_the_releases_a_method_is_right() -> None:
    series = {
        figures.of_row(figures.FRONTIER, "an island"): (Sample(seconds=3.0, cpu=0.0, cells=18, right=1.0),),
        figures.of_row(figures.ROW_BISECTION, "an island"): (Sample(seconds=1.0, cpu=0.0, cells=5, right=0.625),),
    }
    part = results.Part(measured="2026-01-01", rounds=1, machine={}, versions={}, series=series)

    text = results.render(results.load(results.dump({"frontier": part})), "")

    assert "| cells of a frontier of 40 releases with an island | 19 cells | 18 cells |" in text
    assert "| bisection of the row, an island | 1.00 | 1.00 to 1.00 | 0.00 | 5 | 62 % | 1 |" in text


def test_a_promise_holds_only_within_its_time_and_the_table_has_every_promise(tmp_path: Path) -> None:
    tally, limited = promises.Tally(), promises.Promise.GONE
    assert limited.limit is not None
    assert tally.note(promises.Promise.RECORDED, held=True)
    assert tally.note(limited, held=True, seconds=limited.limit)
    assert promises.Tally().all_held
    assert promises.Tally(patience=2).note(limited, held=True, seconds=limited.limit + 1)
    assert not tally.note(limited, held=True, seconds=limited.limit + 1)
    assert not tally.note(promises.Promise.DISK, held=False)
    assert not tally.all_held
    table = tally.table()
    assert f"| {limited.sentence} | 2 | 1 | 5.0 s of 4 s |" in table
    assert all(promise.sentence in table for promise in promises.Promise)

    page = tmp_path / "page.md"
    page.write_text("before\n<!-- soak:begin -->\nold\n<!-- soak:end -->\nafter\n")
    promises.publish(page, table)
    promises.publish(page, table)
    assert page.read_text() == f"before\n<!-- soak:begin -->\n\n{table}\n<!-- soak:end -->\nafter\n"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no place"):
        promises.publish(page, table)


def test_the_docs_have_a_table_in_which_every_promise_was_tried_and_held() -> None:
    text = (BENCH.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?P<promise>[^|]+) \| (\d+) \| (\d+) \|", text, re.MULTILINE)

    assert [row[0] for row in rows] == [promise.sentence for promise in promises.Promise]
    assert all(int(tried) > 0 and tried == held for _, tried, held in rows)


def test_what_a_million_combos_cost_follows_from_the_difference_of_two_simulated_runs(tmp_path: Path) -> None:
    small = cluster.simulate(tmp_path / "small", workers=2, combos=2)
    large = replace(
        small, workers=500, combos=1002, events=9018, cpu=small.cpu + 10, memory=small.memory + 1000 * 2**13
    )

    table = cluster.render(small, large)

    assert small.files == 2 * 6 + 1, "of each combo two locks or logs, three more logs and a verdict; and the event log"
    assert small.events >= 2 * 9
    assert "| CPU of the client | 10.0 ms | 2.8 h |" in table
    assert "| memory of the client | 8.0 KiB | 7.6 GiB |" in table
    assert "takes in 900 events for each second of its CPU, which is 100 combos" in table
    # 500 workers with cells of a minute give 8.3 combos a second, of 10 ms each.
    assert "a million in 33 h. The client is busy for 8 % of that time" in table
    assert "up to 6,000 workers" in table and "500 workers down to cells of 5.0 s" in table
