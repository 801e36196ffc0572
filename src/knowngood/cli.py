"""The command line: options, environment variables, wiring, files, exit codes. It does no work itself.

What a verb needs is imported when it runs: ``--help`` shall not wait for pydantic and rich.
"""

import os
import shlex
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from knowngood import __version__
from knowngood.errors import ExitCode, KnowngoodError, MatrixFileError, UsageError
from knowngood.explaining import explain
from knowngood.options import PATH as _PATH
from knowngood.options import near as _near
from knowngood.options import signatures as _signatures
from knowngood.options import state as _state
from knowngood.options import width as _width
from knowngood.scanning import scan

if TYPE_CHECKING:
    from knowngood.baseline import Side
    from knowngood.judge.diagnosis.signatures import Signature
    from knowngood.model import JudgedRun, Matrix
    from knowngood.run.conduct import Plan
    from knowngood.run.store import RunFolder, Store


class _Group(click.Group):
    """Turns what a user can act on into ``error:``, ``cause:`` and ``next:`` lines and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KnowngoodError as error:
            _tell(error)
            sys.exit(error.exit_code)
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            with tempfile.NamedTemporaryFile("w", prefix="knowngood-", suffix=".txt", delete=False) as file:
                file.write(traceback.format_exc())
            _tell(
                KnowngoodError(
                    "knowngood itself failed; this says nothing about your versions",
                    cause=f"{type(error).__name__}: {error}",
                    next_step=f"please report it together with {file.name}",
                )
            )
            sys.exit(ExitCode.UNDECIDED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="knowngood")
def main() -> None:
    """Prove which sets of package versions work together."""


main.add_command(explain)
main.add_command(scan)


def _options(*options: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_selection = _options(
    click.argument("asked", metavar="[MATRIX]", required=False),
    click.option("--matrix", "named", metavar="NAME", help="The same as MATRIX."),
    click.option(
        "--only", metavar="ID", multiple=True, help="Only this combo, or all of a glob: 'legacy*'. Repeatable."
    ),
    click.option("--shard", metavar="K/N", help="Only the K-th of N parts of the selection."),
)


@main.command("list")
@_selection
def list_combos(asked: str | None, named: str | None, only: tuple[str, ...], shard: str | None) -> None:
    """List the combos of MATRIX: a TOML file, or the name of one in matrices/."""
    from knowngood import files
    from knowngood.declare.select import Shard, choose

    matrix = files.load_matrix(files.find_matrix(asked or named, Path.cwd()))
    for combo in choose(matrix.combos, only=only, shard=Shard.parse(shard) if shard else None):
        click.echo(f"{combo.id}  {' | '.join(' '.join(step) for step in combo.steps)}")


@main.command()
@_selection
@click.option("--report-dir", type=_PATH, help="Write matrix.json and matrix.md here, whatever was selected.")
@click.option("--jobs", "-j", type=click.IntRange(1, 64), help="Combos at a time.  [default: by cores and memory]")
@click.option("--fresh", is_flag=True, help="Start over instead of resuming a run that was cut short.")
@click.option("--keep", is_flag=True, help="Keep the environments for a closer look.")
@click.option(
    "--baseline",
    "against",
    metavar="RUN",
    help="Compare with this matrix.json, event log, folder or id of a run.  [default: the published report]",
)
@click.option("--accept", is_flag=True, help="Make this run the baseline, whatever regressed.")
@click.option("--progress", type=click.Choice(["auto", "board", "lines", "none"]), default="auto", show_default=True)
@_signatures
@_state
def run(
    asked: str | None,
    named: str | None,
    only: tuple[str, ...],
    shard: str | None,
    report_dir: Path | None,
    jobs: int | None,
    fresh: bool,
    keep: bool,
    against: str | None,
    accept: bool,
    progress: str,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Build and probe the combos of MATRIX, print the table and write the report.

    MATRIX is a TOML file, or the name of one in matrices/; it may be left out when there is only one. A run that was
    cut short within the last day is resumed: only its unfinished combos run.

    A complete run becomes the published report, which is the baseline of the next, unless something regressed against
    it that nobody expects: then it takes --accept.
    """
    from platformdirs import user_cache_path
    from uv import find_uv_bin

    from knowngood import baseline, files
    from knowngood.declare.select import Shard, choose
    from knowngood.judge.gate import exit_code
    from knowngood.report import diff as diff_report
    from knowngood.run import host
    from knowngood.run.conduct import Plan

    path = files.find_matrix(asked or named, Path.cwd())
    matrix = files.load_matrix(path)
    combos = choose(matrix.combos, only=only, shard=Shard.parse(shard) if shard else None)
    if accept and combos != matrix.combos:
        raise UsageError(
            "only a run of all combos can be the baseline",
            next_step="leave out --accept, or else --only and --shard",
        )
    store = files.store(matrix, state_dir)
    rules = files.signatures(matrix.project, signatures)
    before = _standing(against, matrix, store, rules)
    earlier = None if fresh else store.unfinished(matrix.digest, combos)
    info = host.describe(matrix, command=f"knowngood run {shlex.quote(asked or named or str(path))}")
    folder = earlier or store.new(info.id)
    plan = Plan(
        matrix=matrix,
        combos=combos,
        info=info,
        folder=folder.path,
        resumed=earlier.read() if earlier else None,
        outside=dict(os.environ),
        uv=Path(find_uv_bin()),
        python=Path(sys.executable),
        asset_folder=user_cache_path("knowngood") / "assets",
        jobs=jobs or host.default_jobs(),
        cores=host.cores(),
        keep=keep,
        signatures=rules,
    )
    started = time.monotonic()
    judged = _carry_out(plan, folder, store, progress)
    changes = baseline.changes(before, baseline.side(judged), matrix)[0] if before else ()
    surprise = baseline.surprise(changes, judged)
    refusal = baseline.refusal(judged, matrix) or (
        None if accept or not surprise else f"{surprise} (--accept takes it)"
    )
    reports = report_dir or folder.path / "report"
    if refusal is None and (accept or report_dir is None):
        published = baseline.accept(judged, matrix)
        reports = report_dir or published
    _write(judged, reports)
    _show(judged, folder.path, elapsed=time.monotonic() - started)
    if before is not None:
        click.echo("\n" + diff_report.render(changes, baseline_name=before.name, width=_width()), nl=False)
    click.echo(f"\nreport  {_near(reports / 'matrix.md')}, {_near(reports / 'matrix.json')}")
    if keep:
        click.echo(f"kept    the environments, {_near(folder.path / 'combos')}/ID/env")
    if refusal is not None and (accept or report_dir is None):
        click.echo(f"The published report was left as it is: {refusal}.")
    sys.exit(exit_code(judged))


@main.command()
@click.argument("logs", metavar="[LOG]...", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--matrix", "named", metavar="NAME", help="The newest run of this matrix, when no LOG is given.")
@click.option(
    "--format", "formats", type=click.Choice(["table", "markdown", "json"]), default="table", show_default=True
)
@_signatures
@_state
def report(
    logs: tuple[Path, ...], named: str | None, formats: str, signatures: Path | None, state_dir: Path | None
) -> None:
    """Render event logs once more: each LOG is an events.jsonl; without one, the newest run of the matrix."""
    from knowngood import files
    from knowngood.judge.verdict import judge
    from knowngood.report import json_report, markdown
    from knowngood.run.store import read

    if not logs:
        matrix = files.load_matrix(files.find_matrix(named, Path.cwd()))
        newest = next(files.store(matrix, state_dir).newest(), None)
        if newest is None:
            raise UsageError(f"no run of {matrix.id} is kept", next_step="run the matrix first, or name an event log")
        logs = (newest.log,)
    known = files.signatures(Path.cwd(), signatures)
    for log in logs:
        recorded = read(log)
        if recorded is None:
            raise UsageError(f"{log} is not the event log of a run", next_step="name an events.jsonl of knowngood run")
        judged = judge(recorded, known)
        match formats:
            case "markdown":
                click.echo(markdown.render(judged), nl=False)
            case "json":
                click.echo(json_report.render(judged), nl=False)
            case _:
                _show(judged, log.parent)


@main.command()
@click.argument("asked", metavar="[MATRIX]", required=False)
@click.option("--matrix", "named", metavar="NAME", help="The same as MATRIX.")
@click.option("--baseline", "against", metavar="RUN", help="What to compare with.  [default: the published report]")
@click.option("--run", "chosen", metavar="RUN", help="What is compared.  [default: the newest run of the matrix]")
@click.option("--format", "formats", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@_signatures
@_state
def diff(
    asked: str | None,
    named: str | None,
    against: str | None,
    chosen: str | None,
    formats: str,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Tell what a run changed against a baseline: what regressed, with the distributions that moved, what was fixed.

    RUN is a matrix.json, an event log, a folder that holds one, or the id of a run, which may be cut short. Ends with 1
    when something regressed, with 3 when it could not be told whether something did, else with 0.
    """
    from knowngood import baseline, files
    from knowngood.judge.changes import exit_code
    from knowngood.judge.verdict import judge
    from knowngood.report import diff as diff_report

    matrix = files.load_matrix(files.find_matrix(asked or named, Path.cwd()))
    store = files.store(matrix, state_dir)
    rules = partial(judge, signatures=files.signatures(matrix.project, signatures))
    before = baseline.find(against, matrix, store, judge=rules)
    now = baseline.current(chosen, matrix, store, judge=rules)
    changes, left_out = baseline.changes(before, now, matrix)
    match formats:
        case "markdown":
            click.echo(diff_report.render_markdown(changes, baseline_name=before.name), nl=False)
        case "json":
            click.echo(diff_report.render_json(changes, baseline_name=before.name), nl=False)
        case _:
            click.echo(diff_report.render(changes, baseline_name=before.name, width=_width()), nl=False)
            if left_out:
                click.echo(f"\n{left_out} more cells of the baseline had no part in {now.name}.")
    sys.exit(exit_code(changes))


def _standing(
    against: str | None, matrix: "Matrix", store: "Store", signatures: "tuple[Signature, ...]"
) -> "Side | None":
    """Return what a run is compared with; unless asked for, nothing that cannot be read stands in its way."""
    from knowngood import baseline
    from knowngood.judge.verdict import judge

    if against is None and not (baseline.published(matrix) / "matrix.json").is_file():
        return None
    try:
        return baseline.find(against, matrix, store, judge=partial(judge, signatures=signatures))
    except UsageError as error:
        if against is not None:
            raise
        _tell(error)
        return None


def _carry_out(plan: "Plan", folder: "RunFolder", store: "Store", progress: Any) -> "JudgedRun":
    """Run the plan under watch of signals, with its log and the live terminal as sinks, and judge what was recorded."""
    from rich.console import Console

    from knowngood.events import Event
    from knowngood.judge.known import day_of
    from knowngood.judge.verdict import judge, judge_combo
    from knowngood.run import live
    from knowngood.run.conduct import Conductor
    from knowngood.run.store import EventLog
    from knowngood.watch import stopped_by_signals

    console = Console(stderr=True)
    if plan.resumed is not None:
        done = sum(facts.finished for facts in plan.resumed.combos)
        click.echo(
            f"Resuming run {plan.resumed.info.id}: {done} of {len(plan.combos)} combos are done (--fresh starts over).",
            err=True,
        )
    with folder.lock(), ExitStack() as stack:
        log = EventLog(folder.log)
        stack.callback(log.close)
        show = stack.enter_context(
            live.choose(
                progress,
                console=console,
                is_tty=sys.stderr.isatty(),
                judge=partial(judge_combo, signatures=plan.signatures, day=day_of(plan.info)),
                past=store.past_seconds(),
                resumed=plan.resumed,
            )
        )

        def emit(event: Event) -> None:
            log(event)
            show(event)

        conductor = Conductor(plan, emit)
        with stopped_by_signals(conductor.stop):
            conductor.run()
    recorded = folder.read()
    assert recorded is not None, "the first event of every log is run-started"
    return judge(recorded, plan.signatures)


def _write(judged: "JudgedRun", folder: Path) -> None:
    from knowngood import files
    from knowngood.report import json_report, markdown

    files.write(folder / "matrix.json", json_report.render(judged))
    files.write(folder / "matrix.md", markdown.render(judged))


def _show(judged: "JudgedRun", folder: Path, elapsed: float | None = None) -> None:
    """Print the recap and then the table."""
    from knowngood.report import recap, table

    # Prose has a width to be read at; a table takes all there is, and in a file or pipe what it needs.
    bounded = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = shutil.get_terminal_size().columns if bounded else None
    click.echo("\n" + recap.render(judged, run_folder=_near(folder), elapsed=elapsed, width=_width()))
    click.echo(table.render(judged, width=width), nl=False)


def _tell(error: KnowngoodError) -> None:
    """Print what happened, its cause, and the next step."""
    from knowngood.report.text import plain

    click.echo(f"error: {plain(error.what)}", err=True)
    if isinstance(error, MatrixFileError):
        for problem in error.problems:
            place = f"{error.path}:{problem.line}" if problem.line else error.path
            click.echo(f"  {plain(place)}: {plain(problem.where)}: {plain(problem.what)}", err=True)
            if problem.hint:
                click.echo(f"    hint: {plain(problem.hint)}", err=True)
    if error.cause:
        click.echo(f"cause: {plain(error.cause)}", err=True)
    if error.next_step:
        click.echo(f"next: {plain(error.next_step)}", err=True)
