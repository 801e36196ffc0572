"""Propose the files of a first matrix, and write those that are not there yet."""

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from knowngood.declare.matrix_file import parse
from knowngood.declare.named_files import Files
from knowngood.errors import MatrixFileError, UsageError
from knowngood.project.files import near, write
from knowngood.project.scaffold import ci, noxfile, smoke
from knowngood.project.scaffold.machine import Origin
from knowngood.project.scaffold.matrix import Draft
from knowngood.project.scaffold.survey import Survey

_IGNORED = ".knowngood/"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewFile:
    """A file to write, or one that is there and stays."""

    path: Path
    text: str
    what: str
    """What is in it."""
    appends: bool = False
    """Whether ``text`` is added to the end of a file."""
    kept: bool = False
    """Whether there is such a file already, which stays as it is."""
    advice: tuple[str, ...] = ()
    """Lines for a user whose file stays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """The files of a first matrix."""

    matrix: str
    files: tuple[NewFile, ...]
    tries_lowest: bool
    """Whether a combo has the lowest versions."""
    session: str
    """The nox session that runs the matrix; empty when the noxfile of the project has none yet."""
    is_one_of_several: bool
    """Whether the project has other matrices as well."""
    problems: tuple[str, ...]
    """What could not be used, and why."""


def propose(survey: Survey, *, name: str, origin: Origin, files: Files) -> Proposal:
    """Return the files of a first matrix called ``name``; ``files`` are those of the project.

    What the matrix cannot use of the project, such as a group that is not valid, is left out of it.
    Raises ``UsageError``: nothing that could be used is left.
    """
    folder = survey.folder.path
    script = "smoke"
    if survey.tests is None and os.path.lexists(folder / "probes" / "smoke.py"):
        script = f"smoke-{name}"
    draft = Draft(survey=survey, smoke=script)
    probe = folder / "probes" / f"{script}.py"
    drafts = [draft, replace(draft, uses_lock=False), replace(draft, uses_lock=False, uses_needs=False)]
    dropped = ["", f"{survey.lock} is not used", "groups, extras and files for tests are not used"]
    if (uv := survey.folder.tool("uv")) and not {"sources", "workspace"} & set(uv):
        drafts.insert(1, replace(draft, uses_uv=False))
        dropped.insert(1, "[tool.uv] is not used")
    problems: list[str] = []
    hint = ""
    for chosen, leaves_out in zip(drafts, dropped, strict=True):
        if leaves_out and problems:
            problems[-1] = f"{leaves_out}: {problems[-1]}"
        try:
            path = folder / "matrices" / f"{name}.toml"
            parse(chosen.text(), path=path, project=folder, files=_With(files, probe, smoke.text(survey)))
        except MatrixFileError as error:
            problems.append("; ".join(list(dict.fromkeys(problem.what for problem in error.problems))[:2]))
            hint = error.problems[0].hint
            continue
        proposed = tuple(_files(chosen, name, origin, probe))
        own = survey.folder.text("noxfile.py")
        session = "" if own and "knowngood.nox" not in own else f"{noxfile.prefix(own)}matrix"
        return Proposal(
            matrix=name,
            files=proposed,
            tries_lowest=chosen.tries_lowest,
            session=session,
            is_one_of_several=any((folder / "matrices").glob("*.toml")),
            problems=tuple(problems),
        )
    raise UsageError(
        f"no matrix could be made for {near(folder)}",
        cause=problems[-1],
        next_step=f"{hint or 'fix that'}, and run init again",
    )


def _files(draft: Draft, name: str, origin: Origin, probe: Path) -> Iterator[NewFile]:
    survey = draft.survey
    folder, top = survey.folder.path, ci.top_of(survey.folder.path)
    combos = [f"{combo.id} ({', '.join(combo.pythons)})" for combo in draft.combos()]
    yield NewFile(path=folder / "matrices" / f"{name}.toml", text=draft.text(), what=" ".join(combos))
    if survey.tests is None:
        yield NewFile(path=probe, text=smoke.text(survey), what="imports modules, and reads their attributes")
    sessions = folder / "noxfile.py"
    existing = survey.folder.text("noxfile.py")
    advice = noxfile.lines_for(existing, origin) if os.path.lexists(sessions) else ()
    yield NewFile(
        path=sessions,
        text=noxfile.noxfile(origin),
        what="the sessions matrix, combo(ID) and one for each other command",
        kept=os.path.lexists(sessions),
        advice=advice,
    )
    below = folder.relative_to(top).as_posix() if top is not None else ""
    place = "" if below == "." else below
    pythons = tuple(dict.fromkeys((*survey.pythons.chosen, survey.pythons.today)))
    is_on_gitlab = ci.is_on_gitlab(top)
    if is_on_gitlab:
        yield from _gitlab(top or folder, name, ci.gitlab(matrix=name, pythons=pythons, origin=origin, below=place))
    if not is_on_gitlab or (top is not None and (top / ".github" / "workflows").is_dir()):
        workflow = (top or folder) / ".github" / "workflows" / f"matrix-{name}.yml"
        branch = ci.default_branch(top)
        yield NewFile(
            path=workflow,
            text=ci.workflow(matrix=shlex.quote(name), pythons=pythons, origin=origin, branch=branch, below=place),
            what=f"runs the matrix every week; installs {origin.elsewhere}",
            kept=os.path.lexists(workflow),
        )
    ignore = folder / ".gitignore"
    text = survey.folder.text(".gitignore")
    has_line = any(line.strip().strip("/") == _IGNORED.strip("/") for line in text.splitlines())
    can_hold = ignore.is_file() if os.path.lexists(ignore) else top is not None
    if can_hold and not has_line:
        line = f"{_IGNORED}\n"
        break_before = "\n" if text and not text.endswith("\n") else ""
        yield NewFile(path=ignore, text=f"{break_before}{line}", what=f"+ {_IGNORED}", appends=ignore.is_file())


def _gitlab(top: Path, name: str, text: str) -> Iterator[NewFile]:
    """Yield the files with a job of GitLab: beside a file with others, one to include."""
    main = top / ".gitlab-ci.yml"
    if not os.path.lexists(main):
        yield NewFile(path=main, text=text, what="jobs that run the matrix and keep its report; add a schedule")
        return
    job = top / ".gitlab" / f"matrix-{name}.yml"
    what = "a job that runs the matrix; add a schedule for it"
    yield NewFile(path=job, text=text, what=what, kept=os.path.lexists(job))
    try:
        includes = f".gitlab/matrix-{name}.yml" in main.read_text(encoding="utf-8", errors="replace")
    except OSError:
        includes = False
    advice = () if includes else ("include:", f"  - local: .gitlab/matrix-{name}.yml")
    yield NewFile(path=main, text="", what="", kept=True, advice=advice)


def carry_out(proposal: Proposal) -> None:
    """Write the files of a proposal: all of them, or after an error or Ctrl-C none.

    Raises ``UsageError`` when one cannot be written.
    """
    with contextlib.ExitStack() as undo:
        for file in proposal.files:
            if not file.kept:
                _write(file, undo)
        undo.pop_all()


def _write(file: NewFile, undo: contextlib.ExitStack) -> None:
    """Write a file, and add to ``undo`` what takes it back."""
    try:
        if file.appends:
            undo.callback(_try, os.truncate, file.path, file.path.stat().st_size)
            with file.path.open("a", encoding="utf-8") as opened:
                opened.write(file.text)
            return
        for folder in reversed([parent for parent in file.path.parents if not parent.exists()]):
            folder.mkdir()
            undo.callback(_try, folder.rmdir)
        if os.path.lexists(file.path):
            raise FileExistsError(f"{near(file.path)} exists")
        undo.callback(_try, file.path.unlink)
        write(file.path, file.text)
    except OSError as error:
        in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
        raise UsageError(
            f"{near(file.path)} cannot be written, so nothing was",
            cause=str(error),
            next_step="move that away, and run init again"
            if in_the_way
            else "make the folder writable, or free its disk",
        ) from error


def _try(act: Callable[..., object], *arguments: object) -> None:
    with contextlib.suppress(OSError):
        act(*arguments)


class _With:
    """The files of a project, with a probe that is not written yet."""

    def __init__(self, files: Files, probe: Path, text: str) -> None:
        self._files = files
        self._probe = f"probes/{probe.name}"
        self._text = text

    def read(self, path: str) -> str | None:
        return self._text if path == self._probe else self._files.read(path)

    def has_file(self, path: str) -> bool:
        return path == self._probe or self._files.has_file(path)

    def has_folder(self, path: str) -> bool:
        return self._files.has_folder(path)

    def matching(self, pattern: str) -> tuple[str, ...]:
        return self._files.matching(pattern)
