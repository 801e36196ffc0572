"""The only module that spawns: a Python of its own for one of the scripts beside it."""

import subprocess
import sys
from pathlib import Path

Spawned = subprocess.Popen[bytes]
"""A script that runs. It is asked on standard input and answers on standard output; when its input ends it leaves."""


def start(script: str) -> Spawned:
    """Start the script called ``script`` in a session of its own, without environment and without site-packages."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", Path(__file__).with_name(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={},
        start_new_session=True,
    )


def hang_up(process: Spawned) -> None:
    """Tell ``process`` that nothing more will be asked."""
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
