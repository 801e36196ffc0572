"""Run matrices one after the other, and sum up: an overview, how to go on after an early end, the exit code."""

import shlex
from collections.abc import Sequence

import click

from knowngood.cli.finish import finish
from knowngood.cli.matrices import gravest, name_of
from knowngood.cli.output import print_error, width
from knowngood.cli.prepare import MatrixRun
from knowngood.cli.running import Outcome, execute
from knowngood.errors import ExitCode, KnowngoodError
from knowngood.judge.exit_code import is_signal, stopped_by
from knowngood.report import several
from knowngood.run.stop import Stop


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
        click.echo("\n" + several.render(_lines(runs, outcomes), width=width()), nl=False)
    if advice := _how_to_go_on(runs, outcomes, stop):
        click.echo("\n" * (len(runs) > 1) + advice)
    return gravest([*codes, *_cut(runs, outcomes, stop)])


def _cut(runs: Sequence[MatrixRun], outcomes: Sequence[Outcome | None], stop: Stop) -> list[ExitCode]:
    """Return the exit code of an early end: that of a signal always counts, that of a budget if it left something."""
    if stop.reason is None or not (is_signal(stop.reason) or len(outcomes) < len(runs)):
        return []
    return [stopped_by(stop.reason)]


def _lines(runs: Sequence[MatrixRun], outcomes: Sequence[Outcome | None]) -> list[several.Line]:
    """Return the overview, with the matrices that an error or an early end kept from running."""
    lines = []
    for position, run in enumerate(runs):
        outcome = outcomes[position] if position < len(outcomes) else None
        if outcome is not None:
            line = several.line(name_of(run.project), outcome.judged, elapsed=outcome.elapsed)
        else:
            why = "ended by an error, see above" if position < len(outcomes) else "not begun"
            line = several.unrun(name_of(run.project), run.project.matrix, why)
        lines.append(line)
    return lines


def _how_to_go_on(runs: Sequence[MatrixRun], outcomes: Sequence[Outcome | None], stop: Stop) -> str:
    """Return how the user goes on with what an early end left, as it will really happen; empty when nothing is left."""
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
    ways += [f"{names[len(cut)]} begins" if len(rest) == 1 else f"the other {len(rest)} begin"] if rest else []
    others = f"and your other options but {option}" if option and resumed else "and your other options"
    within = " within 24 hours" if resumed else ""
    return f"To go on{within}: {command} ({others}); {', '.join(ways)}."


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
