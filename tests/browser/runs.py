"""Build judged runs for the tests of the page: a map of two packages, and a run with a thousand cells."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

from knowngood.judge.causes import groups
from knowngood.model import (
    Action,
    Cell,
    Check,
    Combo,
    ComboFacts,
    Confidence,
    Diagnosis,
    Ending,
    Exit,
    JudgedRun,
    Numbers,
    Outcome,
    Phase,
    ProbeFacts,
    Reason,
    Reused,
    Status,
    StepFacts,
    Transcript,
)
from report.factory import cell, combo, only, passing, run

NUMPYS = ("1.24.4", "1.26.4", "2.0.2", "2.3.5")
TORCHES = ("2.1.2", "2.3.1", "2.5.1", "2.9.0")
UNTESTED = ("2.3.5", "2.3.1")
EARLIER = Reused(run="20261001-100000-aaaa", combo="other", recorded="2026-10-01T10:00:00+00:00", key="ab" * 32)
NUMBERS = Numbers(
    cosine=1 - 2e-7,
    difference=1.5e-7,
    norm=0.0,
    dtype=None,
    order_changed=False,
    finite=True,
    moved=False,
    says="the same numbers: no re-indexing needed",
)


def of(cells: Sequence[Cell], combos: Sequence[ComboFacts] = ()) -> JudgedRun:
    """Return a complete run of ``cells``, its failures grouped by cause."""
    base = replace(run(tuple(cells)), interrupted=None, indexes=())
    base = replace(base, combos=tuple(combos) or base.combos)
    return JudgedRun(
        run=base, cells=tuple(cells), groups=groups(cell for cell in cells if cell.as_expected is not None)
    )


def grid(pythons: Sequence[str] = ("3.11",)) -> JudgedRun:
    """Return NumPy x torch, with an untested point, failures for one cause, a crash and reused verdicts."""
    points = itertools.product(pythons, NUMPYS, TORCHES)
    return of([_point(*point) for point in points if point[1:] != UNTESTED])


def _point(python: str, numpy: str, torch: str) -> Cell:
    slug = f"numpy{numpy}-torch{torch}-py{python}"
    spanned = combo(
        slug,
        f"numpy {numpy} + torch {torch}",
        steps=((f"numpy=={numpy}",), (f"torch=={torch}",)),
        axes=(("numpy", numpy), ("torch", torch), ("python", python)),
        python=python,
    )
    installed = {"numpy": numpy, "torch": torch, "sympy": "1.12"}
    if numpy.startswith("2") and torch == "2.1.2":
        return abi(spanned, numpy, torch, installed)
    if (numpy, torch) == ("1.24.4", "2.9.0"):
        return cell(spanned, Status.CRASH, Phase.PROBE, Reason.SIGNALLED, as_expected=False, message="died of SIGSEGV")
    reused = EARLIER if torch == "2.5.1" else None
    return passing(spanned, installed=installed, reused=reused, numbers=NUMBERS)


def abi(spanned: Combo, numpy: str, torch: str, installed: dict[str, str]) -> Cell:
    message = "RuntimeError: Numpy is not available"
    return cell(
        spanned,
        Status.FAIL,
        Phase.PROBE,
        Reason.CHECK_FAILED,
        check="numpy to torch",
        message=message,
        installed=installed,
        checks=(Check(name="numpy to torch", outcome=Outcome.FAILED, message=message, seconds=0.2),),
        diagnosis=Diagnosis(
            culprit="numpy",
            conflicts_with="torch",
            why=f"torch {torch} was built for NumPy 1.x, NumPy {numpy} is installed",
            fix=("numpy<2",),
            evidence=("Numpy is not available",),
            confidence=Confidence.CERTAIN,
        ),
    )


def spread(rows: int, columns: int, probes: tuple[str, ...]) -> JudgedRun:
    """Return a run of a grid in which the first probe passes everywhere and the others nowhere."""
    cells = []
    for row in range(rows):
        for column in range(columns):
            axes = (("lib", f"1.{row}"), ("app", f"2.{column}"))
            made = replace(combo(f"c{row}-{column}"), axes=axes, probes=probes)
            cells += [
                replace(passing(made), probe=probe)
                if probe == probes[0]
                else replace(cell(made, Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, as_expected=False), probe=probe)
                for probe in probes
            ]
    return only(*cells)


def large(number: int = 1000, *, failing: int = 3) -> JudgedRun:
    """Return ``number`` cells on a map, each with sixty packages, ten checks, locks and three KiB of output.

    One of every ``failing`` cells does not pass.
    """
    pairs = [_large(index, failing) for index in range(number)]
    return of([judged for judged, _ in pairs], [facts for _, facts in pairs])


def _large(index: int, failing: int) -> tuple[Cell, ComboFacts]:
    numpy, torch = f"{1 + index % 2}.{index % 13}.{index % 5}", f"2.{index % 11}.{index % 3}"
    made = combo(
        f"numpy{numpy}-torch{torch}-{index:04}",
        f"numpy {numpy} with torch {torch}, number {index}",
        steps=((f"numpy=={numpy}",), (f"torch=={torch}",), ("sentence-transformers==2.2.2",)),
        axes=(("numpy", f"1.{index // 20}"), ("torch", f"2.{index % 20}")),
    )
    installed = {"numpy": numpy, "torch": torch} | {
        f"some-package-{package}": f"{package}.{index % 7}.{index % (package + 2)}" for package in range(58)
    }
    checks = tuple(
        Check(
            name=f"check number {check}", outcome=Outcome.PASSED, seconds=0.1 * check, metrics={f"{check}_seconds": 0.5}
        )
        for check in range(10)
    )
    output = "".join(f"line {line} of what the probe of combo {index} printed\n" for line in range(60))
    ended = Exit(ending=Ending.EXITED, code=0)
    action = Action(exit=ended, seconds=1.0, log="probe.log", output=output)
    steps = tuple(
        StepFacts(number=step, requirements=made.steps[step - 1].lines, resolved=installed, lock="ab" * 32)
        for step in (1, 2, 3)
    )
    facts = ComboFacts(
        combo=made,
        started=True,
        finished=True,
        steps=steps,
        environment_bytes=1_000_000 * (index + 1),
        probes=(ProbeFacts(probe="embedding", action=action, transcript=Transcript(checks=checks)),),
    )
    if index % failing:
        return passing(made, installed=installed, checks=checks, metrics={"0_seconds": 0.5}, numbers=NUMBERS), facts
    return replace(abi(made, numpy, torch, installed), as_expected=bool(index % 2), combo=made), facts
