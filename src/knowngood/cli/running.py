"""Run one matrix for the verb ``run``: check what is asked, execute, print, write the report, publish."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.fixing import fix_failures
from knowngood.cli.matrices import name_of
from knowngood.cli.options import parse_shard
from knowngood.cli.output import find_baseline, print_comparison, print_error, print_run
from knowngood.errors import ExitCode, KnowngoodError, UsageError, some
from knowngood.install.index import check_folders
from knowngood.judge.exit_code import exit_code
from knowngood.project.files import check_writable, near
from knowngood.project.project import Project
from knowngood.run import host
from knowngood.run.executors.interface import ALL_OPTIMIZATIONS, Optimization
from knowngood.run.request import RunRequest
from knowngood.run.selection import select
from knowngood.run.stop import Stop

if TYPE_CHECKING:
    from knowngood.cli.live.display import Choice
    from knowngood.model import Combo, JudgedRun, Run
    from knowngood.project.baseline import Comparison, Snapshots


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """What a user asks for beside the matrices, an attribute for each option."""

    environ: Mapping[str, str]
    """The environment variables of the command."""
    only: tuple[str, ...]
    shard: str | None
    deal: str | None
    report_dir: Path | None
    publish: bool
    accept: bool
    baseline: str | None
    jobs: int | None
    offline: bool
    keep: bool
    fresh: bool
    fresh_probes: bool
    no_optimization: tuple[str, ...]
    progress: "Choice"
    fix: str | None = None
    """Whose fixes are searched for: ``unexpected`` or ``all`` failures; None: nobody's."""

    @property
    def for_one_matrix(self) -> tuple[str, ...]:
        """Those of the given options that make no sense with several matrices."""
        given = {
            "--only": self.only,
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
    def optimizations(self) -> frozenset[Optimization]:
        """The optimizations that are left when the user disables some, or all."""
        disabled = self.no_optimization
        return frozenset() if "all" in disabled else ALL_OPTIMIZATIONS - set(map(Optimization, disabled))


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixRun:
    """One matrix of a command: what is to be run, which was checked."""

    project: Project
    options: RunOptions
    request: RunRequest
    before: "Snapshots | None"
    """The baseline that it is compared with."""

    @classmethod
    def prepare(cls, project: Project, options: RunOptions) -> "MatrixRun":
        """Return the run of a matrix. Raises ``UsageError`` when an option is wrong or a folder cannot be written."""
        machine = host.here(options.environ, options.jobs)
        resume = not (options.fresh or options.fresh_probes)
        project = select(project, machine, offline=options.offline, resume=resume)
        combos, elsewhere = _choose(project, options)
        _check_folders(project, options)
        request = RunRequest(
            project=project,
            combos=combos,
            elsewhere=elsewhere,
            machine=machine,
            command=f"knowngood run {name_of(project)}",
            shard=options.shard or "",
            keep=options.keep,
            offline=options.offline,
            fresh=options.fresh,
            fresh_probes=options.fresh_probes,
            optimizations=options.optimizations,
        )
        before = find_baseline(project, options.baseline)
        return cls(project=project, options=options, request=request, before=before)

    def execute(self, stop: Stop) -> "Outcome":
        """Run the combos, print what came out, write the report, and publish and accept as far as that is asked."""
        started = time.monotonic()
        judged = self.project.judge(_execute(self.request, self.options.progress, stop))
        folder = self.project.runs.new(judged.run.info.id).folder
        comparison = self.project.baseline.compare(judged, self.before) if self.before else None
        if self.options.fix is not None:
            judged = fix_failures(self.request, judged, self.options.fix, stop)
        elapsed = time.monotonic() - started
        print_run(judged, folder, self.options.environ, elapsed=elapsed)
        if comparison:
            click.echo()
            print_comparison(comparison)
        _write_report(judged, comparison, folder, self.options.report_dir)
        if self.options.keep:
            click.echo(f"kept    the environments, {near(folder / 'combos')}/ID/env")
        if not self.options.accept and self.options.baseline is None:
            _print_how_to_accept(self.project, judged, comparison)
        published = _publish(self.project, judged, comparison, folder, self.options)
        code = exit_code(judged) or (ExitCode.AS_EXPECTED if published else ExitCode.USAGE)
        return Outcome(judged=judged, elapsed=elapsed, code=code)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came out of running a matrix."""

    judged: "JudgedRun"
    elapsed: float
    """Seconds."""
    code: ExitCode

    @property
    def has_finished_combos(self) -> bool:
        """Whether there is anything that a later run could go on with."""
        return any(facts.finished for facts in self.judged.run.combos)


def _check_folders(project: Project, options: RunOptions) -> None:
    """Raise ``UsageError`` when packages come from a folder that is not there, or a report could not be written."""
    if options.report_dir is not None:
        check_writable(options.report_dir, next_step="name another folder with --report-dir, or leave it out")
    if options.publish or options.accept:
        folder = project.publication.folder
        check_writable(folder, next_step=f"make {near(folder)} a folder that you may write to, or leave the option out")
    check_folders(project.matrix.indexes, project.matrix.project)
    check_writable(project.runs.folder, next_step="name another folder for runs with --state-dir")


def _choose(project: Project, options: RunOptions) -> "tuple[tuple[Combo, ...], tuple[Combo, ...]]":
    """Return the combos to run, and those of the selection that other shards run."""
    from knowngood.declare.select import choose, divide

    part = parse_shard(options.shard)
    if options.deal is not None and part is None:
        raise UsageError("--deal needs --shard", next_step="copy both from `knowngood plan`: --shard 1/2 --deal ...")
    selected = choose(project.matrix.combos, only=options.only)
    combos = divide(selected, part, options.deal) if part else selected
    if combos != project.matrix.combos and (options.publish or options.accept):
        raise UsageError(
            "only a run of all combos can be published or become the baseline",
            next_step="leave out --publish and --accept, or else --only and --shard",
        )
    return combos, tuple(combo for combo in selected if combo not in combos)


def _execute(request: RunRequest, progress: "Choice", stop: Stop) -> "Run":
    """Execute a request, and show its events on standard error."""
    from rich.console import Console

    from knowngood.cli.live import display
    from knowngood.judge.findings import day_of
    from knowngood.judge.verdict import judge_combo
    from knowngood.run.engine import execute

    shown = display.choose(
        progress,
        console=Console(stderr=True),
        is_tty=sys.stderr.isatty(),
        judge=lambda facts, info: judge_combo(facts, request.project.rules, day=day_of(info)),
        past=request.project.runs.past_seconds(),
        runs=request.project.runs.folder,
    )
    with shown:
        return execute(request, [shown], stop=stop)


def _write_report(judged: "JudgedRun", comparison: "Comparison | None", folder: Path, report_dir: Path | None) -> None:
    """Write the report of a run below the folder of the run, or into ``report_dir``, and print where it is."""
    from knowngood.project.publication import write_report
    from knowngood.report.formats import ReportContext

    context = ReportContext(judged=judged, changes=comparison.changes if comparison else ())
    report = report_dir or folder / "report"
    try:
        write_report(context, report, locks=[folder])
    except OSError as error:
        next_step = f"render it again with `knowngood report {near(folder)} --format html`"
        raise UsageError(f"{near(report)} cannot be written", cause=str(error), next_step=next_step) from error
    click.echo(f"\nreport  {', '.join(near(report / name) for name in ('index.html', 'matrix.md', 'matrix.json'))}")


def _print_how_to_accept(project: Project, judged: "JudgedRun", comparison: "Comparison | None") -> None:
    """Print the command that makes a run the baseline, if it can be and there is a reason for it."""
    from knowngood.project.publication import blocker

    if blocker(judged, project.matrix) is not None:
        return
    command = f"knowngood run {name_of(project)} --accept"
    if comparison is None:
        click.echo(f"There is no baseline yet. To make this run the baseline: {command}")
    elif regressed := comparison.unexpected_regressions(judged):
        click.echo(f"Regressed unexpectedly: {some(regressed)}. To accept this run as the new baseline: {command}")


def _publish(
    project: Project, judged: "JudgedRun", comparison: "Comparison | None", folder: Path, options: RunOptions
) -> bool:
    """Publish and accept a run as far as the user asks for it; return whether all of that was done."""
    try:
        if options.publish:
            changes = comparison.changes if comparison else ()
            click.echo(f"published  {near(project.publication.publish(judged, changes, locks=[folder]))}")
        if options.accept:
            click.echo(f"baseline   {near(project.baseline.accept(judged))}")
    except KnowngoodError as error:
        print_error(error)
        return False
    return True
