"""Forecast a run from its locks: what it would build, download and reuse, and how to divide it among CI jobs.

The sizes are those that the index states, in the ``pylock.toml`` that uv writes. What uv's cache holds is what a dry
run of its installation says.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from knowngood.cache.verdicts import Entry
from knowngood.install import lock
from knowngood.install.interface import OUTSIDE, RESOLVE_LIMIT, Tools
from knowngood.install.uv.installer import binary
from knowngood.model import ComboFacts
from knowngood.process.files import read_text
from knowngood.run.context import RunContext
from knowngood.run.evaluate import Stage, evaluate
from knowngood.run.executors.interface import Task

_KEPT = re.compile(r"requirement already cached: (?P<name>[\w.-]+)==")
_CHOSEN = re.compile(r"Selecting: (?P<name>[\w.-]+)==\S+ \[\w+\] \((?P<file>[^\s()]+)\)")
_PASSED = ("--no-binary", "--only-binary")
"""The options of a step that decide which file of a release is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file that an environment needs."""

    name: str
    """Its file name; where that is unknown, ``name==version`` of its distribution."""
    size: int | None = None
    """Bytes; None where the index does not say it."""
    kept: bool = False
    """Whether uv's cache has it: then it takes no more of the disk, either."""
    local: bool = False
    """Whether it is in a folder of this machine."""
    sdist: bool = False
    """Whether it is a source distribution or a repository, from which a wheel has to be built."""


def files(
    text: str, options: tuple[str, ...], *, tools: Tools, python: Path, folder: Path, places: tuple[Path, ...] = ()
) -> tuple[File, ...]:
    """Return the files that uv would install for a lock, without what was built on this machine.

    ``options`` are those of the step, ``places`` the indexes that are folders, and ``folder`` is for the files and logs
    of the lookup. A file that uv can say nothing about has no size.
    """
    pins = tuple(lock.pins(text))  # without what was built here: a comment follows it
    from_index = [pin for pin in pins if pin.url is None]
    unknown = {
        pin.name: File(name=f"{pin.name}=={pin.version}" if pin.version else pin.name, sdist=_has_to_be_built(pin.url))
        for pin in pins
    }
    if not from_index:
        return tuple(unknown.values())
    folder.mkdir(parents=True, exist_ok=True)
    lines, made = folder / "sizes.in", folder / "pylock.sizes.toml"
    lines.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in from_index), encoding="utf-8")
    common: list[str | Path] = [
        lines,
        "--no-deps",
        "--python",
        python,
        *(option for option in options if option.startswith(_PASSED)),
    ]

    def run(*arguments: str | Path) -> str | None:
        """Return what a command of uv printed; None when it failed."""
        log = folder / f"{arguments[1]}.log"
        action = tools.processes.run(
            [binary(), *arguments], env=tools.environ, cwd=OUTSIDE, log=log, timeout=RESOLVE_LIMIT
        )
        return read_text(log) if action.exit.ok else None

    target = folder / "nowhere"  # nothing is installed there yet, so uv looks into its cache
    said = run("pip", "install", "--dry-run", "--verbose", "--target", target, "-r", *common) or ""
    chosen = {canonicalize_name(match["name"]): match["file"] for match in _CHOSEN.finditer(said)}
    kept = {canonicalize_name(match["name"]) for match in _KEPT.finditer(said)}
    sizes: dict[str, File] = {}
    if run("pip", "compile", *common, "--output-file", made, "--format", "pylock.toml", "--no-header") is not None:
        for package in tomllib.loads(read_text(made)).get("packages", []):
            name = canonicalize_name(package["name"])
            sizes[name] = _file(package, chosen.get(name), name in kept, places)
    return tuple(sizes.get(name) or replace(file, kept=name in kept) for name, file in unknown.items())


def _has_to_be_built(url: str | None) -> bool:
    return url is not None and not urlsplit(url).path.endswith(".whl")


def _file(package: Mapping[str, Any], chosen: str | None, kept: bool, places: tuple[Path, ...]) -> File:
    """Return the file of a package of a ``pylock.toml``: the one called ``chosen``, or the only one."""
    listed = {_name(entry): entry for entry in _entries(package)}
    name = chosen if chosen in listed else next(iter(listed)) if len(listed) == 1 else None
    if name is None:
        return File(name=chosen or f"{package['name']}=={package.get('version', '')}", kept=kept)
    local = next((place / name for place in places if (place / name).is_file()), None) or _path(listed[name])
    size = listed[name].get("size") or (local.stat().st_size if local is not None else None)
    return File(name=name, size=size, kept=kept, local=local is not None, sdist=not name.endswith(".whl"))


def _path(entry: Mapping[str, Any]) -> Path | None:
    """Return where a file of a ``pylock.toml`` is on this machine; None when it is not."""
    parts = urlsplit(entry.get("url", ""))
    path = entry.get("path") or (unquote(parts.path) if parts.scheme == "file" else None)
    return Path(path) if path is not None and Path(path).is_file() else None


def _entries(package: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from package.get("wheels", ())
    yield from filter(None, (package.get("sdist"), package.get("archive")))


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name") or unquote(urlsplit(entry.get("url") or entry["path"]).path).rpartition("/")[2])


_UNKNOWN = 60.0  # seconds; the cost of a combo when no combo of its matrix was ever run
_START = 60.0  # seconds that a CI job takes until its first combo begins: less work is not worth a job


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What a run would do with one combo."""

    facts: ComboFacts
    possible: bool
    """Whether it can be built."""
    reusable: Entry | None
    """The result of an earlier run for the same lock, probes and machine."""
    files: tuple[File, ...] | None = None
    """What its environment would consist of; None: it is not known before there is an environment, as with pip."""

    @property
    def distributions(self) -> dict[str, str]:
        """Canonical name -> version of what would be installed, as far as that is resolved."""
        return {name: version for step in self.facts.steps for name, version in step.resolved.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """The combos of one CI job, and about how many seconds they take."""

    combos: tuple[str, ...]
    seconds: float


def forecast(task: Task, context: RunContext, *, everything: bool = False, sizes: bool = True) -> Forecast:
    """Resolve a combo, and return what a run would do with it. Nothing is recorded.

    The files of a combo whose verdict would be reused are looked up only if ``everything`` runs; without ``sizes``
    none are.
    """
    stages = evaluate(task, context, lambda event: None)
    pause = next(stages, None)
    stages.close()
    if pause is None:
        return Forecast(facts=ComboFacts(combo=task.combo), possible=False, reusable=None)
    possible = pause.next is Stage.BUILD
    builds = possible and pause.keys is not None and (everything or pause.entry is None)
    return Forecast(
        facts=pause.facts,
        possible=possible,
        reusable=pause.entry,
        files=_files(pause.facts, task, context) if builds and sizes else None,
    )


def _files(facts: ComboFacts, task: Task, context: RunContext) -> tuple[File, ...]:
    """Return the files of all steps of a resolved combo, each once."""
    python = context.tools.python(facts.combo.python)
    found: dict[str, File] = {}
    for step, declared in zip(facts.steps, facts.combo.steps, strict=False):
        folder = context.folder(facts.combo.id)
        text = read_text(folder / f"step{step.number}.lock")
        sized = files(
            text,
            declared.options,
            tools=context.tools,
            python=python,
            folder=folder / f"sizes{step.number}",
            places=task.settings.routes.folders,
        )
        found |= {file.name: file for file in sized}
    return tuple(found.values())


def costs(forecasts: Sequence[Forecast], past: Mapping[str, float], *, everything: bool) -> dict[str, float]:
    """Return about how many seconds each combo will take, by id, in the order of ``forecasts``.

    A combo that cannot be built costs nothing, and neither does one whose verdict is reused unless ``everything`` runs.
    ``past`` holds how many seconds combos took; one that is not in it is expected to take their mean.
    """
    usual = sum(past.values()) / len(past) if past else _UNKNOWN
    return {
        forecast.facts.combo.id: past.get(forecast.facts.combo.id, usual)
        if forecast.possible and (everything or forecast.reusable is None)
        else 0.0
        for forecast in forecasts
    }


def deal_matrices(costs: Mapping[str, Mapping[str, float]], *, most: int) -> dict[str, tuple[Job, ...]]:
    """Divide the combos of each matrix among jobs, at most ``most`` in total; a job has combos of one matrix.

    ``costs`` holds seconds by id, by matrix. ``most`` is at least the number of matrices, since each has a job.
    """
    if len(costs) > most:
        raise ValueError(f"{len(costs)} matrices cannot be divided among {most} jobs")
    jobs = {name: deal(cost, most=1) for name, cost in costs.items()}
    growing = dict.fromkeys(costs)
    while growing and sum(map(len, jobs.values())) < most:
        # The next job goes to the matrix whose longest job takes longest.
        slowest = max(growing, key=lambda name: max((job.seconds for job in jobs[name]), default=0.0))
        more = deal(costs[slowest], most=len(jobs[slowest]) + 1)
        if len(more) == len(jobs[slowest]):
            del growing[slowest]
        jobs[slowest] = more
    return jobs


def deal(cost: Mapping[str, float], *, most: int) -> tuple[Job, ...]:
    """Divide combos among at most ``most`` jobs that take about as long; fewer when there is little to do.

    ``cost`` holds seconds by id. In a job the combos keep their order.
    """
    worth = max(1, round(sum(cost.values()) / _START))
    busy = max(1, sum(1 for seconds in cost.values() if seconds))
    jobs = min(most, worth, busy)
    hands: list[list[str]] = [[] for _ in range(jobs)]
    sums = [0.0] * jobs
    # The longest first, each to the job with least to do: at most a third longer than the best division.
    for combo in sorted(cost, key=lambda combo: -cost[combo]):
        least = sums.index(min(sums))
        hands[least].append(combo)
        sums[least] += cost[combo]
    order = {combo: number for number, combo in enumerate(cost)}
    return tuple(
        Job(combos=tuple(sorted(hand, key=order.__getitem__)), seconds=round(seconds, 1))
        for hand, seconds in zip(hands, sums, strict=True)
    )
