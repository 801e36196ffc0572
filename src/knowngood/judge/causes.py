"""Group the cells that did not pass by their cause."""

import re
from collections.abc import Hashable, Iterable
from typing import TypeAlias

from knowngood.model import Cell, Group, Status

Fingerprint: TypeAlias = tuple[str, str, str, str]
"""Status, phase, check, and the words of the message that repeat from run to run."""

# A resolver can print a hundred times as much, and a program under test anything.
_LONGEST_MESSAGE = 4000
_LONGEST_WORD = 200

_QUOTED_PATH = re.compile(r"""(?<!\w)(['"])[^'"\n]*[/\\][^'"\n]*\1""")
_FILE = re.compile(r"(?<![\w.+-])[\w.+-]+\.(?:py[cdi]?|so|dll|dylib|whl|zip|gz|jsonl?|toml|cfg|txt|safetensors)\b")
_DIGEST = re.compile(r"\b[0-9a-f]{12,}\b")
_VERSION = re.compile(r"(?<![<>=!~])(?:[<>=!~]+|(?<![A-Za-z_\d]))v?\d[\w.+!*-]*")
_SPECIFIERS = re.compile(r"#(?:,#)+")
_EDGES = "()[]{}<>=!~,;:.'\"`"


def fingerprint(*, status: str, phase: str, check: str | None, message: str) -> Fingerprint:
    """Return a fingerprint that is equal for two failures of one kind.

    Numbers, addresses, paths, file names and versions in ``message`` do not count.
    """
    return status, phase, check or "", normalized(message)


def fingerprint_of(cell: Cell) -> Fingerprint:
    """Return the fingerprint of a judged cell."""
    verdict = cell.verdict
    return fingerprint(status=verdict.status, phase=verdict.phase, check=cell.check, message=cell.message)


def normalized(message: str) -> str:
    """Return the words of ``message`` that are the same when the same thing fails again.

    A word that repeats the one before it is left out too: the older a package, the longer the list of its versions.
    """
    kept: list[str] = []
    for word in _QUOTED_PATH.sub("#", message[:_LONGEST_MESSAGE]).split():
        stem = _word(word[:_LONGEST_WORD])
        if stem and stem not in kept[-1:]:
            kept.append(stem)
    return " ".join(kept)


def _word(word: str) -> str:
    if "/" in word or "\\" in word:
        return "#"
    for pattern in (_FILE, _DIGEST, _VERSION, _SPECIFIERS):
        word = pattern.sub("#", word)
    return word.strip(_EDGES)


def groups(cells: Iterable[Cell]) -> tuple[Group, ...]:
    """Return the cells that did not pass, grouped by cause: the largest group first, else in the order of the cells."""
    causes: dict[Hashable, list[Cell]] = {}
    for cell in cells:
        if cell.verdict.status is not Status.PASS:
            causes.setdefault(_key(cell), []).append(cell)
    return tuple(
        Group(cause=_cause(members[0]), cells=tuple(members))
        for members in sorted(causes.values(), key=len, reverse=True)
    )


def _key(cell: Cell) -> Hashable:
    diagnosis = cell.diagnosis
    if diagnosis and (diagnosis.culprit or diagnosis.conflicts_with or diagnosis.signature):
        # Two packages can conflict in more than one way.
        return diagnosis.culprit, diagnosis.conflicts_with, diagnosis.signature or normalized(diagnosis.why)
    return fingerprint_of(cell)


def _cause(cell: Cell) -> str:
    if cell.diagnosis is not None:
        return cell.diagnosis.why
    # A verdict without a message still has its reason.
    return cell.message or str(cell.verdict.reason).replace("-", " ")
