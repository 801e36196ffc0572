"""Test the documentation site in a browser."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from browser.conftest import Browser
from docs.blocks import WRITTEN

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(ROOT / "docs"), str(folder)]
    subprocess.run(build, check=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_on_any_page_of_the_docs(browser: Browser, site: Path, scheme: str) -> None:
    browser.chrome.set_script_timeout(120)
    browser.media(scheme=scheme)
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    pages = [site / path.relative_to(ROOT / "docs").with_suffix(".html") for path in WRITTEN]
    violations = []
    # The colors of a scheme are the same on all pages.
    for page in [*pages, site / "search.html"] if scheme == "light" else [site / "write-a-matrix.html"]:
        browser.go(page.as_uri())
        browser.run("for (const details of document.querySelectorAll('details')) details.open = true")
        browser.run(axe)
        report = browser.run("return axe.run()")
        violations += [f"{page.name}: {rule['id']}: {rule['nodes'][0]['html']}" for rule in report["violations"]]
    browser.listen()
    browser.messages.clear()  # a search page on a disk has no index
    assert violations == []
