"""The verb ``docs``: write the tested versions into pages of documentation, between the markers in them."""

import os
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from knowngood.cli.options import PATH, complete_matrices
from knowngood.cli.output import print_stale, write_file
from knowngood.errors import ExitCode, NothingSelectedError, UsageError
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.model import JudgedRun
    from knowngood.report.embed.markers import Language, MarkerError, Slot

_ENDINGS = (".md", ".rst")


@click.command(short_help="Update tested-versions tables in your docs.")
@click.argument("pages", metavar="[FILE]...", nargs=-1, type=PATH)
@click.option("--matrix", metavar="NAME", shell_complete=complete_matrices, help="Only the tables of this matrix.")
@click.option("--check", is_flag=True, help="Write nothing; print what would change, and exit 1 if anything would.")
def docs(pages: tuple[Path, ...], matrix: str | None, check: bool) -> None:
    """Update the tested-versions tables in your docs from the published reports.

    FILE is a page in Markdown (.md) or reStructuredText (.rst) with markers in it: the table goes between the comments
    knowngood:begin MATRIX and knowngood:end. By default, all pages with markers in the current folder and below docs/
    are updated.
    """
    from knowngood.project.project import Project

    folder, only = Path.cwd(), None
    if matrix is not None:
        project = Project.open(matrix)
        folder, only = project.folder, project.matrix.id
    reports: dict[str, JudgedRun] = {}
    # Render every page first, so that an error in one page leaves all of them unchanged.
    changes = [(page, *_change(page, folder, only, reports)) for page in pages or _marked(folder, only)]
    stale = [page for page, before, after in changes if before != after]
    for page, before, after in changes:
        if before == after:
            click.echo(f"{near(page)} is up to date")
        elif check:
            _print_difference(page, before, after)
        else:
            # The target of a symbolic link is written, not the link.
            write_file(page.resolve(), after, next_step="fix its permissions")
            click.echo(f"wrote {near(page)}")
    if check and stale:
        command = " ".join(["knowngood docs", *(["--matrix", matrix] if matrix else []), *map(near, pages)])
        click.echo(f"stale: {', '.join(map(near, stale))}; update with `{command}`", err=True)
        raise SystemExit(ExitCode.DIFFERS)


def _marked(project: Path, only: str | None) -> list[Path]:
    """Return the pages of a project with markers, or with markers of the matrix ``only``, sorted.

    Raises ``NothingSelectedError``: there are none.
    """
    marked = [page for page in _pages(project) if any(only in (None, slot.request.matrix) for slot in _slots(page))]
    if not marked:
        of = f" of {only}" if only else ""
        raise NothingSelectedError(
            f"no page has markers{of}",
            cause=f"looked at the pages in {near(project)} and below {near(project / 'docs')}",
            next_step=f"add the lines <!-- knowngood:begin {only or 'NAME'} --> and <!-- knowngood:end --> to a page, "
            "or name a FILE",
        )
    return marked


def _pages(project: Path) -> Iterator[Path]:
    below = (project / "docs").rglob("*")
    for page in sorted({*project.iterdir(), *below}):
        # Hidden folders belong to tools, and the output of Sphinx holds copies of the pages.
        skipped = any(part.startswith(".") or part == "_build" for part in page.relative_to(project).parts)
        if page.suffix in _ENDINGS and not skipped and page.is_file() and b"knowngood:" in page.read_bytes():
            yield page


def _slots(page: Path) -> "tuple[Slot, ...]":
    from knowngood.report.embed import markers

    try:
        return markers.slots(_text(page), _language(page))
    except markers.MarkerError as error:
        raise _located(page, error) from error


def _change(page: Path, project: Path, only: str | None, reports: "dict[str, JudgedRun]") -> tuple[str, str]:
    """Return the text of a page as it is and as it should be.

    ``reports`` holds the reports that were read already, by matrix. Raises ``UsageError``: the page cannot be read or
    has no markers, or a report that it refers to is missing.
    """
    from knowngood.report.embed import markers
    from knowngood.report.embed.parts import parts

    language = _language(page)
    write = markers.markdown if language is markers.Language.MARKDOWN else markers.rst
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
    from knowngood.project.publication import read_report

    published = sorted(path.parent.name for path in project.glob("reports/*/matrix.json"))
    if name not in published:  # a name such as ../x must not lead out of the folder of reports
        raise UsageError(
            f"{near(page)}:{slot.begin}: {name!r:.60} has no published report",
            cause=f"there is none in {near(project / 'reports')}, which holds: {', '.join(published) or 'none'}",
            next_step="publish a run of it: knowngood run NAME --publish",
        )
    path = project / "reports" / name / "matrix.json"
    judged = read_report(path, name=near(path))
    print_stale(judged, what=near(path.parent))
    return judged


def _evidence(page: Path, report: Path) -> str | None:
    """Return the link from a page to a report as a relative URL; None if there is no such report."""
    if not report.is_file():
        return None
    return quote(Path(os.path.relpath(report.absolute(), page.absolute().parent)).as_posix())


def _language(page: Path) -> "Language":
    from knowngood.report.embed.markers import Language

    if page.suffix not in _ENDINGS:
        raise UsageError(
            f"{near(page)} cannot be updated",
            cause=f"its name must end in one of: {', '.join(_ENDINGS)}",
            next_step="name a page in Markdown or reStructuredText",
        )
    return Language.MARKDOWN if page.suffix == ".md" else Language.RST


def _text(page: Path) -> str:
    try:
        return page.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{near(page)} cannot be read", cause=str(error), next_step="name a page that is encoded in UTF-8"
        ) from error


def _print_difference(page: Path, before: str, after: str) -> None:
    from knowngood.report.text import plain

    old, new = (text.replace("\r\n", "\n").split("\n") for text in (before, after))
    name = near(page)
    for line in unified_diff(old, new, name, name, lineterm=""):
        click.echo(plain(line, lines=True))


def _located(page: Path, error: "MarkerError") -> UsageError:
    where = f"{near(page)}:{error.line}" if error.line else near(page)
    return UsageError(f"{where}: {error.what}", next_step=error.next_step)
