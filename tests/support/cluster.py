"""Start a real Dask scheduler and real workers, each as anybody would on a command line, and end them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.project import Project, wait_for

DASK = Path(sys.executable).with_name("dask")


@dataclass
class Cluster:
    """A scheduler, its file, and its workers by name."""

    project: Project
    name: str = "scheduler"
    scheduler: "subprocess.Popen[bytes] | None" = None
    workers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The file that leads to the scheduler."""
        return self.project.folder / f"{self.name}.json"

    @property
    def options(self) -> tuple[str, ...]:
        """What lets a command use this cluster."""
        return ("--executor", "dask", "--scheduler", str(self.file))

    def start(self, *options: str) -> None:
        """Start the scheduler."""
        command = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *options]
        self.scheduler = self._start(self.name, *command, "--scheduler-file", str(self.file))
        wait_for(self.file.exists, seconds=120)

    def add(self, name: str, *options: str, **environment: str) -> None:
        """Start a worker, which may take a while until it is there."""
        command = ["worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--memory-limit", "0"]
        self.workers[name] = self._start(name, *command, "--no-dashboard", "--name", name, *options, **environment)

    def kill(self, name: str) -> None:
        """Kill a worker, so that it can say goodbye to nobody."""
        self.send(name, signal.SIGKILL)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a worker and to the nanny that watches it."""
        os.killpg(self.workers[name].pid, number)

    def end(self) -> None:
        """End everything that still runs."""
        for process in (*self.workers.values(), *([self.scheduler] if self.scheduler else [])):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _start(self, name: str, *command: str, **environment: str) -> "subprocess.Popen[bytes]":
        folder = self.project.folder / name
        folder.mkdir(exist_ok=True)
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                [DASK, *command],
                cwd=folder,
                env=self.project.environment(**environment),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@contextmanager
def cluster(project: Project, *names: str) -> Iterator[Cluster]:
    """Yield a cluster with a worker of each name; everything is ended with the block."""
    running = Cluster(project=project)
    try:
        running.start()
        for name in names:
            running.add(name)
        yield running
    finally:
        running.end()
