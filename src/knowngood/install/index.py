"""Decide once per run which index each package comes from."""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from knowngood.errors import UsageError
from knowngood.install.access import Access
from knowngood.install.folder_index import FolderIndex
from knowngood.install.upstream import IndexFault, OfflineIndex, RemoteIndex, Upstream
from knowngood.model import Index, IndexChoice, InstallerName, Matrix

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
