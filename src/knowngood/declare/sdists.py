"""Read ``sdists``: which packages are never built from source, and what their builds may use."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from knowngood.declare.problems import WrongValueError, did_you_mean, kind, parse_choice, shown
from knowngood.declare.values import package_name
from knowngood.model import ALL_PACKAGES, ANY_SDISTS, Sdists

_KEYS = ("never", "network")
_HINT = 'write sdists = "never", or sdists = {never = ["numpy"], network = true}'


class Word(StrEnum):
    """What ``sdists`` may be besides a table."""

    ALLOW = "allow"
    NEVER = "never"


def read(value: object) -> Sdists:
    """Return what the value of ``sdists`` says. Raises ``WrongValueError``."""
    if not isinstance(value, Mapping):
        return Sdists(never=(ALL_PACKAGES,)) if parse_choice(value, Word) is Word.NEVER else ANY_SDISTS
    for key in value:
        if key not in _KEYS:
            raise WrongValueError(f"unknown key {shown(key)}", did_you_mean(key, _KEYS, _HINT))
    network, names = value.get("network", False), value.get("never", [])
    if not isinstance(network, bool):
        raise WrongValueError(f"network must be true or false, not {kind(network)}", _HINT)
    if not isinstance(names, list) or ("never" in value and not names):
        what = "must not be empty" if isinstance(names, list) else f"must be an array of packages, not {kind(names)}"
        raise WrongValueError(f"never {what}", _HINT)
    return Sdists(never=tuple(dict.fromkeys(map(package_name, names))), network=network)


def json_schema(package: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the JSON Schema of the file says about it; ``package`` is that of the name of a package."""
    never = {"type": "array", "items": package, "minItems": 1, "uniqueItems": True}
    table = {
        "type": "object",
        "properties": {"never": never, "network": {"type": "boolean"}},
        "additionalProperties": False,
    }
    return {"anyOf": [{"enum": [str(word) for word in Word]}, table]}
