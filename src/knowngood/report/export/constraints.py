"""``constraints.txt``: the whole set at exact versions, sorted, to hold other installs to."""

from knowngood.report.export.evidence import Proof, header
from knowngood.report.export.pins import pins


def render(proof: Proof) -> str:
    """Return the file."""
    found = pins(proof.facts)
    return "\n".join([*header(proof), "", *(f"{name}=={found[name]}" for name in sorted(found))]) + "\n"
