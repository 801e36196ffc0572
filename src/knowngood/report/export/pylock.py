"""``pylock.toml`` (PEP 751): what uv locked, cut down to the files that were proven, and read back to be sure."""

import tomllib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from packaging.pylock import Package, Pylock, PylockValidationError

from knowngood.errors import UndecidedError
from knowngood.report.export.evidence import Proof, header, minor
from knowngood.report.export.pins import hashes, key, pins

_ONLY_HERE = "it has the files for this platform and this minor version of Python only"


def render(proof: Proof, document: str, locks: Mapping[int, str]) -> str:
    """Return the file; ``document`` is what uv locked of just the pins, and ``locks`` are those of the run.

    Files whose hash is not in a lock are left out: nobody tried them. Where a lock has no hash for a package at all,
    those of the index are taken, and the header says so. Raises ``UndecidedError``: it is not what was proven.
    """
    import tomli_w

    proven = {key(name, version) for name, version in pins(proof.facts).items()}
    known = hashes(locks)
    try:
        data = tomllib.loads(document)
        found = [key(package["name"], package["version"]) for package in data["packages"]]
        if sorted(found) != sorted(proven) or not proven <= known.keys():
            raise _not_proven("uv or the locks of the run have other versions than those")
        for package, pin in zip(data["packages"], found, strict=True):
            _cut_down(package, known[pin])
        data |= {"created-by": "knowngood", "requires-python": f"=={minor(proof.facts)}.*"}
        bare = sorted(name for name, version in proven if not known[name, version])
        notes = [_ONLY_HERE, *([f"hashes of today, as the run has none: {', '.join(bare)}"] if bare else [])]
        text = "\n".join([*header(proof, *notes), "", tomli_w.dumps(data)])
        read = Pylock.from_dict(tomllib.loads(text))
    except (PylockValidationError, ValueError, KeyError, TypeError) as error:
        raise _not_proven(f"what uv wrote cannot be read: {error}") from error
    assert {(package.name, package.version) for package in read.packages} == proven
    for package in read.packages:
        if why := _trouble(package, known[key(package.name, str(package.version))]):
            raise _not_proven(f"{package.name} {package.version}: {why}")
    return text


def _cut_down(package: dict[str, Any], proven: frozenset[str]) -> None:
    """Leave of a package the files that were proven, at URLs without anything that may be secret."""
    files = {"wheels": package.pop("wheels", []), "sdist": [package.pop("sdist")] if "sdist" in package else []}
    left = {kind: [file for file in some if not proven or _hashes(file) & proven] for kind, some in files.items()}
    if not any(left.values()):
        raise _not_proven(f"{package['name']} {package['version']}: no index offers a file of it that the run had")
    if left["wheels"]:
        package["wheels"] = left["wheels"]
    if left["sdist"]:
        package["sdist"] = left["sdist"][0]
    for one in (package, *left["wheels"], *left["sdist"]):
        one |= {name: _bare(one[name]) for name in ("url", "index") if name in one}


def _hashes(file: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(f"{name}:{value}" for name, value in file.get("hashes", {}).items())


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _trouble(package: Package, proven: frozenset[str]) -> str | None:
    """Return what is wrong with the files of a package; None when they are those that were proven."""
    files = [(wheel.url, wheel.hashes) for wheel in package.wheels or ()]
    files += [(package.sdist.url, package.sdist.hashes)] if package.sdist else []
    for url, told in files:
        found = {f"{name}:{value}" for name, value in told.items()}
        if not found or (proven and not found <= proven):
            return "a file has a hash that the run did not have, or none"
        if url is None or urlsplit(url).scheme not in ("http", "https"):
            return "it comes from a folder of this machine, which others do not have"
    return None


def _not_proven(why: str) -> UndecidedError:
    return UndecidedError(
        "no pylock.toml could be made of what was proven",
        cause=why,
        next_step="export it as requirements, or run the combo again",
    )
