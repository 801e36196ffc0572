"""Compare a cell with what its author expects of it, of its probe and of single checks, known issues included."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from knowngood import patterns
from knowngood.judge.evidence import Finding
from knowngood.model import (
    UNDECIDED,
    Check,
    ComboFacts,
    Diagnosis,
    Expectation,
    Known,
    Outcome,
    ProbeFacts,
    Reason,
    Status,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A cell compared with what is expected of it."""

    as_expected: bool | None
    """None: undecided."""
    narrower: Expectation | None = None
    """What is expected in place of the combo's own expectation."""
    known: str | None = None
    """A note about its known issues."""
    unmet: tuple[str, ...] = ()
    """A sentence for each check that is not what is expected of it."""
    about: Check | None = None
    """The first check that failed and should not have: the cell is about it rather than about an expected failure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Demand:
    """What is expected of the checks that a glob matches."""

    expect: Expectation
    known: Known | None = None
    """The known issue that it comes from."""


def compare(
    facts: ComboFacts, probe: str, last: ProbeFacts | None, finding: Finding, diagnosis: Diagnosis | None, today: date
) -> Comparison:
    """Return how a cell compares with what is expected. ``last`` is the attempt at its probe that counts."""
    try:
        return _compared(facts, probe, last, finding, diagnosis, today)
    except patterns.TooSlowError as error:
        return Comparison(as_expected=False, known=f"cannot compare with what is expected: {error}")


def _compared(
    facts: ComboFacts, probe: str, last: ProbeFacts | None, finding: Finding, diagnosis: Diagnosis | None, today: date
) -> Comparison:
    combo, status = facts.combo, finding.verdict.status
    own = next((one for one in combo.narrower if one.check is None and one.covers(probe)), combo.expect)
    expectation, note = excuse(own, combo.known, combo.id, probe, status, today)
    narrower = expectation if expectation is not combo.expect else None
    if status in UNDECIDED:
        return Comparison(as_expected=None, narrower=narrower, known=note)
    meets = status is expectation.status
    if expectation is own:
        meets = meets and _shows(own, _evidence(facts, last, finding), diagnosis)
    comparison = Comparison(as_expected=meets, narrower=narrower, known=note)
    demands = _demands(facts, probe, today)
    if not demands:
        return replace(comparison, known=note or _expired(facts, probe, last, today))
    if status in (Status.PASS, Status.MOVED) or finding.verdict.reason is Reason.CHECK_FAILED:
        checks = last.transcript.checks if last is not None else ()
        return _checked(demands, checks, diagnosis, comparison, may_fail=expectation.status is Status.FAIL)
    for demand in demands:
        if status is demand.expect.status and finding.check is not None and demand.expect.is_about(finding.check):
            shows = _shows(demand.expect, _evidence(facts, last, finding), diagnosis)
            return Comparison(as_expected=shows, narrower=demand.expect, known=_note(demand) or note)
    return comparison


def _demands(facts: ComboFacts, probe: str, today: date) -> list[_Demand]:
    combo = facts.combo
    live = (known for known in combo.known if known.check and known.covers(combo.id, probe) and today <= known.expires)
    return [
        *(_Demand(expect=one) for one in combo.narrower if one.check is not None and one.covers(probe)),
        *(_Demand(expect=_expected(known), known=known) for known in live),
    ]


def _checked(
    demands: Sequence[_Demand],
    checks: Sequence[Check],
    diagnosis: Diagnosis | None,
    whole: Comparison,
    *,
    may_fail: bool,
) -> Comparison:
    """Compare the checks of a probe that ran to its end. With ``may_fail`` any of them may fail."""
    failed = [check for check in checks if check.outcome is Outcome.FAILED]
    met: dict[str, _Demand] = {}
    unmet: list[tuple[str, _Demand | None]] = []
    for demand in demands:
        matched = [check for check in checks if demand.expect.is_about(check.name)]
        failing = [check for check in failed if check in matched] if demand.expect.status is Status.FAIL else []
        for check in failing:
            if _shows(demand.expect, _printed(check), diagnosis):
                met.setdefault(check.name, demand)
        if failing or (all(check.outcome is Outcome.SKIPPED for check in matched) and matched):
            continue
        if matched:
            names = ", ".join(check.name for check in matched[:3]) + (", ..." if len(matched) > 3 else "")
            verb = "fail" if demand.expect.status is Status.FAIL else str(demand.expect.status)
            unmet.append((f"{names} was expected to {verb}, and did not", demand))
        elif demand.known is None:
            unmet.append((f"no check matches {demand.expect.check}, which was expected to fail", demand))
    left = [] if may_fail else [check for check in failed if check.name not in met]
    sentences = [*(f"{check.name} failed, and was not expected to" for check in left), *(text for text, _ in unmet)]
    first = next((demand for _, demand in unmet), None) or next(iter(met.values()), None)
    notes = [_note(demand, fixed=True) for _, demand in unmet if demand] + [_note(demand) for demand in met.values()]
    return Comparison(
        as_expected=not sentences if failed and not may_fail else whole.as_expected and not sentences,
        narrower=first.expect if first is not None and not left else whole.narrower,
        known=next((note for note in notes if note), whole.known),
        unmet=tuple(sentences),
        about=left[0] if left else None,
    )


def _expired(facts: ComboFacts, probe: str, last: ProbeFacts | None, today: date) -> str | None:
    """Return the note about a known issue of a failed check that is no longer excused."""
    failed = [check.name for check in (last.transcript.checks if last else ()) if check.outcome is Outcome.FAILED]
    for known in facts.combo.known:
        has_expired = known.check is not None and known.covers(facts.combo.id, probe) and today > known.expires
        if has_expired and any(_expected(known).is_about(name) for name in failed):
            return f"known issue expired on {known.expires}: {_text(known)}"
    return None


def _note(demand: _Demand, *, fixed: bool = False) -> str | None:
    """Return the note about the known issue that a demand comes from."""
    known = demand.known
    if known is None:
        return None
    text = _text(known)
    return f"known issue seems fixed; remove its entry: {text}" if fixed else f"known until {known.expires}: {text}"


def _shows(expect: Expectation, evidence: str, diagnosis: Diagnosis | None) -> bool:
    """Return whether a failure is the expected one: its culprit, and what was printed."""
    if expect.culprit is not None and (diagnosis is None or diagnosis.culprit != expect.culprit):
        return False
    return expect.match is None or patterns.find(expect.match, evidence) is not None


def _printed(check: Check) -> str:
    return "\n".join([check.message, *(raised.message for raised in check.raised)])


def _evidence(facts: ComboFacts, last: ProbeFacts | None, finding: Finding) -> str:
    """Return everything that was printed or raised: the message, each check, and the output of every command."""
    texts = [finding.message]
    if last is not None:
        texts += [check.message for check in last.transcript.checks]
        texts += [raised.message for check in last.transcript.checks for raised in check.raised]
        texts.append(last.action.output)
    for step in facts.steps:
        texts += [action.output for action in (step.resolve, step.install) if action is not None]
    return "\n".join(texts)


def excuse(
    expectation: Expectation, knowns: Iterable[Known], combo: str, probe: str, status: Status, today: date
) -> tuple[Expectation, str | None]:
    """Return what a cell is expected to be, given its known issues, and a note about them (None: nothing to note).

    Until its date an entry replaces the combo's own expectation: its failure is as expected, and a pass is not, since
    the entry is obsolete then. A failure with another status is not excused. After its date an entry has no effect, and
    the note says so. If there are several entries, the one whose status fits counts, else the first. Entries that name
    a check are left out.
    """
    entries = [known for known in knowns if known.check is None and known.covers(combo, probe)]
    if status in UNDECIDED or not entries:
        return expectation, None
    live = [known for known in entries if today <= known.expires]
    for known in live:
        if known.status is status:
            return _expected(known), f"known until {known.expires}: {_text(known)}"
    if live and status is Status.PASS:
        return _expected(live[0]), f"known issue seems fixed; remove its entry: {_text(live[0])}"
    if live:
        return expectation, f"not excused, the known issue is {live[0].status}: {_text(live[0])}"
    if status is Status.PASS:
        return expectation, f"known issue seems fixed; remove its expired entry: {_text(entries[0])}"
    return expectation, f"known issue expired on {entries[0].expires}: {_text(entries[0])}"


def _expected(known: Known) -> Expectation:
    return Expectation(status=known.status, reason=_text(known), check=known.check)


def _text(known: Known) -> str:
    return f"{known.reason} ({known.url})" if known.url else known.reason
