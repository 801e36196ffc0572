"""Route packages while a run lasts, and doubt what installers say about indexes.

An installer that does not find a package may have asked an address that is not an index. So we ask ourselves before
a "not found" is held against the versions: an index that cannot be reached, and one that answers with anything but a
page of an index, is named in one sentence that goes to the output of the installer. Its rules read it first.
"""

import hashlib
import re
import time
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import tomli_w

from knowngood.install import registry
from knowngood.install.access import Access
from knowngood.install.common_output import OURS, package_name
from knowngood.install.confined import out_of_reach
from knowngood.install.folder_index import FolderIndex, lay_out, without
from knowngood.install.index import Addresses, Route, Routes
from knowngood.install.loopback import serve, token
from knowngood.install.pages import File, Page
from knowngood.install.router import Directions, Router, Source, describe
from knowngood.install.upstream import Fault, IndexFault, LinksPage, OfflineIndex, RemoteIndex
from knowngood.model import Action, InstallerName, Reason, Status

_DOUBTED = frozenset({Reason.PACKAGE_NOT_FOUND, Reason.VERSION_NOT_FOUND, Reason.NO_MATCHING_FILE})
"""Reasons that may come from an index that is none."""

_ABOUT_INDEXES = frozenset({Reason.UNRECOGNISED, Reason.INDEX_UNREACHABLE, Reason.INDEX_REFUSED, Reason.INDEX_ERROR})
"""Reasons for which we ask what is wrong, since installers often say little."""

_LIKELY_TO_EXIST = "pip"
_BELIEVED = 600.0  # seconds for which an index that answered is not asked whether it is there


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """Where packages come from in one run on this machine."""

    environ: Mapping[str, str]
    """The environment variables of all installers."""
    routes: Routes
    router: Router | None
    access: Access
    outside: Mapping[str, str]
    _sources: dict[InstallerName, tuple[Source, ...]] = field(default_factory=dict)

    def source(self, package: str) -> Source:
        """Return the index that uv takes ``package`` from: its own, or the first that has it."""
        own = self.router.owner(package) if self.router else None
        return own or self._first(package)

    def required_page(self, package: str) -> Page | None:
        """Return the page of ``package`` on the index that uv takes it from; None when there is none.

        Raises ``IndexFault``.
        """
        own = self.router.owner(package) if self.router else None
        sources = (own,) if own is not None else self._own_sources(InstallerName.UV)
        pages = (source.upstream.page(package) for source in sources)
        return next((page for page in pages if page is not None and page.files), None)

    def review(self, action: Action, installer: InstallerName) -> Action:
        """Return what an installer did, with a sentence about every index that kept it from doing better.

        An installer that went on without a page that failed has failed as well: it may have chosen something else.
        """
        sentences = self.router.explain(action.output) if self.router else ()
        if not sentences and not action.exit.ok:
            sentences = tuple(self._doubt(action, installer)) or tuple(filter(None, [out_of_reach(action)]))
        if not sentences:
            return action
        lines = "".join(f"{OURS}{sentence}\n" for sentence in sentences)
        output = f"{action.output.rstrip()}\n{lines}"
        return replace(action, output=output, exit=replace(action.exit, code=action.exit.code or 1))

    def real(self, lock: str) -> str:
        """Return a ``pylock.toml`` with the addresses of the indexes in place of those of the router."""
        router = self.router
        if router is None:
            return lock
        data = tomllib.loads(lock)
        for package in data.get("packages", []):
            if str(package.get("index", "")).startswith(f"{router.base}/"):
                package["index"] = self.source(package["name"]).upstream.url
            for file in (*package.get("wheels", []), package.get("sdist", {})):
                file |= {"url": router.real(file["url"])} if "url" in file else {}
        return tomli_w.dumps(data)

    def page(self, package: str) -> Page | None:
        """Return the page of ``package`` (canonical name) on the index that it comes from; None when that cannot say.

        It is asked with the user's credentials, proxies and certificates. Without an index of its own a package comes
        from the first index of uv that has it.
        """
        own = self.router.owner(package) if self.router else None
        for source in (own,) if own is not None else self._own_sources(InstallerName.UV):
            with suppress(IndexFault):
                if (page := source.upstream.page(package)) is not None:
                    return page
        return None

    def _first(self, package: str) -> Source:
        """Return the first of the user's indexes that has ``package``, as uv chooses; the last when none has."""
        sources = self._own_sources(InstallerName.UV)
        for source in sources[:-1]:
            with suppress(IndexFault):
                if source.upstream.page(package) is not None:
                    return source
        return sources[-1]

    def contents(self, file: File) -> bytes | None:
        """Return the contents of a file that an index lists for everybody; None when it cannot be read."""
        from urllib3.exceptions import HTTPError

        parts = urlsplit(file.url)
        try:
            if parts.scheme == "file":
                return Path(unquote(parts.path)).read_bytes()
            answer = self.access.get(file.url) if not self.routes.offline else None
        except (HTTPError, OSError, ValueError):
            return None
        return answer.data if answer is not None and answer.status == 200 else None

    def _doubt(self, action: Action, installer: InstallerName) -> tuple[str, ...]:
        """Return what is wrong with an index that the installer complains about, or what "not found" means."""
        output = registry.OUTPUTS[installer]
        status, reason = output.classify(action)
        conflict = output.conflict(action.output)
        missing = conflict.missing
        if status is Status.INFRA and reason in _ABOUT_INDEXES and not self.routes.offline:
            return self._ask(installer, None if missing is None else package_name(missing), action.output)
        for only in conflict.only if status is Status.UNSOLVABLE else ():
            name = package_name(only)
            if self.router is not None and (own := self.router.owner(name)) is not None:
                return (f"{name} comes from {own.title} and from nowhere else, and that index has only {only}",)
        if missing is None or (status is Status.UNSOLVABLE and reason not in _DOUBTED):
            return ()
        package = package_name(missing)
        own = self.router.owner(package) if self.router else None
        if self.routes.offline:
            source = own or (self._own_sources(installer)[0] if self.routes.default_route is not None else None)
            where = f"; it comes from {source.title}" if source else ""
            is_folder = source is not None and isinstance(source.upstream, FolderIndex)
            next_step = "add it to that folder" if is_folder else "run again without --offline"
            return (f"this run is offline: {missing} is not on this machine{where}; {next_step}",)
        if status not in (Status.UNSOLVABLE, Status.BUILD_FAIL):
            return ()
        if own is not None:
            page = own.upstream.page(package)
            what = "has no version that fits" if page and page.files else "does not have it"
            return (f"{missing} comes from {own.title} and from nowhere else, and that index {what}",)
        sentences = self._ask(installer, package, action.output)
        if not sentences and self.routes.default_is_routed and reason is Reason.PACKAGE_NOT_FOUND:
            (source,) = self._own_sources(installer)
            return (f"{missing} comes from {source.title}, and that index does not have it",)
        return sentences

    def _ask(self, installer: InstallerName, package: str | None, output: str) -> tuple[str, ...]:
        """Return what is wrong with the indexes that the installer asked, for a package or for those in its output."""
        for source in self._own_sources(installer):
            address = re.compile(re.escape(source.upstream.url.rstrip("/")) + r"/([a-z0-9][a-z0-9-]*)/")
            named = dict.fromkeys(address.findall(output))
            for name in (package,) if package else (*named, _LIKELY_TO_EXIST):
                try:
                    source.upstream.page(name)
                except IndexFault as fault:
                    return (describe(source, fault, None if name == _LIKELY_TO_EXIST else name),)
        return ()

    def _own_sources(self, installer: InstallerName) -> tuple[Source, ...]:
        """Return the indexes that the installer asks without the router."""
        if installer not in self._sources:
            offline = self.routes.offline
            if (route := self.routes.default_route) is not None:
                self._sources[installer] = (_declared(route, self.access, offline=offline),)
            else:
                self._sources[installer] = _sources(installer, self.outside, self.access, offline=offline)
        return self._sources[installer]


@contextmanager
def routing(routes: Routes, outside: Mapping[str, str], cache: Path) -> Iterator[Routing]:
    """Yield what a run needs to take packages from ``routes``. If it needs a router, that answers until the block ends.

    ``outside`` is the environment of the harness. ``cache`` is the folder for what all runs of the user share.
    """
    access = registry.access(outside)
    if routes.default is None and not routes.offline:
        routes = replace(routes, guarded=_guarded(outside, access, cache))
    with ExitStack() as stack:
        router = addresses = None
        if routes.need_router:
            directions = _directions(routes, access, outside)
            router = stack.enter_context(serve(directions, access, token(cache)))
            folder = cache / "indexes" / directions.digest
            addresses = replace(
                _addresses(routes, directions, router, folder),
                links=_links(routes, directions, router, outside, folder / "links"),
            )
        yield Routing(
            environ=registry.environment(routes, outside, addresses),
            routes=routes,
            router=router,
            access=access,
            outside=outside,
        )


def _guarded(outside: Mapping[str, str], access: Access, cache: Path) -> frozenset[InstallerName]:
    """Return the installers with a place of the user's own settings that does not answer."""
    places = {
        name: frozenset((*registry.indexes(name, outside), *registry.links(name, outside))) for name in InstallerName
    }
    addresses = tuple(frozenset().union(*places.values()))
    with ThreadPoolExecutor(max_workers=len(addresses)) as pool:
        answers = dict(
            zip(addresses, pool.map(lambda address: _answers(address, access, cache), addresses), strict=True)
        )
    return frozenset(name for name in places if not all(answers[address] for address in places[name]))


def _answers(address: str, access: Access, cache: Path) -> bool:
    """Return whether a place of the user answers; asked again when it last did so some minutes ago."""
    if _folder(address) is not None:
        return True
    seen = cache / "indexes" / f"answered-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    with suppress(OSError):
        if 0 <= time.time() - seen.stat().st_mtime < _BELIEVED:
            return True
    try:
        RemoteIndex(address, access).knock()
    except IndexFault as fault:
        # One that keeps others out says so at once.
        return fault.fault is Fault.REFUSED
    with suppress(OSError):
        seen.parent.mkdir(parents=True, exist_ok=True)
        seen.touch()
    return True


def _directions(routes: Routes, access: Access, outside: Mapping[str, str]) -> Directions:
    named: dict[str, Source] = {}
    for route in routes.own:
        source = _declared(route, access, offline=routes.offline)
        named |= dict.fromkeys(route.packages, source)
    declared = routes.default_route
    if declared is not None:
        default = (_declared(declared, access, offline=routes.offline),)
        return Directions(named=named, default=default, pip=default)
    return Directions(
        named=named,
        default=_sources(InstallerName.UV, outside, access) if InstallerName.UV in routes.guarded else (),
        pip=_sources(InstallerName.PIP, outside, access, offline=routes.offline),
        links=tuple(
            Source(name="", upstream=LinksPage(address, access))
            for address in registry.links(InstallerName.UV, outside)
            if (named or InstallerName.UV in routes.guarded) and _folder(address) is None
        ),
    )


def _declared(route: Route, access: Access, *, offline: bool) -> Source:
    return Source(name=route.name, upstream=route.upstream(access, offline=offline))


def _folder(address: str) -> Path | None:
    """Return the folder that an address is, or None."""
    parts = urlsplit(address)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def _sources(
    name: InstallerName, outside: Mapping[str, str], access: Access, *, offline: bool = False
) -> tuple[Source, ...]:
    """Return the places that the installer called ``name`` takes packages from by itself."""
    pages = registry.links(name, outside)
    return tuple(
        _source(address, access, is_page=address in pages, offline=offline)
        for address in registry.indexes(name, outside)
    )


def _source(address: str, access: Access, *, is_page: bool, offline: bool) -> Source:
    """Return an index, or a place of files, from the user's own settings."""
    folder = _folder(address)
    if folder is not None:
        return Source(name="", upstream=FolderIndex(folder))
    if offline:
        return Source(name="", upstream=OfflineIndex(address))
    return Source(name="", upstream=LinksPage(address, access) if is_page else RemoteIndex(address, access))


def _addresses(routes: Routes, directions: Directions, router: Router, folder: Path) -> Addresses:
    """Return what installers are given. Offline, uv asks no server, not even ours: it reads folders."""
    if not routes.offline:
        return Addresses(
            first=(router.named,) if routes.own else (),
            default=router.default if routes.default_is_routed or InstallerName.UV in routes.guarded else None,
            pip=router.pip,
        )
    local: dict[str, Page] = {}
    blocked: dict[str, Page] = {}
    for package, source in directions.named.items():
        if isinstance(source.upstream, FolderIndex):
            local[package] = source.upstream.page(package) or Page(files=())
        else:
            # Whatever uv kept of its own index is used, but no other index.
            blocked[package] = Page(files=())
    default = None
    if routes.default is not None and isinstance(directions.default[0].upstream, FolderIndex):
        wheelhouse = directions.default[0].upstream
        pages = {package: wheelhouse.page(package) or Page(files=()) for package in wheelhouse.packages()}
        default = lay_out(pages, folder / "default")
    first = (lay_out(local, folder / "local"), router.named, lay_out(blocked, folder / "blocked"))
    return Addresses(
        first=first if routes.own else (),
        default=default,
        pip=router.pip,
        blocked=router.base.partition("/")[0] + "//" + urlsplit(router.base).netloc,
    )


def _links(
    routes: Routes, directions: Directions, router: Router, outside: Mapping[str, str], folder: Path
) -> tuple[str, ...]:
    """Return what uv is given in place of the user's ``find-links``, which it would mix with any index."""
    if routes.default is not None or not (routes.own or InstallerName.UV in routes.guarded):
        return ()
    places = (place for link in registry.links(InstallerName.UV, outside) if (place := _folder(link)) is not None)
    local = (str(without(directions.named, place, folder / str(number))) for number, place in enumerate(places))
    return (*local, *router.links)
