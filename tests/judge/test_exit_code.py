from collections.abc import Sequence

import pytest

from knowngood.errors import ExitCode
from knowngood.judge.verdict import exit_code
from knowngood.model import Cell, JudgedRun, Phase, Reason, Run, Status, Verdict
from support.facts import combo, info

PASS = (Status.PASS, True)
FAIL_AS_EXPECTED = (Status.FAIL, True)
UNEXPECTED_PASS = (Status.PASS, False)
FAIL = (Status.FAIL, False)
INFRA = (Status.INFRA, None)
ERROR = (Status.ERROR, None)
NOT_RUN = (Status.NOT_RUN, None)


def judged(
    cells: Sequence[tuple[Status, bool | None]], *, reference: str | None, interrupted: str | None = None
) -> JudgedRun:
    made = tuple(
        Cell(
            combo=combo(f"c{number}"),
            probe="works",
            python="3.11.7",
            verdict=Verdict(status=status, phase=Phase.PROBE, reason=Reason.ALL_PASSED),
            as_expected=expected,
            check=None,
            message="",
        )
        for number, (status, expected) in enumerate(cells)
    )
    return JudgedRun(run=Run(info=info(reference), combos=(), interrupted=interrupted), cells=made)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ([PASS, PASS], ExitCode.AS_EXPECTED),
        ([PASS, FAIL_AS_EXPECTED], ExitCode.AS_EXPECTED),
        ([PASS, FAIL], ExitCode.DIFFERS),
        ([PASS, UNEXPECTED_PASS], ExitCode.DIFFERS),
        ([PASS, INFRA], ExitCode.UNDECIDED),
        ([PASS, ERROR], ExitCode.UNDECIDED),
        ([PASS, NOT_RUN], ExitCode.UNDECIDED),
        ([PASS, INFRA, FAIL], ExitCode.DIFFERS),
        ([FAIL, PASS], ExitCode.REFERENCE_FAILED),
        ([FAIL_AS_EXPECTED, PASS], ExitCode.REFERENCE_FAILED),
        ([FAIL, FAIL, INFRA], ExitCode.REFERENCE_FAILED),
        ([(Status.TIMEOUT, False), PASS], ExitCode.REFERENCE_FAILED),
        ([(Status.UNSOLVABLE, False), PASS], ExitCode.REFERENCE_FAILED),
        ([INFRA, PASS], ExitCode.UNDECIDED),
        ([INFRA, FAIL], ExitCode.DIFFERS),
    ],
)
def test_a_run_has_one_exit_code(cells: Sequence[tuple[Status, bool | None]], code: ExitCode) -> None:
    assert exit_code(judged(cells, reference="c0")) is code


def test_without_a_reference_the_first_combo_counts_like_any_other() -> None:
    assert exit_code(judged([FAIL, PASS], reference=None)) is ExitCode.DIFFERS
    assert exit_code(judged([FAIL_AS_EXPECTED, PASS], reference=None)) is ExitCode.AS_EXPECTED


@pytest.mark.parametrize(
    ("signal", "code"),
    [("SIGINT", ExitCode.INTERRUPTED), ("SIGTERM", ExitCode.TERMINATED), ("SIGHUP", ExitCode.TERMINATED)],
)
def test_an_interrupted_run_has_its_own_exit_code_whatever_its_cells(signal: str, code: ExitCode) -> None:
    assert exit_code(judged([FAIL, FAIL, INFRA], reference="c0", interrupted=signal)) is code
