"""Measure, and write ``results.json``, ``RESULTS.md`` and the plot of the docs. See ``python bench/run.py --help``.

The Python that runs this needs knowngood, tox, tox-uv, nox and uv.
"""

import argparse
import os
import shutil
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from uv import find_uv_bin  # noqa: E402

from bench import figures, plot, results  # noqa: E402
from bench.measure import Sample, ask, environment  # noqa: E402
from bench.parts import BENCH, PARTS  # noqa: E402
from bench.work import Place, default_index  # noqa: E402
from knowngood.install.interpreters import Interpreters  # noqa: E402
from knowngood.project import files  # noqa: E402
from knowngood.project.project import Project  # noqa: E402
from knowngood.run import host  # noqa: E402

_UV_SETTINGS = """\
[[index]]
url = "{index}"
default = true
cache-control = {{ api = "max-age=3600", files = "max-age=365000000, immutable" }}
"""
_TOOLS = ("knowngood", "uv", "tox", "tox-uv", "nox")
_LINES = {
    "first run": figures.FIRST,
    "the same by xargs and bare uv": figures.LOOP,
    "nothing changed": figures.UNCHANGED,
    "the same resolutions by bare uv": figures.BARE,
}


def main() -> None:
    """Measure the selected parts, and write the page with these and the parts measured before."""
    parser = argparse.ArgumentParser(description="Measure knowngood, and the tools that one would use instead.")
    parser.add_argument(
        "--only",
        action="append",
        choices=PARTS,
        help="measure only this part and keep the others as they are; repeatable",
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each part (default: 3)")
    parser.add_argument("--jobs", type=int, default=2, help="combos at a time, for all tools (default: 2)")
    parser.add_argument(
        "--work",
        type=Path,
        default=BENCH / ".work",
        help="folder to work in, on the disk of uv's cache (default: bench/.work)",
    )
    parser.add_argument("--render", action="store_true", help="measure nothing, only write the page and the plot again")
    options = parser.parse_args()
    stored = BENCH / "results.json"
    parts = results.load(stored.read_text(encoding="utf-8")) if stored.is_file() else {}
    if not options.render:
        place = _prepare(options.work.absolute() / "knowngood-bench", options.jobs)
        for name in options.only or PARTS:
            parts[name] = _measure(name, place, options.rounds)
            # Write after each part, so that nothing is lost when the next one fails.
            files.write(stored, results.dump(parts))
        shutil.rmtree(place.folder)
    remarks = BENCH / "remarks.md"
    text = remarks.read_text(encoding="utf-8") if remarks.is_file() else ""
    files.write(BENCH / "RESULTS.md", results.render(parts, text))
    if "tiny" in parts:
        lines = {name: results.points(parts["tiny"], what, figures.SIZES) for name, what in _LINES.items()}
        title = "Seconds of a run over the number of combos, tiny wheels"
        files.write(ROOT / "docs" / "_static" / "linear.svg", plot.render(lines, title))


def _prepare(folder: Path, jobs: int) -> Place:
    """Return the place of the whole benchmark, where uv caches pages of the index for an hour."""
    shutil.rmtree(folder, ignore_errors=True)
    settings = folder / "settings" / "uv"
    settings.mkdir(parents=True)
    uv = Path(find_uv_bin())
    index = default_index(uv, os.environ, folder)
    (settings / "uv.toml").write_text(_UV_SETTINGS.format(index=index), encoding="utf-8")
    python = Interpreters(outside=os.environ, cache=folder / "pythons").find("3.11")
    if python is None:
        sys.exit("the combos of the benchmark need Python 3.11")
    cache = Path(ask([uv, "cache", "dir"], env=os.environ, cwd=folder).strip())
    tools = Path(sys.executable).parent
    env = environment(os.environ, uv_cache=cache, settings=settings.parent, tools=tools)
    return Place(folder=folder, env=env, uv=uv, python=python.path, jobs=jobs)


def _measure(name: str, place: Place, rounds: int) -> results.Part:
    series: dict[str, list[Sample]] = {}

    def record(what: str, sample: Sample) -> None:
        series.setdefault(what, []).append(sample)
        print(f"{name}  {sample.seconds:8.2f} s  {what}", flush=True)

    measured = f"{datetime.now(UTC):%Y-%m-%d}"
    PARTS[name](place.below(name), Path(sys.executable), rounds, record)
    info = host.describe(Project.open(BENCH / "matrices" / "six.toml").matrix, command="")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return results.Part(
        measured=measured,
        rounds=rounds,
        machine={"cpu": info.cpu, "cores": f"{info.cores} cores", "memory": f"{memory:.0f} GiB", "os": info.platform},
        versions={"Python": info.python} | {tool: version(tool) for tool in _TOOLS},
        series={what: tuple(samples) for what, samples in series.items()},
    )


if __name__ == "__main__":
    main()
