"""What a verdict depends on, complete, and the keys made of it: where nothing of it changed, nothing is run again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from knowngood import __version__
from knowngood.events import SCHEMA
from knowngood.model import Asset, Combo, ComboFacts, InstallerName, Probe
from knowngood.probe.launch import RUNNER

Ingredients = Mapping[str, object]
"""Name -> what goes into a key under it, as values of JSON."""

_NOT_RELEVANT = frozenset({"PATH", "TERM"})
"""Variables that reach a probe and differ between two shells without changing what it finds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """What the environment and the verdicts of a combo depend on, as keys."""

    build: str
    verdict: str
    ingredients: Ingredients
    """What the key of its verdicts was made of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What all verdicts of a run depend on."""

    machine: str
    """Operating system, architecture and C library."""
    cpu_flags: str
    installers: Mapping[InstallerName, str]
    """The version of each."""
    assets: Mapping[str, str]
    """Name -> digest."""

    def build(self, facts: ComboFacts, python: str) -> Ingredients:
        """Return what an environment depends on; ``python`` tells the exact build of the interpreter."""
        combo = facts.combo
        return {
            "installer": f"{combo.installer} {self.installers[combo.installer]}",
            "machine": self.machine,
            "python": python,
            "steps": [{"requirements": list(step.requirements), "lock": step.lock} for step in facts.steps],
        }

    def verdict(
        self, build: Ingredients, combo: Combo, probes: Mapping[str, Probe], settings: Mapping[str, str]
    ) -> Ingredients:
        """Return what the verdicts of a combo depend on; ``settings`` are the variables that its probes get to see."""
        relevant = {name: value for name, value in sorted(settings.items()) if name not in _NOT_RELEVANT}
        return dict(build) | {
            "assets": dict(sorted(self.assets.items())),
            "cpu": self.cpu_flags,
            "environment": relevant,
            "harness": {"knowngood": __version__, "events": SCHEMA, "runner": digest_of(RUNNER.read_bytes())},
            "probes": [{"id": name, "source": digest_of(probes[name].source.encode())} for name in combo.probes],
            "timeout": combo.timeout,
        }


def key(ingredients: Ingredients) -> str:
    """Return the key of ``ingredients``: a SHA-256 in hexadecimal."""
    return digest_of(json.dumps(ingredients, sort_keys=True, separators=(",", ":")).encode())


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def asset_digest(asset: Asset, place: Path) -> str:
    """Return what tells an unpacked asset: the hashes in the ``RECORD`` of its wheel, and which part is used."""
    folder = place
    for _ in Path(asset.path).parts:
        folder = folder.parent
    records = sorted(folder.glob("*.dist-info/RECORD"))
    return digest_of(b"\0".join([asset.wheel.encode(), asset.path.encode(), *(one.read_bytes() for one in records)]))
