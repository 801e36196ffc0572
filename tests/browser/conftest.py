"""Drive a real headless Chromium with Selenium; both are imported only when a test uses them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

DESKTOP = (1280, 900)
PHONE = (360, 740)


class Browser:
    """One tab, and its warnings and errors."""

    def __init__(self, chrome: "Chrome", folder: Path) -> None:
        self.chrome = chrome
        self.folder = folder
        self.messages: list[str] = []

    def open(self, page: str, *, at: str = "") -> None:
        """Write a page to a file and open it; ``at`` is the query and the fragment."""
        file = self.folder / "page.html"
        file.write_text(page, encoding="utf-8")
        self.go(f"{file.as_uri()}{at}")

    def go(self, address: str) -> None:
        # An address that differs only in its fragment would not load the page again.
        self.chrome.get("about:blank")
        self.chrome.get(address)

    def run(self, script: str, *given: object) -> Any:
        """Run the body of a JavaScript function and return its result."""
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
        """Return the warnings and errors of the browser so far."""
        self.messages += [entry["message"] for entry in self.chrome.get_log("browser")]  # type: ignore[no-untyped-call]
        return self.messages


@contextmanager
def chromium() -> "Iterator[Chrome]":
    """Yield a running Chromium, which ends with the block."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium and driver, "the tests of the page need chromium and chromedriver"
    options = ChromeOptions()
    options.binary_location = chromium
    # In a container, root cannot have a sandbox and shared memory is small.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = Chrome(options=options, service=ChromeService(driver))
    try:
        yield running
    finally:
        running.quit()


@pytest.fixture(scope="session")
def chrome() -> "Iterator[Chrome]":
    with chromium() as running:
        yield running


@pytest.fixture
def browser(chrome: "Chrome", tmp_path: Path) -> Iterator[Browser]:
    """Yield a tab with a desktop's size and light colors; the test fails if the browser reports a problem in it."""
    tab = Browser(chrome, tmp_path)
    tab.size(*DESKTOP)
    tab.media()
    tab.command("Emulation.setScriptExecutionDisabled", value=False)
    tab.listen()
    tab.messages.clear()
    yield tab
    assert tab.listen() == []
