"""The verb ``export``: write a proven combo as requirements, constraints, ``pylock.toml`` or for a Dockerfile."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import (
    PATH,
    complete_combos,
    format_option,
    matrix_option,
    run_option,
    signatures_option,
    state_option,
)
from knowngood.cli.output import write_file
from knowngood.errors import UsageError, some
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.project.project import Project
    from knowngood.project.runs import RecordedRun
    from knowngood.report.export.evidence import Proof


@click.command(short_help="Export a proven combo as exact versions.")
@click.argument("combo", shell_complete=complete_combos)
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
        next_step = f"see `knowngood explain {combo}`; --anyway exports it, marked as not proven"
        if proof.fixes:
            fix = " and ".join(proof.fixes)
            next_step = f"it passes with {fix}: `knowngood fix {combo} --write` adds that combo; run and export it"
        raise UsageError(
            f"{combo} is not proven: it did not pass in run {judged.run.info.id}",
            cause="; ".join(proof.doubts),
            next_step=next_step,
        )
    text = _render(proof, format_, project, recorded.folder, environ)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text)
        click.echo(f"wrote {near(output)}", err=True)


def _render(proof: "Proof", format_: str, project: "Project", folder: Path, environ: Mapping[str, str]) -> str:
    from knowngood.report.export import dockerfile, evidence, pylock, requirements
    from knowngood.run import pinned

    facts = proof.facts
    match format_:
        case "constraints":
            return requirements.constraints(proof)
        case "dockerfile":
            return dockerfile.render(proof)
        case "pylock":
            _check_indexed(proof)
            locks = pinned.locks(folder, facts, required=True)
            names = [choice.name for choice in evidence.used_indexes(proof.judged.run)]
            document = pinned.pylock(facts, evidence.pins(facts), indexes=names, matrix=project.matrix, environ=environ)
            return pylock.render(proof, document, locks)
        case _:
            return requirements.render(proof, pinned.locks(folder, facts))


def _check_indexed(proof: "Proof") -> None:
    """Raise ``UsageError`` when a combo has what no other machine could install from a ``pylock.toml``."""
    from knowngood.report.export.evidence import direct

    for name, source in direct(proof.facts).items():
        raise UsageError(
            "a pylock.toml cannot contain everything that this combo installs",
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
