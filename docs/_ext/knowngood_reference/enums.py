"""Closed lists of the code: exit codes, statuses, reasons and others, each value with what it means."""

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
    """Return the exit codes in a table."""
    rows = [(code(str(int(one))), sentence(EXIT_CODES[one])) for one in ExitCode]
    return table(("code", "meaning"), rows)


def reasons(_: str = "") -> str:
    """Return each reason with its status, meaning and next step, in the order in which they are looked for."""
    lines: list[str] = []
    for one in Reason:
        told = REASONS[one]
        statuses = " or ".join(code(status) for status in told.statuses)
        lines += [f"(reason-{one})=", f"{code(one)} is {statuses}", f": {sentence(told.means)}", ""]
        lines += [f"  What to do: {prose(told.next)}.", ""] if told.next else []
    return "\n".join(lines)


def meanings(path: str) -> str:
    """Return the values of the enum at ``path`` (``module.Name``) in a table, with their docstrings.

    Statuses have their meanings from the words of the reports. Values without any are told without.
    """
    module, _, name = path.rpartition(".")
    values = getattr(importlib.import_module(module), name)
    assert issubclass(values, Enum), path
    if values is Status:
        return table(("status", "meaning"), [(code(one), sentence(MEANING[one])) for one in Status])
    docs = ModuleAnalyzer.for_module(inspect.getmodule(values).__name__).find_attr_docs()  # type: ignore[union-attr]
    rows = [(code(str(one.value)), " ".join(map(prose, docs.get((name, one.name), ())))) for one in values]
    return table(("value", "meaning"), rows)
