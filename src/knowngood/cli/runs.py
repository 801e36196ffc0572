"""Run matrices one after the other, and sum up: an overview, how to continue after an early end, the exit code."""

import contextlib
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.fix import fix_failures
from knowngood.cli.matrices import gravest, matrix_of, name_of
from knowngood.cli.output import Detail, print_comparison, print_error, print_run, print_stale, print_sum, today, width
from knowngood.cli.prepare import MatrixRun
from knowngood.errors import ExitCode, KnowngoodError, UsageError, some
from knowngood.judge.verdict import exit_code, is_signal, stopped_by
from knowngood.model import Status
from knowngood.project.files import near
from knowngood.project.publication import blocker, write_report
from knowngood.report import recap
from knowngood.report.formats import ReportContext
from knowngood.run.stop import Stop

if TYPE_CHECKING:
    from knowngood.cli.live.display import Display
    from knowngood.model import History, JudgedRun
    from knowngood.project.baseline import Comparison


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came out of running a matrix."""

    matrix_run: MatrixRun
    judged: "JudgedRun"
    comparison: "Comparison | None"
    """What changed against the baseline, if there is one."""
    elapsed: float
    """Seconds."""
    stopped: str | None = None
    """The signal that ended the searches for fixes after the run was complete."""

    @property
    def has_finished_combos(self) -> bool:
        """Whether there is anything that a later run could continue."""
        return any(facts.finished for facts in self.judged.run.combos)


def execute(matrix_run: MatrixRun, stop: Stop) -> Outcome:
    """Run the combos of a matrix, judge the run, compare it with the baseline, and fix failures if that is asked."""
    from knowngood.run import engine

    started = time.monotonic()
    with _live_display(matrix_run) as display:
        run = engine.execute(matrix_run.request, [display], stop=stop)
    judged = matrix_run.project.judge(run)
    comparison = matrix_run.project.baseline.compare(judged, matrix_run.before) if matrix_run.before else None
    if matrix_run.options.fix is not None:
        judged = fix_failures(matrix_run.request, judged, matrix_run.options.fix, stop)
    return Outcome(
        matrix_run=matrix_run,
        judged=judged,
        comparison=comparison,
        elapsed=time.monotonic() - started,
        stopped=stop.reason if stop.reason and is_signal(stop.reason) and run.interrupted is None else None,
    )


def _live_display(matrix_run: MatrixRun) -> "Display":
    """Return what shows the events of a run."""
    from rich.console import Console

    from knowngood.cli.live import display
    from knowngood.judge.verdict import judge_combo

    return display.choose(
        "none" if matrix_run.options.detail.quiet else matrix_run.options.progress,
        console=Console(stderr=True),
        is_tty=sys.stderr.isatty(),
        judge=lambda facts, info: judge_combo(facts, matrix_run.project.rules, day=info.day),
        past=matrix_run.project.runs.past_seconds(),
        runs=matrix_run.project.runs.folder,
    )


def finish(outcome: Outcome) -> ExitCode:
    """Print, write and publish what came out of a run; return its exit code."""
    judged, options = outcome.judged, outcome.matrix_run.options
    folder = outcome.matrix_run.project.runs.new(judged.run.info.id).folder
    changes = outcome.comparison.changes if outcome.comparison else ()
    context = ReportContext(
        judged=judged,
        changes=changes,
        searches=outcome.matrix_run.project.searched,
        history=_history(outcome),
        today=today(),
    )
    print_run(judged, folder, options.environ, options.detail, repeated=options.repeated)
    if outcome.comparison and not options.detail.quiet:
        click.echo()
        print_comparison(outcome.comparison)
    _write_report(context, folder, options.report_dir or folder / "report", options.detail)
    if options.keep:
        click.echo(f"kept    the environments, {near(folder / 'combos')}/ID/env")
    accept = _how_to_accept(outcome)
    if accept and not options.detail.quiet and _next_step(outcome):
        click.echo(accept)
    published = _publish_outcome(outcome, context, folder)
    _print_stale(outcome)
    click.echo("\n" * (not options.detail.quiet), nl=False)
    print_sum(judged, elapsed=outcome.elapsed)
    if next_step := _next_step(outcome):
        click.echo(f"next    {next_step}")
    elif accept and not options.detail.quiet:
        click.echo(accept)
    return exit_code(judged) or (ExitCode.AS_EXPECTED if published else ExitCode.USAGE)


def _history(outcome: Outcome) -> "History | None":
    """Return what was published of the matrix; None, after an error message, where it cannot be read."""
    try:
        return outcome.matrix_run.project.publication.history.with_run(outcome.judged)
    except KnowngoodError as error:
        print_error(error)
        return None


def _write_report(context: ReportContext, folder: Path, report: Path, detail: Detail) -> None:
    """Write the report of the run in ``folder`` into ``report``, and print where it is."""
    try:
        write_report(context, report, locks=[folder])
    except OSError as error:
        next_step = f"render it again with `knowngood report {near(folder)} --format html`"
        print_error(UsageError(f"{near(report)} cannot be written", cause=str(error), next_step=next_step))
        return
    if not detail.quiet:
        click.echo(f"\nreport  {', '.join(near(report / name) for name in ('index.html', 'matrix.md', 'matrix.json'))}")


def _next_step(outcome: Outcome) -> str:
    """Return the commands that a user most likely wants next about the worst failure; empty without one.

    How to go on after an early end is said at the very end, for all matrices together.
    """
    judged, project = outcome.judged, outcome.matrix_run.project
    worst = recap.most_severe(judged)
    if worst is None or judged.run.interrupted:
        return ""
    options = f"{matrix_of(project)}{outcome.matrix_run.options.repeated}"
    combo = shlex.quote(worst.combo.id)
    commands = [f"knowngood explain {combo}{options}"]
    verified = worst.diagnosis is not None and worst.diagnosis.verified is not None
    if not verified and worst.verdict.status not in (Status.PASS, Status.MOVED):
        commands.append(f"knowngood fix {combo}{options}")
    return "; ".join(commands)


def _how_to_accept(outcome: Outcome) -> str:
    """Return the command that makes a run the baseline; empty if it cannot be one, or there is no reason for it."""
    project, judged, comparison = outcome.matrix_run.project, outcome.judged, outcome.comparison
    options = outcome.matrix_run.options
    if options.accept or options.baseline is not None or blocker(judged, project.matrix) is not None:
        return ""
    command = f"knowngood run {name_of(project)} --accept"
    if comparison is None:
        return f"There is no baseline yet. To make this run the baseline: {command}"
    if regressed := comparison.unexpected_regressions(judged):
        return f"Regressed unexpectedly: {some(regressed)}. To accept this run as the new baseline: {command}"
    return ""


def _publish_outcome(outcome: Outcome, context: ReportContext, folder: Path) -> bool:
    """Publish and accept a run as far as the user asks for it; return whether all of that was done."""
    project, options = outcome.matrix_run.project, outcome.matrix_run.options
    if outcome.stopped and (options.publish or options.accept):
        next_step = "knowngood publish, which publishes the complete run with the fixes that were found"
        cause = f"{outcome.stopped} ended the searches for fixes"
        print_error(UsageError("the run is not published, or not accepted", cause=cause, next_step=next_step))
        return False
    try:
        if options.accept:
            click.echo(f"baseline   {near(project.baseline.accept(context.judged))}")
            # What is published is compared with the baseline beside it: publishing it again then changes nothing.
            if options.baseline is None:
                changes = project.baseline.compare(context.judged, project.baseline.find(None)).changes
                context = replace(context, changes=changes)
        if options.publish:
            click.echo(f"published  {near(project.publication.publish(context, locks=[folder]))}")
    except KnowngoodError as error:
        print_error(error)
        return False
    except OSError as error:
        print_error(
            UsageError("the run is not published, or not accepted", cause=str(error), next_step="make room, run again")
        )
        return False
    return True


def _print_stale(outcome: Outcome) -> None:
    """Print that what is published of the matrix is out of date; nothing when it is not, or nothing is published."""
    publication = outcome.matrix_run.project.publication
    if publication.file.is_file():
        with contextlib.suppress(KnowngoodError):
            print_stale(publication.read(), what=near(publication.folder))


def run_all(runs: Sequence[MatrixRun], stop: Stop) -> ExitCode:
    """Run matrices until ``stop`` is requested; return the most severe exit code.

    An error of one of several matrices is printed, and the others are run.
    """
    outcomes: list[Outcome | None] = []
    codes: list[ExitCode] = []
    for run in runs:
        if stop.requested:
            break
        if len(runs) > 1:
            click.echo("\n" * bool(outcomes) + f"matrix  {name_of(run.project)}")
        try:
            outcome = execute(run, stop)
            codes.append(finish(outcome))
            outcomes.append(outcome)
        except KnowngoodError as error:
            if len(runs) == 1:
                raise
            print_error(error)
            codes.append(error.exit_code)
            outcomes.append(None)
    if len(runs) > 1:
        click.echo("\n" + recap.render_overview(_lines(runs, outcomes), width=width()), nl=False)
    if advice := _how_to_continue(runs, outcomes, stop):
        click.echo("\n" * (len(runs) > 1) + advice)
    return gravest([*codes, *_cut(runs, outcomes, stop)])


def _cut(runs: Sequence[MatrixRun], outcomes: Sequence[Outcome | None], stop: Stop) -> list[ExitCode]:
    """Return the exit code of an early end: that of a signal always counts, that of a budget if it left something."""
    if stop.reason is None or not (is_signal(stop.reason) or len(outcomes) < len(runs)):
        return []
    return [stopped_by(stop.reason)]


def _lines(runs: Sequence[MatrixRun], outcomes: Sequence[Outcome | None]) -> list[recap.OverviewLine]:
    """Return the overview, with the matrices that an error or an early end kept from running."""
    lines = []
    for position, run in enumerate(runs):
        outcome = outcomes[position] if position < len(outcomes) else None
        if outcome is not None:
            line = recap.overview_line(name_of(run.project), outcome.judged, elapsed=outcome.elapsed)
        else:
            why = "stopped by an error, see above" if position < len(outcomes) else "not started"
            line = recap.overview_unrun(name_of(run.project), run.project.matrix, why)
        lines.append(line)
    return lines


def _how_to_continue(runs: Sequence[MatrixRun], outcomes: Sequence[Outcome | None], stop: Stop) -> str:
    """Return how the user can continue after an early end; empty when nothing is left."""
    cut, rest = _left(runs, outcomes)
    if stop.reason is None or not (cut or rest):
        return ""
    resumed = any(outcome.has_finished_combos for _, outcome in cut)
    option = runs[0].options.starting_over
    if len(runs) == 1:
        if resumed:
            command = f"command without {option}" if option else "same command"
            return f"Re-run the {command} within 24 hours to resume."
        return "" if is_signal(stop.reason) else _too_short(stop.reason)
    names = [name_of(run.project) for run in (*(run for run, _ in cut), *rest)]
    command = f"knowngood run {shlex.join(names)}"
    ways = [
        f"{name_of(run.project)} {'resumes' if outcome.has_finished_combos else 'starts over'}" for run, outcome in cut
    ]
    ways += [f"{names[len(cut)]} starts" if len(rest) == 1 else f"the other {len(rest)} start"] if rest else []
    others = f"and your other options except {option}" if option and resumed else "and your other options"
    within = " within 24 hours" if resumed else ""
    return f"To continue{within}: {command} ({others}); {', '.join(ways)}."


def _left(
    runs: Sequence[MatrixRun], outcomes: Sequence[Outcome | None]
) -> tuple[list[tuple[MatrixRun, Outcome]], list[MatrixRun]]:
    """Return the runs that were cut short, with what came out, and those that did not begin."""
    cut = [
        (run, outcome)
        for run, outcome in zip(runs, outcomes, strict=False)
        if outcome is not None and outcome.judged.run.interrupted
    ]
    return cut, list(runs[len(outcomes) :])


def _too_short(budget: str) -> str:
    return f"No combo was finished: {budget} is too short for this matrix. Run it again with a longer --budget."
