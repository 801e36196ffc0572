"""The command line as a whole: exit codes of crashes, and a fast ``--help``."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from knowngood.cli.main import EXAMPLES, GROUPS, Verbs, main
from support.project import Project


@click.group(cls=Verbs)
def verbs() -> None:
    """Group verbs as ``knowngood`` does."""


@verbs.command()
def broken() -> None:
    """Crash as a bug of ours would."""
    raise ZeroDivisionError("a bug of ours")


@verbs.command()
def interrupted() -> None:
    """Be interrupted before signals are watched."""
    raise KeyboardInterrupt


def test_an_interrupt_that_no_verb_watches_for_exits_130_and_claims_nothing() -> None:
    result = CliRunner().invoke(verbs, ["interrupted"])

    assert (result.exit_code, result.stderr) == (130, "error: interrupted\n")


def test_our_own_crash_exits_70_and_names_a_file_with_what_a_maintainer_needs() -> None:
    result = CliRunner().invoke(verbs, ["broken"])

    assert result.exit_code == 70
    assert "error: knowngood itself crashed; this says nothing about your versions" in result.stderr
    assert "cause: ZeroDivisionError: a bug of ours" in result.stderr
    named = re.search(r"next: please open an issue and attach (\S+)", result.stderr)
    assert named is not None
    report = Path(named[1]).read_text(encoding="utf-8")
    assert report.startswith("knowngood ") and "Traceback" in report and "in broken" in report
    Path(named[1]).unlink()


def test_the_help_lists_every_verb_once_in_a_group_with_a_short_help_that_fits_on_its_line() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout
    listed = re.findall(r"^  (\w+) {2,}\S.*$", shown.partition("Begin:")[2], re.MULTILINE)

    assert sorted(listed) == sorted(main.commands)
    assert sorted(listed) == sorted(name for names in GROUPS.values() for name in names)
    assert [title for title in GROUPS if f"\n{title}:\n" not in shown] == []
    assert not [line for line in shown.splitlines() if line.startswith("  ") and line.endswith("...")]


@pytest.mark.parametrize("name", main.commands)
def test_the_help_of_a_verb_ends_with_examples_that_its_options_allow(name: str) -> None:
    verb = main.commands[name]
    shown = CliRunner().invoke(main, [name, "--help"]).stdout
    assert EXAMPLES[name]
    for command, purpose in EXAMPLES[name]:
        first, *words = shlex.split(command)
        assert first == name
        assert re.search(rf"knowngood {re.escape(command)} +{re.escape(purpose)}$", shown, re.MULTILINE)
        try:
            verb.make_context(name, words)
        except click.BadParameter as error:
            assert error.message.endswith("does not exist."), "of a file, in an example"


def test_help_imports_neither_pydantic_nor_rich(project: Project) -> None:
    script = (
        "import sys\nfrom knowngood.cli.main import main\n"
        "main(['run', '--help'], standalone_mode=False)\n"
        "print(sorted({'pydantic', 'rich', 'jinja2', 'numpy'} & set(sys.modules)), file=sys.stderr)\n"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert shown.stderr == "[]\n"
