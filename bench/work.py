"""The work that all tools do alike: the steps of each combo, and one probe in each environment, as shell scripts."""

import contextlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from bench.measure import CommandError, ask, measure
from knowngood.model import Combo
from knowngood.probe.launch import RUNNER

_COMPILE = ("--generate-hashes", "--no-annotate", "--no-header", "--quiet")  # as knowngood has it


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a part of the benchmark works, and with what."""

    folder: Path
    env: Mapping[str, str]
    """The environment variables of everything that is measured."""
    uv: Path
    python: Path
    """The base interpreter of all environments."""
    jobs: int

    def below(self, name: str) -> "Place":
        """Return the place called ``name`` in this one; its folder exists."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return Place(folder=folder, env=self.env, uv=self.uv, python=self.python, jobs=self.jobs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Combos, and the probe that runs in the environment of each."""

    combos: tuple[Combo, ...]
    probe: Path
    """A script that runs one probe: ``sh probe.sh PYTHON COMBO FOLDER``; records go to ``FOLDER/COMBO.jsonl``."""


def discard(folder: Path) -> None:
    """Have ``folder`` be gone from where it is; it is deleted when all is measured, with the place it is in.

    ext4 gives the inodes of deleted files out again only after minutes, and until then looks past each of them: once
    20,000 were deleted, making a file took ten times as long. Nothing that is measured pays for what was cleaned up.
    """
    with contextlib.suppress(FileNotFoundError):
        folder.rename(folder.with_name(f"{folder.name}.{token_hex(4)}.discarded"))


def probe_script(place: Place, probe: Path, assets: Mapping[str, Path]) -> Path:
    """Write the script that runs ``probe`` by our runner, without anything that makes it faster."""
    config = json.dumps({"assets": {name: str(path) for name, path in assets.items()}, "pins": []})
    runner = f"-I -u -X faulthandler -X utf8 {quoted(RUNNER, probe)}"
    records = '"$3/$2.jsonl"'
    script = place.folder / "probe.sh"
    script.write_text(
        "export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1 TOKENIZERS_PARALLELISM=false\n"
        f'mkdir -p "$3" && rm -f {records}\n'
        f'exec "$1" {runner} --out {records} --nonce bench --config {quoted(config)}\n',
        encoding="utf-8",
    )
    return script


def outcomes(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return, by combo, how each check ended whose records are in ``folder``: equal for tools that did the same."""
    found: dict[str, tuple[str, ...]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        ends = [f"{one['check']}: {one['outcome']}" for one in records if one["kind"] == "end"]
        found[file.stem] = tuple(sorted(ends)) if any(one["kind"] == "bye" for one in records) else ("cut short",)
    return found


def quoted(*parts: str | Path) -> str:
    """Return ``parts`` as one line of a shell."""
    return shlex.join(map(str, parts))


def parallel(scripts: Sequence[Path], jobs: int) -> list[str]:
    """Return the command that runs all ``scripts``, ``jobs`` at a time."""
    listing = "".join(f"{script}\n" for script in scripts)
    names = scripts[0].parent / "all.txt"
    names.write_text(listing, encoding="utf-8")
    return ["xargs", "-a", str(names), "-P", str(jobs), "-n", "1", "sh"]


class Resolutions:
    """What bare ``uv pip compile`` takes for the resolutions that a run of ``combos`` needs."""

    def __init__(self, place: Place, combos: Sequence[Combo]) -> None:
        """Write one script for each combo; what its steps prefer of the ones before is found out by a first pass."""
        self._place = place
        self._before: dict[Path, str] = {}
        folder = place.below("resolve").folder
        self._scripts = [self._script(folder, combo) for combo in combos]
        for combo in combos:
            if len(combo.steps) > 1:
                self._learn(folder, combo)

    def command(self) -> list[str]:
        """Return the command that resolves everything anew; each lock is what it was before its step."""
        for lock, before in self._before.items():
            lock.write_text(before, encoding="utf-8")
        return parallel(self._scripts, self._place.jobs)

    def _script(self, folder: Path, combo: Combo) -> Path:
        lines = []
        for number, step in enumerate(combo.steps, start=1):
            asked = folder / f"{combo.id}.{number}.in"
            asked.write_text("".join(f"{requirement}\n" for requirement in step), encoding="utf-8")
            self._before[asked.with_suffix(".lock")] = ""
            lines.append(quoted(*self._compile(asked)))
        lines[-1] = f"exec {lines[-1]}"
        script = folder / f"{combo.id}.sh"
        script.write_text(" &&\n".join(lines) + "\n", encoding="utf-8")
        return script

    def _compile(self, asked: Path) -> list[str | Path]:
        uv, python = self._place.uv, self._place.python
        return [uv, "pip", "compile", asked, "--python", python, "--output-file", asked.with_suffix(".lock"), *_COMPILE]

    def _learn(self, folder: Path, combo: Combo) -> None:
        before: dict[str, str] = {}
        for number in range(1, len(combo.steps) + 1):
            asked = folder / f"{combo.id}.{number}.in"
            lock = asked.with_suffix(".lock")
            self._before[lock] = "".join(f"{name}=={version}\n" for name, version in before.items())
            lock.write_text(self._before[lock], encoding="utf-8")
            measure(self._compile(asked), env=self._place.env, cwd=folder, log=folder / "learn.log")
            pins = [line.split()[0] for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line]
            before |= {name: version for name, _, version in (pin.partition("==") for pin in pins)}


def default_index(uv: Path, env: Mapping[str, str], folder: Path) -> str:
    """Return the URL of the index that uv uses when nobody says otherwise."""
    (folder / "nothing.in").write_text("", encoding="utf-8")
    compile_nothing: list[str | Path] = [uv, "pip", "compile", "--emit-index-url", folder / "nothing.in"]
    said = ask(compile_nothing, env=env, cwd=folder)
    for line in said.splitlines():
        option, _, url = line.partition(" ")
        if option in ("--index-url", "-i"):
            return url
    raise CommandError(f"uv does not tell its index:\n{said}")
