"""Bundle what a verdict depends on beside the recorded facts: known breakages, and how to read each installer."""

from collections.abc import Mapping
from dataclasses import dataclass

from knowngood.judge.diagnosis.signatures import Signature
from knowngood.model import ComboFacts, InstallerName
from knowngood.model.installer_output import InstallerOutput


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What to judge by. Two runs can be compared only when both are judged by the same rules."""

    signatures: tuple[Signature, ...]
    """The known breakages."""
    installers: Mapping[InstallerName, InstallerOutput]
    """Who reads the output of each installer."""

    def reader(self, facts: ComboFacts) -> InstallerOutput:
        """Return what reads the output of the commands of a combo.

        uv builds what a combo installs from this machine, whatever the installer is, and resolves what pip cannot.
        """
        failed_to_build = any(source.failed for step in facts.steps for source in step.sources)
        if failed_to_build:
            return self.installers[InstallerName.UV]
        resolves = not any(step.install is not None and not step.install.exit.ok for step in facts.steps)
        return self.installers[facts.combo.resolver if resolves else facts.combo.installer]
