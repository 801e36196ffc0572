"""Test that the script that makes the pictures of the README and the docs can run, and that they show what it makes."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from docs.blocks import PAGES, ROOT

SCRIPT = ROOT / ".ci" / "screenshots.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pictures() -> set[Path]:
    """Return the pictures that pages show, by their paths; one that does not exist fails the test."""
    shown = set()
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for name in re.findall(r"!\[[^]]*\]\((?!https?://)([^)]+)\)|^:+\{image\} (.+)$", text, re.MULTILINE):
            path = (ROOT / page).parent / "".join(name)
            assert path.is_file(), f"{page} shows {path}, which does not exist"
            shown.add(path.resolve())
    return shown


def test_what_the_script_reads_exists_and_it_makes_each_picture_of_the_report(script: ModuleType) -> None:
    assert script.REPORT.is_file()
    assert list(script.LOCKS.glob("*.txt"))
    made = {script.PICTURES / name for name in (*script.PAGES, "terminal.svg")}
    assert all(picture.is_file() for picture in made)
    assert pictures() <= made | {script.PICTURES / name for name in ("linear.svg", "architecture.svg")}


def test_the_picture_of_the_terminal_shows_the_report_and_loads_nothing(script: ModuleType) -> None:
    drawn = script.terminal()
    assert "modern-loose" in drawn
    assert "not\u00a0as\u00a0expected" in drawn.replace("&#160;", "\u00a0")
    assert set(re.findall(r"https?://[^\"' )]+", drawn)) == {"http://www.w3.org/2000/svg"}
