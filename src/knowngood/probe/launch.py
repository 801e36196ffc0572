"""Run a probe in an environment: prepare its folder, compose the command, run it, and read the records it wrote."""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from knowngood.model import SEARCH_PATH, Combo, Probe, ProbeFacts, ProbeKind, Transcript
from knowngood.probe import reads, settings, surround, transcript
from knowngood.process import Processes
from knowngood.process.files import read_regular, walk
from knowngood.process.remover import remove_tree
from knowngood.process.sandbox import Access, Sandbox
from knowngood.process.temporary import short_folder

RUNNER = Path(__file__).parent / "in_env" / "probe_api.py"
PYTEST_LAUNCHER = RUNNER.with_name("pytest_launcher.py")
IN_ENV = tuple(sorted(RUNNER.parent.glob("*.py")))
"""Our files that run inside environments."""

IMPORTS = "imports.txt"
"""The file in the folder of a probe that names the bytecode which Python could not keep in the sandbox."""

_NOT_BUILT = (".git", "__pycache__", "build")

CopyTree = Callable[[Path], Path]
"""Copies the tree of the project into a new folder, and returns the project's folder in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launcher:
    """Runs probes the same way in every environment of a run.

    ``outside`` is the environment of the harness; only the variables of an allow-list reach a probe. ``assets`` maps
    the names of the matrix's assets to paths. ``threads`` is how many threads numeric libraries may use in one probe.
    What a probe reads is recorded relative to ``project``. ``copy_tree`` is needed by probes that run in the tree.
    """

    processes: Processes
    outside: Mapping[str, str]
    assets: Mapping[str, Path]
    threads: int
    project: Path = Path("/")
    copy_tree: CopyTree | None = None
    sandbox: Sandbox | None = None
    """What probes run in; None: each runs as any process of the user."""

    def launch(
        self,
        python: Path,
        combo: Combo,
        probe: Probe,
        folder: Path,
        in_place: Mapping[Path, str] | None = None,
        *,
        may_write: bool = False,
    ) -> ProbeFacts:
        """Run ``probe`` with ``python``, the interpreter of the combo's environment.

        ``folder`` is emptied first. The script, its records and its log stay there. The temporary folder of the probe
        and its ``HOME`` are elsewhere, because their paths have to be short. ``in_place`` has the copies of the tree
        that the environment installs in place, each with the path of its source. ``may_write``: in the
        sandbox, too, the probe may write into the environment, because nothing shares its files. Raises what
        ``copy_tree`` raises.
        """
        if folder.exists():
            remove_tree(folder)
        folder.mkdir(parents=True)
        try:
            with short_folder(self.outside) as private:
                environment = (python.parent.parent, *(in_place or ()))
                writable = (folder, private, *(environment if may_write else ()))
                # The interpreter itself may be in a temporary folder, too.
                base = python.resolve().parent.parent
                readable = (*environment, base, *self.assets.values(), self.project, RUNNER.parent)
                access = Access(
                    writable=writable,
                    readable=readable,
                    # What its setup starts has to reach it.
                    network=probe.network or bool(probe.setup),
                    shares_processes=bool(probe.setup),
                )
                return self._launch(python, combo, probe, folder, private, in_place or {}, access)
        finally:
            remove_tree(folder / "work")

    def settings(self, combo: Combo) -> dict[str, str]:
        """Return the environment variables of the combo's probes, except those that each launch sets."""
        return settings.common(self.outside, combo, threads=self.threads)

    def _launch(
        self,
        python: Path,
        combo: Combo,
        probe: Probe,
        folder: Path,
        private: Path,
        in_place: Mapping[Path, str],
        access: Access,
    ) -> ProbeFacts:
        work = self._work(combo, probe, folder / "work", in_place)
        places = {"HOME": private / "home", "TMPDIR": private / "tmp"}
        for place in places.values():
            place.mkdir()
        env = settings.complete(
            self.outside,
            combo,
            probe,
            threads=self.threads,
            environment=python.parent.parent,
            private={name: str(place) for name, place in places.items()},
        )
        if env.get(SEARCH_PATH):
            # A program that the probe starts elsewhere is to find the same folders.
            env[SEARCH_PATH] = os.pathsep.join(str(work / part) for part in env[SEARCH_PATH].split(os.pathsep))
        records, nonce = folder / "records.jsonl", secrets.token_hex(16)
        config = self.config(combo, folder, records=records, nonce=nonce)
        # Copies of editable projects are beside the environment or the probe; the key of the build stands for them.
        beside = str(folder.parent), str(python.parent.parent.parent)
        config |= {"private": [*config["private"], str(private), *beside]}
        main = surround.Main(
            env=env,
            cwd=work,
            log=folder / "probe.log",
            timeout=combo.timeout,
            memory=combo.memory,
            sandbox=self.sandbox,
            access=access,
        )
        if self.sandbox is not None:
            config["imports"] = str(folder / IMPORTS)
        argv = self._argv(python, probe, folder, config)
        ran = surround.run(self.processes, probe, argv, main)
        if ran.problem is not None:
            return ProbeFacts(probe=probe.id, action=ran.action, transcript=Transcript(problem=ran.problem))
        if probe.kind is ProbeKind.COMMAND:
            seen = surround.transcript_of(argv, ran.action, python.parent.parent, folder / "work")
            return ProbeFacts(probe=probe.id, action=ran.action, transcript=seen)
        written = read_regular(records, transcript.LARGEST)
        if (shown := self.processes.redactor(written)) != written:
            records.write_bytes(shown)
        look, clean = partial(reads.look, project=self.project), self.processes.redactor.record
        recorded = transcript.read(written, nonce=nonce, look=look, clean=clean)
        return ProbeFacts(probe=probe.id, action=ran.action, transcript=recorded)

    def _work(self, combo: Combo, probe: Probe, folder: Path, in_place: Mapping[Path, str]) -> Path:
        """Make the folder that a probe runs in and return it; for one in the tree, that of the project it installs."""
        if not probe.in_tree:
            folder.mkdir()
            return folder
        assert self.copy_tree is not None, "a probe that runs in the project's tree needs one"
        project = self.copy_tree(folder)

        def has(source: str) -> bool:
            path = project / source
            return path.is_dir() and path.resolve().is_relative_to(folder.resolve())

        for copy, source in in_place.items():
            if has(source):
                _add_built(copy, folder)
        paths = [source.path for step in combo.steps for source in step.sources]
        return next((project / path for path in paths if has(path)), project)

    def _argv(self, python: Path, probe: Probe, folder: Path, config: dict[str, Any]) -> list[str]:
        place = folder / "launch.json"
        if probe.kind is ProbeKind.COMMAND:
            return list(probe.arguments)
        if probe.kind is ProbeKind.SCRIPT:
            script = folder / f"{probe.id}.py"
            script.write_text(probe.source, encoding="utf-8")
            argv = self.script_command(python, probe.python_options, script, place)
        else:
            config |= {"arguments": list(probe.arguments), "tree": str(folder / "work")}
            options = ("-u", "-X", "faulthandler", *probe.python_options)
            argv = [str(python), *options, str(PYTEST_LAUNCHER), str(place)]
        # A file that the runner deletes: everyone can read the arguments of a process.
        place.touch(mode=0o600)
        place.write_text(json.dumps(config), encoding="utf-8")
        return argv

    def script_command(self, python: Path, options: Sequence[str], script: Path, config: Path) -> list[str]:
        """Return the command that runs ``script`` as a probe; ``config`` is a file with what ``config`` returns."""
        fixed = ("-I", "-u", "-X", "faulthandler", "-X", "utf8")
        return [str(python), *fixed, *options, str(RUNNER), str(script), str(config)]

    def config(self, combo: Combo, folder: Path, *, records: Path, nonce: str) -> dict[str, Any]:
        """Return what the runner of a probe in ``folder`` needs to know to append its records to ``records``."""
        assets = {name: str(path) for name, path in self.assets.items()}
        return {
            "out": str(records),
            "nonce": nonce,
            "assets": assets,
            "pins": [requirement for step in combo.steps for requirement in step.requirements],
            # Dump the stacks of all threads just before the deadline, so that the report can say where a probe hangs.
            "dump_after": max(combo.timeout - 0.5, combo.timeout * 0.8),
            "private": [str(folder), *assets.values()],
        }


def _add_built(copy: Path, tree: Path) -> None:
    """Add to a copy of the tree what the build made in another copy, which is installed in place.

    The tests may import the project from where they run, and expect there what is in the folder of a developer as well:
    compiled modules, and files that the version is written to.
    """
    for place, folders, files in walk(copy):
        folders[:] = [name for name in folders if name not in _NOT_BUILT]
        target = tree / os.path.relpath(place, copy)
        target.mkdir(exist_ok=True)
        for name in files:
            if not os.path.lexists(target / name) and not (Path(place) / name).is_dir():
                shutil.copy2(Path(place) / name, target / name, follow_symlinks=False)
