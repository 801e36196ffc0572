"""The site builds without a warning, loads nothing from other servers, has no broken link, and fits a phone."""

import json
import re
import shutil
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import Tag
from selenium import webdriver

from docs.blocks import DOCS, ROOT, WRITTEN
from docs.conftest import Site

PHONE, DESKTOP = 390, 1280
LOADED = (("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"))


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        pytest.skip("Debian's chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def links(page: Tag) -> Iterator[str]:
    """Yield the links of a page to this site."""
    for anchor in page.find_all("a", href=True):
        href = str(anchor["href"])
        if not urlsplit(href).scheme and not href.startswith("//"):
            yield href


def test_the_site_builds_without_a_warning_and_has_every_page(site: Site) -> None:
    assert (site.code, site.warnings) == (0, "")
    for path in WRITTEN:
        if path.relative_to(DOCS).parts[0] not in ("_build", "_ext", "recipes"):
            assert path.relative_to(DOCS).with_suffix(".html").as_posix() in site.pages


def test_every_schema_is_at_the_address_that_it_names_and_the_reference_links_to_it(site: Site) -> None:
    listed = {str(link["href"]) for link in site.pages["reference/formats.html"].find_all("a", href=True)}
    files = sorted((ROOT / "src" / "knowngood").rglob("*.schema.json"))
    assert files
    for file in files:
        address = json.loads(file.read_text(encoding="utf-8"))["$id"]
        home = "https://knowngood.github.io/knowngood/"
        assert address.startswith(home) and address in listed
        assert (site.folder / address.removeprefix(home)).read_bytes() == file.read_bytes()


def test_no_page_loads_anything_from_another_server(site: Site) -> None:
    for name, page in site.pages.items():
        for tag, attribute in LOADED:
            for element in page.select(f"{tag}[{attribute}]"):
                parts = urlsplit(str(element[attribute]))
                assert not parts.scheme or parts.scheme == "data", f"{name}: {element}"
                assert not parts.netloc, f"{name}: {element}"
    for sheet in site.folder.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_every_link_within_the_site_has_a_target(site: Site) -> None:
    ids = {name: {str(element["id"]) for element in page.find_all(id=True)} for name, page in site.pages.items()}
    for name, page in site.pages.items():
        for href in links(page):
            parts = urlsplit(href)
            target = (site.folder / name).parent / unquote(parts.path) if parts.path else site.folder / name
            assert target.resolve().is_file(), f"{name} refers to {href}"
            if parts.fragment and target.suffix == ".html":
                known = ids[target.resolve().relative_to(site.folder.resolve()).as_posix()]
                assert unquote(parts.fragment) in known, f"{name} refers to {href}"


def test_every_page_has_a_unique_title_a_language_and_one_heading(site: Site) -> None:
    titles = [str(page.title.string) for page in site.pages.values() if page.title]

    assert len(titles) == len(set(titles)) == len(site.pages)
    for name, page in site.pages.items():
        html = page.find("html")
        assert isinstance(html, Tag) and html.get("lang") == "en", name
        assert len(page.find_all("h1")) == 1 or name in ("search.html", "genindex.html"), name


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_the_screen_and_follows_the_color_scheme(
    site: Site, browser: webdriver.Chrome, width: int, scheme: str
) -> None:
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    for name in site.pages:
        browser.get((site.folder / name).as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, name
        color = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        light = sum(map(int, re.findall(r"\d+", color)[:3])) > 3 * 128
        assert light == (scheme == "light"), f"{name}: {color}"
