"""Bundle what a verdict depends on beside the recorded facts: known breakages, and how to read each installer."""

from collections.abc import Mapping
from dataclasses import dataclass

from knowngood.judge.diagnosis.signatures import Signature
from knowngood.model import InstallerName
from knowngood.model.installer_output import InstallerOutput


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What to judge by. Two runs can be compared only when both are judged by the same rules."""

    signatures: tuple[Signature, ...]
    """The known breakages."""
    installers: Mapping[InstallerName, InstallerOutput]
    """Who reads the output of each installer."""
