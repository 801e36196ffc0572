"""Render the command line from click's own data: usage, description, and each option with its default."""

import re
from collections.abc import Iterator

import click

from knowngood.cli.main import main
from knowngood_reference.markup import prose

_DEFAULT = re.compile(r"\s*\[default: (?P<default>.+)\]$")


def verbs(_: str = "") -> str:
    """Return a section for each verb, as Markdown."""
    context = click.Context(main, info_name="knowngood")
    return "\n".join(line for part in _sections(main, context, depth=2) for line in [*part, ""])


def _sections(group: click.Group, context: click.Context, *, depth: int) -> Iterator[list[str]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        below = click.Context(command, info_name=name, parent=context)
        yield [f"({_label(below)})=", f"{'#' * depth} {below.command_path.removeprefix('knowngood ')}", *_verb(below)]
        if isinstance(command, click.Group):
            yield from _sections(command, below, depth=depth + 1)


def _label(context: click.Context) -> str:
    return context.command_path.replace("knowngood", "cli").replace(" ", "-")


def _verb(context: click.Context) -> list[str]:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    paragraphs = [prose(part) for part in (command.help or "").replace("\b", "").split("\n\n") if part.strip()]
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    return [
        *("", "```{program} " + context.command_path, "```", "", "```text", usage, "```", ""),
        *(line for part in paragraphs for line in (part, "")),
        *(
            ["```text", *(command.epilog or "").removeprefix("\b\nExamples:\n").splitlines(), "```", ""]
            if command.epilog
            else []
        ),
        *(line for option in options for line in [*_option(option, context), ""]),
    ]


def _option(option: click.Option, context: click.Context) -> list[str]:
    names = ", ".join([*option.opts, *option.secondary_opts])
    # click names the type of a number "INTEGER RANGE".
    number = isinstance(option.type, click.types.IntParamType) and option.metavar is None
    kind = "N" if number else option.make_metavar(context)
    metavar = "" if option.is_flag or option.count else f" {kind}"
    text, default = _default(option)
    notes = [
        *([f"Default: {prose(default)}."] if default else []),
        *(["May be given several times."] if option.multiple and "Repeatable" not in text else []),
        *([f"Also read from the environment variable `{option.envvar}`."] if option.envvar else []),
        *(["Required."] if option.required else []),
    ]
    return ["```{option} " + names + metavar, " ".join([*([prose(text)] if text else []), *notes]), "```"]


def _default(option: click.Option) -> tuple[str, str]:
    """Return the help of an option without its default, and the default as text."""
    text = option.help or ""
    if match := _DEFAULT.search(text):
        return text[: match.start()], match["default"]
    if option.show_default and isinstance(option.default, str | int | float) and not isinstance(option.default, bool):
        return text, str(option.default)
    return text, option.show_default if isinstance(option.show_default, str) else ""
