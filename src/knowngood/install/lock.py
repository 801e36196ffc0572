"""Read and write locks in the form of requirements files: what a resolver chose for one step.

A lock that is recorded names what was built on this machine by its version and by what it was built from: neither a
path of this machine nor the hash of a wheel, which differs from build to build, may change a key.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from knowngood.install.interface import Built
from knowngood.model import SourceFacts
from knowngood.process.redaction import Redactor

_ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9][\w.-]*)(?P<extras>\[[^\]]*\])?(?:==(?P<version>[^\s;\\]+)| @ (?P<url>\S+))"
    r"(?P<marker> ?;[^\\\n]*?)?(?P<hashes>(?:\s*\\\n\s+--hash=\S+|[ \t]+--hash=\S+)*)[ \t]*$",
    re.MULTILINE,
)
_HASH = re.compile(r"--hash=(\S+)")
_COMMIT = re.compile(r"@(?P<commit>[0-9a-f]{40}|[0-9a-f]{64})(?=#|$)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One distribution of a lock."""

    name: str
    """Canonical."""
    version: str | None
    """None for a URL whose file name does not say it."""
    url: str | None = None
    """None: it comes from an index."""
    hashes: tuple[str, ...] = ()

    @property
    def commit(self) -> str | None:
        """The commit that the URL of a repository names."""
        match = _COMMIT.search(self.url) if self.url is not None else None
        return match["commit"] if match else None


def pins(text: str) -> Iterator[Pin]:
    """Yield what a lock pins, in its order; comments and options are left out."""
    for entry in _ENTRY.finditer(text):
        url = entry["url"]
        yield Pin(
            name=canonicalize_name(entry["name"]),
            version=entry["version"] or (version_in(url) if url else None),
            url=url,
            hashes=tuple(_HASH.findall(entry["hashes"])),
        )


def version_in(url: str) -> str | None:
    """Return the version in the file name of a wheel or source distribution; None when the URL has none."""
    file = unquote(urlsplit(url).path).rpartition("/")[2]
    try:
        return str(parse_wheel_filename(file)[1] if file.endswith(".whl") else parse_sdist_filename(file)[1])
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None


def recorded(text: str, built: Mapping[str, Built]) -> str:
    """Return a lock as it is recorded; ``built`` is what comes from this machine, by canonical name."""

    def line(entry: re.Match[str]) -> str:
        name = canonicalize_name(entry["name"])
        if entry["url"] is None:
            return entry[0]
        if name in built:
            return built_line(built[name])
        return entry[0].replace(entry["url"], Redactor().text(bare(entry["url"])))

    return _ENTRY.sub(line, text).removesuffix("\n")


def built_line(built: Built) -> str:
    """Return the line of a lock for what was built on this machine."""
    return f"{built.facts.name}=={built.facts.version}  # built from {built.identity}"


def changed(
    text: str, *, without: Collection[str], hashes: Mapping[str, tuple[str, ...]], all_hashed: bool = False
) -> str:
    """Return a lock without some packages, and with only the ``hashes`` that are given for a package.

    With ``all_hashed`` the packages that none are given for have no hash at all, so that an installer refuses them.
    """

    def line(entry: re.Match[str]) -> str:
        name = canonicalize_name(entry["name"])
        if name in without:
            return ""
        if name not in hashes and not all_hashed:
            return entry[0]
        pin = entry[0].removesuffix(entry["hashes"]) if entry["hashes"] else entry[0]
        return " ".join([pin.rstrip(), *(f"--hash={value}" for value in hashes.get(name, ()))])

    return _ENTRY.sub(line, text).removesuffix("\n")


def direct(pins: Iterable[Pin], versions: Mapping[str, str], built: Mapping[str, Built]) -> tuple[SourceFacts, ...]:
    """Return what comes from a repository or another URL, without what is in ``built``."""
    return tuple(
        SourceFacts(
            name=pin.name,
            version=versions.get(pin.name),
            origin=_COMMIT.sub("", bare(pin.url)),
            commit=pin.commit,
        )
        for pin in pins
        if pin.url is not None and pin.name not in built
    )


def bare(url: str) -> str:
    """Return a URL without user and password; the user ``git`` of an address for SSH stays."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)) if user and user != "git" else url
