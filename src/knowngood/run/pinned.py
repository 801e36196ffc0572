"""Get what the export of a combo needs besides its facts: the locks of its steps, and the files of its versions."""

import hashlib
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from knowngood.errors import UndecidedError, UsageError
from knowngood.install import index, registry
from knowngood.install.index import Routes
from knowngood.install.loopback import token
from knowngood.install.routing import routing
from knowngood.install.uv.installer import UV, binary
from knowngood.model import ComboFacts, InstallerName, Matrix
from knowngood.process import Processes
from knowngood.process.files import LARGEST, read_regular, read_text
from knowngood.project.files import near
from knowngood.run.host import cache_folder

_LIMIT = 600.0  # seconds; uv only looks up the files of versions that are known


def locks(folder: Path, facts: ComboFacts, *, required: bool = False) -> dict[int, str]:
    """Return the text of the lock of each step, by number; none if one of them is gone, unless they are ``required``.

    Raises ``UsageError``: one is missing, or it is not the one that the run recorded.
    """
    locks = {}
    for step in facts.steps:
        path = folder / "combos" / facts.combo.id / f"step{step.number}.lock"
        data = read_regular(path, LARGEST, linked=True) if path.is_file() else None
        next_step = f"run {facts.combo.id} again, and export it from that run"
        if data is not None and step.lock not in ("", hashlib.sha256(data).hexdigest()):
            raise UsageError(
                f"{near(path)} is not the lock that the run recorded",
                cause="the file was changed after the run",
                next_step=next_step,
            )
        if data is None and required:
            raise UsageError(
                f"the lock of step {step.number} of the run is gone",
                cause=f"there is no {near(path)}",
                next_step=next_step,
            )
        if data is None:
            return {}
        locks[step.number] = data.decode("utf-8", "replace")
    return locks


def pylock(
    facts: ComboFacts, pins: Mapping[str, str], *, indexes: Iterable[str], matrix: Matrix, environ: Mapping[str, str]
) -> str:
    """Return the ``pylock.toml`` that uv makes of ``pins`` alone, for which it looks up their files.

    ``indexes`` are the names of the declared ones that the run used. Raises ``UndecidedError``: an index could not be
    reached, or no longer offers the files.
    """
    cache = cache_folder()
    secrets = (*registry.secrets(matrix.indexes, environ), token(cache))
    with (
        tempfile.TemporaryDirectory(prefix="knowngood-export-") as name,
        routing(_routes(indexes, matrix, environ), environ, cache) as routed,
    ):
        folder = Path(name)
        pinned, made = folder / "pins.txt", folder / "pylock.toml"
        pinned.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), "utf-8")
        python = facts.python_version or facts.combo.python
        compile_pins: list[str | Path] = [binary(), "pip", "compile", pinned, "--output-file", made]
        options = ["--no-deps", "--format", "pylock.toml", "--no-header", "--no-annotate", "--quiet"]
        target = ["--python", sys.executable, "--python-version", python]
        action = routed.review(
            Processes(folder, secrets=secrets).run(
                [*compile_pins, *options, *target],
                env=routed.environ,
                cwd=folder,
                log=folder / "compile.log",
                timeout=_LIMIT,
            ),
            InstallerName.UV,
        )
        if not action.exit.ok:
            raise UndecidedError(
                "uv could not look up the files of the proven versions",
                cause=UV.output.message(action, UV.output.classify(action)[0]),
                next_step="try again, or export requirements instead",
            )
        return routed.real(read_text(made))


def _routes(names: Iterable[str], matrix: Matrix, environ: Mapping[str, str]) -> Routes:
    """Return the index routes that the run used; a package that fell back to the default index does so again."""
    used = frozenset(names)
    declared = (replace(declared, fallback=False) for declared in matrix.indexes if declared.name in used)
    return index.decide(declared, project=matrix.project, access=registry.access(environ))
