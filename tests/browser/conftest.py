"""A real Chromium without a window, driven by Selenium; both are imported only when a test asks for them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

DESKTOP = (1280, 900)
PHONE = (360, 740)


class Browser:
    """One tab, and all that it complained about."""

    def __init__(self, chrome: "Chrome", folder: Path) -> None:
        self.chrome = chrome
        self.folder = folder
        self.complaints: list[str] = []

    def open(self, page: str, *, at: str = "") -> None:
        """Open a page from a file; ``at`` is the query and the fragment."""
        file = self.folder / "page.html"
        file.write_text(page, encoding="utf-8")
        self.go(f"{file.as_uri()}{at}")

    def go(self, address: str) -> None:
        # Only another fragment would be no new page.
        self.chrome.get("about:blank")
        self.chrome.get(address)

    def run(self, script: str, *given: object) -> Any:
        """Return what a function body of JavaScript returns."""
        return self.chrome.execute_script(script, *given)

    def command(self, name: str, **given: object) -> None:
        self.chrome.execute_cdp_cmd(name, given)

    def size(self, width: int, height: int) -> None:
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def media(self, *, scheme: str = "light", medium: str = "") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", media=medium, features=features)

    def listen(self) -> list[str]:
        """Return what the browser complained about until now."""
        self.complaints += [entry["message"] for entry in self.chrome.get_log("browser")]  # type: ignore[no-untyped-call]
        return self.complaints


@pytest.fixture(scope="session")
def chrome() -> "Iterator[Chrome]":
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium and driver, "the tests of the page need chromium and chromedriver"
    options = ChromeOptions()
    options.binary_location = chromium
    # A container gives root no sandbox and little shared memory.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = Chrome(options=options, service=ChromeService(driver))
    yield running
    running.quit()


@pytest.fixture
def browser(chrome: "Chrome", tmp_path: Path) -> Iterator[Browser]:
    """A tab of a desktop in daylight; whatever it complains about, a refused script above all, fails the test."""
    one = Browser(chrome, tmp_path)
    one.size(*DESKTOP)
    one.media()
    one.command("Emulation.setScriptExecutionDisabled", value=False)
    one.listen()
    one.complaints.clear()
    yield one
    assert one.listen() == []
