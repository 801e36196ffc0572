"""The verb ``export``: which run proves a combo, and that combo in the form that was asked for."""

import hashlib
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import PATH, signatures, state
from knowngood.errors import UndecidedError, UsageError, some
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.install.index import Routes
    from knowngood.model import ComboFacts, Matrix, Run
    from knowngood.project.project import Project
    from knowngood.project.runs import RecordedRun
    from knowngood.report.export.evidence import Proof

_LIMIT = 600.0  # seconds; uv only looks up the files of versions that are known


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

    from knowngood.project import files
    from knowngood.project.project import Project
    from knowngood.report.export import dockerfile, pylock, requirements
    from knowngood.report.export.evidence import Proof

    if output and formats == "pylock" and not is_valid_pylock_path(output):
        raise UsageError(
            f"{output.name} is no name for a pylock file",
            cause="installers go by the name: pylock.toml, or pylock.NAME.toml",
            next_step=f"write it as --output {near(output.with_name('pylock.toml'))}",
        )
    project = Project.of_run(chosen, matrix=named, state_dir=state_dir, signatures=signatures)
    recorded = _recorded(project, combo, chosen)
    run = recorded.read()
    judged = project.judge(run)
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
            locks = _locks(recorded.folder, proof.facts, required=True)
            text = pylock.render(proof, _compiled(proof, project.matrix, outside), locks)
        case _:
            text = requirements.render(proof, _locks(recorded.folder, proof.facts))
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


def _recorded(project: "Project", combo: str, run: str | None) -> "RecordedRun":
    """Return the run to export ``combo`` from. Raises ``KnowngoodError``: it finished in no run, or not in that one."""
    from knowngood.declare.select import select
    from knowngood.project import baseline
    from knowngood.project.runs import REPORT

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
    if recorded is None and (published := baseline.published(project.matrix) / REPORT).is_file():
        cause = f"{near(published)} holds verdicts only: an export needs the events and the locks of a run"
    raise UsageError(
        f"{combo} did not finish in {recorded.name if recorded else 'any run'}",
        cause=cause,
        next_step=f"run it: knowngood run {near(project.matrix.path)} --only {combo}",
    )


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
    from knowngood.install import registry
    from knowngood.install.uv.installer import UV, binary
    from knowngood.process import Processes
    from knowngood.report.export.pins import pins

    with tempfile.TemporaryDirectory(prefix="knowngood-export-") as name:
        folder = Path(name)
        asked, made = folder / "pins.txt", folder / "pylock.toml"
        asked.write_text("".join(f"{name}=={version}\n" for name, version in pins(proof.facts).items()), "utf-8")
        python = proof.facts.python_version or proof.facts.combo.python
        compile_pins: list[str | Path] = [binary(), "pip", "compile", asked, "--output-file", made]
        options = ["--no-deps", "--format", "pylock.toml", "--no-header", "--no-annotate", "--quiet"]
        target = ["--python", sys.executable, "--python-version", python]
        action = Processes(folder, secrets=registry.secrets(matrix.indexes, outside)).run(
            [*compile_pins, *options, *target],
            env=registry.environment(_routes(proof.judged.run, matrix), outside),
            cwd=folder,
            log=folder / "compile.log",
            timeout=_LIMIT,
        )
        if not action.exit.ok:
            raise UndecidedError(
                "uv could not look up the files of what was proven",
                cause=UV.output.message(action, UV.output.classify(action)[0]),
                next_step="try again, or export it as requirements",
            )
        return made.read_text("utf-8")


def _routes(run: "Run", matrix: "Matrix") -> "Routes":
    """Return the routes that the run took: what fell back to the default index then does so now."""
    from knowngood.install import index
    from knowngood.report.export import evidence

    taken = {choice.name for choice in evidence.used_indexes(run)}
    return index.decide(replace(one, fallback=False) for one in matrix.indexes if one.name in taken)
