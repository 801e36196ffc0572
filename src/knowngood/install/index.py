"""Decide once per run which index each package comes from."""

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from knowngood.errors import UsageError
from knowngood.install.access import Access, Network, trusting
from knowngood.install.folder_index import FolderIndex
from knowngood.install.upstream import IndexFault, OfflineIndex, RemoteIndex, Upstream
from knowngood.model import Index, IndexChoice, InstallerName, Matrix
from knowngood.process.redaction import LONG_ENOUGH, names_a_secret, secret_values

_DEFAULT = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """An index, and the packages that come from it and from nowhere else."""

    url: str
    """http, https, or file for a folder."""
    packages: tuple[str, ...] = ()
    name: str = ""
    """The NAME of ``[index.NAME]``."""
    shown: str = ""
    """How reports name it, if not by its URL: a folder as the matrix file has it."""

    def upstream(self, access: Access, *, offline: bool = False) -> Upstream:
        """Return what asks it."""
        if self.url.startswith("file:"):
            return FolderIndex(Path(unquote(urlsplit(self.url).path)), shown=self.shown)
        return OfflineIndex(self.url) if offline else RemoteIndex(self.url, access, name=self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Routes:
    """Where packages come from in one run."""

    choices: tuple[IndexChoice, ...] = ()
    default: str | None = None
    """URL of the default index; None leaves each installer its own."""
    default_name: str = ""
    """The NAME of its ``[index.NAME]``."""
    default_shown: str = ""
    """How reports name it, if not by its URL."""
    default_is_routed: bool = False
    """Whether the router stands before the default index: a folder, or one that installers cannot use by themselves."""
    guarded: frozenset[InstallerName] = frozenset()
    """The installers that see only the router, because a place that they take packages from by themselves does not
    answer: alone they would ask it again and again, and pip would continue without it."""
    own: tuple[Route, ...] = ()
    """The indexes of some packages."""
    offline: bool = False
    """Whether nothing is asked over the network."""

    @property
    def default_route(self) -> Route | None:
        """The default index as a route."""
        if self.default is None:
            return None
        return Route(url=self.default, name=self.default_name, shown=self.default_shown)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The indexes that are folders of this machine."""
        routes = (*self.own, *filter(None, [self.default_route]))
        return tuple(path for path in map(_path, routes) if path is not None)

    @property
    def need_router(self) -> bool:
        """Whether installers cannot be given the indexes themselves."""
        return bool(self.own) or self.default_is_routed or bool(self.guarded) or self.offline


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """What installers are given in place of indexes, when packages are routed."""

    first: tuple[str, ...] = ()
    """Where uv looks before anywhere else."""
    default: str | None = None
    """The default index of uv."""
    links: tuple[str, ...] = ()
    """The folders and pages of files that uv takes packages from as well: without those that have an index."""
    pip: str = ""
    """The only index of pip."""
    blocked: str | None = None
    """A proxy that lets nothing through, for a run that is offline."""


def check_folders(matrix: Matrix) -> None:
    """Raise ``UsageError`` when an index is a folder that does not exist, or has no packages."""
    for index in matrix.indexes:
        problem = None if index.fallback else _folder_problem(_route(index, matrix.project))
        if problem is not None:
            raise UsageError(
                f"[index.{index.name}] cannot be used: the folder {index.url} {problem}",
                cause=f"it was looked for at {_path(_route(index, matrix.project))}",
                next_step="build wheels into it (uv build, pip wheel), or correct its url",
            )


def decide(
    indexes: Iterable[Index],
    *,
    project: Path = Path(),
    access: Access | None = None,
    offline: bool = False,
) -> Routes:
    """Return the routes for a run.

    An index with a fallback is asked for one of its packages, to see whether it can be used, and the default index is
    asked whether it is there. ``project`` is the folder that paths are relative to.
    """
    indexes = tuple(indexes)
    asks = access or Access({})
    routes = [_route(index, project) for index in indexes]
    with ThreadPoolExecutor(max_workers=max(1, len(indexes))) as pool:
        problems = list(
            pool.map(lambda index, route: _problem(route, asks, offline) if index.fallback else None, indexes, routes)
        )
        used = [route for route, problem in zip(routes, problems, strict=True) if problem is None]
        default = next((route for route in reversed(used) if not route.packages), None)
        routed = default is not None and (
            default.url.startswith("file:") or (not offline and _needs_help(default, asks))
        )
    return Routes(
        choices=tuple(map(_choice, indexes, problems)),
        default=default.url if default else None,
        default_name=default.name if default else "",
        default_shown=default.shown if default else "",
        default_is_routed=routed,
        own=tuple(route for route in used if route.packages),
        offline=offline,
    )


def _choice(index: Index, problem: str | None) -> IndexChoice:
    why = problem or ("reachable" if index.fallback else "declared without a fallback")
    asked = redact(index.url)
    return IndexChoice(
        name=index.name, asked=asked, used=_DEFAULT if problem else asked, packages=index.packages, why=why
    )


def _route(index: Index, project: Path) -> Route:
    """Return the route for a declared index; without a scheme its URL is a path in the project."""
    if urlsplit(index.url).scheme:
        return Route(url=index.url, packages=index.packages, name=index.name)
    path = (project / index.url).absolute()
    return Route(url=path.as_uri(), packages=index.packages, name=index.name, shown=index.url)


def _path(route: Route) -> Path | None:
    return Path(unquote(urlsplit(route.url).path)) if route.url.startswith("file:") else None


def _folder_problem(route: Route) -> str | None:
    folder = _path(route)
    if folder is None:
        return None
    if not folder.is_dir():
        return "does not exist"
    return None if FolderIndex(folder).packages() else "holds no wheel and no source distribution"


def _problem(route: Route, access: Access, offline: bool) -> str | None:
    """Return why an index cannot be used now; None when it can."""
    if problem := _folder_problem(route):
        return f"unreachable: the folder {problem}"
    upstream = route.upstream(access, offline=offline)
    try:
        if not route.packages:
            return _unanswered(upstream)
        return None if upstream.page(route.packages[0]) is not None else "answered 404"
    except IndexFault as fault:
        return fault.short


def _unanswered(upstream: Upstream) -> str | None:
    if isinstance(upstream, RemoteIndex):
        upstream.knock()
    return None


def _needs_help(route: Route, access: Access) -> bool:
    """Return whether installers alone would wait long for a default index, or would not know its password."""
    upstream = RemoteIndex(route.url, access, name=route.name)
    try:
        upstream.knock()
    except IndexFault:
        return True
    return upstream.login is not None and not upstream.login.shared


def redact(url: str) -> str:
    """Return ``url`` without the parts that may be secret: user, password and the values of its query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"***@{host}" if "@" in parts.netloc else host
    query = re.sub(r"=[^&]*", "=***", parts.query)
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


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
