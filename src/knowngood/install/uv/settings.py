"""Read what the user has set for uv in files and variables: which indexes, and how to reach them."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from knowngood.install.access import Network

_PYPI = "https://pypi.org/simple"
_USER = re.compile(r"UV_INDEX_(\w+)_USERNAME")
_PASSWORD = re.compile(r"UV_INDEX_(\w+)_PASSWORD")
_LISTS = ("UV_INDEX", "UV_FIND_LINKS", "UV_INSECURE_HOST")


def settings(outside: Mapping[str, str]) -> dict[str, str]:
    """Return the settings as ``UV_`` variables; those of ``outside`` win over files, and lists are joined."""
    found: dict[str, str] = {}
    for path in _files(outside):
        for name, value in _read(path).items():
            found[name] = f"{found[name]} {value}" if name in found and name in _LISTS else found.get(name, value)
    ours = {name: value for name, value in outside.items() if name.startswith("UV_")}
    joined = {name: f"{ours[name]} {found[name]}" for name in _LISTS if name in ours and name in found}
    return found | ours | joined


def indexes(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the addresses of all indexes that uv takes packages from by itself, in the order in which it asks them."""
    first = f"{settings.get('UV_INDEX', '')} {settings.get('UV_EXTRA_INDEX_URL', '')}".split()
    default = settings.get("UV_DEFAULT_INDEX") or settings.get("UV_INDEX_URL") or _PYPI
    return tuple(dict.fromkeys(_address(index) for index in (*first, default)))


def network(settings: Mapping[str, str]) -> Network:
    """Return what the settings say on how to reach indexes."""
    users = {match[1]: value for name, value in settings.items() if (match := _USER.fullmatch(name))}
    passwords = {match[1]: value for name, value in settings.items() if (match := _PASSWORD.fullmatch(name))}
    return Network(
        unverified=tuple(settings.get("UV_INSECURE_HOST", "").split()),
        keyring=settings.get("UV_KEYRING_PROVIDER") != "disabled",
        logins={name: (users.get(name, ""), passwords.get(name, "")) for name in {*users, *passwords}},
    )


def _address(index: str) -> str:
    """Return the address in ``NAME=ADDRESS``, or the whole, if it has no name."""
    name, equals, address = index.partition("=")
    return address if equals and "/" not in name else index


def _read(path: Path) -> dict[str, str]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    pip = data.get("pip")
    data = {**data, **(pip if isinstance(pip, dict) else {})}
    tables = [table for table in _list(data, "index") if isinstance(table, dict) and isinstance(table.get("url"), str)]
    used = [table for table in tables if not table.get("explicit")]
    values = {
        "UV_INDEX": [*(table["url"] for table in used if not table.get("default")), *_list(data, "extra-index-url")],
        "UV_DEFAULT_INDEX": [*(table["url"] for table in used if table.get("default")), data.get("index-url", "")][:1],
        "UV_FIND_LINKS": _list(data, "find-links"),
        "UV_INSECURE_HOST": _list(data, "allow-insecure-host"),
        "UV_KEYRING_PROVIDER": [data.get("keyring-provider", "")],
    }
    return {name: joined for name, parts in values.items() if (joined := " ".join(map(str, parts)).strip())}


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
