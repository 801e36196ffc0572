"""List every installer: the one place that an installer is added to."""

from collections.abc import Iterable, Mapping

from knowngood.install import index
from knowngood.install.access import Access
from knowngood.install.index import Addresses, Routes
from knowngood.install.interface import Installer, Registration, Tools
from knowngood.install.pip.installer import PIP
from knowngood.install.uv.installer import UV
from knowngood.model import Index, InstallerName
from knowngood.model.installer_output import InstallerOutput


def _registration(name: InstallerName) -> Registration:
    match name:
        case InstallerName.UV:
            return UV
        case InstallerName.PIP:
            return PIP


_ALL = {name: _registration(name) for name in InstallerName}

OUTPUTS: Mapping[InstallerName, InstallerOutput] = {name: one.output for name, one in _ALL.items()}
"""What reads the output of each installer."""


def make(name: InstallerName, tools: Tools) -> Installer:
    """Return the installer called ``name``."""
    return _ALL[name].make(tools)


def versions() -> dict[str, str]:
    """Return the versions of all tools that installers consist of, by name."""
    return {tool: version for one in _ALL.values() for tool, version in one.versions().items()}


def identities() -> dict[InstallerName, str]:
    """Return for each installer what tells it from another version of it: a verdict is reused only with the same."""
    return {name: one.identity() for name, one in _ALL.items()}


def environment(routes: Routes, outside: Mapping[str, str], addresses: Addresses | None = None) -> dict[str, str]:
    """Return the environment variables for the commands of every installer, see ``index.environment``."""
    return index.environment(routes, [one.variables for one in _ALL.values()], outside, addresses)


def access(outside: Mapping[str, str]) -> Access:
    """Return what reaches indexes as the user's settings for all installers say."""
    return Access(outside, index.network_of([one.variables for one in _ALL.values()], outside))


def indexes(name: InstallerName, outside: Mapping[str, str]) -> tuple[str, ...]:
    """Return the addresses that the installer called ``name`` takes packages from by itself."""
    variables = _ALL[name].variables
    return variables.indexes(variables.settings(outside))


def links(name: InstallerName, outside: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders and pages of files that the installer called ``name`` takes packages from by itself."""
    variables = _ALL[name].variables
    return variables.links(variables.settings(outside))


def secrets(indexes: Iterable[Index], outside: Mapping[str, str]) -> tuple[str, ...]:
    """Return what must not appear in any log, see ``index.secrets``; what is in ``~/.netrc`` is secret as well."""
    own = index.secrets(indexes, [one.variables for one in _ALL.values()], outside)
    return tuple(sorted({*own, *Access(outside).passwords()}, key=len, reverse=True))
