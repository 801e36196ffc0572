"""Read what the user has set for uv in files and variables: which indexes, and how to reach them.

When the matrix declares indexes, uv sees none of its files. What these files say is passed on as variables.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from knowngood.install.access import Network

_PYPI = "https://pypi.org/simple"
_USER = re.compile(r"UV_INDEX_(\w+)_USERNAME")
_PASSWORD = re.compile(r"UV_INDEX_(\w+)_PASSWORD")
_SEPARATORS = {"UV_INDEX": " ", "UV_FIND_LINKS": ",", "UV_INSECURE_HOST": " "}
_PASSED_ON = {
    name: f"UV_{name.upper().replace('-', '_')}"
    for name in (
        *("cache-dir", "concurrent-builds", "concurrent-downloads", "concurrent-installs", "keyring-provider"),
        *("link-mode", "offline", "system-certs"),
    )
} | {"native-tls": "UV_SYSTEM_CERTS"}
"""Setting in a file -> variable."""


def settings(outside: Mapping[str, str]) -> dict[str, str]:
    """Return the settings as ``UV_`` variables; those of ``outside`` win over files, and lists are joined."""
    found: dict[str, str] = {}
    for path in _files(outside):
        for name, value in _read(path).items():
            found[name] = _joined(name, found[name], value) if name in found else value
    ours = {name: value for name, value in outside.items() if name.startswith("UV_")}
    if ours.get("UV_INDEX_URL"):
        found.pop("UV_DEFAULT_INDEX", None)
    joined = {name: _joined(name, value, found[name]) for name, value in ours.items() if name in found}
    return found | ours | joined


def _joined(name: str, stronger: str, weaker: str) -> str:
    return _SEPARATORS[name].join(filter(None, (stronger, weaker))) if name in _SEPARATORS else stronger


def indexes(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the addresses of all indexes that uv takes packages from by itself, in the order in which it asks them."""
    return tuple(dict.fromkeys(_split(index)[0] for index in _places(settings)))


def _places(settings: Mapping[str, str]) -> tuple[str, ...]:
    first = f"{settings.get('UV_INDEX', '')} {settings.get('UV_EXTRA_INDEX_URL', '')}".split()
    default = settings.get("UV_DEFAULT_INDEX") or settings.get("UV_INDEX_URL") or _PYPI
    return (*first, default)


def links(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders and pages of files that uv takes packages from as well."""
    return tuple(link for link in settings.get("UV_FIND_LINKS", "").split(",") if link)


def network(settings: Mapping[str, str]) -> Network:
    """Return what the settings say on how to reach indexes."""
    users = {match[1]: value for name, value in settings.items() if (match := _USER.fullmatch(name))}
    passwords = {match[1]: value for name, value in settings.items() if (match := _PASSWORD.fullmatch(name))}
    return Network(
        unverified=tuple(settings.get("UV_INSECURE_HOST", "").split()),
        keyring=settings.get("UV_KEYRING_PROVIDER") != "disabled",
        logins={name: (users.get(name, ""), passwords.get(name, "")) for name in {*users, *passwords}},
        names=dict(pair for index in _places(settings) if (pair := _split(index))[1]),
    )


def _split(index: str) -> tuple[str, str]:
    """Return the address and the name in ``NAME=ADDRESS``; without a name, the whole and an empty text."""
    name, equals, address = index.partition("=")
    return (address, name) if equals and "/" not in name else (index, "")


def _read(path: Path) -> dict[str, str]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    pip = data.get("pip")
    data = {**data, **(pip if isinstance(pip, dict) else {})}
    tables = [table for table in _list(data, "index") if isinstance(table, dict) and isinstance(table.get("url"), str)]
    used = [table for table in tables if not table.get("explicit")]
    lists = {
        "UV_INDEX": [*(_named(table) for table in used if not table.get("default")), *_list(data, "extra-index-url")],
        "UV_DEFAULT_INDEX": [*(_named(table) for table in used if table.get("default")), data.get("index-url", "")][:1],
        "UV_FIND_LINKS": _list(data, "find-links"),
        "UV_INSECURE_HOST": _list(data, "allow-insecure-host"),
    }
    values = {name: _SEPARATORS.get(name, " ").join(map(str, parts)) for name, parts in lists.items()}
    values |= {variable: _text(data[name]) for name, variable in _PASSED_ON.items() if name in data}
    return {name: value for name, value in values.items() if value}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _named(index: Mapping[str, Any]) -> str:
    """Return an index as ``NAME=ADDRESS``: under its name, uv looks for a password."""
    return f"{index['name']}={index['url']}" if index.get("name") else str(index["url"])


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data.get(key, [])
    return value if isinstance(value, list) else []


def _files(outside: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files that uv reads, the strongest first, as the order of a joined list has it."""
    home = Path(outside.get("HOME", "/"))
    yield Path(outside.get("XDG_CONFIG_HOME") or home / ".config") / "uv" / "uv.toml"
    for folder in outside.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"):
        yield Path(folder) / "uv" / "uv.toml"
    yield Path("/etc/uv/uv.toml")
