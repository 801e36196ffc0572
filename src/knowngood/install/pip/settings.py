"""Read what the user has set for pip in files and variables: which indexes, and how to reach them.

When packages are routed, pip sees one index only and none of its files. What these files say is passed on as variables.
"""

import configparser
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from knowngood.install.access import Network

_PYPI = "https://pypi.org/simple"


def settings(outside: Mapping[str, str]) -> dict[str, str]:
    """Return the settings for ``pip install`` as ``PIP_`` variables; those of ``outside`` win over files.

    Files that pip would refuse are left out.
    """
    found: dict[str, str] = {}
    for path in _files(outside):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                for name, value in parser.items(section):
                    found[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(value.split())
    return found | {name: value for name, value in outside.items() if name.startswith("PIP_")}


def indexes(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the addresses of all indexes that pip takes packages from by itself."""
    if settings.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on"):
        return ()
    extra = settings.get("PIP_EXTRA_INDEX_URL", "").split()
    return tuple(dict.fromkeys((settings.get("PIP_INDEX_URL") or _PYPI, *extra)))


def links(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders and pages of files that pip takes packages from as well."""
    return tuple(settings.get("PIP_FIND_LINKS", "").split())


def network(settings: Mapping[str, str]) -> Network:
    """Return what the settings say on how to reach indexes."""
    certificate = settings.get("PIP_CERT", "")
    return Network(
        certificates=(certificate,) if certificate else (),
        client_certificate=settings.get("PIP_CLIENT_CERT", ""),
        proxy=settings.get("PIP_PROXY", ""),
        unverified=tuple(settings.get("PIP_TRUSTED_HOST", "").split()),
        keyring=settings.get("PIP_KEYRING_PROVIDER") != "disabled",
    )


def _files(outside: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files that pip reads, the weakest first."""
    named = outside.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    home = Path(outside.get("HOME", "/"))
    shared = [*outside.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    yield from (Path(folder) / "pip" / "pip.conf" for folder in shared if folder)
    yield Path("/etc/pip.conf")
    if named is None or not Path(named).is_file():
        yield home / ".pip" / "pip.conf"
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
        yield Path(outside.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if named is not None:
        yield Path(named)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder that pip keeps its cache in."""
    caches = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/"), ".cache")
    return Path(environ.get("PIP_CACHE_DIR") or Path(caches, "pip"))
