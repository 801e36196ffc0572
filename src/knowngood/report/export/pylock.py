"""Write a combo as ``pylock.toml`` (PEP 751): uv's lock, reduced to the proven files, and read back to be sure."""

import tomllib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from packaging.pylock import Package, Pylock, PylockValidationError

from knowngood import packages
from knowngood.errors import UndecidedError
from knowngood.report.export.evidence import Proof, hashes, header, key, minor_python, pins

_ONE_PLATFORM = "for this platform and this minor version of Python only"


def render(proof: Proof, document: str, locks: Mapping[int, str]) -> str:
    """Return the file; ``document`` is uv's lock of exactly the pins, and ``locks`` are those of the run.

    Files whose hash is not in a lock of the run are left out, because the run did not try them. If the locks have no
    hash for a package, the file has the hashes of the index, and the header says so. Raises ``UndecidedError`` if the
    files are not those that were proven.
    """
    import tomli_w

    proven = {key(name, version) for name, version in pins(proof.facts).items()}
    recorded = hashes(locks)
    try:
        data = tomllib.loads(document)
        locked = [key(package["name"], package["version"]) for package in data["packages"]]
        if sorted(locked) != sorted(proven) or not proven <= recorded.keys():
            raise _not_proven("uv or the locks of the run list other versions")
        for package, pin in zip(data["packages"], locked, strict=True):
            _reduce(package, recorded[pin])
        data |= {"created-by": "knowngood", "requires-python": f"=={minor_python(proof.facts)}.*"}
        unhashed = ", ".join(sorted(name for name, version in proven if not recorded[name, version]))
        notes = [f"hashes as of today, because the run recorded none: {unhashed}"] if unhashed else []
        text = "\n".join([*header(proof, _ONE_PLATFORM, *notes), "", tomli_w.dumps(data)])
        written = Pylock.from_dict(tomllib.loads(text))
    except (PylockValidationError, ValueError, KeyError, TypeError) as error:
        raise _not_proven(f"invalid output of uv: {error}") from error
    assert {(package.name, package.version) for package in written.packages} == proven
    for package in written.packages:
        if problem := _problem(package, recorded[key(package.name, str(package.version))]):
            raise _not_proven(f"{package.name} {package.version}: {problem}")
    return text


def _reduce(package: dict[str, Any], proven: frozenset[str]) -> None:
    """Keep only the files of a package that were proven, at URLs without secrets."""
    files = {"wheels": package.pop("wheels", []), "sdist": [package.pop("sdist")] if "sdist" in package else []}
    kept = {kind: [file for file in some if not proven or _hashes(file) & proven] for kind, some in files.items()}
    if not any(kept.values()):
        raise _not_proven(f"{package['name']} {package['version']}: no index offers a file that the run installed")
    if kept["wheels"]:
        package["wheels"] = kept["wheels"]
    if kept["sdist"]:
        package["sdist"] = kept["sdist"][0]
    for table in (package, *kept["wheels"], *kept["sdist"]):
        table |= {name: packages.bare_url(table[name]) for name in ("url", "index") if name in table}


def _hashes(file: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(f"{name}:{value}" for name, value in file.get("hashes", {}).items())


def _problem(package: Package, proven: frozenset[str]) -> str | None:
    """Return what is wrong with the files of a package; None if they are those that were proven."""
    files = [(wheel.url, wheel.hashes) for wheel in package.wheels or ()]
    files += [(package.sdist.url, package.sdist.hashes)] if package.sdist else []
    for url, digests in files:
        written = {f"{name}:{value}" for name, value in digests.items()}
        if not written or (proven and not written <= proven):
            return "a file has no hash, or one that the run did not record"
        if url is None or urlsplit(url).scheme not in ("http", "https"):
            return "it comes from a folder on this machine, which other machines do not have"
    return None


def _not_proven(cause: str) -> UndecidedError:
    return UndecidedError(
        "cannot write a pylock.toml of the proven files",
        cause=cause,
        next_step="export the combo as requirements, or run it again",
    )
