"""Word what click says about a wrong command line as we word errors: what is wrong, what there is, what to do next."""

import difflib
import re
from collections.abc import Sequence

import click

from knowngood.errors import UsageError, similar_or_some

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
        what = f"{command} has no verb {unknown[1][:40]!r}"
        return UsageError(what, cause=similar_or_some(unknown[1], verbs), next_step=f"{listing} all verbs")
    return UsageError(message[:1].lower() + message[1:], next_step=f"{listing} what it takes")


def _options(context: click.Context | None) -> Sequence[str]:
    if context is None:
        return ()
    return [name for param in context.command.params if isinstance(param, click.Option) for name in param.opts]


def _shown(param: click.Parameter) -> str:
    name = param.metavar or (param.name or "").upper() if isinstance(param, click.Argument) else param.opts[0]
    return name.removesuffix("...").strip("[]")
