"""Store what was measured as JSON, and render the page about it. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.figures import FIGURES, FLOOR, Figure, Kind, ratio, sized
from bench.measure import Sample

_TITLES = {
    "six": "Six real combos",
    "tiny": "Up to a thousand tiny combos",
    "plan": "Resolving a hundred combos",
    "start": "Start-up",
    "fix": "The fixes of light breakages",
    "frontier": "Which releases of a row work",
    "copy": "The private copy of a project",
    "page": "The page of a thousand cells",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of the benchmark, measured on one machine."""

    measured: str
    """Date, UTC."""
    rounds: int
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    series: Mapping[str, tuple[Sample, ...]]


def load(text: str) -> dict[str, Part]:
    """Parse the parts that ``dump`` wrote."""
    return {
        name: Part(
            measured=raw["measured"],
            rounds=raw["rounds"],
            machine=raw["machine"],
            versions=raw["versions"],
            series={key: tuple(Sample(**sample) for sample in samples) for key, samples in raw["series"].items()},
        )
        for name, raw in json.loads(text)["parts"].items()
    }


def dump(parts: Mapping[str, Part]) -> str:
    """Return ``parts`` with every sample as JSON, in a fixed order."""
    ordered = {name: asdict(parts[name]) for name in _TITLES if name in parts}
    rounded = json.loads(json.dumps(ordered), parse_float=lambda text: round(float(text), 4))
    return json.dumps({"parts": rounded}, indent=1) + "\n"


def render(parts: Mapping[str, Part], remarks: str) -> str:
    """Return the page as Markdown; ``remarks`` is Markdown that explains the figures."""
    lines = [
        "# How fast knowngood is, measured",
        "",
        "`nox -s bench` writes this page. A ratio is the median of the ratios of all rounds; in a round, both sides",
        "ran one after the other on the same machine. The spread is the smallest and the largest value. Times are",
        "medians.",
        "",
        "| figure | at most | measured | ratio | spread | met? |",
        "|---|---:|---:|---:|---:|---|",
        *(_row(figure, parts) for figure in FIGURES),
    ]
    if remarks.strip():
        lines += ["", "## Remarks", "", remarks.strip()]
    for name, title in _TITLES.items():
        if name in parts:
            lines += ["", f"## {title}", "", *_details(parts[name])]
    return "\n".join([*lines, "", _HOW])


_HOW = """\
## How it is measured, and how to repeat it

`nox -s bench` measures everything. `nox -s bench -- --only six --rounds 5` measures one part and keeps the others
as they are in `bench/results.json`, which has every sample. The first run downloads several gigabytes of PyTorch.

- The combos are in `bench/matrices`. All tools install the same steps in the same order from the same warm wheel cache,
  and run `bench/probes/embed.py` with the same command line and the same environment variables as knowngood does. Their
  outcomes are compared: the benchmark ends when a tool did other work.
- The tools take turns within each round; nothing else should run on the machine. What a tool left behind is moved away
  before the next tool runs, and deleted at the end.
- uv reuses cached pages of the index for an hour, and cached metadata of files forever, for all tools alike, as real
  indexes allow; pages are refreshed before each round. The speed of the index is not measured.
- `PYTHONDONTWRITEBYTECODE` and all other variables that change how Python or a tool works are removed.
- The floor is the time of the probes alone: six probes run by xargs, in environments that were built, and whose
  bytecode was compiled, before. No tool that runs every probe can be faster without changing what the probes do.
- "Bare uv" is one `uv pip compile` per step, with the options and preferences that knowngood passes, run by xargs with
  the same number of jobs. A shell starts each of them, which takes about a millisecond.
- CPU is the processor time of the command and of everything it started. "Own CPU per trivial cell" is the difference to
  a shell loop in which uv makes the same environments and Python runs the same script in each.
- Memory is the peak of the main process alone.
- What is copied is a repository of 5,000 small files in 100 folders, of which a snapshot was taken before; `cp -a`
  copies that snapshot.
- The breakages of `bench/matrices/fix.toml` are each searched without verdicts and environments, from a warm cache of
  wheels. The other two methods run on the same machinery, and know which package has to move; they neither shrink
  nor confirm.
- The rows are of 40 releases on an index of this machine, with edges and islands where they are known to be. A method
  is right about a release if it says of it what was planted. Each begins without verdicts.
- The page is timed inside Chromium, by its own clock: until it is loaded, and until a filter is laid out.
"""


def _row(figure: Figure, parts: Mapping[str, Part]) -> str:
    limit = _number(figure.limit, figure.kind, limit=True)
    part = parts.get(figure.part)
    values = figure.values(part.series) if part is not None else ()
    if part is None or not values:
        return f"| {figure.what} | {limit} | not measured | | | |"
    middle = _number(median(values), figure.kind)
    measured, ratio_shown = middle, ""
    if figure.against is not None and figure.kind in (Kind.RATIO, Kind.BEYOND):
        sides = [
            _seconds(median(sample.seconds for sample in side))
            for side in (part.series[figure.of], part.series[figure.against])
        ]
        if figure.kind is Kind.RATIO:
            measured, ratio_shown = f"{sides[0]} s / {sides[1]} s", middle
        else:
            measured = f"{middle} ({sides[0]} s - {sides[1]} s)"
    spread = f"{_number(min(values), figure.kind)} to {_number(max(values), figure.kind)}, n={len(values)}"
    met = "yes" if figure.met(part.series) else "**no**"
    return f"| {figure.what} | {limit} | {measured} | {ratio_shown} | {spread} | {met} |"


def _details(part: Part) -> list[str]:
    floor = part.series.get(FLOOR)
    counted = any(sample.cells for samples in part.series.values() for sample in samples)
    judged = any(sample.right is not None for samples in part.series.values() for sample in samples)
    optional = [
        *(["x floor"] if floor else []),
        *(["cells, median"] if counted else []),
        *(["right about, least"] if judged else []),
    ]
    heads = ["what", "seconds, median", "least to most", "CPU seconds", *optional, "n"]
    lines = [f"| {' | '.join(heads)} |", f"|---{'|---:' * (len(heads) - 1)}|"]
    for what, samples in part.series.items():
        seconds = [sample.seconds for sample in samples]
        cells = [
            what,
            _seconds(median(seconds)),
            f"{_seconds(min(seconds))} to {_seconds(max(seconds))}",
            _seconds(median(sample.cpu for sample in samples)),
        ]
        if floor:
            cells.append(f"{ratio(samples, floor):.2f}" if len(samples) == len(floor) else "")
        if counted:
            cells.append(f"{median(sample.cells for sample in samples):g}")
        if judged:
            shares = [sample.right for sample in samples if sample.right is not None]
            cells.append(f"{100 * min(shares):.0f} %" if shares else "")
        lines.append(f"| {' | '.join([*cells, str(len(samples))])} |")
    machine = ", ".join(part.machine.values())
    versions = ", ".join(f"{name} {version}" for name, version in part.versions.items())
    return [*lines, "", f"Measured on {part.measured}, rounds: {part.rounds}, on {machine}; {versions}."]


def _number(value: float, kind: Kind, *, limit: bool = False) -> str:
    if limit:
        return f"{value:g} {kind.unit}".rstrip()
    whole = kind.unit in ("ms", "MiB", "cells")
    precise: Callable[[float], str] = (lambda number: f"{number:.0f}") if whole else _seconds
    return f"{precise(value)} {kind.unit}".rstrip()


def _seconds(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def points(part: Part, what: str, sizes: Sequence[int]) -> tuple[tuple[int, float], ...]:
    """Return the (combos, median seconds) pairs of a series of the tiny part, one for each size that was measured."""
    measured = ((size, part.series.get(sized(what, size), ())) for size in sizes)
    return tuple((size, median(sample.seconds for sample in samples)) for size, samples in measured if samples)
