"""Give every installer the environment variables that say which indexes to use, and no other secrets."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from knowngood.install.access import Network, trusting
from knowngood.install.index import Addresses, Routes
from knowngood.model import Index
from knowngood.process.redaction import LONG_ENOUGH, names_a_secret, secret_values

_ACTIVATED = ("PYTHON", "VIRTUAL_ENV", "CONDA_")
"""What an activated environment sets, and what changes any Python: never for an environment under test."""
_OF_KEYRINGS = re.compile(r"KEYRING_\w+|DBUS_\w+|DISPLAY|AWS_\w+|AZURE_\w+|GOOGLE_\w+|CLOUDSDK_\w+|ARTIFACTS_\w+")
"""What backends of the command ``keyring`` need besides; passed on where the user lets an installer ask it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variables:
    """The environment variables of one installer."""

    prefix: str
    """What the names of all its variables begin with."""
    kept: re.Pattern[str]
    """The user's variables that say how to reach packages; all others could change which versions are chosen."""
    sources: re.Pattern[str]
    """Those of them that name a place to take packages from."""
    settings: Callable[[Mapping[str, str]], Mapping[str, str]]
    """Returns the user's variables and, as variables, what the user's files say."""
    indexes: Callable[[Mapping[str, str]], tuple[str, ...]]
    """Returns the addresses of the indexes in these settings, the default one too."""
    links: Callable[[Mapping[str, str]], tuple[str, ...]]
    """Returns the folders and pages of files in these settings."""
    network: Callable[[Mapping[str, str]], Network]
    """Returns what these settings say on how to reach indexes."""
    make: Callable[[Routes, Mapping[str, str], Addresses | None], Mapping[str, str]]
    """Returns the variables for routes, given the settings that are kept, and the addresses of the router, if any."""
    is_closed: Callable[[Routes], bool]
    """Returns whether all sources of the user are left out."""


def environment(
    routes: Routes,
    installers: Iterable[Variables],
    outside: Mapping[str, str],
    addresses: Addresses | None = None,
) -> dict[str, str]:
    """Return the environment for the commands of ``installers``; ``outside`` is that of the harness.

    URLs go in here, since everybody on the machine can see arguments. One environment serves all installers, because a
    build that one runs may call another.
    """
    installers = tuple(installers)
    asks_keyring = any(
        "KEYRING_PROVIDER" in name and value not in ("", "disabled")
        for variables in installers
        for name, value in variables.settings(outside).items()
    )
    kept = {name: value for name, value in outside.items() if _is_kept(name, routes, installers, asks_keyring)}
    network = network_of(installers, outside)
    made = {"NO_COLOR": "1", **trusting(outside, network)}
    if addresses is not None:
        made |= _past_proxies(outside, network, addresses)
    for variables in installers:
        settings = {
            name: value for name, value in variables.settings(outside).items() if _is_kept(name, routes, (variables,))
        }
        made |= variables.make(routes, settings, addresses)
    return {name: value for name, value in (kept | made).items() if value or name not in made}


def _is_kept(name: str, routes: Routes, installers: tuple[Variables, ...], asks_keyring: bool = False) -> bool:
    owner = next((variables for variables in installers if name.startswith(variables.prefix)), None)
    if owner is None:
        if asks_keyring and _OF_KEYRINGS.fullmatch(name):
            return True
        # Only its author knows which variables a build reads. None of them has to contain a secret.
        return not name.startswith(_ACTIVATED) and (name == "SSH_AUTH_SOCK" or not names_a_secret(name))
    is_other_source = owner.is_closed(routes) and owner.sources.fullmatch(name) is not None
    return owner.kept.fullmatch(name) is not None and not is_other_source


def network_of(installers: Iterable[Variables], outside: Mapping[str, str]) -> Network:
    """Return how to reach indexes, from the user's settings for all ``installers``."""
    return sum((variables.network(variables.settings(outside)) for variables in installers), start=Network())


def _past_proxies(outside: Mapping[str, str], network: Network, addresses: Addresses) -> dict[str, str]:
    """Return the variables that keep what goes to the router away from any proxy, and all else at home if offline."""
    passed = [outside.get("no_proxy") or outside.get("NO_PROXY") or "", "127.0.0.1"]
    direct = ",".join(part for part in passed if part) if addresses.blocked is None else "127.0.0.1"
    made = {"no_proxy": direct, "NO_PROXY": direct}
    proxy = addresses.blocked or network.proxy
    for name in ("http_proxy", "https_proxy", "all_proxy") if addresses.blocked else ("http_proxy", "https_proxy"):
        if proxy and (addresses.blocked or not (outside.get(name) or outside.get(name.upper()))):
            made |= {name: proxy, name.upper(): proxy}
    return made


def secrets(indexes: Iterable[Index], installers: Iterable[Variables], outside: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts that must not appear in any log: credentials in index URLs, and tokens in the environment."""
    urls = [index.url for index in indexes]
    for variables in installers:
        settings = variables.settings(outside).items()
        urls += [
            url for name, value in settings if variables.sources.fullmatch(name) for url in re.split("[ ,]", value)
        ]
    values: list[str] = []
    for url in urls:
        # The user's own index can have a name: NAME=URL.
        parts = urlsplit(re.sub(r"^[\w.-]+=(?=\w+:)", "", url))
        values += [parts.password or "", parts.username or "" if parts.password is None else ""]
        values.append(f"{parts.username}:{parts.password}" if parts.password else "")
        values += [value for _, value in parse_qsl(parts.query)]
        values += [value for part in parts.query.split("&") if (value := part.partition("=")[2])]
    values = [value for value in values if len(value) >= LONG_ENOUGH]
    return tuple(sorted({*values, *secret_values(outside)}, key=len, reverse=True))
