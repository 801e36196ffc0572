"""Build the site once with a real Sphinx."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from docs.blocks import DOCS


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A built site: its folder, its pages by path, and the exit code and warnings of Sphinx."""

    folder: Path
    pages: Mapping[str, BeautifulSoup]
    code: int
    warnings: str

    def text(self, page: str) -> str:
        """Return the text of the article of a page, with single spaces."""
        article = self.pages[page].article
        assert article is not None
        return " ".join(article.get_text().split())


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    # -E reads every page again, so that an unchanged page cannot hide a warning.
    options = ["-b", "html", "-W", "--keep-going", "-n", "-q", "-E", "-d", str(folder / ".doctrees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(DOCS), str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    pages = {
        path.relative_to(folder).as_posix(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(folder.rglob("*.html"))
    }
    return Site(folder=folder, pages=pages, code=done.returncode, warnings=done.stderr)
