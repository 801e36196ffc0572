"""Read the install commands of a Dockerfile, stage by stage."""

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from knowngood.project.importing import pythons
from knowngood.project.importing.commands import Commands, PlacePath
from knowngood.project.importing.indexes import Indexes
from knowngood.project.importing.parts import Cell, Imported, Remarks, Source, Step
from knowngood.project.importing.scripts import walk
from knowngood.project.importing.shell import UnknownValueError, commands, expand

_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*(\S)", re.IGNORECASE)
_HEREDOC = re.compile(r"<<(-?)\s*(['\"]?)(\w+)\2")
_FLAG = re.compile(r"--([\w-]+)(?:=(\S*))?[ \t]*")
_PREDEFINED = {"TARGETPLATFORM": "linux/amd64", "TARGETARCH": "amd64", "TARGETOS": "linux", "HOME": "/root"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Instruction:
    name: str
    text: str
    line: int
    bodies: tuple[tuple[str, int], ...] = ()
    """The here-documents below it, each with its first line."""


@dataclass(kw_only=True, slots=True)
class _Stage:
    """What is known after the instructions of a stage that were read so far."""

    name: str
    line: int
    python: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    copies: list[tuple[str, str]] = field(default_factory=list)
    """(path in the image, path in the project), the latest last."""
    steps: list[Step] = field(default_factory=list)
    installers: set[str] = field(default_factory=set)


def read(source: Source) -> Imported:
    """Return a cell for each stage that installs something and that no other stage is based on."""
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._remarks = Remarks()
        self._indexes = Indexes(self._remarks)
        self._commands = Commands(source, self._remarks, self._indexes)
        self._global: dict[str, str] = dict(_PREDEFINED)
        self._stages: list[_Stage] = []
        self._bases: set[int] = set()

    def read(self) -> Imported:
        for instruction in _instructions(self._source.text):
            try:
                self._instruction(instruction)
            except UnknownValueError as error:
                self._remarks.add(instruction.line, f"{instruction.name} is not read: {error}")
        if self._stages and re.fullmatch(r"stage\d+", self._stages[-1].name):
            self._stages[-1].name = "image"
        cells = [
            self._cell(stage)
            for number, stage in enumerate(self._stages)
            if stage.steps and (number not in self._bases or stage is self._stages[-1])
        ]
        return Imported(cells=tuple(cells), indexes=self._indexes.all(), remarks=self._remarks.all())

    def _cell(self, stage: _Stage) -> Cell:
        if stage.python is None:
            self._remarks.note(
                stage.line, f'the Python of the stage {stage.name!r} is not stated: add python = ["3.…"]'
            )
        installer = "pip" if stage.installers == {"pip"} else None
        return Cell(name=stage.name, steps=tuple(stage.steps), python=stage.python, installer=installer)

    def _instruction(self, instruction: _Instruction) -> None:
        if instruction.name == "FROM":
            self._from(instruction)
            return
        if not self._stages:
            if instruction.name == "ARG":
                for name, value in _pairs(instruction.text, self._global):
                    self._global[name] = value
            return
        stage = self._stages[-1]
        match instruction.name:
            case "ARG":
                for word in shlex.split(instruction.text, posix=True) if "=" not in instruction.text else ():
                    if word in self._global:
                        stage.variables[word] = self._global[word]
                if "=" in instruction.text:
                    self._set(stage, instruction)
            case "ENV":
                self._set(stage, instruction)
            case "WORKDIR":
                stage.folder = posixpath.join(stage.folder, " ".join(expand(instruction.text, stage.variables)))
            case "COPY" | "ADD":
                self._copy(stage, instruction)
            case "RUN":
                self._run(stage, instruction)
            case _:
                pass

    def _from(self, instruction: _Instruction) -> None:
        text = re.sub(r"--platform=\S+\s*", "", instruction.text)
        words = text.split()
        name = words[2].lower() if len(words) > 2 and words[1].lower() == "as" else ""
        title = name or f"stage{len(self._stages) + 1}"
        try:
            image = "".join(expand(words[0], self._global)) if words else ""
        except UnknownValueError as error:
            self._remarks.add(instruction.line, f"the base image is unknown: {error}")
            image = ""
        known = {stage.name: number for number, stage in enumerate(self._stages)}
        if image.lower() in known:
            number = known[image.lower()]
            self._bases.add(number)
            base = self._stages[number]
            stage = replace(
                base,
                name=title,
                line=instruction.line,
                variables=dict(base.variables),
                copies=list(base.copies),
                steps=list(base.steps),
                installers=set(base.installers),
            )
        else:
            stage = _Stage(
                name=title, line=instruction.line, python=pythons.in_image(image), variables=dict(_PREDEFINED)
            )
        self._stages.append(stage)

    def _set(self, stage: _Stage, instruction: _Instruction) -> None:
        for name, value in _pairs(instruction.text, stage.variables):
            stage.variables[name] = value

    def _copy(self, stage: _Stage, instruction: _Instruction) -> None:
        flags, rest, _ = _flags(instruction.text)
        if "from" in flags or instruction.bodies:
            return
        try:
            words = (
                json.loads(rest)
                if rest.startswith("[")
                else [w for word in rest.split() for w in expand(word, stage.variables)]
            )
        except ValueError:
            words = []
        if len(words) < 2:
            return
        *sources, target = words
        place = posixpath.normpath(posixpath.join(stage.folder, target))
        is_folder = target.endswith("/") or len(sources) > 1 or place == posixpath.normpath(stage.folder)
        for path in sources:
            origin = self._context(path)
            if any(letter in path for letter in "*?["):
                for match in self._source.files.matching(origin):
                    stage.copies.append((posixpath.join(place, posixpath.basename(match)), match))
            elif self._source.files.has_folder(origin):
                stage.copies.append((place, origin))
            elif is_folder:
                stage.copies.append((posixpath.join(place, posixpath.basename(origin)), origin))
            else:
                stage.copies += [(posixpath.join(place, posixpath.basename(origin)), origin), (place, origin)]

    def _context(self, path: str) -> str:
        """Return the place of a file of the build context, which is the project or the folder of the Dockerfile."""
        path = posixpath.normpath(path.lstrip("/") or ".")
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(self._source.path), path))
        files = self._source.files
        if not (files.has_file(path) or files.has_folder(path)) and (
            files.has_file(beside) or files.has_folder(beside)
        ):
            return beside
        return path

    def _run(self, stage: _Stage, instruction: _Instruction) -> None:
        flags, rest, skipped = _flags(instruction.text)
        copies = [*stage.copies, *self._mounted(stage, flags.get("mount", []))]
        text, line = rest, instruction.line + skipped
        if rest.startswith("["):
            try:
                words = json.loads(rest)
            except ValueError:
                words = None
            if isinstance(words, list) and all(isinstance(word, str) for word in words):
                text = (
                    words[2]
                    if words[:2] in (["/bin/sh", "-c"], ["/bin/bash", "-c"]) and len(words) > 2
                    else shlex.join(words)
                )
        scripts = [(text, line)]
        if instruction.bodies and _HEREDOC.search(rest):
            before = _HEREDOC.sub("", rest).strip()
            if not before or re.fullmatch(r"(/bin/)?(ba|da|a)?sh( -[a-z]+)*", before):
                scripts = list(instruction.bodies)
        variables = dict(stage.variables)  # what a RUN exports ends with it
        steps: list[Step] = []
        for script, first in scripts:
            done = walk(
                script,
                line=first,
                folder=stage.folder,
                variables=variables,
                reader=self._commands,
                remarks=self._remarks,
                places=lambda folder: _placing(folder, copies),
            )
            for install in (command.install for command in done):
                if install is not None and install.python is not None:
                    stage.python = stage.python or install.python
                if install is not None and install.lines:
                    steps.append(install.lines)
                    stage.installers.add(install.installer)
        stage.steps += steps

    def _mounted(self, stage: _Stage, mounts: list[str]) -> Iterator[tuple[str, str]]:
        """Yield what ``--mount=type=bind`` brings into the image for one command."""
        for mount in mounts:
            options = dict(part.partition("=")[::2] for part in mount.split(","))
            if options.get("type", "bind") == "bind" and "from" not in options:
                target = options.get("target") or options.get("dst") or options.get("destination") or ""
                place = posixpath.normpath(posixpath.join(stage.folder, target))
                yield place, self._context(options.get("source") or options.get("src") or ".")


def _pairs(text: str, variables: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what ``ENV`` and ``ARG`` set, with variables replaced; what cannot be expanded is left out."""
    old = re.fullmatch(r"([A-Za-z_]\w*)\s+([^=].*)", text, re.DOTALL)
    if old is not None:
        words = [f"{old[1]}={shlex.quote(old[2])}" if "$" not in old[2] else f'{old[1]}="{old[2]}"']
    else:
        words = [word for command in commands(text.replace("\n", " ")) for word in command.raw]
    for word in words:
        name, equals, raw = word.partition("=")
        if not equals:
            continue
        try:
            yield name, " ".join(expand(raw, variables))
        except UnknownValueError:
            continue


def _flags(text: str) -> tuple[dict[str, list[str]], str, int]:
    """Return the flags in front of an instruction's text, the rest, and how many lines the flags take."""
    flags: dict[str, list[str]] = {}
    skipped = 0
    while True:
        while text.startswith("\\\n"):
            text = text[2:].lstrip(" \t")
            skipped += 1
        match = _FLAG.match(text)
        if match is None:
            return flags, text.strip(), skipped
        flags.setdefault(match[1], []).append(match[2] or "")
        text = text[match.end() :]


def _placing(folder: str, copies: Sequence[tuple[str, str]]) -> PlacePath:
    """Return how paths in an image are found in the project, by what was copied there."""

    def place(path: str) -> str | None:
        wanted = posixpath.normpath(posixpath.join(folder, path))
        for target, origin in reversed(copies):
            if wanted == target:
                return origin
            if wanted.startswith(target.rstrip("/") + "/"):
                return posixpath.normpath(posixpath.join(origin, posixpath.relpath(wanted, target)))
        return None

    return place


def _instructions(text: str) -> Iterator[_Instruction]:
    """Yield the instructions, with continued lines joined and comments between them removed."""
    rows = text.replace("\r\n", "\n").split("\n")
    directive = _DIRECTIVE.match(rows[0].strip()) if rows else None
    escape = directive[1] if directive else "\\"
    number = 0
    while number < len(rows):
        first = number
        parts: list[str] = []
        while number < len(rows):
            row = rows[number]
            number += 1
            if row.lstrip().startswith("#") or (parts and not row.strip()):
                if parts:
                    parts.append("")  # keeps the lines of a long RUN countable
                    continue
                break
            if row.rstrip().endswith(escape):
                parts.append(row.rstrip()[:-1])
                continue
            parts.append(row)
            break
        if not "".join(parts).strip():
            continue
        # A continued line stays a line, so that commands know where they are.
        whole = "\\\n".join(parts).lstrip()
        name, _, rest = whole.partition(" ") if " " in whole.split("\\\n")[0] else whole.partition("\\\n")
        bodies = []
        if name.upper() in ("RUN", "COPY", "ADD"):
            for match in _HEREDOC.finditer(rest):
                begin = number
                body: list[str] = []
                while number < len(rows):
                    row = rows[number]
                    number += 1
                    if (row.lstrip("\t") if match[1] else row).rstrip() == match[3]:
                        break
                    body.append(row)
                bodies.append(("\n".join(body), begin + 1))
        text_of = rest if name.upper() == "RUN" else rest.replace("\\\n", " ")
        yield _Instruction(name=name.upper(), text=text_of.strip(), line=first + 1, bodies=tuple(bodies))
