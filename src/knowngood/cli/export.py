"""The verb ``export``: write a proven combo as requirements, constraints, ``pylock.toml`` or for a Dockerfile."""

import hashlib
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import PATH, format_option, matrix_option, run_option, signatures_option, state_option
from knowngood.cli.output import write_file
from knowngood.errors import UndecidedError, UsageError, some
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.install.index import Routes
    from knowngood.model import ComboFacts, Matrix, Run
    from knowngood.project.project import Project
    from knowngood.project.runs import RecordedRun
    from knowngood.report.export.evidence import Proof

_LIMIT = 600.0  # seconds; uv only looks up the files of versions that are known


@click.command(short_help="Export a proven combo as exact versions.")
@click.argument("combo")
@format_option("requirements", "constraints", "pylock", "dockerfile")
@matrix_option
@run_option
@click.option("--output", "-o", type=PATH, help="File to write.  [default: the terminal]")
@click.option("--anyway", is_flag=True, help="Export a combo that did not pass, and mark it as not proven.")
@signatures_option
@state_option
@click.pass_obj
def export(
    environ: Mapping[str, str],
    combo: str,
    format_: str,
    matrix: str | None,
    run: str | None,
    output: Path | None,
    anyway: bool,
    signatures: Path | None,
    state_dir: Path | None,
) -> None:
    """Export COMBO, an id, as a proven set of exact versions with its evidence at the top.

    Uses the newest run that includes COMBO; refuses if any of its probes failed.
    """
    from knowngood.project.project import Project
    from knowngood.report.export.evidence import Proof

    if output and format_ == "pylock":
        _check_pylock_name(output)
    project = Project.of_run(run, matrix=matrix, state_dir=state_dir, signatures=signatures)
    recorded = _recorded(project, combo, run)
    judged = project.judge(recorded.read())
    proof = Proof(judged=judged, facts=next(facts for facts in judged.run.combos if facts.combo.id == combo))
    if proof.doubts and not anyway:
        raise UsageError(
            f"{combo} is not proven: it did not pass in run {judged.run.info.id}",
            cause="; ".join(proof.doubts),
            next_step=f"see `knowngood explain {combo}`; --anyway exports it, marked as not proven",
        )
    text = _render(proof, format_, project, recorded.folder, environ)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text)
        click.echo(f"wrote {near(output)}", err=True)


def _render(proof: "Proof", format_: str, project: "Project", folder: Path, environ: Mapping[str, str]) -> str:
    from knowngood.report.export import dockerfile, pylock, requirements

    match format_:
        case "constraints":
            return requirements.constraints(proof)
        case "dockerfile":
            return dockerfile.render(proof)
        case "pylock":
            _check_indexed(proof)
            locks = _locks(folder, proof.facts, required=True)
            return pylock.render(proof, _compiled(proof, project.matrix, environ), locks)
        case _:
            return requirements.render(proof, _locks(folder, proof.facts))


def _check_indexed(proof: "Proof") -> None:
    """Raise ``UsageError`` when a combo has what no other machine could install from a ``pylock.toml``."""
    from knowngood.report.export.evidence import direct

    for name, source in direct(proof.facts).items():
        raise UsageError(
            "a pylock.toml cannot have everything that this combo installs",
            cause=f"{name} is not from an index: {source.target}",
            next_step="export the combo as requirements",
        )


def _check_pylock_name(output: Path) -> None:
    """Raise ``UsageError`` when installers would not recognize a file as a pylock by its name."""
    from packaging.pylock import is_valid_pylock_path

    if not is_valid_pylock_path(output):
        raise UsageError(
            f"invalid name for a pylock file: {output.name}",
            cause="installers recognize only pylock.toml and pylock.NAME.toml",
            next_step=f"write it as --output {near(output.with_name('pylock.toml'))}",
        )


def _recorded(project: "Project", combo: str, run: str | None) -> "RecordedRun":
    """Return the run to export ``combo`` from. Raises ``KnowngoodError``: it finished in no run, or not in that one."""
    from knowngood.declare.combo_selection import select

    recorded = project.runs.find(run) if run is not None else project.runs.newest_with(combo)
    finished = {facts.combo.id for facts in recorded.read().combos if facts.finished} if recorded else set()
    if recorded is not None and combo in finished:
        return recorded
    matching = [declared.id for declared in select(project.matrix.combos, (combo,))]
    if combo not in matching:
        raise UsageError(
            "only one combo can be exported at a time",
            cause=f"{combo} matches {some(matching)}",
            next_step="give the id of one",
        )
    cause = ""
    if recorded is None and project.publication.file.is_file():
        cause = f"{near(project.publication.file)} holds verdicts only; an export needs the events and locks of a run"
    raise UsageError(
        f"{combo} did not finish in {recorded.name if recorded else 'any run'}",
        cause=cause,
        next_step=f"run it: knowngood run {near(project.matrix.path)} --only {combo}",
    )


def _locks(folder: Path, facts: "ComboFacts", *, required: bool = False) -> dict[int, str]:
    """Return the text of the lock of each step, by number; none if one of them is gone, unless they are ``required``.

    Raises ``UsageError``: one is missing, or it is not the one that the run recorded.
    """
    locks = {}
    for step in facts.steps:
        path = folder / "combos" / facts.combo.id / f"step{step.number}.lock"
        data = path.read_bytes() if path.is_file() else None
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


def _compiled(proof: "Proof", matrix: "Matrix", environ: Mapping[str, str]) -> str:
    """Return the ``pylock.toml`` that uv makes of the pins alone, for which it looks up their files.

    Raises ``UndecidedError``: an index could not be reached, or does not offer the files any more.
    """
    from knowngood.install import registry
    from knowngood.install.loopback import token
    from knowngood.install.routing import routing
    from knowngood.install.uv.installer import UV, binary
    from knowngood.model import InstallerName
    from knowngood.process import Processes
    from knowngood.report.export.evidence import pins
    from knowngood.run.host import cache_folder

    cache = cache_folder()
    secrets = (*registry.secrets(matrix.indexes, environ), token(cache))
    with (
        tempfile.TemporaryDirectory(prefix="knowngood-export-") as name,
        routing(_routes(proof.judged.run, matrix, environ), environ, cache) as routed,
    ):
        folder = Path(name)
        pinned, made = folder / "pins.txt", folder / "pylock.toml"
        pinned.write_text("".join(f"{name}=={version}\n" for name, version in pins(proof.facts).items()), "utf-8")
        python = proof.facts.python_version or proof.facts.combo.python
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
        return routed.real(made.read_text("utf-8"))


def _routes(run: "Run", matrix: "Matrix", environ: Mapping[str, str]) -> "Routes":
    """Return the index routes that the run used; a package that fell back to the default index does so again."""
    from knowngood.install import index, registry
    from knowngood.report.export import evidence

    used = {choice.name for choice in evidence.used_indexes(run)}
    declared = (replace(declared, fallback=False) for declared in matrix.indexes if declared.name in used)
    return index.decide(declared, project=matrix.project, access=registry.access(environ))
