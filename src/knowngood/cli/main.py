"""The command line: options, environment variables, wiring, files, exit codes. It does no work itself.

What a verb needs is imported when it runs: ``--help`` shall not wait for pydantic and rich.
"""

import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import click

from knowngood import __version__
from knowngood.cli.cache import cache
from knowngood.cli.docs import docs
from knowngood.cli.explain import explain
from knowngood.cli.export import export
from knowngood.cli.options import selection, tell, width
from knowngood.cli.options import signatures as _signatures
from knowngood.cli.options import state as _state
from knowngood.cli.plan import plan
from knowngood.cli.report import report
from knowngood.cli.run import run
from knowngood.cli.scan import scan
from knowngood.errors import ExitCode, KnowngoodError


class _Group(click.Group):
    """Turns what a user can act on into ``error:``, ``cause:`` and ``next:`` lines and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KnowngoodError as error:
            tell(error)
            sys.exit(error.exit_code)
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            with tempfile.NamedTemporaryFile("w", prefix="knowngood-", suffix=".txt", delete=False) as file:
                file.write(traceback.format_exc())
            tell(
                KnowngoodError(
                    "knowngood itself failed; this says nothing about your versions",
                    cause=f"{type(error).__name__}: {error}",
                    next_step=f"please report it together with {file.name}",
                )
            )
            sys.exit(ExitCode.UNDECIDED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="knowngood")
@click.pass_context
def main(context: click.Context) -> None:
    """Prove which sets of package versions work together."""
    context.obj = dict(os.environ)


main.add_command(cache)
main.add_command(docs)
main.add_command(explain)
main.add_command(export)
main.add_command(plan)
main.add_command(report)
main.add_command(run)
main.add_command(scan)


@main.command("list")
@selection
def list_combos(asked: str | None, named: str | None, only: tuple[str, ...], shard: str | None) -> None:
    """List the combos of MATRIX: a TOML file, or the name of one in matrices/."""
    from knowngood.declare.select import Shard, choose
    from knowngood.project.project import Project

    for combo in choose(
        Project.open(asked or named).matrix.combos, only=only, shard=Shard.parse(shard) if shard else None
    ):
        click.echo(f"{combo.id}  {' | '.join(' '.join(step) for step in combo.steps)}")


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
    from knowngood.judge.changes import exit_code
    from knowngood.project import baseline
    from knowngood.project.project import Project
    from knowngood.report import diff as diff_report

    project = Project.open(asked or named, state_dir=state_dir, signatures=signatures)
    before = baseline.find(against, project)
    now = baseline.current(chosen, project)
    changes, left_out = baseline.changes(before, now, project.matrix)
    match formats:
        case "markdown":
            click.echo(diff_report.render_markdown(changes, baseline_name=before.name), nl=False)
        case "json":
            click.echo(diff_report.render_json(changes, baseline_name=before.name), nl=False)
        case _:
            click.echo(diff_report.render(changes, baseline_name=before.name, width=width()), nl=False)
            if left_out:
                click.echo(f"\n{left_out} more cells of the baseline had no part in {now.name}.")
    sys.exit(exit_code(changes))
