"""``requirements.txt``: the whole set at exact versions in the order of the steps, with the hashes of the locks."""

from collections.abc import Mapping

from knowngood.report.export import evidence
from knowngood.report.export.evidence import Proof, comment, header
from knowngood.report.export.pins import Key, hashes, key, parts


def render(proof: Proof, locks: Mapping[int, str]) -> str:
    """Return the file; ``locks`` are the texts of the locks by the number of their step.

    It has hashes if there are some for every distribution: pip wants all or none.
    """
    steps, known = parts(proof.facts), hashes(locks)
    hashed = all(known.get(_key(pin)) for step in steps for pin in step.brought)
    notes = ["the list is whole: pip install --no-deps -r FILE, or uv pip install --no-deps -r FILE"]
    notes += [] if hashed else ["without hashes: the locks of the run do not have them for all"]
    lines = [*header(proof, *notes), *_options(proof)]
    for step in steps:
        lines += ["", comment(f"step {step.number}: {' '.join(step.asked)}")]
        for pin in step.brought:
            told = sorted(known[_key(pin)]) if hashed else []
            lines.append(" \\\n".join([pin, *(f"    --hash={one}" for one in told)]))
    return "\n".join(lines) + "\n"


def _key(pin: str) -> Key:
    return key(*pin.split("==", 1))


def _options(proof: Proof) -> list[str]:
    run = proof.judged.run
    default = evidence.default(run)
    # The pages of just these packages, as in the run: another index beside the default one would offer all it has.
    pages = [
        f"--find-links {evidence.url(choice).rstrip('/')}/{package}/"
        for choice in evidence.own(run)
        for package in choice.packages
    ]
    return ["", *([f"--index-url {default}"] if default else []), *pages] if default or pages else []
