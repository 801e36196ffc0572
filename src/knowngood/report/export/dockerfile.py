"""Write a combo as a fragment of a Dockerfile: one RUN for each step, in the proven order, that moves no other pin."""

import re
import shlex
from collections.abc import Iterable

from knowngood.report.export.evidence import (
    Part,
    Proof,
    comment,
    default_index,
    direct,
    header,
    index_url,
    is_folder,
    minor_python,
    package_indexes,
    parts,
    pins,
)

_NO_DEPS = "because of the conflicts, each step lists its packages and installs them with --no-deps"
_INSTALL = 'RUN pip install --no-cache-dir --constraint "$CONSTRAINTS"'


def render(proof: Proof) -> str:
    """Return the fragment, without a FROM: the user decides what comes before and after it.

    If the set has conflicts, which a resolver would refuse, each step lists all of its packages and pip resolves none.
    """
    facts = proof.facts
    versions, elsewhere = pins(facts), direct(facts)
    pinned = [f"{name}=={versions[name]}" for name in sorted(versions) if name not in elsewhere]
    python = minor_python(facts)
    lines = [
        *header(proof, *([_NO_DEPS] if proof.conflicts else [])),
        "",
        comment(f"Put this below a FROM with Python {python}, such as python:{python}-slim."),
        "ARG CONSTRAINTS=/tmp/knowngood-constraints.txt",
        "",
        comment("All proven versions: they keep a step from moving what an earlier one installed."),
        *_run("RUN printf '%s\\n'", pinned, '> "$CONSTRAINTS"'),
    ]
    unresolvable = bool(proof.conflicts)
    for step in parts(facts):
        lines += ["", comment(f"step {step.number}: {' '.join(step.requirements)}")]
        own = [pin for pin in step.own if re.split(r"==|\[", pin)[0] not in elsewhere]
        brought = [pin for pin in step.brought if pin.partition("==")[0] not in elsewhere]
        here = [elsewhere[name] for pin in step.brought if (name := pin.partition("==")[0]) in elsewhere]
        if any(source.is_path for source in here):
            lines += [comment("The build context must be the folder of the project."), "WORKDIR /project", "COPY . ."]
        packages = [f"--editable={source.target}" if source.editable else source.target for source in here]
        packages += [*own, *(pin for pin in brought if unresolvable and pin not in own)]
        if packages:
            command = " ".join([_INSTALL, *(["--no-deps"] if unresolvable else []), *_index_options(proof, step)])
            lines += _run(command, packages)
    return "\n".join(lines) + "\n"


def _run(command: str, arguments: Iterable[str], end: str = "") -> list[str]:
    """Return an instruction with an argument on each line."""
    lines = [command, *(f"    {shlex.quote(argument)}" for argument in arguments), *([f"    {end}"] if end else [])]
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _index_options(proof: Proof, step: Part) -> list[str]:
    """Return the options for the indexes of the run; an index of some packages only where the step installs these."""
    run = proof.judged.run
    default = default_index(run)
    brought = {pin.partition("==")[0] for pin in step.brought}
    extra = [index_url(choice) for choice in package_indexes(run) if brought & set(choice.packages)]
    options = [f"--index-url {shlex.quote(default)}"] if default else []
    if default and is_folder(default):
        options = ["--no-index", f"--find-links {shlex.quote(default)}"]
    return [
        *options,
        *(f"{'--find-links' if is_folder(url) else '--extra-index-url'} {shlex.quote(url)}" for url in extra),
    ]
