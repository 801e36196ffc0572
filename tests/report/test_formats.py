import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from knowngood.report import atom, badge, badge_svg, markdown, matrix_json
from knowngood.report.ci import ctrf, junit
from knowngood.report.formats import FORMATS
from report.factory import mission

WRITERS = {
    "markdown": markdown.render,
    "json": matrix_json.render,
    "junit": junit.render,
    "ctrf": ctrf.render,
    "badge": badge.render,
    "badge-svg": badge_svg.render,
    "atom": atom.render,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_format_is_what_its_writer_writes_and_twice_the_same(name: str) -> None:
    shown = FORMATS[name].render(mission())
    assert shown == FORMATS[name].render(mission()) == WRITERS[name](mission())
    assert shown.endswith("\n")
    shown.encode()


@pytest.mark.parametrize("name", WRITERS)
def test_the_ending_of_a_file_tells_what_is_in_it(name: str) -> None:
    shown, file = FORMATS[name].render(mission()), FORMATS[name].file
    if file.endswith(".json"):
        json.loads(shown)
    elif file.endswith((".xml", ".svg")):
        ElementTree.fromstring(shown.encode())
    else:
        assert shown.startswith("# ")


def test_formats_are_known_by_their_own_names_and_no_two_share_a_file() -> None:
    assert [one.name for one in FORMATS.values()] == list(FORMATS)
    assert len({one.file for one in FORMATS.values()}) == len(FORMATS)


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    program = "import sys, knowngood.report.formats; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "knowngood.report.formats" in loaded
    assert not loaded & {"junitparser", "rich", *(f"knowngood.report.{name}" for name in ("junit", "ctrf", "markdown"))}
