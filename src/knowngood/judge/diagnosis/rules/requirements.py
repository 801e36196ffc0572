"""Compare declared requirements and the combo's own pins with what is installed."""

from collections.abc import Iterable
from dataclasses import replace

from packaging.requirements import Requirement

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Diagnosis, Question

_NEAR = 4  # distributions from the innermost frame outwards; farther ones did not cause the failure


class Declared:
    """The rule about a declared requirement of a nearby distribution that the environment does not meet."""

    def questions(self, case: Case, answers: Answers) -> Iterable[Question]:
        """Ask nothing: metadata is recorded."""
        return ()

    def diagnose(self, case: Case, answers: Answers) -> Diagnosis | None:
        """Name the package that does not meet the requirement, and the distribution that declares it."""
        for user in case.path[:_NEAR]:
            for requirement in case.requirements(user):
                name = packages.name_of(requirement)
                version = case.installed.get(name)
                if version is None or packages.satisfies(version, requirement):
                    continue
                mentioned = requirement.name.replace("-", "_") in case.text or name in case.text
                return Diagnosis(
                    culprit=name,
                    conflicts_with=user,
                    why=f"{case.label(user)} requires {name}{requirement.specifier}, and {version} is installed",
                    fix=(f"{name}{requirement.specifier}",),
                    evidence=(f"metadata of {user}: requires {requirement}", f"the failure passed through {user}"),
                    confidence=Confidence.CERTAIN if mentioned or name in case.path else Confidence.LIKELY,
                )
        return None


class Moved:
    """The rule about a pin that a later step moved, for when nothing nearer explains the failure."""

    def questions(self, case: Case, answers: Answers) -> Iterable[Question]:
        """Ask nothing: what each step moved is recorded."""
        return ()

    def diagnose(self, case: Case, answers: Answers) -> Diagnosis | None:
        """Name the pin that was moved, the package that moved it, and the step that must state the pin again."""
        return moved_pin(case)


def moved_pin(case: Case) -> Diagnosis | None:
    """Return the diagnosis of the first pin that a later step moved; None when every pin holds."""
    for violation in case.violations:
        moves = [move for move in case.drift if move.package == violation.package]
        if not moves:
            continue
        move = moves[-1]
        step = next(step for step in case.facts.steps if step.number == move.step)
        needs = [
            (user, need)
            for user in step.resolved
            for need in case.requirements(user)
            if packages.name_of(need) == move.package and not packages.satisfies(move.before, need)
        ]
        if not needs:
            # Nobody asked for the move: the other party is the one that it leaves with a requirement unmet.
            needs = [(user, need) for user in case.distributions for need in _unmet(case, user, move.package)]
        requested = packages.names(case.facts.requirements(step.number))
        needs.sort(key=lambda pair: pair[0] not in requested)
        evidence = [f"step {move.step} moved {move.package} from {move.before} to {move.after}"]
        evidence += [f"metadata of {user}: requires {need}" for user, need in needs[:2]]
        return Diagnosis(
            culprit=move.package,
            conflicts_with=needs[0][0] if needs else None,
            why=f"{violation.pin} was pinned, and step {move.step} replaced {move.before} by {move.after}",
            fix=(violation.pin,),
            evidence=tuple(evidence),
            confidence=Confidence.CERTAIN,
        )
    return None


def _unmet(case: Case, user: str, package: str) -> list[Requirement]:
    """Return what ``user`` declares about ``package`` and the installed version does not meet."""
    version = case.installed.get(package)
    needs = (need for need in case.requirements(user) if packages.name_of(need) == package)
    return [need for need in needs if version is not None and not packages.satisfies(version, need)]


def with_mover(case: Case, diagnosis: Diagnosis) -> Diagnosis:
    """Return ``diagnosis`` with the package that moved the culprit as the other party, if it names no other party."""
    if diagnosis.conflicts_with is not None:
        return diagnosis
    moved = moved_pin(case)
    if moved is None or moved.culprit != diagnosis.culprit:
        return diagnosis
    # Even if nobody asked for the move, what no longer works with it is known when its code failed.
    failed = (owner for owner in case.path if owner != diagnosis.culprit)
    other = moved.conflicts_with or next(failed, None)
    return replace(diagnosis, conflicts_with=other, evidence=(*diagnosis.evidence, *moved.evidence))
