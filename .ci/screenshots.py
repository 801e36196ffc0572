"""Make the pictures of the README and the docs from the published report: run this after a change of the page.

It needs chromium and chromedriver. ``nox -s screenshots`` runs it.
"""

import base64
import io
import shutil
import tempfile
from pathlib import Path

from click.testing import CliRunner
from rich.console import Console
from rich.text import Text
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from knowngood import read_report
from knowngood.cli.main import main as knowngood
from knowngood.report.formats import FORMATS, PUBLISHED
from knowngood.report.html.page import render

ROOT = Path(__file__).parent.parent
REPORT = ROOT / "reports" / "embedding" / "matrix.json"
LOCKS = ROOT / "reports" / "embedding" / "locks"
PICTURES = ROOT / "docs" / "_static"
PAGES = {
    # name: width and height in pixels, color scheme
    "page.png": (1280, 970, "light"),
    "page-dark.png": (1280, 970, "dark"),
    "page-phone.png": (400, 860, "light"),
}
COLUMNS = 142
# The default of rich loads a font from the network; a picture must not.
TERMINAL = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{unique_id}">
<style>text {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px }}
{styles}</style>
<defs>{lines}</defs>
<rect width="{width}" height="{height}" rx="10" fill="#0c0c0c"/>
<g transform="translate({terminal_x}, {terminal_y})">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def terminal() -> str:
    """Return what the terminal shows of the published report, as SVG."""
    variables = {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    result = CliRunner(env=variables).invoke(knowngood, ["report", str(REPORT)], color=True, catch_exceptions=False)
    console = Console(record=True, width=COLUMNS, force_terminal=True, color_system="truecolor", file=io.StringIO())
    console.print(Text("$ knowngood report", style="bold"))
    console.print(Text.from_ansi(result.output))
    return console.export_svg(title="", code_format=TERMINAL, unique_id="terminal")


def shoot(page: Path) -> None:
    """Write a picture of the page for each of ``PAGES``."""
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in ("--headless=new", "--hide-scrollbars", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    chrome = Chrome(options=options, service=ChromeService(str(shutil.which("chromedriver"))))
    try:
        for name, (width, height, scheme) in PAGES.items():
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
            chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            chrome.get(page.as_uri())
            data = chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
            (PICTURES / name).write_bytes(base64.b64decode(data))
    finally:
        chrome.quit()


def main() -> None:
    """Write all pictures into docs/_static."""
    beside = {str(name): FORMATS[name].file for name in PUBLISHED}
    files = {f"locks/{lock.name}" for lock in LOCKS.iterdir()}
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "index.html"
        page.write_text(render(read_report(REPORT), beside=beside, files=files), encoding="utf-8")
        shoot(page)
    (PICTURES / "terminal.svg").write_text(terminal(), encoding="utf-8")
    for name in (*PAGES, "terminal.svg"):
        print(f"docs/_static/{name}  {(PICTURES / name).stat().st_size // 1000} kB")  # noqa: T201


if __name__ == "__main__":
    main()
