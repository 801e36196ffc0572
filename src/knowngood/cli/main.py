"""Group the verbs of the command line, give each its examples, and turn exceptions into messages and exit codes.

A verb imports what it needs when it is invoked, so that ``--help`` does not wait for pydantic and rich. ``--help``
itself has no library for looks.
"""

import difflib
import os
import platform
import re
import shlex
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import click

from knowngood import __version__
from knowngood.cli.cache import cache
from knowngood.cli.confluence import confluence
from knowngood.cli.diff import diff
from knowngood.cli.docs import docs
from knowngood.cli.explain import explain
from knowngood.cli.export import export
from knowngood.cli.fix import fix
from knowngood.cli.forecast import forecast
from knowngood.cli.frontier import frontier
from knowngood.cli.import_ import import_
from knowngood.cli.init import init
from knowngood.cli.list import list_combos
from knowngood.cli.output import print_error, without_secrets
from knowngood.cli.plan import plan
from knowngood.cli.publish import publish
from knowngood.cli.report import report
from knowngood.cli.run import run
from knowngood.cli.scan import scan
from knowngood.cli.timeline import timeline
from knowngood.cli.upgrade import upgrade
from knowngood.errors import ExitCode, KnowngoodError, UsageError, similar_or_some

_QUOTED = re.compile(r"'([^']*)' is not one of")


def worded(error: click.UsageError, verb: str | None = None) -> UsageError:
    """Return the error that stands for ``error``; the last line names the help that has the whole list.

    ``verb`` is the one whose arguments are wrong, for errors that do not say it: an option without its value.
    """
    context = error.ctx
    command = context.command_path if context is not None else f"knowngood {verb or ''}".strip()
    listing = f"`{command} --help` lists"
    match error:
        case click.NoSuchOption():
            options = _options(context)
            near = difflib.get_close_matches(error.option_name, options, n=1, cutoff=0.5)
            cause = f"did you mean {near[0]}?" if near else ""
            return UsageError(
                f"{command} has no option {error.option_name}", cause=cause, next_step=f"{listing} all options"
            )
        case click.BadParameter() if error.param is not None and isinstance(error.param.type, click.Choice):
            value = _QUOTED.search(error.format_message())
            name = error.param.opts[0]
            choices = [str(choice) for choice in error.param.type.choices]
            what = f"invalid value for {name}" if value is None else f"invalid {name} {value[1][:40]!r}"
            return UsageError(
                what, cause=similar_or_some(value[1] if value else "", choices), next_step=f"{listing} all choices"
            )
        case click.MissingParameter() if error.param is not None:
            return UsageError(f"{command} needs {_shown(error.param)}", next_step=f"{listing} what it takes")
    message = re.sub(
        r"not in the range (\d+)<=x<=(\d+)", r"not from \1 to \2", error.format_message().removesuffix(".")
    )
    unknown = re.match(r"No such command '(.*?)'", message)
    if unknown and context is not None and isinstance(context.command, click.Group):
        verbs = [name for name, verb in context.command.commands.items() if not verb.hidden]
        what = f"{command} has no command {unknown[1][:40]!r}"
        return UsageError(what, cause=similar_or_some(unknown[1], verbs), next_step=f"{listing} all commands")
    return UsageError(message[:1].lower() + message[1:], next_step=f"{listing} what it takes")


def _options(context: click.Context | None) -> Sequence[str]:
    if context is None:
        return ()
    return [name for param in context.command.params if isinstance(param, click.Option) for name in param.opts]


def _shown(param: click.Parameter) -> str:
    name = param.metavar or (param.name or "").upper() if isinstance(param, click.Argument) else param.opts[0]
    return name.removesuffix("...").strip("[]")


class Verbs(click.Group):
    """A group that prints errors as ``error:``, ``cause:`` and ``next:`` lines and exits with their code."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Return the context of a command line."""
        try:
            return super().make_context(*args, **options)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            print_error(worded(error))
            sys.exit(ExitCode.USAGE)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs in the groups of ``examples.GROUPS``; those that are in none are one list."""
        listed = {name: verb for name in self.list_commands(ctx) if (verb := self.get_command(ctx, name))}
        others = tuple(name for name in listed if name not in {verb for verbs in GROUPS.values() for verb in verbs})
        sections = {**GROUPS, "Commands": others}
        limit = formatter.width - 6 - max(map(len, listed), default=0)
        for title, names in sections.items():
            rows = [(name, listed[name].get_short_help_str(limit)) for name in names if name in listed]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows, col_max=30, col_spacing=2 + 10 - max(len(name) for name, _ in rows))

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke a verb. Any other exception is our own crash: exit 70 and name a file to send."""
        try:
            return super().invoke(ctx)
        except KnowngoodError as error:
            print_error(error)
            sys.exit(error.exit_code)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            print_error(worded(error, ctx.invoked_subcommand))
            sys.exit(ExitCode.USAGE)
        except KeyboardInterrupt:
            # A verb that handles signals itself says what is known and what is left; this is for the rest.
            print_error(KnowngoodError("interrupted"))
            sys.exit(ExitCode.INTERRUPTED)
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            print_error(
                KnowngoodError(
                    "knowngood itself crashed; this says nothing about your versions",
                    cause=f"{type(error).__name__}: {error}",
                    next_step=f"please open an issue and attach {_crash_report()}",
                )
            )
            sys.exit(ExitCode.INTERNAL)


def _crash_report() -> str:
    """Write what a maintainer needs to see of the exception that is being handled, and return the path of the file."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", errors="backslashreplace", prefix="knowngood-crash-", suffix=".txt", delete=False
    ) as file:
        report = (
            f"knowngood {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
            f"command: {shlex.join(sys.argv)}\n\n{traceback.format_exc()}"
        )
        file.write(without_secrets(report))
    return file.name


GROUPS: Mapping[str, tuple[str, ...]] = {
    "Begin": ("init", "import", "list"),
    "Test": ("plan", "run", "explain", "diff"),
    "Search": ("fix", "frontier", "timeline", "upgrade", "forecast", "confluence"),
    "Report": ("report", "publish", "docs", "export"),
    "More": ("cache", "scan"),
}
"""The verbs by what they are for, in the order in which a user meets them; a test holds that each verb is in one."""

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "init": (("init", "the project in this folder"), ("init --dry-run ../shop", "another one; write nothing")),
    "import": (("import Dockerfile", "print a matrix"), ("import tox.ini --write", "write it into matrices/")),
    "list": (("list --only 'legacy*'", "some combos of the only matrix"),),
    "plan": (
        ("plan", "what a run would download and probe"),
        ("plan --all --format github", "jobs for CI"),
    ),
    "run": (
        ("run", "the only matrix"),
        ("run --only 'legacy*' --fix", "some combos; look for fixes as well"),
        ("run --last-failed", "what was not as expected last time"),
        ("run --budget 15m --publish", "stop in time; publish the report"),
    ),
    "explain": (
        ("explain", "everything that is not as expected"),
        ("explain legacy --format markdown", "one combo, for an issue"),
    ),
    "diff": (("diff", "the last run, compared with the baseline"),),
    "fix": (
        ("fix legacy", "the smallest change with which it works"),
        ("fix legacy --keep torch --to 'numpy>=2'", "with torch as it is and a new NumPy"),
    ),
    "frontier": (
        ("frontier modern transformers", "which versions work"),
        ("frontier modern numpy torch", "a map of two packages"),
    ),
    "timeline": (("timeline modern --since 2026-01-01", "which release broke it since then"),),
    "upgrade": (
        ("upgrade legacy", "to the newest versions that work"),
        ("upgrade legacy --to 'numpy>=2'", "as far as a goal"),
    ),
    "forecast": (("forecast --cooldown 7d", "what releases of the last week will break"),),
    "confluence": (("confluence legacy", "whether the order of its steps matters"),),
    "report": (
        ("report --format html -o page.html", "the last run as a page"),
        ("report shard-1 shard-2 --gate", "shards as one run, with its exit code"),
    ),
    "publish": (("publish", "into reports/MATRIX"), ("publish --accept", "and make it the baseline")),
    "docs": (("docs", "update the tables"), ("docs --check", "fail if one is stale")),
    "export": (
        ("export modern -o requirements.txt", "exact versions with hashes"),
        ("export modern --format dockerfile", "the steps of a Dockerfile"),
    ),
    "scan": (("scan dist/*.whl --numpy 2.0.2", "wheels that were built for another NumPy"),),
    "cache": (("cache ls", "what would be reused"), ("cache export verdicts.tar", "for another machine")),
}
"""Commands and what they do, by verb; each is a command line without ``knowngood``."""


def epilog(verb: str) -> str:
    """Return the examples of a verb as the end of its help; empty without any."""
    examples = EXAMPLES.get(verb, ())
    width = max((len(command) for command, _ in examples), default=0)
    lines = [f"  knowngood {command:<{width}}  {purpose}" for command, purpose in examples]
    # A line with \b keeps click from joining the lines below it.
    return "\n".join(["\b", "Examples:", *lines]) if lines else ""


_HELP = """\
Prove which sets of package versions work together.

A matrix is a TOML file in matrices/ that lists combos: sets of versions, each of which is
installed into its own environment. Its probes say what "works" means: your tests, a script
or a command. A combo under one probe is a cell, and gets a verdict.

\b
knowngood plan       what can be installed, and what a run would download
knowngood run        build and probe every combo, and print a table of verdicts
knowngood explain    why a combo failed, and which versions fix it
"""
"""What ``--help`` says; ``\\b`` keeps the lines of a paragraph as they are."""


@click.group(cls=Verbs, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="knowngood")
@click.pass_context
def main(context: click.Context) -> None:
    """Pass the environment variables to the verbs, and what they say about colors to ``click.echo``."""
    context.obj = dict(os.environ)
    # Either counts with any value but the empty one; without them the terminal decides.
    if context.obj.get("NO_COLOR"):
        context.color = False
    elif context.obj.get("FORCE_COLOR"):
        context.color = True


VERBS = (
    *(cache, diff, docs, explain, export, fix, frontier, import_, init, list_combos, plan, publish, report, run, scan),
    *(confluence, forecast, timeline, upgrade),
)
for verb in VERBS:
    verb.epilog = epilog(str(verb.name))
    main.add_command(verb)
