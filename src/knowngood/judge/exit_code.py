"""Return one exit code for a whole run from its verdicts."""

from knowngood.errors import ExitCode
from knowngood.model import UNDECIDED, JudgedRun, Status


def exit_code(judged: JudgedRun) -> ExitCode:
    """Return the exit code of a run: the first of these that applies.

    Interrupted; the reference combo failed; a cell differs from what is expected; a cell is undecided; all as expected.
    """
    if judged.run.interrupted is not None:
        return stopped_by(judged.run.interrupted)
    reference = [cell for cell in judged.cells if cell.combo.id == judged.run.info.reference]
    if any(cell.verdict.status not in (*UNDECIDED, Status.PASS) for cell in reference):
        return ExitCode.REFERENCE_FAILED
    if any(cell.as_expected is False for cell in judged.cells):
        return ExitCode.DIFFERS
    if any(cell.as_expected is None for cell in judged.cells):
        return ExitCode.UNDECIDED
    return ExitCode.AS_EXPECTED


def stopped_by(signal: str) -> ExitCode:
    """Return the exit code of a run that a signal interrupted."""
    return ExitCode.INTERRUPTED if signal == "SIGINT" else ExitCode.TERMINATED
