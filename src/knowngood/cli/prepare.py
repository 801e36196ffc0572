"""Read what a user asks of ``run``: options, and for each matrix the request that follows from them, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.matrices import name_of
from knowngood.cli.options import Where, isolation_from, parse_shard
from knowngood.cli.output import Detail, find_baseline
from knowngood.declare.combo_selection import choose, divide
from knowngood.errors import NothingSelectedError, UsageError
from knowngood.install.index import check_folders
from knowngood.project.files import check_writable, near
from knowngood.project.project import Project
from knowngood.report.text import count
from knowngood.run import host
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization
from knowngood.run.request import RunRequest
from knowngood.run.selection import select
from knowngood.run.stop import Stop

if TYPE_CHECKING:
    from knowngood.cli.live.display import Choice
    from knowngood.declare.combo_selection import Shard
    from knowngood.model import Combo
    from knowngood.project.baseline import Snapshots
    from knowngood.run.executors.interface import MakeExecutor


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """What a user asks for beside the matrices, an attribute for each option."""

    environ: Mapping[str, str]
    """The environment variables of the command."""
    only: tuple[str, ...]
    cover: int | None
    """How many values of a grid are combined; None: all of its combos are run."""
    shard: str | None
    deal: str | None
    report_dir: Path | None
    publish: bool
    accept: bool
    baseline: str | None
    jobs: int | None
    offline: bool
    isolation: str | None
    min_free: int | None
    """Bytes of the disk that stay free; None: as the matrix says."""
    keep: bool
    fresh: bool
    fresh_probes: bool
    no_optimization: tuple[str, ...]
    progress: "Choice"
    detail: Detail
    last_failed: bool
    where: Where = field(default_factory=Where)
    repeated: str = ""
    """The options that a later command needs to find the run, with a space in front."""
    fix: str | None = None
    """Which failures to search a fix for: ``unexpected`` or ``all``; None: none."""

    @property
    def for_one_matrix(self) -> tuple[str, ...]:
        """Those of the given options that make no sense with several matrices."""
        given = {
            "--only": self.only,
            "--last-failed": self.last_failed,
            "--shard": self.shard,
            "--deal": self.deal,
            "--baseline": self.baseline,
            "--report-dir": self.report_dir,
        }
        return tuple(option for option, value in given.items() if value)

    @property
    def starting_over(self) -> str:
        """The option that keeps a run from being resumed; empty when there is none."""
        return "--fresh" if self.fresh else "--fresh-probes" if self.fresh_probes else ""

    @property
    def for_this_machine(self) -> tuple[str, ...]:
        """Those of the given options that make no sense on a cluster."""
        given = {"--jobs": self.jobs, "--keep": self.keep}
        return tuple(option for option, value in given.items() if value)

    @property
    def optimizations(self) -> frozenset[Optimization]:
        """The optimizations that are left when the user disables some, or all."""
        disabled = self.no_optimization
        return frozenset() if "all" in disabled else ALL_OPTIMIZATIONS - set(map(Optimization, disabled))


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixRun:
    """One matrix of a command: the combos to run, which were checked."""

    project: Project
    options: RunOptions
    request: RunRequest
    before: "Snapshots | None"
    """The baseline that it is compared with."""

    @classmethod
    def prepare(cls, project: Project, options: RunOptions, executor: "MakeExecutor | None" = None) -> "MatrixRun":
        """Return the run of a matrix, checked, so that no run begins that could not be judged or written.

        ``executor`` makes what evaluates its combos; None: this machine does.

        Raises ``UsageError``: an option is wrong, a folder cannot be written, or the file of signatures is not valid.
        """
        machine = host.here(options.environ, options.jobs)
        resume = not (options.starting_over or options.last_failed)
        project = select(project, machine, offline=options.offline, resume=resume)
        part = _part(options)
        declared = _last_failed(project) if options.last_failed else project.matrix.combos
        how = [f" --cover {options.cover}"] if options.cover is not None else []
        how += [f" --isolation {options.isolation}"] if options.isolation is not None else []
        request = RunRequest(
            project=project,
            combos=choose(declared, only=options.only),
            machine=machine,
            command=f"knowngood run {name_of(project)}{''.join(how)}",
            shard=options.shard or "",
            keep=options.keep,
            offline=options.offline,
            isolation=isolation_from(options.isolation),
            min_free=options.min_free,
            fresh=options.fresh,
            fresh_probes=options.fresh_probes or options.last_failed,
            optimizations=options.optimizations,
            tries_fixes=options.fix is None,
            executor=executor,
        )
        _check_whole(request, options, part)
        check_folders(project.matrix)
        _ = project.rules
        _check_writable(project, options)
        before = find_baseline(project, options.baseline)
        if part is not None and options.cover is None:
            request = _shard(request, part, options.deal)
        return cls(project=project, options=options, request=request, before=before)


def _check_writable(project: Project, options: RunOptions) -> None:
    """Raise ``UsageError`` when the run or its report could not be written, or a history not be extended."""
    if options.report_dir is not None:
        check_writable(options.report_dir, next_step="name another folder with --report-dir, or leave it out")
    if options.publish or options.accept:
        folder = project.publication.folder
        check_writable(folder, next_step=f"make {near(folder)} a folder that you may write to, or leave the option out")
    if options.publish:
        _ = project.publication.history.read()  # hours later it would be too late for the error
    check_writable(project.runs.folder, next_step="name another folder for runs with --state-dir")


def _part(options: RunOptions) -> "Shard | None":
    """Return the shard that the user asks for; None: all of them."""
    part = parse_shard(options.shard)
    if options.deal is not None and part is None:
        raise UsageError("--deal needs --shard", next_step="copy both from `knowngood plan`: --shard 1/2 --deal ...")
    return part


def _check_whole(request: RunRequest, options: RunOptions, part: "Shard | None") -> None:
    """Raise ``UsageError`` when a run of a part of the combos is to be published or to become the baseline."""
    whole = request.combos == request.project.matrix.combos and part is None
    if not whole and (options.publish or options.accept):
        raise UsageError(
            "only a run of all combos can be published or become the baseline",
            next_step="leave out --publish and --accept, or else --only, --last-failed and --shard",
        )


def _shard(request: RunRequest, part: "Shard", deal: str | None) -> RunRequest:
    """Return the request with the combos of one shard of it."""
    combos = divide(request.combos, part, deal)
    return replace(request, combos=combos, elsewhere=tuple(combo for combo in request.combos if combo not in combos))


def covered(requests: Sequence[RunRequest], strength: int | None, stop: Stop) -> list[RunRequest]:
    """Return requests without the combos that ``--cover`` leaves out, if it is given; what is resolved for it is shown.

    A matrix without a grid keeps its combos, unless no other has one. Raises ``UsageError``.
    """
    if strength is None:
        return [*requests]
    from knowngood.run.cover import cover, has_grid

    gridless = [request for request in requests if not has_grid(request)]
    return [
        request
        if request in gridless and len(gridless) < len(requests)
        else cover(request, strength, stop=stop, progress=_show)
        for request in requests
    ]


def _show(before: int, now: int) -> None:
    more = f" more, after {before}" if before else ""
    click.echo(f"cover    resolving {count(now, 'combo')}{more}", err=True)


def covered_runs(runs: Sequence[MatrixRun], stop: Stop) -> list[MatrixRun]:
    """Return the runs as ``covered`` returns their requests, with the combos of the shard that the user asks for."""
    if not any(run.options.cover for run in runs):
        return [*runs]
    from knowngood.run.cover import with_dealt

    requests = covered([run.request for run in runs], runs[0].options.cover, stop)
    part, deal = _part(runs[0].options), runs[0].options.deal
    if part is not None:
        requests = [_shard(with_dealt(request, deal), part, deal) for request in requests]
    return [replace(run, request=request) for run, request in zip(runs, requests, strict=True)]


def _last_failed(project: Project) -> "tuple[Combo, ...]":
    """Return the combos with a cell that was not as expected in the newest run, or could not be decided.

    Raises ``NothingSelectedError``: there is none, or the matrix no longer has any of them.
    """
    judged = project.judge(project.runs.find(None).read())
    failed = {cell.combo.id for cell in judged.cells if cell.as_expected is not True and not cell.left_out}
    combos = tuple(combo for combo in project.matrix.combos if combo.id in failed)
    if not combos:
        cause = "all cells were as expected" if not failed else f"the matrix no longer has {', '.join(sorted(failed))}"
        raise NothingSelectedError(
            f"nothing failed in run {judged.run.info.id}",
            cause=cause,
            next_step=f"run everything: knowngood run {name_of(project)}",
        )
    return combos
