"""The registry of formats: every name has a writer and a file, and nothing heavy is imported before it is needed."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from knowngood.model import Change, ChangeKind, JudgedRun
from knowngood.report import atom, badge, markdown, matrix_json
from knowngood.report.ci import ctrf, junit
from knowngood.report.formats import FORMATS, PUBLISHED, FormatName, ReportContext
from knowngood.report.github import annotations, issue, summary
from knowngood.report.html import page
from report.factory import mission

CHANGES = (
    Change(combo="modern", probe="embedding", kind=ChangeKind.REGRESSED, before="pass", after="fail", why="it broke"),
)
CONTEXT = ReportContext(judged=mission(), changes=CHANGES, baseline="run 1", url="https://ci.example/1")
WRITERS: Mapping[FormatName, Callable[[JudgedRun], str]] = {
    FormatName.MARKDOWN: markdown.render,
    FormatName.JSON: matrix_json.render,
    FormatName.HTML: lambda judged: page.render(judged, changes=CHANGES),
    FormatName.JUNIT: junit.render,
    FormatName.CTRF: ctrf.render,
    FormatName.BADGE: badge.render,
    FormatName.BADGE_SVG: badge.render_svg,
    FormatName.ATOM: lambda judged: atom.render(judged, CHANGES),
    FormatName.GITHUB: lambda judged: summary.render(judged, CHANGES, baseline_name="run 1"),
    FormatName.ANNOTATIONS: annotations.render,
    FormatName.ISSUE: lambda judged: issue.render(judged, CHANGES, baseline_name="run 1", url="https://ci.example/1"),
    FormatName.ISSUE_TITLE: lambda judged: issue.title(judged, CHANGES) + "\n",
}


@pytest.mark.parametrize("name", FormatName)
def test_a_format_renders_what_its_writer_writes_and_the_same_text_twice(name: FormatName) -> None:
    shown = FORMATS[name].render(CONTEXT)
    assert shown == FORMATS[name].render(CONTEXT) == WRITERS[name](mission())
    assert shown.endswith("\n")
    shown.encode()


@pytest.mark.parametrize("name", FormatName)
def test_the_suffix_of_a_file_fits_its_content(name: FormatName) -> None:
    shown, suffix = FORMATS[name].render(CONTEXT), Path(FORMATS[name].file).suffix
    match suffix:
        case ".json":
            json.loads(shown)
        case ".xml" | ".svg":
            ElementTree.fromstring(shown.encode())
        case ".html":
            assert shown.startswith("<!doctype html>")
        case ".md":
            assert shown.startswith(("# ", "<!-- knowngood:issue:"))
        case _:
            assert suffix == ".txt"


@pytest.mark.parametrize("name", FormatName)
def test_only_a_format_that_compares_depends_on_the_changes(name: FormatName) -> None:
    alone = FORMATS[name].render(ReportContext(judged=mission()))
    assert (alone != FORMATS[name].render(CONTEXT)) is FORMATS[name].compares


def test_no_two_formats_share_a_file() -> None:
    assert list(FORMATS) == list(FormatName)
    assert len({one.file for one in FORMATS.values()}) == len(FORMATS)


def test_the_json_that_others_compare_with_is_published_first() -> None:
    assert PUBLISHED[0] is FormatName.JSON


def test_listing_the_formats_imports_none_of_their_writers() -> None:
    program = "import sys, knowngood.report.formats; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    writers = {function.__module__ for function in (markdown.render, junit.render, ctrf.render, page.render)}
    assert "knowngood.report.formats" in loaded
    assert not loaded & {"junitparser", "jinja2", "rich", *writers}
