"""Sum a run up in an exit code."""

from knowngood.errors import ExitCode
from knowngood.model import UNDECIDED, JudgedRun, Status


def exit_code(judged: JudgedRun) -> ExitCode:
    """Return the exit code of a run: the first of these that applies.

    Interrupted; the reference combo failed; a cell differs from what is expected; a cell is undecided; all as expected.
    The combos that a budget left out are undecided.
    """
    if judged.run.interrupted is not None and is_signal(judged.run.interrupted):
        return stopped_by(judged.run.interrupted)
    reference = [cell for cell in judged.cells if cell.combo.id == judged.run.info.reference]
    if any(cell.verdict.status not in (*UNDECIDED, Status.PASS) for cell in reference):
        return ExitCode.REFERENCE_FAILED
    if any(cell.as_expected is False for cell in judged.cells):
        return ExitCode.DIFFERS
    if any(cell.as_expected is None for cell in judged.cells):
        return ExitCode.UNDECIDED
    return ExitCode.AS_EXPECTED


def is_signal(reason: str) -> bool:
    """Return whether what stopped a run is a signal, and not its budget."""
    return reason.startswith("SIG")


def stopped_by(reason: str) -> ExitCode:
    """Return the exit code of what a signal, or a budget that was spent, ended early."""
    if not is_signal(reason):
        return ExitCode.UNDECIDED
    return ExitCode.INTERRUPTED if reason == "SIGINT" else ExitCode.TERMINATED
