"""Tests of Ctrl-C while a verb is still being imported."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

WAITS = """
import importlib.abc, sys, time

class Waits(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            print("here", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Waits())
sys.argv = ["knowngood", *{arguments!r}]
from knowngood.__main__ import main
main()
"""


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end what a test starts, even where a shell has it ignored for a job in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("module", ["knowngood.cli.main", "click", "knowngood.cli.run", "knowngood.cli.streams"])
@pytest.mark.parametrize("arguments", [["run"], ["list"], ["--help"]])
def test_ctrl_c_during_the_imports_of_a_verb_exits_130_with_a_word(module: str, arguments: list[str]) -> None:
    source = WAITS.format(module=module, arguments=arguments)
    with subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None and started.stdout.readline() == "here\n"
        time.sleep(0.05)
        started.send_signal(signal.SIGINT)
        _, errors = started.communicate(timeout=60)

    assert (started.returncode, errors) == (130, "error: interrupted, before anything was done\n")


def test_nothing_is_imported_before_ctrl_c_is_handled() -> None:
    """Until ``__main__`` runs, Ctrl-C is a traceback of Python: an import before it would make that time longer."""
    source = (
        "import sys; before = set(sys.modules); import knowngood, knowngood.__main__; "
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('knowngood')))"
    )
    found = subprocess.run([sys.executable, "-I", "-c", source], capture_output=True, text=True, check=True).stdout

    assert found == "['_signal']\n" or found == "[]\n"
