"""What an installer says it downloads: uv tells of every file of a megabyte and more."""

import re
from dataclasses import dataclass

_BEGUN = re.compile(r"^Downloading (?P<name>[\w.-]+) \((?P<size>[\d.]+)(?P<unit>[KMG]iB)\)\s*$", re.MULTILINE)
_DONE = re.compile(r"^ Downloaded (?P<name>[\w.-]+)\s*$", re.MULTILINE)
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """One file."""

    name: str
    size: int
    """Bytes, as far as it is told."""
    done: bool


def downloads(output: str) -> tuple[Download, ...]:
    """Return the files that the output of an install tells of, in the order they were begun."""
    done = set(_DONE.findall(output))
    return tuple(
        Download(name=name, size=round(float(size) * _UNITS[unit]), done=name in done)
        for name, size, unit in _BEGUN.findall(output)
    )
