"""Make a project on disk with a matrix, and run the command line in it as a user would."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import ready

MARK = "KNOWNGOOD_TEST_MARK"  # set in the environment of every process below a command, to find any that stay
TIMEOUT = 600  # a search of many cells takes minutes on a busy machine


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder with ``matrices/m.toml``."""

    folder: Path

    @property
    def matrix(self) -> Path:
        return self.folder / "matrices" / "m.toml"

    @property
    def report(self) -> Path:
        return self.folder / "report"

    def write(self, text: str) -> None:
        """Write the matrix file."""
        self.matrix.parent.mkdir(parents=True, exist_ok=True)
        self.matrix.write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "knowngood", *arguments]

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment of a user, without retries: a server that is down in a test stays down."""
        ours = {MARK: str(self.folder), "KG_TEST_MARK": str(self.folder), "UV_HTTP_RETRIES": "0", "PIP_RETRIES": "0"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
        # Verdicts of tests must not reach the user's own cache. uv's cache is shared, because it only holds files.
        caches = Path(kept.get("XDG_CACHE_HOME") or Path(kept.get("HOME", "/")) / ".cache")
        ours |= {
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(caches / "uv"),
            # As is the pip that virtualenv unpacks, and that the first test compiles.
            "VIRTUALENV_OVERRIDE_APP_DATA": str(caches / "virtualenv"),
            "VIRTUALENV_SYMLINK_APP_DATA": "1",
        }
        return kept | ours | {"COLUMNS": "120"} | extra

    def run(self, *arguments: str, folder: Path | None = None, **extra: str) -> "subprocess.CompletedProcess[str]":
        """Run ``knowngood`` with ``arguments`` in the project or another folder, and wait until it exits.

        It is a process of its own, which is forked from one that has imported ``knowngood`` already.
        """
        environment = self.environment(**extra)
        if not ready.can_run(environment):
            return self.run_from_the_start(*arguments, folder=folder, **extra)
        return ready.run(arguments, folder=folder or self.folder, environment=environment, timeout=TIMEOUT)

    def run_from_the_start(
        self, *arguments: str, folder: Path | None = None, **extra: str
    ) -> "subprocess.CompletedProcess[str]":
        """Do the same in a new interpreter, for what depends on how a process starts."""
        return subprocess.run(
            self.command(*arguments),
            cwd=folder or self.folder,
            env=self.environment(**extra),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start ``knowngood`` with ``arguments`` in the project."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_matrix(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the matrix, and write its report to ``report``."""
        return self.run("run", "matrices/m.toml", "--report-dir", "report", *arguments)

    def cells(self) -> dict[str, dict[str, Any]]:
        """Return the cells of the report, by combo."""
        report = json.loads((self.report / "matrix.json").read_text(encoding="utf-8"))
        return {cell["combo"]: cell for cell in report["cells"]}

    def logs(self) -> list[Path]:
        """Return the event logs of all runs, oldest first."""
        return sorted((self.folder / ".knowngood" / "runs").glob("*/*/events.jsonl"))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events called ``name`` in the newest log."""
        lines = self.logs()[-1].read_text(encoding="utf-8").splitlines()
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def processes_left(self) -> list[str]:
        """Return the command lines of the processes that a command in this project started and that still run."""
        commands = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != os.getpid():
                try:
                    environment = (folder / "environ").read_bytes()
                    if str(self.folder).encode() in environment:
                        commands.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue
        return commands


def wait_for(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait until ``condition`` holds; fail if it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not hold within {seconds} s"
        time.sleep(0.02)
