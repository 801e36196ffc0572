"""Set up the tools that one would use instead: each builds the same environments and runs the same probes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.work import Place, Work, discard, parallel, quoted

_PASSED_ON = ("UV_CACHE_DIR", "XDG_CONFIG_HOME")

_NOXFILE = """import nox

nox.options.default_venv_backend = "uv"
COMBOS = {combos!r}


@nox.session(python={python!r})
@nox.parametrize("combo", [nox.param(combo, id=combo) for combo in COMBOS])
def works(session, combo):
    for step in COMBOS[combo]:
        session.install(*step)
    session.run("sh", {probes!r} + "/" + combo + ".sh", session.bin + "/python", {records!r}, external=True)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A tool that builds and probes all combos with one command."""

    name: str
    folder: Path
    """Its files, environments and records."""
    fresh: tuple[str, ...]
    again: tuple[str, ...] | None
    """The command of a second call, which uses the environments of the first; None when it is not measured."""

    @property
    def records(self) -> Path:
        """The folder that the probes write their records to."""
        return self.folder / "records"

    def clean(self) -> None:
        """Discard environments and records."""
        for name in ("envs", ".tox", ".nox", "records"):
            discard(self.folder / name)


def peers(place: Place, work: Work, python: Path) -> tuple[Peer, ...]:
    """Write the files of all peers below ``place``; tox, tox-uv and nox are installed in ``python``."""
    jobs = place.jobs
    return (
        _tox(place.below("tox"), work, python),
        _nox(place.below("nox-parallel"), work, python, f"nox -j {jobs}, uv", "-j", str(jobs), "--allow-parallel"),
        loop(place.below("xargs"), work, jobs=jobs, name=f"shell loop, xargs -P{jobs}, uv"),
    )


def loop(place: Place, work: Work, *, jobs: int, name: str) -> Peer:
    """Return the peer that runs one shell script per combo, ``jobs`` at a time."""
    fresh = [_script(place, work, index, create=True) for index in range(len(work.combos))]
    again = [_script(place, work, index, create=False) for index in range(len(work.combos))]
    return Peer(
        name=name,
        folder=place.folder,
        fresh=tuple(parallel(fresh, jobs)),
        again=tuple(parallel(again, jobs)),
    )


def floor(place: Place, work: Work, built: Peer) -> Peer:
    """Return the floor, which runs only the probes, in the environments that ``built`` made."""
    scripts = []
    for combo in work.combos:
        script = place.folder / f"{combo.id}.sh"
        python = built.folder / "envs" / combo.id / "bin" / "python"
        line = quoted("sh", work.probes / f"{combo.id}.sh", python, place.folder / "records")
        script.write_text(f"exec {line}\n", encoding="utf-8")
        scripts.append(script)
    return Peer(name="floor", folder=place.folder, fresh=tuple(parallel(scripts, place.jobs)), again=None)


def _script(place: Place, work: Work, index: int, *, create: bool) -> Path:
    combo = work.combos[index]
    env = place.folder / "envs" / combo.id
    lines = [quoted(place.uv, "venv", "--quiet", "--python", place.python, env)] if create else []
    lines += [quoted(place.uv, "pip", "install", "--quiet", "--python", env, *step.lines) for step in combo.steps]
    probe: list[str | Path] = ["sh", work.probes / f"{combo.id}.sh", env / "bin" / "python", place.folder / "records"]
    lines.append("exec " + quoted(*probe))
    folder = place.below("fresh" if create else "again").folder
    script = folder / f"{combo.id}.sh"
    script.write_text(" &&\n".join(lines) + "\n", encoding="utf-8")
    return script


def _tox(place: Place, work: Work, python: Path) -> Peer:
    """Return tox. Each step is a command of its own, since ``deps`` would install all steps at once."""
    settings = [
        f"env_list = {json.dumps([combo.id for combo in work.combos])}",
        "[env_run_base]",
        'package = "skip"',
        f"base_python = [{json.dumps(str(place.python))}]",
        'allowlist_externals = ["sh", "uv"]',
        f"pass_env = {json.dumps(_PASSED_ON)}",
    ]
    for combo in work.combos:
        install = ["uv", "pip", "install", "--quiet", "--python", "{env_python}"]
        probe = ["sh", str(work.probes / f"{combo.id}.sh"), "{env_python}", str(place.folder / "records")]
        commands: Sequence[Sequence[str]] = [*([*install, *step.lines] for step in combo.steps), probe]
        settings += [f"[env.{combo.id}]", f"commands = {json.dumps(commands)}"]
    (place.folder / "tox.toml").write_text("\n".join(settings) + "\n", encoding="utf-8")
    command = (str(python), "-m", "tox", "-p", "auto", "--parallel-no-spinner")
    return Peer(name="tox -p auto, tox-uv", folder=place.folder, fresh=command, again=command)


def _nox(place: Place, work: Work, python: Path, name: str, *options: str) -> Peer:
    text = _NOXFILE.format(
        combos={combo.id: tuple(step.lines for step in combo.steps) for combo in work.combos},
        python=str(place.python),
        probes=str(work.probes),
        records=str(place.folder / "records"),
    )
    (place.folder / "noxfile.py").write_text(text, encoding="utf-8")
    command = (str(python), "-m", "nox", *options)
    return Peer(name=name, folder=place.folder, fresh=command, again=(*command, "-R"))
