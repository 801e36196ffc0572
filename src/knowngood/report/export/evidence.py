"""Gather the basis of an export: its pins step by step, where packages came from, and the evidence in its header."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import Version

from knowngood import packages
from knowngood.errors import UsageError
from knowngood.model import Cell, ComboFacts, IndexChoice, JudgedRun, Run, SourceFacts, Status
from knowngood.report import words
from knowngood.report.summary import cautions
from knowngood.report.text import count, plain, shorten

_PIN = re.compile(r"([\w.-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=(\w+:[0-9a-f]+)")

Key = tuple[str, Version]
"""A pin: canonical name and version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What one step contributed to the final environment."""

    number: int
    requirements: tuple[str, ...]
    """Its lines as written in the matrix: raw text."""
    own: tuple[str, ...]
    """The packages that it names, with their extras, at the version that ended up installed."""
    brought: tuple[str, ...]
    """Pins of everything that it brought to this version, its own packages among them, sorted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Direct:
    """What a combo installed that does not come from an index."""

    target: str
    """What an installer is asked for: a path relative to the project with extras, or a name with a URL."""
    is_path: bool
    editable: bool = False

    @property
    def line(self) -> str:
        """The line of a requirements file."""
        return f"-e {self.target}" if self.editable else self.target


def direct(facts: ComboFacts) -> Mapping[str, Direct]:
    """Return what ended up installed that does not come from an index, by canonical name."""
    return {
        source.name: _direct(source)
        for step in facts.steps
        for source in step.sources
        if source.version is not None and facts.installed.get(source.name) == source.version
    }


def _direct(source: SourceFacts) -> Direct:
    extras = f"[{','.join(source.extras)}]" if source.extras else ""
    if "://" in source.origin:
        address, mark, fragment = plain(source.origin).partition("#")
        commit = f"@{source.commit}" if source.commit else ""
        return Direct(target=f"{source.name}{extras} @ {address}{commit}{mark}{fragment}", is_path=False)
    path = plain(source.origin)
    here = path == "." or path.startswith(("./", "../", "/"))
    return Direct(target=f"{path if here else f'./{path}'}{extras}", is_path=True, editable=source.editable)


def pins(facts: ComboFacts) -> Mapping[str, str]:
    """Return canonical name -> version of everything that ended up installed, without the environment's own pip.

    Raises ``UsageError`` if nothing was installed, or if a distribution has a name or version that no installer takes.
    """
    requested = {name for step in facts.steps for name in step.resolved}
    versions = {name: version for name, version in facts.installed.items() if name != "pip" or name in requested}
    if not versions:
        raise UsageError(
            f"nothing to export for {facts.combo.id}",
            cause="none of its packages was installed",
            next_step=f"knowngood explain {facts.combo.id} says why",
        )
    for name, version in versions.items():
        if not valid(name, version):
            raise UsageError(
                f"cannot export {name[:40]!r} {version[:40]!r}", cause="no installer accepts such a name or version"
            )
    return versions


def parts(facts: ComboFacts) -> tuple[Part, ...]:
    """Return what each step that was installed contributed to the end; all of them together are ``pins``."""
    end = pins(facts)
    steps = [(step, step.installed) for step in facts.steps if step.installed is not None]
    bringer: dict[str, int] = {}
    before: Mapping[str, str] = {}
    for step, installed in steps:
        moved = (name for name, version in end.items() if installed.get(name) == version != before.get(name))
        bringer |= dict.fromkeys(moved, step.number)
        before = installed
    return tuple(
        Part(
            number=step.number,
            requirements=step.requirements,
            own=tuple(dict.fromkeys(_exact(facts.requirements(step.number), end))),
            brought=tuple(f"{name}=={end[name]}" for name in sorted(end) if bringer[name] == step.number),
        )
        for step, _ in steps
    )


def hashes(locks: Mapping[int, str]) -> Mapping[Key, frozenset[str]]:
    """Return pin -> hashes of its files (``sha256:0f...``) from locks in the form of requirements files.

    A pin may have none, because uv locks files from ``find-links`` pages without hashes.
    """
    recorded: dict[Key, frozenset[str]] = {}
    for text in locks.values():
        for line in text.replace("\\\n", " ").splitlines():
            if pin := _PIN.match(line):
                name = key(pin[1], pin[2])
                recorded[name] = recorded.get(name, frozenset()) | frozenset(_HASH.findall(line))
    return recorded


def key(name: str, version: str) -> Key:
    """Return a value that is equal for two spellings of the same pin."""
    return canonicalize_name(name), Version(version)


def valid(name: str, version: str) -> bool:
    """Return whether both are well-formed, so that neither can smuggle anything into a file."""
    if not (name + version).isascii() or (name + version).split() != [name + version]:
        return False
    return is_normalized_name(name) and packages.version(version) is not None


def _exact(requirements: tuple[str, ...], end: Mapping[str, str]) -> Iterator[str]:
    for requirement in packages.requirements(requirements):
        name = packages.name_of(requirement)
        # Absent: its marker does not apply, or a later step removed it.
        if name in end:
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            yield f"{name}{extras}=={end[name]}"


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
    def conflicts(self) -> tuple[str, ...]:
        """A sentence for each declared requirement that is not met: a resolver refuses a set with one."""
        return next((words.conflicts(cell) for cell in self.cells), ())

    @property
    def doubts(self) -> tuple[str, ...]:
        """A sentence of raw text for each cell that did not pass; empty if the combo is proven."""
        if not self.cells:
            return ("the combo has no probe",)
        failed = [cell for cell in self.cells if cell.verdict.status is not Status.PASS]
        return tuple(
            f"{cell.probe}: {cell.verdict.status} ({cell.verdict.phase}): {words.cause(cell)}" for cell in failed
        )

    @property
    def fixes(self) -> tuple[str, ...]:
        """What makes the combo pass where it does not, as a search verified it; empty if none did."""
        verified = (cell for cell in self.cells if cell.diagnosis is not None and cell.diagnosis.verified is not None)
        return tuple(dict.fromkeys(filter(None, map(words.stated_fix, verified))))


def header(proof: Proof, *notes: str) -> list[str]:
    """Return the evidence as lines of comments; ``notes`` are raw texts about the export itself."""
    judged = proof.judged
    run, info, combo = judged.run, judged.run.info, proof.facts.combo
    lines = [
        *(("WHY", doubt) for doubt in proof.doubts),
        *(("FIX", fix) for fix in proof.fixes),
        ("combo", f"{combo.id}: {combo.title}"),
        ("matrix", f"{info.matrix}: {info.title}"),
        ("run", f"{info.id} of {info.started[:10]}"),
        *(("probe", f"{_verdict(cell)} on Python {cell.python}, {info.platform}") for cell in proof.cells),
        *(("index", _describe(choice)) for choice in used_indexes(run)),
        *([] if default_index(run) else [("index", "the installer's own default")]),
        *(("conflict", conflict) for conflict in proof.conflicts),
        *(("yanked", text) for cell in proof.cells[:1] for text in words.yanked(cell)),
        *(("note", caution) for caution in cautions(judged)),
        *(("note", note) for note in notes),
        ("made by", ", ".join(f"{name} {version}" for name, version in info.versions.items())),
    ]
    command = f"{info.command} --only {shlex.quote(plain(combo.id))} --fresh"
    return [
        *map(comment, _NOT_PROVEN if proof.doubts else _PROVEN),
        *(_labeled(label, shorten(text, _LONGEST)) for label, text in lines),
        _labeled("prove it", command),
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
    return quote(packages.bare_url(plain(choice.used)), safe=":/@!&'()*+,;=%~[]")


def is_folder(url: str) -> bool:
    """Return whether an index is a folder: a path as the matrix file has it, or a file URL."""
    return bool(url) and (url.startswith("file:") or re.fullmatch(r"[\w./+-]+", url) is not None)


def _describe(choice: IndexChoice) -> str:
    packages = f" for {', '.join(choice.packages)}" if choice.packages else ""
    access = "; it needs credentials, which are not shown here" if _HIDDEN in choice.used else ""
    return f"{choice.name}: {index_url(choice)}{packages}{access}"


def _labeled(label: str, text: str) -> str:
    return f"# {label:<{_LABEL}}{plain(text)}".rstrip(" \\")


def _verdict(cell: Cell) -> str:
    parts = [f"{cell.probe}: {cell.verdict.status}"]
    if cell.reused:
        parts.append(f"reused from run {cell.reused.run} of {cell.reused.recorded[:10]} (combo {cell.reused.combo})")
        if cell.reused.archive:
            parts.append(f"imported from {cell.reused.archive}")
    if cell.warnings:
        parts.append(count(len(cell.warnings), "warning"))
    return ", ".join([*parts, *filter(None, [words.flaky(cell)])])
