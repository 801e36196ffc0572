"""Two packages that do not get along: which of them must move, and where to.

The newer release is the culprit: the older one was made for what there was then. That is overruled by what the older
one itself declares or a later step moved.
"""

from datetime import datetime

from packaging.requirements import Requirement

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.drift import ledger
from knowngood.model import Confidence, Diagnosis


def settle(
    case: Case,
    *,
    provider: str,
    consumer: str | None,
    why: str,
    evidence: tuple[str, ...],
    confidence: Confidence,
    wanted: Requirement | None = None,
    symbol: str | None = None,
) -> Diagnosis:
    """Return the diagnosis for ``consumer`` using ``provider`` in a way that ``provider`` does not serve.

    ``consumer`` is None for the probe itself. ``wanted`` is what the consumer asks the provider to be, if it is known;
    ``symbol`` (``module:name``) is what it looks for there.
    """
    if consumer is None or not _is_culprit(case, consumer, provider, wanted):
        culprit, other = provider, consumer
        fix = _for_provider(case, provider, wanted, symbol)
    else:
        culprit, other = consumer, provider
        fix = _back_to(case, consumer, provider)
    last = case.facts.leads.last_with.get(symbol or "")
    if last is not None and culprit == provider and fix:
        evidence = (*evidence, f"{provider} {last} still has it")
    told = [*evidence, *_dates(case, provider, consumer), *_moves(case, culprit)]
    return Diagnosis(
        culprit=culprit,
        conflicts_with=other,
        why=why,
        fix=fix,
        evidence=tuple(told),
        confidence=confidence,
    )


def uploaded(case: Case, name: str | None) -> datetime | None:
    """Return when the installed version of ``name`` was uploaded, if that is known."""
    text = case.facts.leads.uploaded.get(name or "")
    return datetime.fromisoformat(text) if text else None


def _is_culprit(case: Case, consumer: str, provider: str, wanted: Requirement | None) -> bool:
    """Whether the consumer must move rather than the provider."""
    if any(move.package == provider for move in ledger(case.facts)):
        return False
    of_consumer, of_provider = uploaded(case, consumer), uploaded(case, provider)
    if of_consumer is None or of_provider is None:
        return False
    declared = next((one for one in case.requirements(consumer) if packages.name_of(one) == provider), None)
    version = case.installed.get(provider)
    if declared is not None and version is not None and not packages.satisfies(version, declared):
        return False
    return of_consumer > of_provider


def _for_provider(case: Case, provider: str, wanted: Requirement | None, symbol: str | None) -> tuple[str, ...]:
    if wanted is not None and str(wanted.specifier):
        return (f"{provider}{wanted.specifier}",)
    # What still has the name; or, where no name tells, what was current when the other party came out.
    last = packages.version(case.facts.leads.last_with.get(symbol or "", ""))
    if last is None and symbol is None:
        last = packages.version(case.facts.leads.current_then.get(provider, ""))
    if last is not None and last < case.installed.get(provider, last):
        return (f"{provider}<{packages.next_line(last)}",)
    version = case.installed.get(provider)
    return (f"{provider}{packages.below(version)}",) if version is not None else ()


def _back_to(case: Case, newer: str, older: str) -> tuple[str, ...]:
    """Return the constraint that takes ``newer`` back to what was current when ``older`` came out."""
    version = packages.version(case.facts.leads.current_then.get(newer, ""))
    if version is not None:
        return (f"{newer}<{packages.next_line(version)}",)
    installed = case.installed.get(newer)
    return (f"{newer}{packages.below(installed)}",) if installed is not None else ()


def _dates(case: Case, provider: str, consumer: str | None) -> list[str]:
    days = [(name, uploaded(case, name)) for name in (provider, consumer) if name]
    return [f"{case.shown(name)} is of {day:%Y-%m-%d}" for name, day in days if day is not None]


def _moves(case: Case, culprit: str) -> list[str]:
    return [
        f"step {move.step} moved {move.package} from {move.before} to {move.after}"
        for move in ledger(case.facts)
        if move.package == culprit
    ]
