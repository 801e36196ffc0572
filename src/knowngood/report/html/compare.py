"""Prepare the data with which the page compares two combos: the locks and the versions in which the combos differ."""

import json
from collections.abc import Mapping, Sequence
from string import ascii_letters, digits

from knowngood.model import JudgedRun
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
