"""Test the page in a browser, as a reader uses it."""

import base64
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

import pytest

from browser.conftest import PHONE, Browser
from browser.runs import grid, large, of, spread
from knowngood.model import Change, ChangeKind, ComboFacts, Phase, Reason, State, Status, StepFacts
from knowngood.report import matrix_reader
from knowngood.report.html.page import render, side_files
from report.factory import cell, combo, diagnosed, mission, only, passing
from report.histories import HISTORY

pytestmark = pytest.mark.browser

REGRESSED = Change(
    combo="legacy-numpy2", probe="embedding", kind=ChangeKind.REGRESSED, before="pass", after="fail", why="NumPy moved"
)
LONG = only(
    cell(
        combo("a"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, check="c", message="a line of a long message\n" * 100
    )
)
RUNS = {
    "mission": mission(),
    "grid": grid(("3.11", "3.13")),
    "diagnosed": only(diagnosed()),
    "empty": only(),
    "long": LONG,
}

SHOWN = """
const shown = [...document.querySelectorAll('#cells tbody')].filter(cell => !cell.hidden);
return shown.map(cell => cell.querySelector('a').textContent);
"""
SET = """
const field = document.forms.filters.elements[arguments[0]];
field.value = arguments[1];
field.dispatchEvent(new Event('input', {bubbles: true}));
"""
OPEN = "return [...document.querySelectorAll('#cells td > details[open] > .cell')].map(cell => cell.id)"
OPEN_ALL = "for (const details of document.querySelectorAll('details')) details.open = true"


def test_filters_show_matching_cells_and_their_number(browser: Browser) -> None:
    browser.open(render(mission(), changes=[REGRESSED]))
    assert len(browser.run(SHOWN)) == 7

    browser.run(SET, "show", "unexpected")
    assert browser.run(SHOWN) == ["modern-loose"]
    assert browser.run("return document.getElementById('shown').value") == "1 of 7 match"

    browser.run(SET, "show", "failing")
    assert len(browser.run(SHOWN)) == 5
    browser.run(SET, "show", "passing")
    assert browser.run(SHOWN) == ["legacy", "modern-loose"]
    browser.run(SET, "show", "changed")
    assert browser.run(SHOWN) == ["legacy-numpy2"]

    browser.run(SET, "q", "no such words")
    assert browser.run(SHOWN) == []
    assert browser.run("return document.getElementById('nothing').checkVisibility()")

    browser.run("document.forms.filters.reset()")
    browser.run("return new Promise(done => setTimeout(done, 20))")
    assert len(browser.run(SHOWN)) == 7


def test_filters_find_text_in_the_details_and_a_version_of_a_package(browser: Browser) -> None:
    browser.open(render(mission()))
    browser.run(SET, "q", "CONNECTION refused")
    assert browser.run(SHOWN) == ["modern"]

    browser.run(SET, "q", "")
    browser.run(SET, "package", "torch")
    versions = "return [...document.forms.filters.elements.version.options].map(option => option.value)"
    assert browser.run(versions) == ["", "-", "2.1.2", "2.9.0", "2.9.0+cpu"]
    browser.run(SET, "version", "2.9.0")
    assert browser.run(SHOWN) == ["legacy-wrong-order"]


def test_filters_are_kept_in_the_address_and_restored_from_it(browser: Browser) -> None:
    browser.open(render(mission()))
    browser.run(SET, "show", "failing")
    browser.run(SET, "q", "numpy")
    browser.run(SET, "package", "torch")
    browser.run(SET, "version", "2.1.2")
    filtered = browser.run(SHOWN)
    address = browser.run("return location.href")
    assert address.endswith("?show=failing&q=numpy&package=torch&version=2.1.2")

    browser.go(address)
    assert browser.run(SHOWN) == filtered == ["legacy-numpy2"]
    fields = "return ['show', 'q', 'package', 'version'].map(name => document.forms.filters.elements[name].value)"
    assert browser.run(fields) == ["failing", "numpy", "torch", "2.1.2"]

    browser.go(address.partition("?")[0] + "?show=nonsense&package=nonsense&version=1")
    assert len(browser.run(SHOWN)) == 7


def test_a_link_to_a_cell_opens_it_even_if_a_filter_hides_it(browser: Browser) -> None:
    browser.open(render(mission()), at="?q=modern#legacy-numpy2--embedding")
    assert browser.run(OPEN) == ["legacy-numpy2--embedding"]
    assert "legacy-numpy2" in browser.run(SHOWN)
    top = browser.run("return document.getElementById('legacy-numpy2--embedding').getBoundingClientRect().top")
    assert 0 <= top < 900

    browser.run("document.querySelector('a[href=\"#modern--embedding\"]').click()")
    browser.run("return new Promise(done => setTimeout(done, 50))")
    assert "modern--embedding" in browser.run(OPEN)


def test_without_scripts_everything_is_readable_and_no_control_that_needs_them_is_shown(browser: Browser) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(render(grid()), at="#numpy2.0.2-torch2.1.2-py3.11--embedding")
    browser.command("Emulation.setScriptExecutionDisabled", value=False)
    assert not browser.run("return document.getElementById('filters').checkVisibility()")
    assert browser.run("return document.getElementsByTagName('button').length") == 5, "only those of hidden parts"
    assert browser.run(OPEN) == ["numpy2.0.2-torch2.1.2-py3.11--embedding"]
    assert browser.run("return document.querySelector('.age').textContent") == ""
    assert len(browser.run(SHOWN)) == 15


def test_the_page_loads_nothing_from_elsewhere(browser: Browser) -> None:
    browser.open(render(mission()))
    assert browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)") == []


def test_the_security_policy_blocks_scripts_that_are_not_the_pages_own(browser: Browser) -> None:
    browser.open(render(mission()).replace("</main>", "<script>document.title = 'owned'</script></main>"))
    assert "owned" not in browser.chrome.title
    assert any("Content Security Policy" in message for message in browser.listen())
    browser.messages.clear()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder on loopback; yield the folder and its address."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_with_side_files_looks_and_works_the_same(browser: Browser, served: tuple[Path, str]) -> None:
    folder, address = served
    for name, text in {**side_files(), "index.html": render(mission(), self_contained=False)}.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "favicon.ico").touch()
    browser.go(f"{address}/index.html?show=unexpected")
    assert browser.run(SHOWN) == ["modern-loose"]
    assert browser.run("return getComputedStyle(document.querySelector('.v')).borderRadius") != "0px"


def test_the_age_of_a_result_follows_the_clock_of_the_reader(browser: Browser) -> None:
    browser.open(render(mission()))
    then = datetime.fromisoformat(mission().run.info.started)
    days = (datetime.now(UTC) - then).days
    age = browser.run("return document.querySelector('header .age').textContent")
    if days >= 0:
        assert age == {0: "(today)", 1: "(1 day ago)"}.get(days, f"({days} days ago)")
    else:
        assert age == "", "a page from the future has no age"


def test_a_command_can_be_copied(browser: Browser) -> None:
    browser.open(render(mission()))
    browser.command("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    browser.run("document.querySelector('.facts .copied').click()")
    browser.run("return new Promise(done => setTimeout(done, 100))")
    assert browser.run("return document.querySelector('.facts .copied').textContent") == "Copied"
    assert browser.run("return navigator.clipboard.readText()") == "knowngood run matrices/embedding.toml"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_color_scheme_of_the_reader(browser: Browser, scheme: str) -> None:
    browser.media(scheme=scheme)
    browser.open(render(mission()))
    color = browser.run("return getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))
    assert (brightness > 600) == (scheme == "light")


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_on_a_phone_the_page_never_scrolls_sideways(browser: Browser, name: str, scripts: bool) -> None:
    browser.size(*PHONE)
    browser.command("Emulation.setScriptExecutionDisabled", value=not scripts)
    browser.open(render(RUNS[name]))
    browser.command("Emulation.setScriptExecutionDisabled", value=False)
    browser.run(OPEN_ALL)
    assert browser.run("return [document.documentElement.scrollWidth, innerWidth]") == [PHONE[0], PHONE[0]]
    # The details of a cell fit as well; only the table around them may be wider.
    wide = (
        "return [...document.querySelectorAll('.cell')].filter(cell => cell.getBoundingClientRect().width > 345).length"
    )
    assert browser.run(wide) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", RUNS)
def test_axe_finds_no_barrier(browser: Browser, name: str, scheme: str) -> None:
    browser.media(scheme=scheme)
    if name == "mission":
        browser.open(render(RUNS[name], changes=[REGRESSED], history=HISTORY, today=date(2027, 1, 1)))
    else:
        browser.open(render(RUNS[name]))
    browser.run(OPEN_ALL)
    browser.run(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    report = browser.run("return axe.run()")
    violations = [f"{rule['id']} ({rule['impact']}): {rule['nodes'][0]['html']}" for rule in report["violations"]]
    assert violations == []
    assert len(report["passes"]) > 10


def test_the_keyboard_can_skip_to_the_results_and_open_a_cell_and_the_focus_is_visible(browser: Browser) -> None:
    browser.open(render(only(diagnosed())))
    focused = "return document.activeElement.textContent"

    def press(key: str, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            browser.command(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text if kind == "keyDown" else ""
            )

    press("Tab")
    assert browser.run(focused) == "Skip to the results"
    assert browser.run("return document.activeElement.getBoundingClientRect().left") >= 0
    browser.run("document.querySelector('#cells summary').focus()")
    press("Enter", "\r")
    assert browser.run(OPEN) == ["legacy-loose--embedding"]
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_printed_page_has_the_details_of_failures_and_no_controls(browser: Browser) -> None:
    browser.open(render(only(diagnosed(), passing(combo("legacy")))))
    browser.media(medium="print", scheme="dark")
    assert browser.run("return getComputedStyle(document.body).color") == "rgb(26, 31, 36)", (
        "ink on paper, not light text"
    )
    seen = "return [...document.querySelectorAll('.cell .place, .cell .checks, .cell .packages')]"
    assert browser.run(f"{seen}.map(part => part.checkVisibility())") == [True, True, False, False, False]
    for hidden in ("#filters", "#compare", ".copied"):
        assert not browser.run(f"return document.querySelector('{hidden}').checkVisibility()")


def test_seven_combos_are_printed_on_four_pages(browser: Browser) -> None:
    published = Path(__file__).parents[2] / "reports" / "embedding" / "matrix.json"
    browser.open(render(matrix_reader.loads(published.read_bytes(), name="matrix.json")))
    paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
    pdf = base64.b64decode(browser.chrome.execute_cdp_cmd("Page.printToPDF", paper)["data"])
    (pages,) = re.findall(rb"/Type ?/Pages.*?/Count (\d+)|/Count (\d+)", pdf)
    assert 0 < int(b"".join(pages)) <= 4


def test_two_combos_are_compared_by_verdict_lock_and_version(browser: Browser) -> None:
    browser.open(render(mission()), at="?first=legacy&second=modern-loose")
    rows = "return [...document.querySelectorAll('#compare tr')].map(row => [...row.cells].map(each => each.innerText))"
    heads, verdicts, *packages = browser.run(rows)
    assert heads[1:] == ["legacy", "modern-loose"]
    assert verdicts[1].startswith("\u2713 pass")
    assert verdicts[2].startswith("\u2713 UNEXPECTED PASS")
    assert ["torch", "2.1.2", "2.9.0+cpu"] in packages
    assert "python" not in [row[0] for row in packages], "both have the same Python"

    browser.run(
        "const form = document.querySelector('#compare form'); form.second.value = 'legacy-numpy2';"
        "form.second.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert browser.run(rows)[2:] == [["numpy", "1.24.3", "2.3.5"]]
    assert browser.run("return location.search") == "?first=legacy&second=legacy-numpy2"
    assert browser.run("return document.getElementById('same').textContent").startswith("All other packages")


def test_the_locks_of_two_combos_are_compared(browser: Browser) -> None:
    cells = [passing(combo(name)) for name in ("a", "b")]
    steps = [StepFacts(number=1, requirements=(), resolved={}, lock=lock * 32) for lock in ("ab", "cd")]
    facts = [ComboFacts(combo=each.combo, steps=(step,)) for each, step in zip(cells, steps, strict=True)]
    browser.open(render(of(cells, facts)), at="?first=a&second=b")
    locks = "return [...document.querySelectorAll('#compare tr')].at(-1).innerText"
    assert browser.run(locks).split() == ["lock", "of", "step", "1", "abababababab", "cdcdcdcdcdcd"]


def test_a_click_on_a_row_opens_it(browser: Browser) -> None:
    browser.open(render(mission()))
    browser.run("document.querySelector('#cells tbody .n').click()")
    assert browser.run(OPEN) == ["legacy--embedding"]


def test_a_list_of_a_thousand_cells_begins_with_two_hundred_and_filters_find_all_of_them(browser: Browser) -> None:
    browser.open(render(large()))
    assert len(browser.run(SHOWN)) == 200
    for text, count in (("-007", 10), ("-0077", 1), ("nothing has this", 0), ("runtimeerror", 334)):
        browser.run(SET, "q", text)
        assert browser.run("return document.getElementById('shown').value") == f"{count} of 1000 match"
        assert len(browser.run(SHOWN)) == min(count, 200), text
    browser.run(SET, "q", "")
    assert browser.run("return document.getElementById('more').innerText").startswith("The first 200 of 1000")
    browser.run("document.querySelector('#more button').click()")
    assert len(browser.run(SHOWN)) == 400
    browser.run("document.querySelector('#more button[value=all]').click()")
    assert len(browser.run(SHOWN)) == 1000
    assert not browser.run("return document.getElementById('more').checkVisibility()")


def test_a_link_to_a_cell_of_a_large_run_opens_its_details(browser: Browser) -> None:
    anchor = "numpy2.11.4-torch2.9.0-0999--embedding"
    browser.open(render(large()), at=f"#{anchor}")
    assert browser.run(OPEN) == [anchor]
    assert browser.run("return document.querySelectorAll('#cells noscript').length") == 999
    browser.run("document.querySelector('#cells summary').click()")
    browser.run("return new Promise(done => setTimeout(done, 50))")
    assert browser.run("return document.querySelector('#cells .cell').checkVisibility()")


def test_without_scripts_a_large_run_lists_every_cell_with_its_details(browser: Browser) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(render(large(300)))
    # Styles depend on whether scripts run, so nothing can be asked with a script before this.
    metrics = browser.chrome.execute_cdp_cmd("Page.getLayoutMetrics", {})
    assert metrics["cssContentSize"]["height"] > 300 * 70
    browser.command("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.run("return document.querySelectorAll('#cells .cell').length") == 300


def test_a_page_of_a_thousand_cells_is_interactive_soon(browser: Browser) -> None:
    """Half a second of CPU is the target of a quiet machine; one with other work needs more."""
    page = render(large())
    browser.command("Performance.enable", timeDomain="threadTicks")
    browser.open(page)
    browser.run("return new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    metrics = browser.chrome.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    (spent,) = [metric["value"] for metric in metrics if metric["name"] == "TaskDuration"]
    assert spent < 1
    assert len(browser.run(SHOWN)) == 200


def test_rows_are_ordered_by_a_column_as_versions_or_with_failures_first(browser: Browser) -> None:
    browser.open(render(mission()))
    first = browser.run(SHOWN)
    click = (
        "[...document.querySelectorAll('#cells thead button')].find(each => each.textContent === arguments[0]).click()"
    )
    browser.run(click, "torch")
    texts = "[...document.querySelectorAll('#cells tbody')].map(cell => cell.rows[0].cells[4].innerText)"
    versions = f"return {texts}.map(text => text.split(String.fromCharCode(10))[0])"
    assert browser.run(versions) == ["-", "-", "-", "2.1.2", "2.1.2", "2.9.0 !", "2.9.0+cpu"]
    browser.run(click, "torch")
    assert browser.run(versions)[0] == "2.9.0+cpu"
    assert browser.run("return document.querySelector('[aria-sort]').getAttribute('aria-sort')") == "descending"
    assert browser.run("return location.search") == "?sort=-torch"

    browser.run(SET, "sort", "failing-first")
    assert browser.run(SHOWN)[0] == "modern-loose", "the only unexpected cell"
    assert browser.run(SHOWN)[-1] == "legacy", "the only pass"
    browser.go(browser.run("return location.href"))
    assert browser.run(SHOWN)[0] == "modern-loose"
    browser.run(SET, "sort", "")
    assert browser.run(SHOWN) == first


def test_prereleases_come_before_their_release(browser: Browser) -> None:
    versions = ("2.10.0", "2.9.0", "2.9.0rc1", "2.9.0.dev3", "2.9.0+cpu", "2.9")
    browser.open(render(only(*(passing(combo(f"c{text}"), installed={"numpy": text}) for text in versions))))
    browser.run(SET, "sort", "numpy")
    assert browser.run(SHOWN) == ["c2.9.0.dev3", "c2.9.0rc1", "c2.9", "c2.9.0", "c2.9.0+cpu", "c2.10.0"]


GRIDS = {"25 x 20": (25, 20, ("serves", "templates"), 1280), "12 x 12": (12, 12, ("serves", "templates"), 360)}


@pytest.mark.parametrize("name", GRIDS)
def test_a_map_fits_its_screen_and_keeps_its_heads_in_sight(browser: Browser, name: str) -> None:
    rows, columns, probes, width = GRIDS[name]
    browser.size(width, 700)
    browser.open(render(spread(rows, columns, probes)))
    sheet = "document.querySelector('.sheet:has(.map)')"
    assert browser.run(f"return {sheet}.scrollWidth - {sheet}.clientWidth") == 0
    browser.run(f"{sheet}.scrollTop = 300")
    tops = (
        f"return [{sheet}, {sheet}.querySelector('thead th')].map(each => Math.round(each.getBoundingClientRect().top))"
    )
    top, head = browser.run(tops)
    assert 0 <= head - top <= 2
    (height,) = browser.run("return [document.querySelector('.map tbody tr').getBoundingClientRect().height]")
    assert height < 60


def test_a_message_keeps_all_of_its_line_breaks(browser: Browser) -> None:
    message = "\n  indented\n\nlast"
    browser.open(render(only(cell(combo("a"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, message=message))))
    assert browser.run("return document.querySelector('.cell pre').textContent") == message


def test_a_click_on_a_strip_opens_the_state_of_that_day_and_a_link_to_it_works_as_well(browser: Browser) -> None:
    history = replace(HISTORY, states=tuple(day_of(number) for number in range(9)))
    page = render(mission(), history=history)
    oldest = history.states[0].id
    browser.open(page)
    assert browser.run("return document.querySelectorAll('.strips rect').length") == 9
    shown = f"return document.getElementById('state-{oldest}').checkVisibility()"
    assert browser.run(shown) is False, "older states are folded away"

    browser.run("document.querySelector('.strips rect').dispatchEvent(new MouseEvent('click', { bubbles: true }))")

    assert browser.run("return location.hash") == f"#state-{oldest}"
    assert browser.run(shown) is True
    browser.open(page, at=f"#state-{oldest}")
    assert browser.run(shown) is True


def test_a_banner_appears_when_the_clock_of_the_reader_says_that_the_results_are_out_of_date(browser: Browser) -> None:
    old, new = (replace(mission().run.info, started=started) for started in ("2020-01-01", "2999-01-01"))
    for info, visible in ((old, True), (new, False)):
        browser.open(render(replace(mission(), run=replace(mission().run, info=info))))
        assert browser.run("return document.getElementById('stale').checkVisibility()") is visible


def day_of(number: int) -> State:
    day, status = f"2026-11-{number + 1:02}", [Status.PASS, Status.FAIL][number % 2]
    return replace(
        HISTORY.states[0],
        id=f"{day}-{number:08x}",
        first=day,
        last=day,
        cells=(replace(HISTORY.states[0].cells[0], status=status),),
    )
