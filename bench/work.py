"""Write the work that every tool of the benchmark does as shell scripts: one probe per combo, and bare resolutions."""

import contextlib
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from bench.measure import CommandError, ask, measure
from knowngood.model import Combo
from knowngood.probe.launch import Launcher
from knowngood.process import Processes
from knowngood.run.host import cores

# Placeholders; a script fills them in.
_PYTHON, _RECORDS = "PYTHON-OF-THE-ENVIRONMENT", "FILE-OF-RECORDS"
_CONFIG, _PRIVATE = "FILE-OF-CONFIGURATION", "/FOLDER-OF-THE-PROBE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A working folder of the benchmark, and the programs and settings of everything that is measured there."""

    folder: Path
    env: Mapping[str, str]
    """The environment variables of everything that is measured."""
    uv: Path
    python: Path
    """The base interpreter of all environments."""
    jobs: int

    def below(self, name: str) -> "Place":
        """Create the folder ``name`` in this one and return the place that works there."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return Place(folder=folder, env=self.env, uv=self.uv, python=self.python, jobs=self.jobs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Combos, and for each the script that runs the probe in its environment."""

    combos: tuple[Combo, ...]
    probes: Path
    """A folder with ``COMBO.sh``; ``sh COMBO.sh PYTHON FOLDER`` writes the records to ``FOLDER/COMBO.jsonl``."""


def discard(folder: Path) -> None:
    """Move ``folder`` out of the way; it is deleted after all measurements, with the folder around it.

    ext4 reuses the inodes of deleted files only after minutes and skips each of them until then: after 20,000 deletions
    creating a file took ten times as long. So nothing is deleted between measurements.
    """
    with contextlib.suppress(FileNotFoundError):
        folder.rename(folder.with_name(f"{folder.name}.{token_hex(4)}.discarded"))


def write_probes(place: Place, combos: Sequence[Combo], probe: Path, assets: Mapping[str, Path]) -> Path:
    """Write the scripts that run ``probe`` exactly as knowngood runs it, and return their folder.

    Each runs the command of knowngood, with the same environment variables, in empty private folders.
    """
    launcher = Launcher(
        processes=Processes(place.folder), outside=place.env, assets=assets, threads=max(1, cores() // place.jobs)
    )
    folder = place.below("probes").folder
    for combo in combos:
        command = quoted(*launcher.script_command(Path(_PYTHON), (), probe, Path(_CONFIG)))
        config = quoted(json.dumps(launcher.config(combo, Path(_PRIVATE), records=Path(_RECORDS), nonce="bench")))
        for name, path in ((_RECORDS, "$private.jsonl"), (_PRIVATE, "$private")):
            config = config.replace(name, f"'\"{path}\"'")
        variables = [f"{name}={value}" for name, value in launcher.settings(combo).items()]
        (folder / f"{combo.id}.sh").write_text(
            f'private="$2/{combo.id}"\n'
            f'rm -rf "$private" "$private.jsonl"\n'
            f'mkdir -p "$private/work" "$private/home" "$private/tmp"\n'
            f'printf %s {config} > "$private/launch.json"\n'
            f'cd "$private/work"\n'
            'bin=$(dirname "$1")\n'
            f'exec env -i {quoted(*variables)} HOME="$private/home" TMPDIR="$private/tmp" '
            f'VIRTUAL_ENV="$(dirname "$bin")" PATH="$bin:"{quoted(place.env.get("PATH", os.defpath))} '
            + command.replace(_PYTHON, '"$1"').replace(_CONFIG, '"$private/launch.json"')
            + "\n",
            encoding="utf-8",
        )
    return folder


def outcomes(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return combo -> outcomes of its checks, from the records in ``folder``; equal for tools that did equal work.

    A combo whose records are incomplete has the outcome ``cut short``.
    """
    ends: dict[str, tuple[str, ...]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        checks = [f"{record['check']}: {record['outcome']}" for record in records if record["kind"] == "end"]
        complete = any(record["kind"] == "bye" for record in records)
        ends[file.stem] = tuple(sorted(checks)) if complete else ("cut short",)
    return ends


def quoted(*parts: str | Path) -> str:
    """Return ``parts`` as one line for a shell."""
    return shlex.join(map(str, parts))


def parallel(scripts: Sequence[Path], jobs: int) -> list[str]:
    """Return the command that runs all ``scripts``, ``jobs`` at a time."""
    listing = scripts[0].parent / "all.txt"
    listing.write_text("".join(f"{script}\n" for script in scripts), encoding="utf-8")
    return ["xargs", "-a", str(listing), "-P", str(jobs), "-n", "1", "sh"]


def compile_command(place: Place, requirements: Path, lock: Path) -> list[str | Path]:
    """Return the command that resolves ``requirements`` to ``lock``, with the options that knowngood passes to uv."""
    options = ("--generate-hashes", "--no-annotate", "--no-header", "--quiet")
    return [place.uv, "pip", "compile", requirements, "--python", place.python, "--output-file", lock, *options]


class Resolutions:
    """The resolutions of a run of ``combos``, done by bare ``uv pip compile``."""

    def __init__(self, place: Place, combos: Sequence[Combo]) -> None:
        """Write one script per combo; a first pass finds the versions that each step prefers from the steps before."""
        self._place = place
        self._preferences: dict[Path, str] = {}
        folder = place.below("resolve").folder
        self._scripts = [self._script(folder, combo) for combo in combos]
        for combo in combos:
            if len(combo.steps) > 1:
                self._learn(folder, combo)

    def command(self) -> list[str]:
        """Restore the preferences of every step and return the command that resolves everything."""
        for lock, preferences in self._preferences.items():
            lock.write_text(preferences, encoding="utf-8")
        return parallel(self._scripts, self._place.jobs)

    def _script(self, folder: Path, combo: Combo) -> Path:
        lines = []
        for number, step in enumerate(combo.steps, start=1):
            requirements = folder / f"{combo.id}.{number}.in"
            requirements.write_text("".join(f"{requirement}\n" for requirement in step.lines), encoding="utf-8")
            self._preferences[requirements.with_suffix(".lock")] = ""
            lines.append(quoted(*compile_command(self._place, requirements, requirements.with_suffix(".lock"))))
        lines[-1] = f"exec {lines[-1]}"
        script = folder / f"{combo.id}.sh"
        script.write_text(" &&\n".join(lines) + "\n", encoding="utf-8")
        return script

    def _learn(self, folder: Path, combo: Combo) -> None:
        before: dict[str, str] = {}
        for number in range(1, len(combo.steps) + 1):
            requirements = folder / f"{combo.id}.{number}.in"
            lock = requirements.with_suffix(".lock")
            self._preferences[lock] = "".join(f"{name}=={version}\n" for name, version in before.items())
            lock.write_text(self._preferences[lock], encoding="utf-8")
            measure(
                compile_command(self._place, requirements, lock),
                env=self._place.env,
                cwd=folder,
                log=folder / "learn.log",
            )
            pins = [line.split()[0] for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line]
            before |= {name: version for name, _, version in (pin.partition("==") for pin in pins)}


def default_index(uv: Path, env: Mapping[str, str], folder: Path) -> str:
    """Return the URL of the index that uv uses by default."""
    (folder / "nothing.in").write_text("", encoding="utf-8")
    compile_nothing: list[str | Path] = [uv, "pip", "compile", "--emit-index-url", folder / "nothing.in"]
    output = ask(compile_nothing, env=env, cwd=folder)
    for line in output.splitlines():
        option, _, url = line.partition(" ")
        if option in ("--index-url", "-i"):
            return url
    raise CommandError(f"uv does not print its index:\n{output}")
