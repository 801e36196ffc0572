"""Write the header of every export: the evidence that the combo works, or a loud note that it is not proven."""

import shlex
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from knowngood.model import Cell, ComboFacts, IndexChoice, JudgedRun, Run, Status
from knowngood.report import words
from knowngood.report.export.pins import conflicts
from knowngood.report.summary import cautions
from knowngood.report.text import count, plain, shorten

_LONGEST = 240
"""Maximum width of a text, in columns."""
_LABEL = 11
"""Width of the labels, in columns."""
_HIDDEN = "***"
"""What a run records in place of a user, a password or a token."""

# Texts of others come after the second line only: pip looks for an encoding in the first two, Docker for directives.
_PROVEN = ("Proven by knowngood: every probe of this combo passed with exactly these versions.", "")
_NOT_PROVEN = (
    "NOT PROVEN - NOT PROVEN - NOT PROVEN: knowngood did not see this combo pass.",
    "",
    "This file was exported with --anyway. Do not expect these versions to work.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """One combo of a judged run."""

    judged: JudgedRun
    facts: ComboFacts

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the combo."""
        return tuple(cell for cell in self.judged.cells if cell.combo.id == self.facts.combo.id)

    @property
    def doubts(self) -> tuple[str, ...]:
        """A sentence of raw text for each cell that did not pass; empty if the combo is proven."""
        if not self.cells:
            return ("the combo has no probe",)
        failed = [cell for cell in self.cells if cell.verdict.status is not Status.PASS]
        return tuple(
            f"{cell.probe}: {cell.verdict.status} ({cell.verdict.phase}): {words.cause(cell)}" for cell in failed
        )


def header(proof: Proof, *notes: str) -> list[str]:
    """Return the evidence as lines of comments; ``notes`` are raw texts about the export itself."""
    judged, facts = proof.judged, proof.facts
    run, info, combo = judged.run, judged.run.info, proof.facts.combo
    lines = [
        *(("WHY", doubt) for doubt in proof.doubts),
        ("combo", f"{combo.id}: {combo.title}"),
        ("matrix", f"{info.matrix}: {info.title}"),
        ("run", f"{info.id} of {info.started[:10]}"),
        *(("probe", f"{_verdict(cell)} on Python {cell.python}, {info.platform}") for cell in proof.cells),
        *(("index", _describe(choice)) for choice in used_indexes(run)),
        *([] if default_index(run) else [("index", "the installer's own default")]),
        *(("conflict", conflict) for conflict in conflicts(facts)),
        *(("note", caution) for caution in cautions(judged)),
        *(("note", note) for note in notes),
        ("made by", ", ".join(f"{name} {version}" for name, version in info.versions.items())),
    ]
    command = f"{info.command} --only {shlex.quote(plain(combo.id))} --fresh"
    return [
        *map(comment, _NOT_PROVEN if proof.doubts else _PROVEN),
        *(_labelled(label, shorten(text, _LONGEST)) for label, text in lines),
        _labelled("prove it", command),
    ]


def minor_python(facts: ComboFacts) -> str:
    """Return the minor version of a combo's Python, such as ``3.11``."""
    return ".".join((facts.python_version or facts.combo.python).split(".")[:2])


def comment(text: str) -> str:
    """Return ``text`` as a comment of one line; nothing in it ends the line or joins the next line to it."""
    return f"# {plain(text)}".rstrip(" \\")


def used_indexes(run: Run) -> tuple[IndexChoice, ...]:
    """Return the declared indexes that the run used, without those that fell back to the default index."""
    return tuple(choice for choice in run.indexes if choice.used != "default")


def default_index(run: Run) -> str | None:
    """Return the URL of the default index that the matrix declares; None: each installer used its own."""
    return next((index_url(choice) for choice in used_indexes(run) if not choice.packages), None)


def package_indexes(run: Run) -> tuple[IndexChoice, ...]:
    """Return the indexes that the run used for some packages only."""
    return tuple(choice for choice in used_indexes(run) if choice.packages)


def index_url(choice: IndexChoice) -> str:
    """Return the URL of an index as one word, without user, password, query and fragment."""
    return quote(bare_url(plain(choice.used)), safe=":/@!&'()*+,;=%~[]")


def bare_url(url: str) -> str:
    """Return ``url`` without the parts that may be secret: user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _describe(choice: IndexChoice) -> str:
    packages = f" for {', '.join(choice.packages)}" if choice.packages else ""
    access = "; it needs credentials, which are not shown here" if _HIDDEN in choice.used else ""
    return f"{choice.name}: {index_url(choice)}{packages}{access}"


def _labelled(label: str, text: str) -> str:
    return f"# {label:<{_LABEL}}{plain(text)}".rstrip(" \\")


def _verdict(cell: Cell) -> str:
    parts = [f"{cell.probe}: {cell.verdict.status}"]
    if cell.reused:
        parts.append(f"reused from run {cell.reused.run} of {cell.reused.recorded[:10]} (combo {cell.reused.combo})")
    if cell.warnings:
        parts.append(count(len(cell.warnings), "warning"))
    return ", ".join([*parts, *filter(None, [words.flaky(cell)])])
