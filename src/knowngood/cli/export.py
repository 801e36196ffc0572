"""The verb ``export``: which run proves a combo, and that combo in the form that was asked for."""

import hashlib
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import PATH, near, signatures, state
from knowngood.errors import KnowngoodError, UndecidedError, UsageError

if TYPE_CHECKING:
    from knowngood.install.index import Routes
    from knowngood.model import ComboFacts, Matrix, Run
    from knowngood.project.runs import RunFolder, Store
    from knowngood.report.export.evidence import Proof

_LIMIT = 600.0  # seconds; uv only looks up the files of versions that are known
_NAMED = 5
"""Runs or combos that an error message names."""


@click.command()
@click.argument("combo")
@click.option(
    "--format",
    "formats",
    type=click.Choice(["requirements", "constraints", "pylock", "dockerfile"]),
    default="requirements",
    show_default=True,
)
@click.option("--matrix", "named", metavar="NAME", help="The matrix: a TOML file, or the name of one in matrices/.")
@click.option("--run", "chosen", metavar="RUN", help="An event log, or how the id of a run begins.  [default: newest]")
@click.option("--output", type=PATH, help="Write it here.  [default: the terminal]")
@click.option("--anyway", is_flag=True, help="Export a combo that did not pass, with a mark that says so.")
@signatures
@state
@click.pass_obj
def export(
    outside: Mapping[str, str],
    combo: str,
    formats: str,
    named: str | None,
    chosen: str | None,
    output: Path | None,
    anyway: bool,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Export COMBO, an id, as a proven set of exact versions, headed by its evidence.

    It is taken from the newest run that tells of it, and refused when a probe of it did not pass there.
    """
    from packaging.pylock import is_valid_pylock_path

    from knowngood.judge.verdict import judge
    from knowngood.project import project as files
    from knowngood.report.export import dockerfile, pylock, requirements
    from knowngood.report.export.evidence import Proof

    if output and formats == "pylock" and not is_valid_pylock_path(output):
        raise UsageError(
            f"{output.name} is no name for a pylock file",
            cause="installers go by the name: pylock.toml, or pylock.NAME.toml",
            next_step=f"write it as --output {near(output.with_name('pylock.toml'))}",
        )
    matrix = files.load_matrix(files.find_matrix(named, Path.cwd()))
    folder, run = _recorded(matrix, files.store(matrix, state_dir), combo, chosen)
    judged = judge(run, files.rules(matrix.project, signatures))
    proof = Proof(judged=judged, facts=next(facts for facts in run.combos if facts.combo.id == combo))
    if proof.doubts and not anyway:
        raise UsageError(
            f"{combo} is not proven: it did not pass in run {run.info.id}",
            cause="; ".join(proof.doubts),
            next_step=f"knowngood explain {combo} tells all; --anyway exports it with a mark that it is not proven",
        )
    match formats:
        case "constraints":
            text = requirements.constraints(proof)
        case "dockerfile":
            text = dockerfile.render(proof)
        case "pylock":
            locks = _locks(folder, proof.facts, required=True)
            text = pylock.render(proof, _compiled(proof, matrix, outside), locks)
        case _:
            text = requirements.render(proof, _locks(folder, proof.facts))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        files.write(output, text)
    except OSError as error:
        raise UsageError(
            f"{near(output)} cannot be written", cause=str(error), next_step="name another file with --output"
        ) from error
    click.echo(f"wrote {near(output)}", err=True)


def _recorded(matrix: "Matrix", store: "Store", combo: str, chosen: str | None) -> "tuple[Path, Run]":
    """Return the folder and the record of the run that is meant: the newest one in which ``combo`` came to its end."""
    from knowngood.project.runs import read

    log = Path(chosen or "")
    log = log / "events.jsonl" if log.is_dir() else log
    folders = (one for one in store.newest() if one.path.name.startswith(chosen or "") and _asked(one, combo))
    for one in [log] if chosen and log.is_file() else (folder.log for folder in folders):
        run = read(one)
        if run and any(facts.combo.id == combo and facts.finished for facts in run.combos):
            return one.parent, run
    raise _unknown(matrix, store, combo, chosen)


def _asked(folder: "RunFolder", combo: str) -> bool:
    """Tell whether a run was to run ``combo``, without reading all of its log."""
    asked = folder.asked()
    return asked is not None and any(one.combo.id == combo for one in asked.combos)


def _unknown(matrix: "Matrix", store: "Store", combo: str, chosen: str | None) -> KnowngoodError:
    """Return why there is no run to export ``combo`` from."""
    from knowngood.declare.select import select
    from knowngood.errors import NothingSelectedError
    from knowngood.project import baseline

    try:
        meant = [one.id for one in select(matrix.combos, (combo,))]
    except NothingSelectedError as unknown:
        return unknown
    if combo not in meant:
        return UsageError(
            "one combo is exported at a time",
            cause=f"{combo} stands for {', '.join(meant[:_NAMED])}{', ...' if len(meant) > _NAMED else ''}",
            next_step="give the id of one",
        )
    cause = ""
    if chosen:
        kept = ", ".join(folder.path.name for folder, _ in zip(store.newest(), range(_NAMED), strict=False))
        cause = f"the newest runs that are kept are {kept}" if kept else "no run is kept"
    elif (published := baseline.published(matrix) / "matrix.json").is_file():
        cause = f"{near(published)} tells verdicts only: an export needs the record and the locks of a run"
    return UsageError(
        f"no run{f' {chosen}' if chosen else ' that is kept'} tells of {combo} to its end",
        cause=cause,
        next_step=f"run it: {_again(matrix, combo)}",
    )


def _again(matrix: "Matrix", combo: str) -> str:
    return f"knowngood run {near(matrix.path)} --only {combo}"


def _locks(folder: Path, facts: "ComboFacts", *, required: bool = False) -> dict[int, str]:
    """Return the text of the lock of each step; nothing when one is not kept, unless they are ``required``.

    Raises ``UsageError``: one is missing, or it is not what the run recorded.
    """
    found = {}
    for step in facts.steps:
        path = folder / "combos" / facts.combo.id / f"step{step.number}.lock"
        data = path.read_bytes() if path.is_file() else None
        next_step = f"run {facts.combo.id} again, and export it from that run"
        if data is not None and step.lock not in ("", hashlib.sha256(data).hexdigest()):
            raise UsageError(
                f"{near(path)} is not the lock that the run recorded",
                cause="somebody changed it",
                next_step=next_step,
            )
        if data is None and required:
            raise UsageError(
                f"the run does not have the lock of step {step.number} any more",
                cause=f"there is no {near(path)}",
                next_step=next_step,
            )
        if data is None:
            return {}
        found[step.number] = data.decode("utf-8", "replace")
    return found


def _compiled(proof: "Proof", matrix: "Matrix", outside: Mapping[str, str]) -> str:
    """Return what uv locks of just the pins, in the form of a ``pylock.toml``; it looks up their files.

    Raises ``UndecidedError``: an index could not be reached, or does not offer them any more.
    """
    from uv import find_uv_bin

    from knowngood.install import index
    from knowngood.install.registry import OUTPUTS
    from knowngood.model import InstallerName
    from knowngood.process import Processes
    from knowngood.report.export.pins import pins

    with tempfile.TemporaryDirectory(prefix="knowngood-export-") as name:
        folder = Path(name)
        asked, made = folder / "pins.txt", folder / "pylock.toml"
        asked.write_text("".join(f"{name}=={version}\n" for name, version in pins(proof.facts).items()), "utf-8")
        python = proof.facts.python_version or proof.facts.combo.python
        compile_pins: list[str | Path] = [find_uv_bin(), "pip", "compile", asked, "--output-file", made]
        options = ["--no-deps", "--format", "pylock.toml", "--no-header", "--no-annotate", "--quiet"]
        target = ["--python", sys.executable, "--python-version", python]
        action = Processes(folder, secrets=index.secrets(matrix.indexes, outside)).run(
            [*compile_pins, *options, *target],
            env=_routes(proof.judged.run, matrix).environment(outside),
            cwd=folder,
            log=folder / "compile.log",
            timeout=_LIMIT,
        )
        if not action.exit.ok:
            output = OUTPUTS[InstallerName.UV]
            raise UndecidedError(
                "uv could not look up the files of what was proven",
                cause=output.message(action, output.classify(action)[0]),
                next_step="try again, or export it as requirements",
            )
        return made.read_text("utf-8")


def _routes(run: "Run", matrix: "Matrix") -> "Routes":
    """Return the routes that the run took: what fell back to the default index then does so now."""
    from knowngood.install import index
    from knowngood.report.export import evidence

    taken = {choice.name for choice in evidence.used_indexes(run)}
    return index.decide(replace(one, fallback=False) for one in matrix.indexes if one.name in taken)
