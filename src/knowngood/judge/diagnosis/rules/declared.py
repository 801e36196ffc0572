"""What a distribution that the failure passed through declares to need, held against what is installed."""

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.model import Confidence, Diagnosis

_NEAR = 4  # distributions from the innermost frame outwards; farther ones did not cause it


def rule(case: Case) -> Diagnosis | None:
    """Find a declared requirement of a nearby distribution that the environment does not meet."""
    for who in case.path[:_NEAR]:
        for requirement in case.requirements(who):
            name = packages.name_of(requirement)
            version = case.installed.get(name)
            if version is None or packages.satisfies(version, requirement):
                continue
            near = name in case.path or requirement.name.replace("-", "_") in case.said or name in case.said
            return Diagnosis(
                culprit=name,
                conflicts_with=who,
                why=f"{case.shown(who)} declares to need {name}{requirement.specifier}, and {version} is installed",
                fix=(f"{name}{requirement.specifier}",),
                evidence=(f"metadata of {who}: requires {requirement}", f"the failure passed through {who}"),
                confidence=Confidence.CERTAIN if near else Confidence.LIKELY,
            )
    return None
