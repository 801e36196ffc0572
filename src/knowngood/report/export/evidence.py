"""What heads every export: that it is proven, by whom and when; or, as loud as can be, that it is not, and why."""

import shlex
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from knowngood.model import Cell, ComboFacts, IndexChoice, JudgedRun, Run, Status
from knowngood.report import words
from knowngood.report.export import evidence
from knowngood.report.export.pins import misfits
from knowngood.report.summary import cautions
from knowngood.report.text import count, plain, shorten

_HIDDEN = "***"
"""What a run records in place of a user, a password or a token."""


def default(run: Run) -> str | None:
    """Return the URL of the default index that the matrix declares; None: each installer's own was used."""
    return next((url(choice) for choice in used(run) if not choice.packages), None)


def own(run: Run) -> tuple[IndexChoice, ...]:
    """Return the indexes that only some packages came from."""
    return tuple(choice for choice in used(run) if choice.packages)


def used(run: Run) -> tuple[IndexChoice, ...]:
    """Return the declared indexes that were used, without those that fell back to the default."""
    return tuple(choice for choice in run.indexes if choice.used != "default")


def url(choice: IndexChoice) -> str:
    """Return the URL of an index as one word, without user, password, query and fragment."""
    parts = urlsplit(plain(choice.used))
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return quote(bare, safe=":/@!&'()*+,;=%~[]")


def told(choice: IndexChoice) -> str:
    """Return a sentence about an index that was used: raw text."""
    packages = f" for {', '.join(choice.packages)}" if choice.packages else ""
    access = "; it wants credentials, which are not told here" if _HIDDEN in choice.used else ""
    return f"{choice.name}: {url(choice)}{packages}{access}"


_LONGEST = 240
"""Columns that one text takes at most."""
_LABEL = 11

# Whatever is said by others comes after the second line: in the first ones pip looks for an encoding, and Docker for
# directives.
_PROVEN = ("Proven by knowngood: every probe of this combo passed with just these versions.", "")
_NOT_PROVEN = (
    "NOT PROVEN - NOT PROVEN - NOT PROVEN: knowngood did not see this combo pass.",
    "",
    "It was exported with --anyway. Do not take it for a set of versions that works.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """One combo of a judged run."""

    judged: JudgedRun
    facts: ComboFacts

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Its cells."""
        return tuple(cell for cell in self.judged.cells if cell.combo.id == self.facts.combo.id)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why it is not proven, a sentence for each cell that did not pass: raw text; empty when it is."""
        failed = [cell for cell in self.cells if cell.verdict.status is not Status.PASS]
        told = [f"{cell.probe}: {cell.verdict.status} ({cell.verdict.phase}): {words.cause(cell)}" for cell in failed]
        return tuple(told if self.cells else ["it has no probe"])


def header(proof: Proof, *notes: str) -> list[str]:
    """Return the evidence as lines of comments; ``notes`` are raw texts on the export itself."""
    judged, facts = proof.judged, proof.facts
    run, info, combo = judged.run, judged.run.info, proof.facts.combo
    told = [
        *(("WHY", doubt) for doubt in proof.doubts),
        ("combo", f"{combo.id}: {combo.title}"),
        ("matrix", f"{info.matrix}: {info.title}"),
        ("run", f"{info.id} of {info.started[:10]}"),
        *(("probe", f"{_verdict(cell)} on Python {cell.python}, {info.platform}") for cell in proof.cells),
        *(("index", evidence.told(choice)) for choice in evidence.used(run)),
        *([] if evidence.default(run) else [("index", "the installer's own default")]),
        *(("note", caution) for caution in cautions(judged)),
        *(("note", misfit) for misfit in misfits(facts)),
        *(("note", note) for note in notes),
        ("made by", ", ".join(f"{name} {version}" for name, version in info.versions.items())),
    ]
    again = f"{info.command} --only {shlex.quote(plain(combo.id))} --fresh"
    return [
        *map(comment, _NOT_PROVEN if proof.doubts else _PROVEN),
        *(_labelled(label, shorten(text, _LONGEST)) for label, text in told),
        _labelled("prove it", again),
    ]


def minor(facts: ComboFacts) -> str:
    """Return the Python of a combo as ``3.11``."""
    return ".".join((facts.python_version or facts.combo.python).split(".")[:2])


def comment(text: str) -> str:
    """Return a comment of one line, whatever ``text`` is: nothing in it ends the line or joins the next one to it."""
    return f"# {plain(text)}".rstrip(" \\")


def _labelled(label: str, text: str) -> str:
    return f"# {label:<{_LABEL}}{plain(text)}".rstrip(" \\")


def _verdict(cell: Cell) -> str:
    told = [f"{cell.probe}: {cell.verdict.status}"]
    if cell.reused:
        told.append(f"found out by run {cell.reused.run} for {cell.reused.combo} on {cell.reused.recorded[:10]}")
    if cell.warnings:
        told.append(count(len(cell.warnings), "warning"))
    return ", ".join([*told, *filter(None, [words.flaky(cell)])])
