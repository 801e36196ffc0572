"""A pin that a later step moved, when nothing nearer tells what went wrong."""

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.drift import ledger, violations
from knowngood.model import Confidence, Diagnosis


def rule(case: Case) -> Diagnosis | None:
    """Name the pin that was moved, the package that moved it, and the step that must state the pin again."""
    for violation in violations(case.facts):
        moves = [move for move in ledger(case.facts) if move.package == violation.package]
        if not moves:
            continue
        move = moves[-1]
        step = next(one for one in case.facts.steps if one.number == move.step)
        needs = [
            (who, needed)
            for who in step.resolved
            for needed in case.requirements(who)
            if packages.name_of(needed) == move.package and not packages.satisfies(move.before, needed)
        ]
        asked = packages.names(step.requirements)
        needs.sort(key=lambda need: need[0] not in asked)
        evidence = [f"step {move.step} moved {move.package} from {move.before} to {move.after}"]
        evidence += [f"metadata of {who}: requires {needed}" for who, needed in needs[:2]]
        return Diagnosis(
            culprit=move.package,
            conflicts_with=needs[0][0] if needs else None,
            why=f"{violation.pin} was pinned, and step {move.step} replaced {move.before} by {move.after}",
            fix=(violation.pin,),
            evidence=tuple(evidence),
            confidence=Confidence.CERTAIN,
        )
    return None
