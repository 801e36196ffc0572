"""Write a combo as ``requirements.txt``, in the order of its steps, or as a sorted ``constraints.txt``."""

import shlex
from collections.abc import Mapping

from knowngood.model import Cell, Run
from knowngood.report.export.evidence import (
    Key,
    Proof,
    comment,
    default_index,
    direct,
    hashes,
    header,
    index_url,
    is_folder,
    key,
    package_indexes,
    parts,
    pins,
    valid,
)


def render(proof: Proof, locks: Mapping[int, str]) -> str:
    """Return the requirements file; ``locks`` are the texts of the locks by the number of their step.

    It has hashes only if every distribution has some, because pip accepts all or none.
    """
    steps, recorded, elsewhere = parts(proof.facts), hashes(locks), direct(proof.facts)
    hashed = all(recorded.get(_key(pin)) for step in steps for pin in step.brought)
    notes = ["complete list: pip install --no-deps -r FILE, or uv pip install --no-deps -r FILE"]
    notes += ["without --no-deps it cannot be installed: a resolver refuses it because of the conflicts"] * bool(
        proof.conflicts
    )
    if any(source.is_path for source in elsewhere.values()):
        notes.append("run it in the folder of the project, which its paths are relative to")
    notes += [] if hashed else ["without hashes: the locks of the run do not have them for every package"]
    lines = [*header(proof, *notes), *_options(proof.judged.run)]
    for step in steps:
        lines += ["", comment(f"step {step.number}: {' '.join(step.requirements)}")]
        for pin in step.brought:
            if (name := pin.partition("==")[0]) in elsewhere:
                lines.append(elsewhere[name].line)
                continue
            digests = sorted(recorded[_key(pin)]) if hashed else []
            lines.append(" \\\n".join([pin, *(f"    --hash={digest}" for digest in digests)]))
    return "\n".join(lines) + "\n"


def constraints(proof: Proof) -> str:
    """Return the constraints file: every distribution at its exact version, for installs of other packages."""
    versions, elsewhere = pins(proof.facts), direct(proof.facts)
    notes = [_UNRESOLVABLE] if proof.conflicts else []
    notes += [f"without {name}, which is not from an index: {source.target}" for name, source in elsewhere.items()]
    pinned = (f"{name}=={versions[name]}" for name in sorted(versions) if name not in elsewhere)
    return "\n".join([*header(proof, *notes), "", *pinned]) + "\n"


def install_line(cell: Cell, run: Run) -> str:
    """Return one command that installs exactly what a cell installed, from the indexes of its run.

    Projects and URLs that were tested are not part of it, nor is the environment's own pip. Empty text: nothing else
    was installed, or a name or version is not one that an installer takes.
    """
    left_out = {project.name for project in cell.tested} | {"pip"}
    versions = {name: version for name, version in cell.installed.items() if name not in left_out}
    if not versions or not all(valid(name, version) for name, version in versions.items()):
        return ""
    pinned = (f"{name}=={versions[name]}" for name in sorted(versions))
    options = [word for line in _options(run) for word in line.split()]
    return shlex.join(["pip", "install", "--no-deps", *options, *pinned])


_UNRESOLVABLE = (
    "because of the conflicts, no resolver can install these packages under these constraints: "
    "export requirements instead, and install them with --no-deps"
)


def _key(pin: str) -> Key:
    return key(*pin.split("==", 1))


def _options(run: Run) -> list[str]:
    default = default_index(run)
    # As in the run, only the pages of these packages: a second index would offer everything it has.
    pages = [
        f"--find-links {url}"
        for choice in package_indexes(run)
        for url in (
            [index_url(choice)]
            if is_folder(choice.used)
            else [f"{index_url(choice).rstrip('/')}/{package}/" for package in choice.packages]
        )
    ]
    instead = [f"--index-url {default}"] if default else []
    if default and is_folder(default):
        instead = ["--no-index", f"--find-links {default}"]
    return ["", *instead, *pages] if instead or pages else []
