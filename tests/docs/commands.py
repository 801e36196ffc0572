"""Check the commands that pages show against the command line as click knows it."""

import re
from collections.abc import Sequence

import click

from docs.blocks import ROOT
from knowngood.cli.main import main
from knowngood.sessions import VERBS


def sessions() -> dict[str, str]:
    """Return the verb that each session of our noxfile calls, or an empty string if it calls none."""
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    own = re.findall(r"^@nox\.session\ndef (\w+)\(", noxfile, flags=re.MULTILINE)
    return {"matrix": "run", "combo": "run"} | {verb: verb for verb in VERBS} | dict.fromkeys(own, "")


def check(command: Sequence[str]) -> None:
    """Fail unless ``command`` names an existing verb or session with options that it accepts."""
    if command[:1] == ["knowngood"]:
        check_verb(command[1:])
    elif command[:1] == ["nox"] and "-s" in command:
        after = command.index("--") if "--" in command else len(command)
        names = [name.partition("(")[0] for name in command[list(command).index("-s") + 1 : after]]
        known = sessions()
        assert set(names) <= known.keys(), f"no such session: {names}"
        for name in names:
            if known[name]:
                check_verb([known[name], *command[after + 1 :]])


def check_verb(arguments: Sequence[str]) -> None:
    """Fail unless click accepts ``arguments``; nothing is run, and paths need not exist."""
    group: click.Command = main
    words = list(arguments)
    context = click.Context(main, info_name="knowngood")
    while isinstance(group, click.Group):
        assert words, f"{context.command_path} needs a verb"
        name = words.pop(0)
        if name.startswith("-"):
            assert name in ("--help", "-h", "--version"), name
            return
        command = group.get_command(context, name)
        assert command is not None, f"there is no `{context.command_path} {name}`"
        group, context = command, click.Context(command, info_name=name, parent=context)
    options = {name for option in group.params for name in (*option.opts, *option.secondary_opts)}
    for word in words:
        if word.startswith("-"):
            assert word.partition("=")[0] in (*options, "--help", "-h"), f"{context.command_path} has no {word}"
