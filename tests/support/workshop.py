"""Build real environments and run real probes in the folder of a test, without the settings of this machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowngood.install import registry
from knowngood.install.environment import Environment
from knowngood.install.index import Routes
from knowngood.install.interface import Installer, Step, Tools
from knowngood.install.interpreters import Interpreter
from knowngood.install.loopback import token
from knowngood.install.routing import routing
from knowngood.install.uv.installer import binary
from knowngood.model import (
    Action,
    Combo,
    ComboFacts,
    InstallerName,
    Probe,
    ProbeFacts,
    StepFacts,
)
from knowngood.probe.launch import Launcher
from knowngood.process import Processes
from support.declared import declared

UV = binary()
PYTHON = Path(sys.executable)
BASE_PYTHON = Path(getattr(sys, "_base_executable", sys.executable))
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


_CREATED: list[tuple[Path, Action]] = []
"""The environment with pip that was created to be copied, if there is one yet."""


def outside(home: Path) -> dict[str, str]:
    """Return the environment variables of a harness: private caches below ``home``, and installers without retries.

    The environments of virtualenv share one pip, which is compiled once and not by the first pip of each.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "UV_CACHE_DIR": str(home / "uv"),
        "UV_HTTP_RETRIES": "0",
        "UV_LINK_MODE": "copy",
        "PIP_CACHE_DIR": str(home / "pip"),
        "PIP_RETRIES": "0",
        "VIRTUALENV_SYMLINK_APP_DATA": "1",
    }


def combo(
    *steps: tuple[str, ...],
    name: str = "one",
    probes: tuple[str, ...] = ("works",),
    installer: InstallerName = InstallerName.UV,
    python: str = MINOR,
    timeout: float = 30.0,
    env: tuple[tuple[str, str], ...] = (),
) -> Combo:
    """Return a combo of the running Python."""
    return Combo(
        id=name,
        title=name,
        python=python,
        steps=declared(*steps),
        probes=probes,
        installer=installer,
        timeout=timeout,
        env=env,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """Builds environments below ``folder``; ``environ`` holds the environment variables of a harness."""

    folder: Path
    environ: Mapping[str, str]
    secrets: tuple[str, ...] = ()

    def installer(self, name: InstallerName, routes: Routes, *, python: Path = BASE_PYTHON) -> Installer:
        """Return a real installer that takes its packages from ``routes``, and ``python`` for every version."""
        tools = Tools(
            processes=Processes(self.folder, grace=1.0, secrets=self.secrets),
            environ=registry.environment(routes, self.environ),
            find_python=lambda version: Interpreter(path=python, build=version),
        )
        return registry.make(name, tools)

    def environment(self, name: str = "env") -> Environment:
        """Return the environment ``name``, which need not exist yet."""
        return Environment(folder=self.folder / name)

    def carry_out(
        self, name: InstallerName, steps: tuple[tuple[str, ...], ...], routes: Routes, *, environment: str = "env"
    ) -> ComboFacts:
        """Resolve and install ``steps`` one after the other, up to the first that fails, and return the facts.

        Unlike in a run nothing is tried again, each step is resolved just before it is installed, and an environment
        that exists is taken as it is.
        """
        place = self.environment(environment)
        create = None
        with self.routed(name, routes) as installer:
            if not place.python.exists():
                create = self._create(name, installer, place)
            return ComboFacts(
                combo=combo(*steps, installer=name),
                started=True,
                create=create,
                python_version=place.python_version(),
                steps=tuple(self._steps(installer, place, steps)),
            )

    def _create(self, name: InstallerName, installer: Installer, place: Environment) -> Action:
        """Create an environment, for pip as a copy of the first one: pip is in both, and nothing else."""
        log = self.folder / f"{place.folder.name}.create.log"
        if name is not InstallerName.PIP:
            create = installer.create(place, MINOR, log)
            assert create.exit.ok, create.output
            return create
        if not _CREATED:
            template = Environment(folder=Path(self.environ["HOME"]) / "with-pip")
            create = installer.create(template, MINOR, log)
            assert create.exit.ok, create.output
            # Otherwise the first pip of every copy would compile itself.
            subprocess.run([template.python, "-I", "-m", "compileall", "-q", template.folder / "lib"], check=True)
            _CREATED.append((template.folder, create))
        [(folder, create)] = _CREATED
        shutil.copytree(folder, place.folder, symlinks=True)
        return create

    @contextmanager
    def routed(self, name: InstallerName, routes: Routes) -> Iterator[Installer]:
        """Yield a real installer that takes its packages from ``routes`` as in a run, through a router if need be."""
        cache = Path(self.environ["HOME"]) / "knowngood"
        with routing(routes, self.environ, cache) as routed:
            tools = Tools(
                processes=Processes(self.folder, grace=1.0, secrets=(*self.secrets, token(cache))),
                environ=routed.environ,
                find_python=lambda version: Interpreter(path=BASE_PYTHON, build=version),
                review=routed.review,
            )
            yield registry.make(name, tools)

    def _steps(self, installer: Installer, place: Environment, steps: tuple[tuple[str, ...], ...]) -> list[StepFacts]:
        done: list[StepFacts] = []
        before: dict[str, str] = {}
        for number, asked in enumerate(declared(*steps), start=1):
            step = Step(number=number, declared=asked, folder=self.folder / f"{place.folder.name}.steps")
            answer = installer.resolve(step, place, MINOR, before)
            resolve = answer.action
            before.update(answer.versions)
            install = installer.install(step, place) if resolve.exit.ok else None
            installed = place.installed() if install is not None and install.exit.ok else None
            done.append(
                StepFacts(
                    number=number,
                    requirements=asked.lines,
                    resolve=resolve,
                    resolved=answer.versions,
                    install=install,
                    installed=installed,
                )
            )
            if installed is None:
                break
        return done


def failed(facts: ComboFacts) -> Action:
    """Return the command that failed, which is the last one."""
    last = facts.steps[-1]
    action = last.install or last.resolve
    assert action is not None and not action.exit.ok, action
    return action


def launcher(
    folder: Path,
    *,
    grace: float = 1.0,
    environ: Mapping[str, str] | None = None,
    assets: Mapping[str, Path] | None = None,
    tree: Path | None = None,
    secrets: tuple[str, ...] = (),
    project: Path = Path("/"),
) -> Launcher:
    """Return a launcher that writes below ``folder``; probes run in copies of the folder ``tree``."""

    def copy(target: Path) -> Path:
        assert tree is not None
        shutil.copytree(tree, target)
        return target

    return Launcher(
        processes=Processes(folder, grace=grace, secrets=secrets),
        outside={"PATH": os.environ.get("PATH", os.defpath)} if environ is None else environ,
        assets=assets or {},
        threads=1,
        project=project,
        copy_tree=copy,
    )


def launch(
    source: str | Probe,
    folder: Path,
    *,
    python: Path = PYTHON,
    timeout: float = 30.0,
    env: tuple[tuple[str, str], ...] = (),
    pins: tuple[str, ...] = (),
    **options: Any,
) -> ProbeFacts:
    """Run a probe of a combo, for real; everything is written below ``folder``.

    ``source`` is the text of a script or a whole probe, and ``options`` are those of ``launcher``.
    """
    subject = combo(pins, timeout=timeout, env=env)
    probe = Probe(id="works", source=source) if isinstance(source, str) else source
    return launcher(folder, **options).launch(python, subject, probe, folder / "probe")
