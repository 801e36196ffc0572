"""Read the lines of a step: what people write after ``pip install``, with the files and groups that they name."""

import posixpath
import re
from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement

from knowngood.declare.line_contents import Asked, together
from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.options import Use, canonical, split
from knowngood.declare.problems import WrongValueError, shown
from knowngood.declare.projects import Projects
from knowngood.declare.references import is_reference, read_reference
from knowngood.declare.values import checked_line, requirement

_HASH = re.compile(r"(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})", re.ASCII)
_COMMENT = re.compile(r"(^|\s)#.*")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_DEEPEST = 20  # files that name files


class Lines:
    """Reads the lines of the steps of one matrix. ``indexes`` are the URLs that its ``[index.NAME]`` tables declare."""

    def __init__(self, files: ProjectFiles, projects: Projects, indexes: Iterable[str] = ()) -> None:
        self._files = files
        self._projects = projects
        self._indexes = frozenset(url.rstrip("/") for url in indexes)
        self._read: dict[str, Asked | WrongValueError] = {}
        self._included: set[tuple[str, bool]] = set()
        """The files that the line which is being read includes, and whether they are only constraints."""

    def read(self, line: str) -> Asked:
        """Return what a line asks for. Raises ``WrongValueError`` with the first mistake in it or in a file of it."""
        if line not in self._read:
            self._included.clear()
            try:
                self._read[line] = self._line(checked_line(line))
            except WrongValueError as wrong:
                self._read[line] = wrong
        asked = self._read[line]
        if isinstance(asked, WrongValueError):
            raise asked
        return asked

    def _line(self, line: str, *, file: str = "", above: tuple[str, ...] = (), limits: bool = False) -> Asked:
        """Read a line of the matrix, or of a ``file``; with ``limits`` of one that only holds constraints."""
        folder = posixpath.dirname(file)
        asked = Asked()
        last: str | None = None
        for item in split(line):
            option, text = item.option, item.text
            if option is None:
                part, last = self._install(text, folder)
                asked += part
                continue
            match option.use:
                case Use.REQUIREMENTS | Use.CONSTRAINTS:
                    only_limits = limits or option.use is Use.CONSTRAINTS
                    asked += self._file(text, folder=folder if file else None, above=above, limits=only_limits)
                case Use.GROUP:
                    asked += self._group(text)
                case Use.EDITABLE:
                    asked += self._install(text, folder, editable=True)[0]
                case Use.HASH:
                    asked += Asked(hashes=((self._hashed(last), self._hash(text)),))
                case Use.INDEX:
                    self._check_index(option.name, text)
                case Use.IGNORED | Use.IGNORED_VALUE:
                    pass
                case _:
                    asked += Asked(options=tuple(canonical(option, text)))
        if limits and (asked.sources or asked.options):
            raise WrongValueError(f"{shown(line)} is not a constraint", "write NAME<VERSION, or use -r instead of -c")
        if limits:
            return Asked(constraints=(*asked.requirements, *asked.constraints), hashes=asked.hashes)
        return asked

    def _install(self, text: str, folder: str, *, editable: bool = False) -> tuple[Asked, str | None]:
        """Return what to install, and the requirement that following hashes belong to."""
        if not is_reference(text):
            if editable:
                hint = f'write "-e ./{text}"' if self._files.has_folder(text) else 'write "-e ."'
                raise WrongValueError(f"{shown(text)} cannot be editable: it is not the path of a project", hint)
            line = requirement(text)
            return Asked(requirements=(line,)), line
        reference = read_reference(text, self._files, editable=editable, folder=folder)
        if reference.requirement is not None:
            return Asked(requirements=(reference.requirement,)), reference.requirement
        source = reference.source
        assert source is not None, "a reference is one of both"
        asked = Asked(sources=((source, reference.marker),))
        if self._files.has_folder(source.path):
            asked += self._projects.additions(source, name=reference.name)
        return asked, None

    def _group(self, text: str) -> Asked:
        """Return the requirements of a group: ``NAME``, or ``path/pyproject.toml:NAME`` as pip has it."""
        path, colon, name = text.rpartition(":")
        if colon and posixpath.basename(path) != "pyproject.toml":
            raise WrongValueError(
                f"{shown(path)} is not a pyproject.toml", f'write "--group path/pyproject.toml:{name}"'
            )
        folder = self._files.place(posixpath.dirname(path)) if colon else self._projects.default
        return self._projects.group(folder, name)

    def _file(self, path: str, *, folder: str | None, above: tuple[str, ...], limits: bool) -> Asked:
        """Return what a requirements file asks for. Its path is relative to the file that names it, if any."""
        if re.match(r"[a-z]+://", path):
            raise WrongValueError(f"{shown(path)} is on another machine", "download it into the project")
        place = self._files.place(path, folder or "")
        if place in above or len(above) > _DEEPEST:
            raise WrongValueError(f"{shown(place)} includes itself", "remove one of the includes")
        if (place, limits) in self._included:  # a second time, it asks for nothing else
            return Asked()
        self._included.add((place, limits))
        if posixpath.basename(place) in ("pyproject.toml", "setup.py", "setup.cfg"):
            what = f"{shown(path)} is not a file of requirements"
            raise WrongValueError(what, 'write "." for the project, or "--group NAME" for one of its groups')
        text = self._files.read(place)
        if text is None:
            hint = "write its path relative to " + ("the file that names it" if folder else "the project")
            raise WrongValueError(f"there is no file {shown(place)}", hint)
        parts, wrongs = [], []
        for number, line in logical_lines(text):
            try:
                if variable := _VARIABLE.search(line):
                    raise WrongValueError(f"{variable[0]} is not expanded", "write what it stands for")
                parts.append(self._line(line, file=place, above=(*above, place), limits=limits))
            except WrongValueError as wrong:
                wrongs.append((f"{place}, line {number}: {wrong.what}", wrong.hint))
        if wrongs:
            what, hint = wrongs[0]
            more = f" (and {len(wrongs) - 1} more lines of it are wrong)" if len(wrongs) > 1 else ""
            raise WrongValueError(f"{what}{more}", hint)
        return together(parts)

    def _hashed(self, last: str | None) -> str:
        if last is None:
            raise WrongValueError("--hash must follow a requirement", 'write "numpy==1.26.4 --hash=sha256:…"')
        parsed = Requirement(last) if "://" not in last or "@" in last else None
        if (
            parsed is not None
            and parsed.url is None
            and not any(pin.operator in ("==", "===") for pin in parsed.specifier)
        ):
            raise WrongValueError(f"{shown(last)} has a hash, but no exact version", f"write {parsed.name}==VERSION")
        return last

    def _hash(self, text: str) -> str:
        if not _HASH.fullmatch(text):
            hint = "write sha256: and 64 hexadecimal digits, as pip hash prints it"
            raise WrongValueError(f"invalid hash {shown(text)}", hint)
        return text

    def _check_index(self, option: str, value: str) -> None:
        if option in ("--index-strategy", "--trusted-host"):
            hint = "leave it out: each package comes from one index, [index.NAME], and http is allowed there"
            raise WrongValueError(f"{option} is not supported in a step", hint)
        if value.rstrip("/") not in self._indexes:
            hint = f'declare it: [index.NAME] with url = "{value[:100]}" and the packages that come from it'
            raise WrongValueError(f"{option} is not supported in a step", hint)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a requirements file with their numbers, without comments, continued ones joined."""
    joined, first = "", 0
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        first = first if joined else number
        if line.endswith("\\") and not _COMMENT.match(line):
            joined += line[:-1].rstrip() + " "
            continue
        whole = _COMMENT.sub("", joined + line).strip()
        joined = ""
        if whole:
            yield first, whole
    if joined.strip():
        yield first, _COMMENT.sub("", joined).strip()
