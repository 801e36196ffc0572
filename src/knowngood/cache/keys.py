"""List everything that a verdict depends on, and make keys of it: the same key means that nothing must run again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from knowngood import __version__
from knowngood.events import SCHEMA
from knowngood.model import Asset, Basis, Combo, ComboFacts, InstallerName, Probe, Step
from knowngood.probe.launch import IN_ENV
from knowngood.process.files import LARGEST, read_regular
from knowngood.process.redaction import Redactor, names_a_secret

Ingredients = Mapping[str, object]
"""What a key is made of: name -> a value that JSON can hold."""

_REDACTOR = Redactor()

_NOT_RELEVANT = frozenset({"PATH", "TERM"})
"""Variables that reach a probe and differ between two shells, but do not change its result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """The keys of a combo."""

    build: str
    """The key of its environment."""
    verdict: str
    """The key of its verdicts."""
    ingredients: Ingredients
    """What the key of its verdicts is made of."""
    basis: Basis
    """The same for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What all verdicts of a run on one machine depend on."""

    machine: str
    """Operating system, architecture and C library."""
    cpu_flags: str
    installers: Mapping[InstallerName, str]
    """Installer -> its version."""
    assets: Mapping[str, str]
    """Name -> digest."""
    sandboxed: bool = False
    """Whether probes run in a sandbox."""

    def build(self, facts: ComboFacts, python: str) -> Ingredients:
        """Return what an environment depends on; ``python`` identifies the build of the base interpreter."""
        combo = facts.combo
        steps = [
            {"requirements": list(step.requirements), "lock": step.lock, **_how(combo.steps[step.number - 1])}
            for step in facts.steps
        ]
        return {
            "installer": f"{combo.installer} {self.installers[combo.installer]}",
            "machine": self.machine,
            "python": python,
            "steps": _without_secrets(steps),
        }

    def verdict(
        self,
        build: Ingredients,
        combo: Combo,
        probes: Mapping[str, Probe],
        settings: Mapping[str, str],
        rests: Mapping[str, Ingredients] | None = None,
    ) -> Ingredients:
        """Return what the verdicts of a combo depend on; ``settings`` are the environment variables of its probes.

        ``rests`` has, for each probe, the digests of the files and variables that its verdict depends on. Raises
        ``KeyError``: the combo has a probe that is not among ``probes``.
        """
        relevant = relevant_settings(settings, combo)
        return dict(build) | {
            "assets": dict(sorted(self.assets.items())),
            "cpu": self.cpu_flags,
            "environment": {
                name: _digest(value) if names_a_secret(name) else _without_secrets(value)
                for name, value in relevant.items()
            },
            "harness": {
                "knowngood": __version__,
                "events": SCHEMA,
                "runner": digest_of(b"\0".join(path.read_bytes() for path in IN_ENV)),
            },
            "isolation": "sandbox" if self.sandboxed else "none",
            "probes": [
                {**_without_secrets(_probe(probes[name])), **(rests or {}).get(name, {})} for name in combo.probes
            ],
            "timeout": combo.timeout,
            **({"memory": combo.memory} if combo.memory else {}),
        }


def relevant_settings(settings: Mapping[str, str], combo: Combo) -> dict[str, str]:
    """Return the variables of ``settings`` that can change a result, by name: also any that the combo declares."""
    declared = {name for name, _ in combo.env}
    return {name: settings[name] for name in sorted(settings) if name not in _NOT_RELEVANT or name in declared}


def _how(step: Step) -> Ingredients:
    """Return what a step declares besides its requirements, without what it leaves out."""
    declared = asdict(step)
    return {
        name: declared[name] for name in ("sources", "constraints", "overrides", "hashes", "options") if declared[name]
    }


def _without_secrets(value: Any) -> Any:
    """Return part of the ingredients with digests of the texts that have a password or a token: others can read them.

    What only this machine knows to be secret does not count: the key is the same everywhere.
    """
    if isinstance(value, str):
        return value if _REDACTOR.text(value) == value else _digest(value)
    if isinstance(value, Mapping):
        return {name: _without_secrets(item) for name, item in value.items()}
    return [_without_secrets(item) for item in value] if isinstance(value, list | tuple) else value


def _digest(text: str) -> str:
    return digest_of(text.encode("utf-8", "surrogateescape"))


def _probe(probe: Probe) -> Ingredients:
    """Return what a verdict depends on of a probe, as far as it is declared."""
    declared = {
        "id": probe.id,
        "kind": probe.kind.value,
        "source": digest_of(probe.source.encode()),
        "arguments": list(probe.arguments),
        "network": probe.network,
        "setup": [list(command) for command in probe.setup],
        "teardown": [list(command) for command in probe.teardown],
        "python": list(probe.python_options),
    }
    return {name: value for name, value in declared.items() if value}


def key(ingredients: Ingredients) -> str:
    """Return the key of ``ingredients``: a SHA-256 in hexadecimal."""
    return digest_of(json.dumps(ingredients, sort_keys=True, separators=(",", ":")).encode())


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def asset_digest(asset: Asset, place: Path) -> str:
    """Return what identifies an unpacked asset: the hashes in the ``RECORD`` of its wheel, and the part in use."""
    folder = place
    for _ in Path(asset.path).parts:
        folder = folder.parent
    records = [read_regular(record, LARGEST, linked=True) for record in sorted(folder.glob("*.dist-info/RECORD"))]
    return digest_of(b"\0".join([asset.wheel.encode(), asset.path.encode(), *records]))
