"""Build tiny sites that use the extension, in reStructuredText and MyST, with warnings as errors."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from knowngood.project.publication import write_report
from knowngood.report import matrix_reader
from knowngood.report.embed.markers import rst
from knowngood.report.embed.parts import Items, Show, Table, parts
from knowngood.report.formats import ReportContext
from knowngood.report.text import plain
from report.factory import mission
from report.hostile import CORPUS, poisoned

CONF = 'extensions = ["myst_parser", "knowngood.sphinx"]\nhtml_theme = "basic"\n'
RST = "Title\n=====\n\n.. knowngood:: ../reports/embedding/matrix.json\n"
MYST = "# Title\n\n```{knowngood} ../reports/embedding/matrix.json\n```\n"
LANGUAGES = pytest.mark.parametrize(("name", "page"), [("index.rst", RST), ("index.md", MYST)], ids=["rst", "myst"])


# Most of the build of a tiny site would be importing Sphinx.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["sphinx.cmd.build", "sphinx.builders.html", "myst_parser.sphinx_ext.main"])


def run_sphinx(arguments: Sequence[str], folder: Path, streams: Sequence[Path]) -> None:
    """Be ``sphinx-build`` in a process of its own, whose standard output and error go to files."""
    from sphinx.cmd.build import main

    os.chdir(folder)
    for number, stream in enumerate(streams, start=1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.exit(main(arguments))


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A project with a published report, and a site in ``docs``."""

    folder: Path

    @property
    def report(self) -> Path:
        return self.folder / "reports" / "embedding" / "matrix.json"

    def write(self, name: str, text: str) -> None:
        (self.folder / "docs" / name).write_text(text, encoding="utf-8")

    def build(self, *options: str) -> "subprocess.CompletedProcess[str]":
        """Build the site with warnings as errors."""
        arguments = ["-b", "html", "-W", "--keep-going", *options, "docs", "built"]
        streams = [self.folder / name for name in ("stdout.txt", "stderr.txt")]
        process = FORKED.Process(target=run_sphinx, args=(arguments, self.folder, streams))
        process.start()
        process.join(120)
        assert process.exitcode is not None, "Sphinx did not end within 120 seconds"
        out, err = (stream.read_text(encoding="utf-8") for stream in streams)
        return subprocess.CompletedProcess(arguments, process.exitcode, out, err)

    def html(self) -> BeautifulSoup:
        """Return the first page, built without a warning."""
        done = self.build("-q")
        assert (done.returncode, done.stderr) == (0, "")
        return self.built()

    def built(self, page: str = "index") -> BeautifulSoup:
        """Return a page of the site that was built last."""
        return BeautifulSoup((self.folder / "built" / f"{page}.html").read_text(encoding="utf-8"), "html.parser")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "docs").mkdir()
    write_report(ReportContext(judged=mission()), tmp_path / "reports" / "embedding")
    site = Site(folder=tmp_path)
    site.write("conf.py", CONF)
    return site


def rows(table: Tag) -> list[list[str]]:
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]


def expected(site: Site, show: Show, packages: Sequence[str] = ()) -> list[list[list[str]]]:
    """Return the rows of each table that the page must have."""
    shown = parts(matrix_reader.loads(site.report.read_bytes()), show, packages=packages)
    return [
        [[plain(text) for text in row] for row in (part.headers, *part.rows)]
        for part in shown
        if isinstance(part, Table)
    ]


@LANGUAGES
def test_the_directive_shows_the_whole_report(site: Site, name: str, page: str) -> None:
    site.write(name, page)
    html = site.html()

    assert [rows(table) for table in html.select("table.knowngood")] == expected(site, Show.ALL)
    assert "Tested on 2026-11-24 with Python 3.11.7, 3.13 on Linux-6.1.0-x86_64" in html.get_text()
    assert [heading.get_text() for heading in html.select("p.rubric")] == [
        "Dependency matrix (tested and working): legacy, NumPy 1.24 + PyTorch 2.1",
        "Dependency matrix (tested and working): modern-loose, Whatever is newest",
        "What does not work, and why",
    ]


@LANGUAGES
def test_options_choose_a_part_of_the_report_and_its_packages(site: Site, name: str, page: str) -> None:
    last = "\n```" if name.endswith(".md") else ""
    indent = "" if name.endswith(".md") else "   "
    text = page.removesuffix("\n").removesuffix(last)
    site.write(name, f"{text}\n{indent}:show: table\n{indent}:packages: Torch, numpy\n{last}\n")

    (table,) = site.html().select("table.knowngood")
    assert [rows(table)] == expected(site, Show.TABLE, ("torch", "numpy"))
    assert rows(table)[0] == ["combo", "python", "torch", "numpy", "verdict", "why"]


@LANGUAGES
@pytest.mark.parametrize("position", (0, 12))
def test_hostile_text_in_a_report_is_shown_literally(site: Site, name: str, page: str, position: int) -> None:
    texts = [*CORPUS[position : position + 12], 'He said "no" -- then ... :ref:`x` |x| *y* https://evil.example']
    given = iter(texts * 50)
    write_report(ReportContext(judged=poisoned(lambda: next(given))), site.report.parent)
    site.write(name, page)
    html = site.html()

    page_parts = parts(matrix_reader.loads(site.report.read_bytes()), Show.ALL)
    assert [rows(table) for table in html.select("table.knowngood")] == expected(site, Show.ALL)
    shown = [element.get_text() for element in html.select(".body > section > p, .body > section > ul p")]
    expected_texts = [
        plain(text)
        for part in page_parts
        if not isinstance(part, Table)
        for text in (part.texts if isinstance(part, Items) else (part.text,))
    ]
    assert shown == expected_texts
    assert not html.select(".body section a[href^=http], .body section script, .body section img")


@LANGUAGES
def test_a_changed_report_rebuilds_only_the_page_that_shows_it(site: Site, name: str, page: str) -> None:
    site.write(name, page)
    site.write("other.md", "---\norphan: true\n---\n# Other\n")
    assert site.build().returncode == 0
    assert "0 added, 0 changed" in site.build().stdout
    site.report.write_text(site.report.read_text(encoding="utf-8").replace('"2.9.0+cpu"', '"2.9.1+cpu"'), "utf-8")
    again = site.build()

    assert "0 added, 1 changed" in again.stdout
    assert "2.9.1+cpu" in site.html().get_text()


@LANGUAGES
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("reports/nowhere/matrix.json", "there is no report ../reports/nowhere/matrix.json; publish a run"),
        ("reports/embedding/matrix.md", "../reports/embedding/matrix.md cannot be read; it is not JSON"),
        ("reports", "../reports cannot be read; "),
    ],
)
def test_an_unreadable_report_is_an_error_at_the_line_of_the_directive(
    site: Site, name: str, page: str, wrong: str, message: str
) -> None:
    site.write(name, page.replace("reports/embedding/matrix.json", wrong))
    done = site.build("-q")
    line = 1 + page.split("\n").index(next(line for line in page.split("\n") if "knowngood" in line))

    assert done.returncode == 1
    assert f"{name}:{line}: ERROR: " in done.stderr
    assert message in done.stderr


def test_a_page_is_rebuilt_once_its_missing_report_exists(site: Site) -> None:
    kept = site.report.read_bytes()
    site.report.unlink()
    site.write("index.rst", RST)
    assert site.build("-q").returncode == 1
    site.report.write_bytes(kept)

    assert [rows(table) for table in site.html().select("table.knowngood")] == expected(site, Show.ALL)


def test_an_invalid_option_is_an_error(site: Site) -> None:
    site.write("index.rst", f"{RST}   :show: tabel\n")
    done = site.build("-q")

    assert done.returncode == 1
    assert 'index.rst:4: ERROR: Error in "knowngood" directive:' in done.stderr
    assert '"tabel" unknown; choose from "all", "table", or "dependencies"' in done.stderr


def test_a_path_may_start_at_the_source_folder_and_pages_may_be_read_in_parallel(site: Site) -> None:
    (site.folder / "docs" / "deep").mkdir()
    (site.folder / "docs" / "matrix.json").write_bytes(site.report.read_bytes())
    names = [f"deep/page{number}" for number in range(6)]
    for name in names:
        site.write(f"{name}.rst", f"{name}\n{'=' * len(name)}\n\n.. knowngood:: /matrix.json\n   :show: table\n")
    site.write("index.rst", "Title\n=====\n\n.. toctree::\n\n" + "".join(f"   {name}\n" for name in names))
    done = site.build("-q", "-j", "2")

    assert (done.returncode, done.stderr) == (0, "")
    for name in names:
        assert [rows(table) for table in site.built(name).select("table.knowngood")] == expected(site, Show.TABLE)


@pytest.mark.parametrize("builder", ["latex", "text", "man", "gettext", "xml"])
def test_other_builders_accept_the_directive_without_a_warning(site: Site, builder: str) -> None:
    site.write("index.rst", RST)
    done = site.build("-q", "-b", builder)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_block_that_knowngood_docs_writes_builds_without_a_warning(site: Site) -> None:
    text = rst(parts(matrix_reader.loads(site.report.read_bytes()), Show.ALL), evidence="../matrix.md")
    site.write("index.rst", f"Title\n=====\n\n.. knowngood:begin embedding\n\n{text}\n\n.. knowngood:end\n")

    assert [rows(table) for table in site.html().find_all("table")] == expected(site, Show.ALL)
