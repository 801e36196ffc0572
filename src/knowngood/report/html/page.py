"""The page an engineer opens to decide an upgrade: readable without scripts, filterable with them, at rest offline."""

import hashlib
import pkgutil
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from knowngood.model import Change, JudgedRun, Status
from knowngood.report import words
from knowngood.report.html.anchors import Anchors
from knowngood.report.html.badge import plainly
from knowngood.report.html.budget import BUDGET, LEVELS, Depth
from knowngood.report.html.changed import comparison, kinds
from knowngood.report.html.head import head
from knowngood.report.html.maps import maps
from knowngood.report.html.overview import MOST_BRIEF, MOST_CAUSES, MOST_OPEN, causes, good, undecided
from knowngood.report.html.plots import plots
from knowngood.report.html.rows import columns, rows
from knowngood.report.text import plain

SAMPLE = 50
"""Cells that the size of a large page is told from, so that it is not rendered whole at every depth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Assets:
    """The style sheet and the script, as text and as what the page's policy allows of them."""

    css: Markup
    js: Markup
    style_source: str
    script_source: str


def render(judged: JudgedRun, *, changes: Sequence[Change] = (), self_contained: bool = True) -> str:
    """Return the whole page, ending in a newline; the same run gives the same bytes, whenever it is rendered.

    ``changes`` are those against a baseline. With ``self_contained`` the page needs no other file; otherwise it expects
    those of ``side_files()`` beside it. A run that would take more than ``BUDGET`` bytes is told in less depth.
    """
    anchors = Anchors(judged.cells)
    shown = columns(judged)
    changed = kinds(changes)
    compared = comparison(changes, anchors)
    view = {
        "assets": _assets(self_contained),
        "self_contained": self_contained,
        "head": head(judged, changes),
        "comparison": compared,
        "maps": maps(judged.cells, anchors),
        "good": good(judged, anchors),
        "causes": causes(judged.groups, anchors),
        "undecided": undecided(judged, anchors),
        "most_open": MOST_OPEN,
        "most_brief": MOST_BRIEF,
        "most_causes": MOST_CAUSES,
        "columns": shown,
        "plots": plots(judged),
        "legend": [(plainly(status), words.MEANING[status]) for status in _statuses(judged)],
    }
    template = _environment().get_template("page.html.jinja")

    def at(depth: Depth, step: int = 1) -> str:
        told = rows(judged, shown, anchors, changed, depth, step=step)
        return template.render({**view, "rows": told, "depth": depth}).rstrip() + "\n"

    level = _affordable(at, len(judged.cells))
    page = at(LEVELS[level])
    for depth in LEVELS[level + 1 :]:
        if len(page.encode()) <= BUDGET:
            break
        page = at(depth)
    return page


def _affordable(at: Callable[[Depth, int], str], cells: int) -> int:
    """Return the first level at which a page of so many cells seems to keep within the budget, told from a sample."""
    if cells <= SAMPLE:
        return 0
    step = cells // SAMPLE
    for level, depth in enumerate(LEVELS):
        bare, some = (len(at(depth, every).encode()) for every in (cells, step))
        # One cell is left even of the largest step.
        if bare + (some - bare) / (len(range(0, cells, step)) - 1) * cells <= BUDGET:
            return level
    return len(LEVELS) - 1


def side_files() -> dict[str, str]:
    """Return name -> text of the files that a page which is not self-contained expects beside it."""
    return {name: _text(name) for name in ("page.css", "page.js")}


def _statuses(judged: JudgedRun) -> list[Status]:
    met = {cell.verdict.status for cell in judged.cells}
    return [status for status in Status if status in met]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("knowngood.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["web"] = _is_web
    environment.filters["block"] = _block
    return environment


def _shown(value: object) -> object:
    """Return what is put out for a value: of any text only what can be seen, whichever template forgot about it."""
    return plain(value) if type(value) is str else value


def _block(text: str) -> Markup:
    """Return text of several lines as they are."""
    return escape(plain(text, lines=True))


def _is_web(address: str) -> bool:
    """Return whether a link may lead there: to nothing but pages."""
    return plain(address).startswith(("https://", "http://"))


@cache
def _assets(self_contained: bool) -> _Assets:
    files = side_files()
    css, js = Markup(files["page.css"]), Markup(files["page.js"])
    return _Assets(
        css=css,
        js=js,
        style_source=_source(css) if self_contained else "'self'",
        script_source=_source(js) if self_contained else "'self'",
    )


def _source(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    found = pkgutil.get_data("knowngood.report.html", name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed with knowngood")
    return found.decode()
