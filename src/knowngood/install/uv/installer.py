"""Resolve and install with ``uv pip``: each step is compiled to a lock with hashes, and the lock is installed."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path

from uv import find_uv_bin

from knowngood.install.environment import Environment
from knowngood.install.index import Routes, Variables, find_links
from knowngood.install.interface import CREATE_LIMIT, INSTALL_LIMIT, RESOLVE_LIMIT, Registration, Step, Tools
from knowngood.install.uv.output import UvOutput
from knowngood.model import Action

_OUTSIDE = Path(tempfile.gettempdir())  # uv would read the settings of a project it runs in


@dataclass(frozen=True, kw_only=True, slots=True)
class Uv:
    """The installer ``uv``."""

    tools: Tools
    resolves_ahead: bool = True

    def identify_python(self, version: str) -> str | None:
        """Return the build of the base interpreter."""
        return self.tools.python_build(version)

    def create(self, environment: Environment, version: str, log: Path) -> Action:
        """Make the venv with ``uv venv``; it has neither pip nor setuptools."""
        return self._run(["venv", "--python", self.tools.python(version), environment.folder], log, CREATE_LIMIT)

    def resolve(
        self, step: Step, environment: Environment, version: str, before: Mapping[str, str]
    ) -> tuple[Action, dict[str, str]]:
        """Compile the step with ``uv pip compile``; ``before`` goes in as the preferences of an existing lock."""
        lines = list(step.hashed)
        if step.declared.constraints:
            lines.append(f"-c {step.write('constraints', step.declared.constraints)}")
        requirements, lock = step.write("in", lines), step.file("lock")
        lock.unlink(missing_ok=True)
        if before:
            lock.write_text("".join(f"{name}=={pinned}\n" for name, pinned in before.items()), encoding="utf-8")
        python = self.tools.python(version)
        compile_step: list[str | Path] = ["pip", "compile", requirements, "--python", python, "--output-file", lock]
        options = ["--generate-hashes", "--no-annotate", "--no-header", "--quiet", *step.declared.options]
        action = self._run([*compile_step, *options], step.file("resolve.log"), RESOLVE_LIMIT)
        return action, _pins(lock) if action.exit.ok else {}

    def install(self, step: Step, environment: Environment) -> Action:
        """Install the lock of the step; uv checks every file against its hash.

        The lock is not a ``pylock.toml``: uv would install that by URL and ask the index about every file again, where
        it serves this one from its cache.
        """
        target: list[str | Path] = ["--python", environment.python, "--no-deps", "-r", step.file("lock")]
        return self._run(["pip", "install", *target], step.file("install.log"), INSTALL_LIMIT)

    def _run(self, arguments: list[str | Path], log: Path, limit: float) -> Action:
        command = [binary(), *arguments]
        return self.tools.processes.run(command, env=self.tools.environ, cwd=_OUTSIDE, log=log, timeout=limit)


@cache
def binary() -> Path:
    """Return the ``uv`` that is installed beside this harness."""
    return Path(find_uv_bin())


def _pins(lock: Path) -> dict[str, str]:
    """Return the pins of a lock that uv wrote: canonical name -> version. Lines with hashes are indented."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    pins = (line.partition(" ")[0].partition("==") for line in lines)
    return {name: pinned for name, equals, pinned in pins if equals}


def _variables(routes: Routes, kept: Mapping[str, str], constraints: Path | None) -> dict[str, str]:
    variables = {"UV_NO_PROGRESS": "1"}
    if routes.default is not None:
        variables["UV_DEFAULT_INDEX"] = routes.default
    if constraints is not None:
        variables["UV_CONSTRAINT"] = str(constraints)
    return variables | find_links("UV_FIND_LINKS", ",", routes, kept)


UV = Registration(
    make=lambda tools: Uv(tools=tools),
    output=UvOutput(),
    variables=Variables(
        prefix="UV_",
        kept=re.compile(
            r"UV_(CACHE_DIR|CONCURRENT_\w+|DEFAULT_INDEX|EXTRA_INDEX_URL|FIND_LINKS|HTTP_\w+|INDEX|INDEX_URL"
            r"|INDEX_\w+_(USERNAME|PASSWORD)|INSECURE_HOST|KEYRING_PROVIDER|LINK_MODE|NATIVE_TLS|OFFLINE"
            r"|REQUEST_TIMEOUT|SYSTEM_CERTS)"
        ),
        sources=re.compile(r"UV_(DEFAULT_INDEX|EXTRA_INDEX_URL|FIND_LINKS|INDEX|INDEX_URL)"),
        make=_variables,
    ),
    versions=lambda: {"uv": version_of("uv")},
    identity=lambda: version_of("uv"),
)
