"""A fragment of a Dockerfile: one RUN for each step in the order that was proven, and no step moves another's pins."""

import shlex
from collections.abc import Iterable

from knowngood.report.export import evidence
from knowngood.report.export.evidence import Proof, comment, header, minor
from knowngood.report.export.pins import Part, misfits, parts, pins

_INSTALL = 'RUN pip install --no-cache-dir --constraint "$CONSTRAINTS"'


def render(proof: Proof) -> str:
    """Return the fragment. It has no FROM: what is below and above it is the user's own affair.

    Where a resolver would refuse the set each step lists all that it brings, and pip is told to resolve nothing.
    """
    facts = proof.facts
    found = pins(facts)
    python = minor(facts)
    lines = [
        *header(proof),
        "",
        comment(f"Put it below a FROM that has Python {python}, such as python:{python}-slim."),
        "ARG CONSTRAINTS=/tmp/knowngood-constraints.txt",
        "",
        comment("All that was proven: no step moves what is there."),
        *_run("RUN printf '%s\\n'", (f"{name}=={found[name]}" for name in sorted(found)), '> "$CONSTRAINTS"'),
    ]
    whole = bool(misfits(facts))
    for step in parts(facts):
        lines += ["", comment(f"step {step.number}: {' '.join(step.asked)}")]
        named = [*step.own, *(pin for pin in step.brought if whole and pin not in step.own)]
        if named:
            command = " ".join([_INSTALL, *(["--no-deps"] if whole else []), *_indexes(proof, step)])
            lines += _run(command, named)
    return "\n".join(lines) + "\n"


def _run(command: str, arguments: Iterable[str], end: str = "") -> list[str]:
    """Return an instruction with an argument on each line."""
    lines = [command, *(f"    {shlex.quote(one)}" for one in arguments), *([f"    {end}"] if end else [])]
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _indexes(proof: Proof, step: Part) -> list[str]:
    """Return the options for the indexes that the run used; one of some packages only where a step brings these."""
    run = proof.judged.run
    default = evidence.default(run)
    brought = {pin.partition("==")[0] for pin in step.brought}
    extra = [evidence.url(choice) for choice in evidence.own(run) if brought & set(choice.packages)]
    options = [f"--index-url {shlex.quote(default)}"] if default else []
    return [*options, *(f"--extra-index-url {shlex.quote(url)}" for url in extra)]
