"""``knowngood docs`` as a user sees it: pages of a project, brought up to date from its published reports."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from markdown_it import MarkdownIt

from knowngood.cli.docs import docs
from knowngood.errors import KnowngoodError
from knowngood.project.publication import write_report
from knowngood.report.formats import ReportContext
from report.factory import mission, whole
from support.project import Project

README = "# A project\n\n<!-- knowngood:begin embedding table -->\n<!-- knowngood:end -->\n\nMore.\n"
GUIDE = "Guide\n=====\n\n.. knowngood:begin embedding\n.. knowngood:end\n"

Docs = Callable[..., Result]


@pytest.fixture
def docs_here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Docs:
    """Return the verb, run in a project with a published report and two pages that ask for it."""
    write_report(ReportContext(judged=whole(mission())), project.folder / "reports" / "embedding")
    (project.folder / "docs" / "more").mkdir(parents=True)
    (project.folder / "README.md").write_text(README, encoding="utf-8")
    (project.folder / "docs" / "more" / "guide.rst").write_text(GUIDE, encoding="utf-8")
    (project.folder / "docs" / "other.md").write_text("No markers.\n", encoding="utf-8")
    monkeypatch.chdir(project.folder)
    return lambda *arguments: CliRunner().invoke(docs, arguments)


def refused(result: Result) -> KnowngoodError:
    """Return the error that the command line tells, and whose exit code it ends with."""
    assert isinstance(result.exception, KnowngoodError), result.output
    return result.exception


def test_every_page_with_markers_is_written_once(docs_here: Docs, project: Project) -> None:
    first = docs_here()
    pages = [project.folder / "README.md", project.folder / "docs" / "more" / "guide.rst"]
    written = [page.read_text(encoding="utf-8") for page in pages]
    times = [page.stat().st_mtime_ns for page in pages]
    second = docs_here()

    assert (first.exit_code, first.stdout) == (0, "wrote README.md\nwrote docs/more/guide.rst\n")
    assert written[0].startswith("# A project\n\n<!-- knowngood:begin embedding table -->\n\nTested on 2026-11-24 ")
    assert written[0].endswith("\n\n<!-- knowngood:end -->\n\nMore.\n")
    assert "`legacy <../../reports/embedding/matrix.md#legacy>`__" in written[1]
    assert (second.exit_code, second.stdout) == (0, "README.md is up to date\ndocs/more/guide.rst is up to date\n")
    assert [page.stat().st_mtime_ns for page in pages] == times


def test_every_link_leads_to_the_evidence(docs_here: Docs, project: Project) -> None:
    docs_here("README.md")
    tokens = MarkdownIt("commonmark").enable("table").parse((project.folder / "README.md").read_text(encoding="utf-8"))
    links = [
        str(child.attrs["href"]) for token in tokens for child in token.children or () if child.type == "link_open"
    ]
    headings = (project.folder / "reports" / "embedding" / "matrix.md").read_text(encoding="utf-8").split("\n")

    assert len(links) == 1 + len(whole(mission()).cells)
    for link in links:
        path, _, anchor = link.partition("#")
        assert (project.folder / path).is_file()
        assert not anchor or f"## {anchor}" in headings


def test_check_writes_nothing_prints_what_would_change_and_exits_1(docs_here: Docs, project: Project) -> None:
    result = docs_here("--check")

    assert result.exit_code == 1
    assert (project.folder / "README.md").read_text(encoding="utf-8") == README
    assert "--- README.md\n+++ README.md\n@@ " in result.stdout
    assert "\n+Tested on 2026-11-24 " in result.stdout
    assert "stale: README.md, docs/more/guide.rst; update with `knowngood docs`\n" in result.stderr


def test_check_exits_0_until_the_report_changes(docs_here: Docs, project: Project) -> None:
    docs_here()
    assert docs_here("--check").exit_code == 0
    report = project.folder / "reports" / "embedding" / "matrix.json"
    report.write_text(report.read_text(encoding="utf-8").replace('"4.36.2"', '"4.36.3"'), encoding="utf-8")

    result = docs_here("--check", "README.md")
    assert (result.exit_code, "docs/more" in result.output) == (1, False)
    assert "update with `knowngood docs README.md`" in result.stderr


def test_only_the_named_pages_are_written(docs_here: Docs, project: Project) -> None:
    result = docs_here("docs/more/guide.rst")

    assert result.stdout == "wrote docs/more/guide.rst\n"
    assert (project.folder / "README.md").read_text(encoding="utf-8") == README


def test_with_a_matrix_the_tables_of_others_stay(docs_here: Docs, project: Project) -> None:
    other = "\n<!-- knowngood:begin other -->\nkeep me\n<!-- knowngood:end -->\n"
    (project.folder / "README.md").write_text(README + other, encoding="utf-8")
    (project.folder / "docs" / "other.md").write_text(other, encoding="utf-8")
    matrix = project.folder / "matrices" / "embedding.toml"
    matrix.parent.mkdir()
    combo = '[[combo]]\nid = "a"\nsteps = [["tiny"]]\n'
    matrix.write_text(f'[matrix]\n[[probe]]\nid = "p"\nsource = "1"\n{combo}', encoding="utf-8")

    result = docs_here("--matrix", "embedding")

    assert (result.exit_code, result.stdout) == (0, "wrote README.md\nwrote docs/more/guide.rst\n")
    assert (project.folder / "README.md").read_text(encoding="utf-8").endswith(f"More.\n{other}")
    assert refused(docs_here()).what.endswith(": 'other' has no published report")


def test_a_missing_report_is_refused_with_a_next_step_and_nothing_is_written(docs_here: Docs, project: Project) -> None:
    page = project.folder / "docs" / "other.md"
    page.write_text("a\n\n<!-- knowngood:begin ../x -->\n<!-- knowngood:end -->\n", encoding="utf-8")

    error = refused(docs_here())

    assert error.exit_code == 2
    assert error.what == "docs/other.md:3: '../x' has no published report"
    assert error.cause == "there is none in reports, which holds: embedding"
    assert "knowngood run NAME --publish" in error.next_step
    assert (project.folder / "README.md").read_text(encoding="utf-8") == README


@pytest.mark.parametrize(
    ("text", "cause"), [("{", "it is not JSON"), ("[]", "it has no schema"), ('{"schema": 9}', "its schema is 9")]
)
def test_a_report_that_cannot_be_read_is_refused_by_name(
    docs_here: Docs, project: Project, text: str, cause: str
) -> None:
    (project.folder / "reports" / "embedding" / "matrix.json").write_text(text, encoding="utf-8")
    error = refused(docs_here())

    assert error.exit_code == 2
    assert error.what.startswith("reports/embedding/matrix.json ")
    assert cause in error.cause


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("page.md", b"no markers\n", "page.md: no markers"),
        ("page.md", b"\n<!-- knowngood:begin embedding -->\n", "page.md:2: knowngood:begin without knowngood:end"),
        ("page.rst", b".. knowngood:end\n", "page.rst:1: knowngood:end without knowngood:begin"),
        ("page.md", b"<!-- knowngood:begin \xff -->\n", "page.md cannot be read"),
        ("page.txt", b"x\n", "page.txt cannot be updated"),
    ],
)
def test_a_page_that_cannot_be_updated_is_refused_with_its_line(
    docs_here: Docs, project: Project, name: str, content: bytes, what: str
) -> None:
    (project.folder / name).write_bytes(content)
    error = refused(docs_here("README.md", name))

    assert (error.exit_code, error.what) == (2, what)
    assert error.next_step
    assert (project.folder / "README.md").read_text(encoding="utf-8") == README


def test_a_missing_page_is_refused(docs_here: Docs) -> None:
    assert refused(docs_here("nowhere.md")).what == "nowhere.md cannot be read"


def test_a_project_without_markers_gets_the_lines_to_add(docs_here: Docs, project: Project) -> None:
    (project.folder / "README.md").write_text(f"```markdown\n{README}```\n", encoding="utf-8")
    (project.folder / "docs" / "more" / "guide.rst").unlink()
    built = project.folder / "docs" / "_build"
    built.mkdir()
    (built / "page.md").write_text(README, encoding="utf-8")
    error = refused(docs_here())

    assert (error.exit_code, error.what) == (4, "no page has markers")
    assert "<!-- knowngood:begin NAME -->" in error.next_step


def test_line_endings_and_text_outside_the_markers_stay(docs_here: Docs, project: Project) -> None:
    page = project.folder / "README.md"
    above, below = b"\xef\xbb\xbf# T\r\n\r\n\x0c\x00\r\n\r\n", b"\r\nend \xe2\x80\xa8 "
    begin, end = b"<!-- knowngood:begin embedding -->\r\n", b"<!-- knowngood:end -->\r\n"
    page.write_bytes(above + begin + end + below)
    docs_here("README.md")
    done = page.read_bytes()

    assert done.startswith(above + begin + b"\r\nTested on ")
    assert done.endswith(b"\r\n\r\n" + end + below)
    assert done.count(b"\n") == done.count(b"\r\n")


def test_the_target_of_a_symbolic_link_is_written_and_the_link_stays(docs_here: Docs, project: Project) -> None:
    link = project.folder / "docs" / "readme.md"
    link.symlink_to("../README.md")
    docs_here("docs/readme.md")

    assert link.is_symlink()
    assert "Tested on" in (project.folder / "README.md").read_text(encoding="utf-8")


def test_without_matrix_md_there_is_no_link(docs_here: Docs, project: Project) -> None:
    (project.folder / "reports" / "embedding" / "matrix.md").unlink()
    docs_here()

    assert "](" not in (project.folder / "README.md").read_text(encoding="utf-8")
    assert "`__" not in (project.folder / "docs" / "more" / "guide.rst").read_text(encoding="utf-8")


def test_control_characters_of_a_page_do_not_reach_the_terminal(docs_here: Docs, project: Project) -> None:
    page = project.folder / "README.md"
    page.write_text(README.replace("A project\n", "A \x1b]0;x\x07project\n"), encoding="utf-8")

    assert "\x1b" not in docs_here("--check").stdout


def test_the_verb_works_from_the_command_line(docs_here: Docs, project: Project) -> None:
    stale = project.run("docs", "--check")
    done = project.run("docs")
    fresh = project.run("docs", "--check")
    (project.folder / "reports" / "embedding" / "matrix.json").unlink()
    missing = project.run("docs")

    assert [one.returncode for one in (stale, done, fresh, missing)] == [1, 0, 0, 2], missing.stderr
    assert "error: README.md:3: 'embedding' has no published report" in missing.stderr
    assert "next: publish a run of it: knowngood run NAME --publish" in missing.stderr
