"""Send each package to exactly one index, and say in words what went wrong with an index.

Neither uv nor pip has a setting by which a package comes from one index and nowhere else, also when another package
asks for it. So both are given addresses of a server on loopback, see ``loopback``, which asks a ``Router``. uv looks
there first, and goes on to its own indexes only for packages that belong to nobody; pip, which would take the highest
version of any index, sees nothing else.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from knowngood.install.folder_index import package_of
from knowngood.install.pages import File, Page
from knowngood.install.upstream import Fault, IndexFault, LinksPage, Upstream

FAILED = 424  # Failed Dependency: neither uv nor pip tries again after it, and neither takes it for "not found"

_LAYOUT = 1  # of the addresses; a new number makes uv download everything again


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An index, and what reports call it."""

    name: str
    """The NAME of ``[index.NAME]``; empty for an index from the user's own settings."""
    upstream: Upstream

    @property
    def title(self) -> str:
        """How a sentence names it."""
        return f"index {self.name} ({self.upstream.url})" if self.name else f"the index {self.upstream.url}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Directions:
    """Which index each package comes from."""

    named: Mapping[str, Source]
    """Canonical name -> the only index of that package."""
    default: tuple[Source, ...] = ()
    """Where uv takes every other package from, when that is not left to it: from the first that has it."""
    pip: tuple[Source, ...] = ()
    """Where pip takes every other package from; the files of all of them count."""
    links: tuple[Source, ...] = ()
    """Pages of files that uv takes every other package from as well."""

    @property
    def digest(self) -> str:
        """What tells these directions from others."""
        parts = [
            _LAYOUT,
            sorted((package, source.upstream.key) for package, source in self.named.items()),
            [source.upstream.key for source in self.default],
            [source.upstream.key for source in self.pip],
            *(source.upstream.key for source in self.links),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


class Router:
    """Answers for the indexes of ``directions``. Safe to use from any thread."""

    def __init__(self, directions: Directions, base: str) -> None:
        self.base = base
        """The address that all addresses of it begin with."""
        self._directions = directions
        self._faults: dict[tuple[str, str], tuple[Source, IndexFault]] = {}
        self._sources = [
            *dict.fromkeys((*directions.named.values(), *directions.default, *directions.pip, *directions.links))
        ]

    @property
    def named(self) -> str:
        """The index of the packages that have one of their own; it answers 404 for all others."""
        return f"{self.base}/named"

    @property
    def default(self) -> str:
        """The index of all other packages."""
        return f"{self.base}/default"

    @property
    def pip(self) -> str:
        """The only index of pip."""
        return f"{self.base}/pip"

    @property
    def links(self) -> tuple[str, ...]:
        """The pages of files for uv."""
        return tuple(f"{self.base}/links/{number}/" for number in range(len(self._directions.links)))

    def owner(self, package: str) -> Source | None:
        """Return the index that ``package`` has of its own."""
        return self._directions.named.get(package)

    def page(self, view: str, package: str) -> Page | None:
        """Return the page of ``package``; None when nobody has it. Raises ``IndexFault``."""
        own = self._directions.named.get(package)
        if own is not None and view in ("named", "pip"):
            # Without any file it is empty, since after a 404 uv would ask the next index.
            return self._ask(view, own, package) or Page(files=(), marked=True)
        if view == "default":
            # As uv does, which takes a package from the first index that has it.
            pages = (self._ask(view, source, package) for source in self._directions.default)
            return next((page for page in pages if page is not None), None)
        return self._merged(view, self._directions.pip if view == "pip" else (), package)

    def linked(self, number: str) -> Page | None:
        """Return one of the pages of files, without packages that have an index of their own. Raises ``IndexFault``."""
        if not number.isdigit() or int(number) >= len(self._directions.links):
            return None
        source = self._directions.links[int(number)]
        assert isinstance(source.upstream, LinksPage)
        try:
            listing = source.upstream.listing()
        except IndexFault as fault:
            self._faults["links", number] = source, fault
            raise
        place = self._sources.index(source)
        packages = ((file, package_of(file.name)) for file in listing.files)
        return replace(
            listing,
            files=tuple(
                self._reachable(file, source, place, package)
                for file, package in packages
                if package is not None and package not in self._directions.named
            ),
        )

    def _merged(self, view: str, sources: tuple[Source, ...], package: str) -> Page | None:
        pages: list[Page] = []
        faults: list[IndexFault] = []
        for source in sources:
            try:
                page = self._ask(view, source, package)
                pages += [page] if page is not None else []
            except IndexFault as fault:
                faults.append(fault)
        files = [file for page in pages for file in page.files]
        # An outage must not change what is chosen. An index that keeps others out is one that the user lives with.
        serious = [fault for fault in faults if not files or fault.fault in (Fault.UNREACHABLE, Fault.ERROR)]
        if serious:
            raise serious[0]
        first = {file.name: file for file in reversed(files)}
        return Page(files=tuple(first.values()), marked=True) if pages else None

    def _ask(self, view: str, source: Source, package: str) -> Page | None:
        try:
            page = source.upstream.page(package)
        except IndexFault as fault:
            self._faults[view, package] = source, fault
            raise
        if page is None:
            return None
        number = self._sources.index(source)
        return replace(page, files=tuple(self._reachable(file, source, number, package) for file in page.files))

    def _reachable(self, file: File, source: Source, number: int, package: str) -> File:
        if not source.upstream.serves(file):
            return file
        return replace(file, url=f"{self.base}/file/{number}/{package}/{quote(file.name)}")

    def file(self, number: str, package: str, name: str) -> tuple[Source, File] | None:
        """Return the file behind an address that a page of this router has."""
        source = self._sources[int(number)] if number.isdigit() and int(number) < len(self._sources) else None
        page = source.upstream.page(package) if source else None
        file = next((file for file in page.files if file.name == name), None) if page else None
        return (source, file) if source and file else None

    def real(self, address: str) -> str:
        """Return the address behind one of this router, for a file that others read; any other address as it is."""
        if not address.startswith(f"{self.base}/"):
            return address
        match address.removeprefix(f"{self.base}/").split("/"):
            case ["file", number, package, name]:
                found = self.file(number, package, unquote(name))
                return found[1].url if found else address
            case _:
                return address

    def blame(self, view: str, package: str, source: Source, fault: IndexFault) -> None:
        """Remember that a file of ``package`` could not be fetched."""
        self._faults[view, package] = source, fault

    def explain(self, output: str) -> tuple[str, ...]:
        """Return a sentence for each answer of this router that the output of an installer complains about."""
        # The token is already removed from the output.
        port, _, digest = self.base.removeprefix("http://127.0.0.1:").split("/")
        address = re.compile(rf"http://127\.0\.0\.1:{port}/[^/\s]+/{digest}/(\w+)/(?:\d+/)?([a-z0-9-]+)/")
        seen: dict[str, None] = {}
        for line in output.splitlines():
            if str(FAILED) in line:
                for view, package in address.findall(line):
                    if fault := self._fault(view, package):
                        seen[fault] = None
        return tuple(seen)

    def _fault(self, view: str, package: str) -> str | None:
        """Return what was wrong; asked again when another run, which shares the port, gave the answer."""
        if (view, package) not in self._faults:
            with suppress(IndexFault):
                self.linked(package) if view == "links" else self.page(view, package)
        if (view, package) not in self._faults:
            return None
        source, fault = self._faults[view, package]
        return describe(source, fault, None if view == "links" else package)


def describe(source: Source, fault: IndexFault, package: str | None) -> str:
    """Return in one line what happened to the index that ``package`` comes from, why, and what to do next."""
    next_step = fault.next_step
    if fault.fault is Fault.OFFLINE:
        return f"this run is offline: {package} is not on this machine, it comes from {source.title}; {next_step}"
    if source.name and fault.fault is Fault.UNREACHABLE:
        next_step += f"; with fallback = true in [index.{source.name}] the default index is used meanwhile"
    what = f"{source.title} {fault.fault.value}: {fault.cause}"
    return "; ".join([what, *([f"it is where {package} comes from"] if package else []), next_step])
