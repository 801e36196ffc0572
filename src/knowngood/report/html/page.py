"""Render the page that an engineer opens to decide an upgrade: one file, readable and filterable without a network."""

import hashlib
import json
import pkgutil
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from string import ascii_letters, digits
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from knowngood.model import Change, History, JudgedRun, Searched, Status
from knowngood.report import words
from knowngood.report.budget import Level, fit
from knowngood.report.html.changed import comparison, labels
from knowngood.report.html.history import view
from knowngood.report.html.links import Anchors
from knowngood.report.html.overview import (
    MOST_BRIEF,
    MOST_CAUSES,
    MOST_OPEN,
    against_metadata,
    causes,
    good,
    head,
    undecided,
)
from knowngood.report.html.plots import maps, plots
from knowngood.report.html.rows import columns, rows, status_badge
from knowngood.report.html.versions import by_package
from knowngood.report.searches import sections
from knowngood.report.summary import is_stale, oldest, promise
from knowngood.report.text import plain

MOST = 60_000
"""Characters of the data; with more, the page compares the verdicts of two combos only."""
_DIGEST = 12
_CODES = ascii_letters + digits


def data(judged: JudgedRun) -> str:
    """Return JSON with a column for each lock and package that differs between combos, in the order of the page.

    A column is a list of its values, and for each combo the number of its value in that list: a list of numbers, or a
    letter or digit for each combo where these suffice. Empty text: with one combo there is nothing to compare.
    """
    rows = {cell.combo.id: {"python": cell.python, **cell.installed} for cell in judged.cells}
    if len(rows) < 2:
        return ""
    locks = {
        facts.combo.id: {f"step {step.number}": step.lock[:_DIGEST] for step in facts.steps if step.lock}
        for facts in judged.run.combos
    }
    columns = {"locks": _columns([locks.get(combo, {}) for combo in rows]), "packages": _columns([*rows.values()])}
    texts = [json.dumps(kept, separators=(",", ":")) for kept in (columns, {**columns, "locks": {}}, {})]
    # Nothing in it may end the element that it is in.
    return next(text for text in texts if len(text) <= MOST).replace("<", "\\u003c")


def _columns(rows: Sequence[Mapping[str, str]]) -> dict[str, tuple[list[str], list[int] | str]]:
    """Return name -> (values, number of the value in each row) for each name whose values differ."""
    columns: dict[str, tuple[list[str], list[int] | str]] = {}
    for name in sorted({name for row in rows for name in row}):
        texts = [row.get(name, "") for row in rows]
        values = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        if len(values) > 1:
            numbers = [values[text] for text in texts]
            few = len(values) <= len(_CODES)
            shown = [plain(text) for text in values]
            columns[plain(name)] = (shown, "".join(_CODES[number] for number in numbers) if few else numbers)
    return columns


MOST_PARSED = 100
"""Cells of a page whose details a browser parses at once; those of a larger page wait in ``noscript`` elements."""
MOST_PRINTED = 20
"""Cells of a page whose details are printed, whether they are open or not."""


_SECTIONS = {
    "comparison": "changes.html.jinja",
    "maps": "maps.html.jinja",
    "by_package": "versions.html.jinja",
    "history": "history.html.jinja",
    "searches": "searches.html.jinja",
    "plots": "plots.html.jinja",
}
"""Name of the content -> template of what is the same at each level, so that it is rendered once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Assets:
    """The style sheet and the script, and what the page's content security policy allows of them."""

    css: Markup
    js: Markup
    style_source: str
    script_source: str


def render(
    judged: JudgedRun,
    *,
    changes: Sequence[Change] = (),
    searches: Sequence[Searched] = (),
    history: History | None = None,
    today: date | None = None,
    self_contained: bool = True,
    beside: Mapping[str, str] = MappingProxyType({}),
    files: Collection[str] = (),
) -> str:
    """Return the whole page, ending in a newline; the same run always gives the same bytes.

    ``changes`` are those since a baseline, ``searches`` what was found about combos of the matrix, ``history`` what was
    published of it. Results that are out of date on ``today`` are said to be. With ``self_contained`` the page needs no
    other file; otherwise it needs those of ``side_files()`` beside it. The page links to ``beside``, the files of other
    formats in the same folder, and to ``files``, the paths of locks and logs relative to it. A large run has fewer
    details, so that the page keeps within ``BUDGET`` bytes.
    """
    anchors = Anchors(judged.cells)
    shown = columns(judged)
    changed = labels(changes)
    content = {
        "assets": _assets(self_contained),
        "self_contained": self_contained,
        "beside": beside,
        "icon": _icon(head(judged, changes).tone),
        "head": head(judged, changes),
        "is_stale": is_stale(judged, today),
        "oldest": oldest(judged),
        "promise": promise(judged),
        "comparison": comparison(changes, anchors),
        "maps": maps(judged.cells, anchors),
        "compared": Markup(data(judged)),
        "good": good(judged, anchors, files),
        "against": against_metadata(judged, anchors, files),
        "against_title": words.AGAINST_METADATA.capitalize(),
        "against_mark": words.AGAINST_METADATA_MARK,
        "against_note": words.AGAINST_METADATA_NOTE,
        "causes": causes(judged.groups, anchors),
        "undecided": undecided(judged, anchors),
        "most_open": MOST_OPEN,
        "most_brief": MOST_BRIEF,
        "most_causes": MOST_CAUSES,
        "by_package": by_package(judged),
        "columns": shown,
        "most_printed": MOST_PRINTED,
        "held": len(judged.cells) > MOST_PARSED,
        "plots": plots(judged),
        "searches": sections(searches, judged),
        "history": view(history, judged, anchors),
        "legend": [(status_badge(status), words.MEANING[status]) for status in _statuses(judged)],
    }
    environment = _environment()
    template = environment.get_template("page.html.jinja")
    content["sections"] = {
        name: Markup(environment.get_template(file).render(content))
        for name, file in _SECTIONS.items()
        if content[name]
    }

    def render_at(level: Level, step: int) -> str:
        # Thousands of rows are prepared one by one, and joined at once, because they take much memory.
        prepared = rows(judged, shown, anchors, changed, level, files, step=step)
        number = len(judged.cells[::step])
        stream = template.stream({**content, "rows": prepared, "number": number, "level": level})
        stream.enable_buffering(1000)
        return "".join(stream).rstrip() + "\n"

    return fit(render_at, len(judged.cells))


_COLORS = {"good": "%232f9e63", "bad": "%23d0574d", "unsure": "%238c96a1"}


def _icon(tone: str) -> Markup:
    """Return an icon of four squares, in the color of the run, as an address that holds its own data."""
    squares = "".join(f"%3Crect x='{x}' y='{y}' width='6' height='6' rx='1'/%3E" for x in (1, 9) for y in (1, 9))
    drawing = f"%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='{_COLORS[tone]}'%3E{squares}"
    return Markup("data:image/svg+xml,") + Markup(f"{drawing}%3C/svg%3E")


def side_files() -> dict[str, str]:
    """Return name -> text of the files that a page which is not self-contained needs beside it."""
    return {"page.css": _text("page.css"), "page.js": _text("compare.js") + _text("page.js")}


def _statuses(judged: JudgedRun) -> list[Status]:
    present = {cell.verdict.status for cell in judged.cells}
    return [status for status in Status if status in present]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("knowngood.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["web"] = _is_web
    environment.filters["block"] = _block
    return environment


def _finalize(value: object) -> object:
    """Return what a template prints for a value: of a text only what is visible, even if a template forgets that."""
    return plain(value) if type(value) is str else value


def _block(text: str) -> Markup:
    """Return text of several lines with its line breaks."""
    return escape(plain(text, lines=True))


def _is_web(address: str) -> bool:
    """Return whether the page may link to an address: only to other web pages."""
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
    data = pkgutil.get_data("knowngood.report.html", name)
    if data is None:
        raise FileNotFoundError(f"{name} is not installed with knowngood")
    return data.decode()
