"""When two failures are one: what was said, without what differs from run to run and from machine to machine."""

import re
from typing import TypeAlias

from knowngood.model import Cell

Fingerprint: TypeAlias = tuple[str, str, str, str]
"""Status, phase, check, and the words of the message that stay."""

# Bounds, since a resolver may say a hundred times as much, and a program under test anything.
_LONGEST_MESSAGE = 4000
_LONGEST_WORD = 200

_QUOTED_PATH = re.compile(r"""(?<!\w)(['"])[^'"\n]*[/\\][^'"\n]*\1""")
_FILE = re.compile(r"[\w.+-]+\.(?:py[cdi]?|so|dll|dylib|whl|zip|gz|jsonl?|toml|cfg|txt|safetensors)\b")
_DIGEST = re.compile(r"\b[0-9a-f]{12,}\b")
_VERSION = re.compile(r"[<>=!~]*(?<![A-Za-z_\d])v?\d[\w.+!*-]*")
_SPECIFIERS = re.compile(r"#(?:,#)+")
_EDGES = "()[]{}<>=!~,;:.'\"`"


def fingerprint(*, status: str, phase: str, check: str | None, message: str) -> Fingerprint:
    """Return what a failure is known by: equal for two failures of one kind.

    Numbers, addresses, paths, file names and versions in ``message`` do not count.
    """
    return status, phase, check or "", normalised(message)


def fingerprint_of(cell: Cell) -> Fingerprint:
    """Return the fingerprint of a judged cell."""
    verdict = cell.verdict
    return fingerprint(status=verdict.status, phase=verdict.phase, check=cell.check, message=cell.message)


def normalised(message: str) -> str:
    """Return the words of ``message`` that stay when the same thing fails again.

    A word that only repeats the one before it goes too: a list of versions is as long as its package is old.
    """
    kept: list[str] = []
    for word in _QUOTED_PATH.sub("#", message[:_LONGEST_MESSAGE]).split():
        said = _word(word[:_LONGEST_WORD])
        if said and said not in kept[-1:]:
            kept.append(said)
    return " ".join(kept)


def _word(word: str) -> str:
    if "/" in word or "\\" in word:
        return "#"
    for pattern in (_FILE, _DIGEST, _VERSION, _SPECIFIERS):
        word = pattern.sub("#", word)
    return word.strip(_EDGES)
