"""The verb ``docs``: which pages hold markers, the published reports they ask for, and what changes in them."""

import os
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from knowngood.cli.options import PATH
from knowngood.errors import ExitCode, NothingSelectedError, UsageError
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.model import JudgedRun
    from knowngood.report.embed.markers import Language, MarkerError, Slot

_ENDINGS = (".md", ".rst")


@click.command()
@click.argument("pages", metavar="[FILE]...", nargs=-1, type=PATH)
@click.option("--matrix", "named", metavar="NAME", help="Only the parts of this matrix, in the project that it is in.")
@click.option(
    "--check", is_flag=True, help="Write nothing: show what would change, and end with 1 when anything would."
)
def docs(pages: tuple[Path, ...], named: str | None, check: bool) -> None:
    """Write what was tested with what into pages, between the markers in them, from the published reports.

    FILE is a page in Markdown (.md) or reStructuredText (.rst). Without one they are all pages beside and below docs/
    that hold markers.
    """
    from knowngood.project.project import Project

    project, only = Path.cwd(), None
    if named is not None:
        opened = Project.open(named)
        project, only = opened.folder, opened.matrix.id
    reports: dict[str, JudgedRun] = {}
    # Nothing is written unless all of it can be.
    changes = [(page, *_change(page, project, only, reports)) for page in pages or _marked(project, only)]
    stale = [page for page, before, after in changes if before != after]
    for page, before, after in changes:
        if before == after:
            click.echo(f"{near(page)} is up to date")
        elif check:
            _show(page, before, after)
        else:
            _write(page, after)
            click.echo(f"wrote {near(page)}")
    if check and stale:
        again = " ".join(["knowngood docs", *(["--matrix", named] if named else []), *map(near, pages)])
        click.echo(f"stale: {', '.join(map(near, stale))}; bring it up to date with `{again}`", err=True)
        raise SystemExit(ExitCode.DIFFERS)


def read(path: Path, name: str) -> "JudgedRun":
    """Return the run that the ``matrix.json`` at ``path``, called ``name``, tells of.

    Raises ``UsageError``: there is none, or it cannot be read.
    """
    from knowngood.report.matrix_json import loads

    next_step = "publish a run of the matrix: knowngood run NAME --accept"
    try:
        return loads(path.read_bytes(), name=name)
    except FileNotFoundError:
        raise UsageError(f"there is no report {name}", next_step=next_step) from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read", cause=str(error), next_step="name a matrix.json") from error


def _marked(project: Path, only: str | None) -> list[Path]:
    """Return the pages of a project that hold markers, of ``only`` one matrix if it is given; sorted.

    Raises ``NothingSelectedError``: there are none.
    """
    found = [page for page in _pages(project) if any(only in (None, slot.request.matrix) for slot in _slots(page))]
    if not found:
        of = f" of {only}" if only else ""
        raise NothingSelectedError(
            f"no page holds markers{of}",
            cause=f"looked at the pages in {near(project)} and below {near(project / 'docs')}",
            next_step=f"put <!-- knowngood:begin {only or 'NAME'} --> and <!-- knowngood:end --> into one, each on a "
            "line of its own, or name a FILE",
        )
    return found


def _pages(project: Path) -> Iterator[Path]:
    below = (project / "docs").rglob("*")
    for page in sorted({*project.iterdir(), *below}):
        # What is hidden belongs to a tool, and what Sphinx built holds copies of the pages.
        passed = any(part.startswith(".") or part == "_build" for part in page.relative_to(project).parts)
        if page.suffix in _ENDINGS and not passed and page.is_file() and b"knowngood:" in page.read_bytes():
            yield page


def _slots(page: Path) -> "tuple[Slot, ...]":
    from knowngood.report.embed import markers

    try:
        return markers.slots(_text(page), _language(page))
    except markers.MarkerError as error:
        raise _located(page, error) from error


def _change(page: Path, project: Path, only: str | None, reports: "dict[str, JudgedRun]") -> tuple[str, str]:
    """Return the text of a page as it is and as it should be; ``reports`` are those that were read before, by matrix.

    Raises ``UsageError``: the page cannot be read or has no markers, or a report that it asks for is missing.
    """
    from knowngood.report.embed import markers, writers
    from knowngood.report.embed.parts import parts

    language = _language(page)
    write = writers.markdown if language is markers.Language.MARKDOWN else writers.rst
    text = _text(page)
    blocks = {}
    for slot in _slots(page):
        request = slot.request
        if only not in (None, request.matrix):
            continue
        if request.matrix not in reports:
            reports[request.matrix] = _report(page, slot, project)
        evidence = _evidence(page, project / "reports" / request.matrix / "matrix.md")
        blocks[request] = write(parts(reports[request.matrix], request.show), evidence=evidence)
    try:
        return text, markers.replace(text, blocks, language, only=only)
    except markers.MarkerError as error:
        raise _located(page, error) from error


def _report(page: Path, slot: "Slot", project: Path) -> "JudgedRun":
    name = slot.request.matrix
    known = sorted(path.parent.name for path in project.glob("reports/*/matrix.json"))
    if name not in known:  # never a way out of the folder of reports
        raise UsageError(
            f"{near(page)}:{slot.begin}: {name!r:.60} has no published report",
            cause=f"there is none in {near(project / 'reports')}, which holds: {', '.join(known) or 'none'}",
            next_step="publish a run of it: knowngood run NAME --accept",
        )
    path = project / "reports" / name / "matrix.json"
    return read(path, near(path))


def _evidence(page: Path, report: Path) -> str | None:
    """Return the link from a page to a report, as a URL; None where there is no such report."""
    if not report.is_file():
        return None
    return quote(Path(os.path.relpath(report.absolute(), page.absolute().parent)).as_posix())


def _language(page: Path) -> "Language":
    from knowngood.report.embed.markers import Language

    if page.suffix not in _ENDINGS:
        raise UsageError(
            f"{near(page)} is no page that can be written to",
            cause=f"its name ends in none of: {', '.join(_ENDINGS)}",
            next_step="name a page in Markdown or reStructuredText",
        )
    return Language.MARKDOWN if page.suffix == ".md" else Language.RST


def _text(page: Path) -> str:
    try:
        return page.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{near(page)} cannot be read", cause=str(error), next_step="name a page in UTF-8") from error


def _write(page: Path, text: str) -> None:
    from knowngood.project import files

    try:
        files.write(page.resolve(), text)  # what a link leads to, not the link
    except OSError as error:
        raise UsageError(
            f"{near(page)} cannot be written", cause=str(error), next_step="mend its permissions"
        ) from error


def _show(page: Path, before: str, after: str) -> None:
    from knowngood.report.text import plain

    old, new = (text.replace("\r\n", "\n").split("\n") for text in (before, after))
    name = near(page)
    for line in unified_diff(old, new, name, name, lineterm=""):
        click.echo(plain(line, lines=True))


def _located(page: Path, error: "MarkerError") -> UsageError:
    where = f"{near(page)}:{error.line}" if error.line else near(page)
    return UsageError(f"{where}: {error.what}", next_step=error.next_step)
