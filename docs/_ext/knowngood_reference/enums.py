"""Render exit codes, statuses, reasons and other enums of the code, each value with its meaning."""

import importlib
import inspect
from enum import Enum

from sphinx.pycode import ModuleAnalyzer

from knowngood.errors import ExitCode
from knowngood.model import Reason, Status
from knowngood.report.words import MEANING
from knowngood_reference.markup import code, prose, sentence, table
from knowngood_reference.meanings import EXIT_CODES, REASONS


def exit_codes(_: str = "") -> str:
    """Return a table of the exit codes."""
    rows = [(code(str(int(exit_code))), sentence(EXIT_CODES[exit_code])) for exit_code in ExitCode]
    return table(("code", "meaning"), rows)


def reasons(_: str = "") -> str:
    """Return each reason with its statuses, its meaning and what to do, in the order in which the judge checks them."""
    lines: list[str] = []
    for reason in Reason:
        meaning = REASONS[reason]
        statuses = " or ".join(code(status) for status in meaning.statuses)
        lines += [f"(reason-{reason})=", f"{code(reason)} ({statuses})", f": {sentence(meaning.text)}", ""]
        lines += [f"  What to do: {prose(meaning.next_step)}.", ""] if meaning.next_step else []
    return "\n".join(lines)


def meanings(path: str) -> str:
    """Return a table of the values of the enum at ``path`` (``module.Name``) with their docstrings.

    The meanings of statuses come from the legend of the reports. A value without a docstring has an empty cell.
    """
    module, _, name = path.rpartition(".")
    values = getattr(importlib.import_module(module), name)
    assert issubclass(values, Enum), path
    if values is Status:
        return table(("status", "meaning"), [(code(status), sentence(MEANING[status])) for status in Status])
    docs = ModuleAnalyzer.for_module(inspect.getmodule(values).__name__).find_attr_docs()  # type: ignore[union-attr]
    rows = [(code(str(value.value)), " ".join(map(prose, docs.get((name, value.name), ())))) for value in values]
    return table(("value", "meaning"), rows)
