"""What the benchmark makes of what it measured, on made-up numbers; nothing here looks at a clock."""

import itertools
import os
import sys
import tomllib
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bench import figures, plot, results, tiny
from bench.figures import Figure, Kind
from bench.measure import CommandError, Sample, environment, measure
from bench.peers import peers
from bench.results import Part
from bench.work import Place, Work, discard, outcomes
from knowngood.project.project import load_matrix

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
    """One figure that is met, one that is not, one of each kind, and a part that was not measured."""
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
    """Return the golden file; with KG_WRITE_GOLDENS it is written first."""
    path = GOLDEN / name
    if os.environ.get("KG_WRITE_GOLDENS"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def test_the_page_shows_each_figure_with_its_limit_its_spread_and_whether_it_is_met() -> None:
    page = results.render(parts(), "Why the first run is slow.\n")

    assert page == golden("RESULTS.md", page)


def test_what_was_measured_comes_back_from_json_and_makes_the_same_page() -> None:
    text = results.dump(parts())

    assert results.render(results.load(text), "") == results.render(parts(), "")
    assert results.dump(results.load(text)) == text


def test_a_ratio_is_the_median_of_the_ratios_of_each_round_not_of_the_medians() -> None:
    figure = Figure(part="six", what="", limit=2.2, kind=Kind.RATIO, of="ours", against="theirs")
    series = {"ours": seconds(1.0, 6.0, 2.0), "theirs": seconds(1.0, 2.0, 4.0)}

    assert figure.values(series) == (1.0, 3.0, 0.5)
    assert figure.met(series) is True
    assert figures.ratio(series["ours"], series["theirs"]) == 1.0


def test_a_figure_that_was_not_measured_is_neither_met_nor_missed() -> None:
    figure = Figure(part="six", what="", limit=2.2, kind=Kind.RATIO, of="ours", against="theirs")

    assert figure.met({"ours": seconds(1.0)}) is None


def test_each_kind_of_figure_is_counted_in_its_own_unit() -> None:
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


def test_the_plot_has_a_line_for_each_series_and_equal_steps_for_equal_factors() -> None:
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
def test_a_tiny_matrix_has_as_many_combos_as_asked_for_and_no_two_alike(tmp_path: Path, combos: int) -> None:
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "tiny.py").write_text(tiny.PROBE, encoding="utf-8")
    (tmp_path / "tiny.toml").write_text(tiny.matrix(combos, "http://127.0.0.1:1/simple"), encoding="utf-8")

    declared = load_matrix(tmp_path / "tiny.toml").combos

    assert len({combo.steps for combo in declared}) == len(declared) == combos


def test_the_index_has_every_wheel_of_every_tiny_combo_and_lets_its_answers_be_kept(tmp_path: Path) -> None:
    with tiny.serve(tmp_path) as url, urllib.request.urlopen(f"{url}/tiny-left/") as answer:
        page, kept = answer.read().decode(), answer.headers["Cache-Control"]
        with urllib.request.urlopen(f"{url.removesuffix('/simple')}/files/tiny_right-1.0-py3-none-any.whl") as wheel:
            assert "immutable" in wheel.headers["Cache-Control"]

    assert kept == "max-age=600"
    wanted = {tiny.step(number)[0].replace("==", "-").replace("tiny-left", "tiny_left") for number in range(tiny.MOST)}
    assert all(f"{name}-py3-none-any.whl" in page for name in wanted)


def test_the_six_combos_need_no_other_index_and_know_how_they_end() -> None:
    declared = load_matrix(BENCH / "matrices" / "six.toml")

    assert len(declared.combos) == 6
    assert declared.indexes == ()
    assert len(load_matrix(BENCH / "matrices" / "hundred.toml").combos) == 100


def test_every_peer_installs_every_step_of_every_combo_and_runs_the_probe_in_each(tmp_path: Path) -> None:
    combos = load_matrix(BENCH / "matrices" / "six.toml").combos
    place = Place(folder=tmp_path, env={}, uv=Path("/uv"), python=Path("/python"), jobs=2)

    made = peers(place, Work(combos=combos, probe=tmp_path / "probe.sh"), Path(sys.executable))

    assert [peer.name for peer in made] == [
        "tox -p auto, tox-uv",
        "nox -j 2, uv",
        "shell loop, xargs -P2, uv",
    ]
    for peer in made:
        text = "".join(file.read_text(encoding="utf-8") for file in peer.folder.rglob("*") if file.is_file())
        assert all(requirement in text for combo in combos for step in combo.steps for requirement in step), peer.name
        assert str(tmp_path / "probe.sh") in text, peer.name
    settings = tomllib.loads((tmp_path / "tox" / "tox.toml").read_text(encoding="utf-8"))
    steps = [command[6:] for command in settings["env"]["legacy"]["commands"][:-1]]
    assert tuple(map(tuple, steps)) == combos[0].steps


def test_nothing_that_is_measured_gets_to_see_what_would_change_its_speed() -> None:
    outside = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "UV_LINK_MODE": "copy",
        "NOX_PARALLEL": "8",
        "HOME": "/h",
        "PATH": "/bin",
    }

    seen = environment(outside, uv_cache=Path("/wheels"), settings=Path("/settings"), tools=Path("/tools"))

    assert seen["HOME"] == "/h"
    assert seen["PATH"] == "/tools:/bin"
    assert seen["UV_CACHE_DIR"] == "/wheels"
    assert not seen.keys() & {"PYTHONDONTWRITEBYTECODE", "UV_LINK_MODE", "NOX_PARALLEL"}


def test_what_is_discarded_is_gone_from_where_it_was_and_not_deleted_yet(tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "envs" / "one").mkdir(parents=True)
        discard(tmp_path / "envs")
    discard(tmp_path / "nothing")

    assert not (tmp_path / "envs").exists()
    assert len(list(tmp_path.glob("*/one"))) == 2


def test_a_command_is_measured_with_all_below_it_and_its_own_memory(tmp_path: Path) -> None:
    below = "sum(range(3_000_000))"
    script = f"import subprocess, sys; b = bytearray(50_000_000); subprocess.run([sys.executable, '-c', '{below}'])"

    sample = measure(
        [sys.executable, "-c", script], env=dict(os.environ), cwd=tmp_path, log=tmp_path / "log", watch_memory=True
    )

    assert sample.memory > 50_000_000
    assert 0 < sample.cpu < 60


def test_a_command_that_fails_ends_the_benchmark_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such luck"):
        measure(["sh", "-c", "echo no such luck; exit 4"], env={}, cwd=tmp_path, log=tmp_path / "log")


def test_a_probe_that_was_cut_short_did_other_work_than_one_that_was_not(tmp_path: Path) -> None:
    end = '{"kind": "end", "check": "works", "outcome": "passed"}\n'
    (tmp_path / "a.jsonl").write_text(end + '{"kind": "bye"}\n', encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(end, encoding="utf-8")

    assert outcomes(tmp_path) == {"a": ("works: passed",), "b": ("cut short",)}
