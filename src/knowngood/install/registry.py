"""Name every installer once: what its output means."""

from collections.abc import Mapping

from knowngood.install.common_output import CommonOutput
from knowngood.judge.installer_output import InstallerOutput
from knowngood.model import InstallerName

OUTPUTS: Mapping[InstallerName, InstallerOutput] = {name: CommonOutput() for name in InstallerName}
"""How the output of each installer is read."""
