"""After a failure: follow the leads that its diagnosis would want to have, and no others."""

from dataclasses import replace

from packaging.utils import canonicalize_name

from knowngood import packages
from knowngood.install.environment import Environment
from knowngood.install.releases import Scout, definitions
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import uploaded
from knowngood.judge.diagnosis.diagnose import concerned, diagnose
from knowngood.judge.diagnosis.rules import python
from knowngood.judge.diagnosis.rules.symbols import symbol, wanted
from knowngood.judge.drift import ledger
from knowngood.judge.rules import Rules
from knowngood.judge.verdict import case_of, judge_combo
from knowngood.model import UNDECIDED, Cell, ComboFacts, Confidence, Diagnosis, Leads, Status


def investigate(facts: ComboFacts, scout: Scout, environment: Environment, rules: Rules) -> Leads:
    """Return what can be looked up for the first failing cell of a combo; nothing when none failed."""
    failing = [cell for cell in judge_combo(facts, rules) if cell.verdict.status not in (*UNDECIDED, Status.PASS)]
    if not failing:
        return Leads()
    probe = failing[0].probe
    leads = _found(facts, failing[0], scout, environment, rules)
    return _with_infeasible(replace(facts, leads=leads), probe, scout, leads, rules)


def _found(facts: ComboFacts, cell: Cell, scout: Scout, environment: Environment, rules: Rules) -> Leads:
    case = case_of(facts, cell, rules)
    built = (
        case.installer.failed_build(case.action) if case.action and case.verdict.status is Status.BUILD_FAIL else None
    )
    if built is not None:
        name, version = built
        newer = scout.next_with_wheel(name, version)
        return Leads(with_wheel={name: newer} if newer else {})
    if case.verdict.status is Status.UNSOLVABLE or _is_known(case):
        return Leads()
    who = dict.fromkeys(name for name in concerned(case) if name in facts.installed)
    who |= dict.fromkeys(move.package for move in ledger(facts) if move.after is not None)
    owners = [case.distributions[name] for name in who if name in case.distributions]
    leads = Leads(
        uploaded=scout.uploaded({name: facts.installed[name] for name in who}) if who else {},
        definitions=definitions(environment, wanted(case), owners),
    )
    general = replace(rules, signatures=())
    leads = _with_current(replace(facts, leads=leads), cell.probe, scout, leads, general)
    return _with_last(replace(facts, leads=leads), cell.probe, scout, leads, general)


def _with_infeasible(facts: ComboFacts, probe: str, scout: Scout, leads: Leads, rules: Rules) -> Leads:
    """Add the fix, if the resolver proves that it cannot be had beside what else the combo asks for."""
    _, found = _so_far(facts, probe, rules)
    fix = found.fix if found else ()
    changed = packages.names(fix)
    if not fix or "python" in changed:
        return leads
    asked = [text for step in facts.combo.steps for text in step]
    others = [text for text in asked if not {*packages.names([text])} & {*changed}]
    # Without the fix it must be possible: steps one after the other may bring about what no resolver would.
    if scout.solvable("fix", [*others, *fix]) is not False or not scout.solvable("others", others):
        return leads
    return replace(leads, infeasible=fix)


def _is_known(case: Case) -> bool:
    found = diagnose(case)
    return found is not None and found.signature is not None and found.confidence is Confidence.CERTAIN


def _with_current(facts: ComboFacts, probe: str, scout: Scout, leads: Leads, rules: Rules) -> Leads:
    """Add what the culprit's version was when the other party came out: that is where it can go back to."""
    case, found = _so_far(facts, probe, rules)
    if found is None or found.culprit is None:
        return leads
    suspect: str | None = found.culprit
    then = uploaded(case, canonicalize_name(found.conflicts_with or ""))
    nearest = next(iter(case.path), None)
    if python.is_concerned(case) and found.conflicts_with in (None, "python", nearest):
        suspect, then = nearest, python.supported_since(case)
    if suspect is None or then is None or suspect not in facts.installed:
        return leads
    version = scout.current(suspect, then)
    return replace(leads, current_then={suspect: version}) if version else leads


def _with_last(facts: ComboFacts, probe: str, scout: Scout, leads: Leads, rules: Rules) -> Leads:
    """Add the newest older version of a culprit that still has the name that is missing."""
    case, found = _so_far(facts, probe, rules)
    missing, culprit = symbol(case), found.culprit if found else None
    if missing is None or culprit is None or case.provider(missing[0]) != culprit:
        return leads
    last = scout.last_with(culprit, facts.installed[culprit], *missing)
    return replace(leads, last_with={":".join(missing): last}) if last else leads


def _so_far(facts: ComboFacts, probe: str, rules: Rules) -> tuple[Case, Diagnosis | None]:
    """Return the case of a probe and its diagnosis, from the leads that were followed so far."""
    cell = next(cell for cell in judge_combo(facts, rules) if cell.probe == probe)
    return case_of(facts, cell, rules), cell.diagnosis
