"""Compute to which versions a package must move: back to what its partner knew, or forward to what knows its partner.

What the files of the releases show goes before dates, and a date before the mere habit that releases break at a major
version.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from packaging.version import Version

from knowngood import packages
from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.questions import Answers, History
from knowngood.model import FirstWith, LastWith, NearestWithout, Question, Releases, Status

_SETTLED = timedelta(days=21)
"""A release line younger than this may be one that nobody had adapted to yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Symbol:
    """A name that is missing, as ``LastWith`` spells it."""

    module: str
    name: str
    word: str
    """The part of it that code which uses it must mention."""
    home: str = ""
    """The module of the class that lacks it, as it was recorded."""

    @property
    def is_use(self) -> bool:
        """Whether all there is to know is that code uses the word: no package should have it."""
        return not self.module and not self.name

    @property
    def owner(self) -> str:
        """The class that lacks it as a member, if its module is known; else no text."""
        return "" if not self.home or "(" in self.name else self.name.rpartition(".")[0]

    @property
    def as_owner(self) -> "Symbol":
        """The class that lacks it, to look for releases that do not have that class."""
        return Symbol(module="", name="", word=self.owner, home=self.home)


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """The constraint for one package, and the evidence for it."""

    fix: str
    evidence: str = ""
    current: datetime | None = None
    """When the release to go back to came out, if only dates say so."""


def back(
    case: Case, answers: Answers, package: str, partner: str | None, symbol: Symbol | None = None, *, uses: bool = False
) -> Move | None:
    """Return how far ``package`` must go back to fit ``partner``; without one, to fit the probe.

    ``symbol`` is what ``package`` no longer has or, with ``uses``, what it uses and its partner lacks.
    """
    installed = case.installed.get(package)
    if installed is None:
        return None
    history = answers.history(package)
    if symbol is not None:
        last = answers.nearest_without(package, newer=False) if uses else answers.last_with(symbol.module, symbol.name)
        if last is not None and last < installed:
            lacks = f"has no {symbol.word} in {symbol.home}" if symbol.home else f"does not mention {symbol.word}"
            says = f"{package} {last} {lacks if uses else 'still has it'}"
            return _below(package, history, last, installed, exactly=True, evidence=says)
    then = answers.uploaded(partner) if partner is not None else None
    if history is not None and then is not None:
        last = _settled(history, then, installed)
        if last is not None:
            says = f"{package} {last} was current when {case.label(partner or '')} was uploaded"
            move = _below(package, history, last, installed, exactly=False, evidence=says)
            return replace(move, current=history.uploaded(last)) if move is not None else None
        oldest = history.oldest_line() if history.newest_at(then) is None else None
        if oldest is None or oldest >= installed:
            return None
        says = f"{package} {oldest} is of the oldest release line for {case.label('python')}"
        return _below(package, history, oldest, installed, exactly=False, evidence=says)
    last = answers.current(package) if history is None else None
    if last is not None and last < installed:
        return Move(fix=f"{package}<{packages.next_line(last)}")
    return _below_major(package, history, installed) if partner is None else _below_line(package, history, installed)


def forward(
    case: Case, answers: Answers, package: str, partner: str, since: datetime | None, symbol: Symbol | None = None
) -> Move | None:
    """Return how far ``package`` must go forward to know ``partner``, which came out at ``since``."""
    installed, history = case.installed.get(package), answers.history(package)
    if installed is None:
        return None
    if history is None:
        then = answers.current(package)
        return Move(fix=f"{package}>={then.public}") if then is not None and then > installed else None
    without = answers.nearest_without(package, newer=True) if symbol is not None else None
    least = max(
        filter(None, (without, history.own_wheel_since(installed) if partner == "python" else None)), default=None
    )
    specifier = history.since(None if least else since, installed, least=least)
    if specifier is None:
        return None
    label = case.label(partner)
    if without is not None and symbol is not None and least == without:
        return Move(fix=f"{package}{specifier}", evidence=f"{package} {without} does not use {symbol.word}")
    return Move(fix=f"{package}{specifier}", evidence=f"{package}{specifier} came out after {label}")


def away(case: Case, answers: Answers, package: str) -> Move | None:
    """Return the move of ``package`` from a release that is broken itself: to the next of its line, else back."""
    installed, history = case.installed.get(package), answers.history(package)
    if installed is None:
        return None
    line = Version(packages.next_line(installed))
    newer = history.since(None, installed, before=line) if history is not None else None
    return Move(fix=f"{package}{newer}") if newer else _below_line(package, history, installed)


def up_to(case: Case, answers: Answers, package: str, symbol: Symbol) -> Move | None:
    """Return how far ``package`` must go forward to have ``symbol``."""
    first, history = answers.first_with(symbol.module, symbol.name), answers.history(package)
    if first is None or history is None or package not in case.installed:
        return None
    specifier = history.since(None, case.installed[package], least=first)
    evidence = f"{package} {first} is the first version that has it"
    return Move(fix=f"{package}{specifier}", evidence=evidence) if specifier else None


def lists(case: Case, *names: str | None) -> Iterator[Question]:
    """Ask for the releases of the packages among ``names`` that are installed; of all, where nothing could be."""
    unsolvable = case.verdict.status is Status.UNSOLVABLE
    known = (name for name in dict.fromkeys(names) if name and (unsolvable or name in case.facts.installed))
    return (Releases(package=name) for name in known if name != "python")


def about_provider(
    case: Case, answers: Answers, provider: str, consumer: str | None, symbol: Symbol
) -> Iterator[Question]:
    """Ask which release of ``provider`` has ``symbol``; else, which of ``consumer`` does without it.

    If nobody ever had it, the value was of another type: then ask which release had no such class.
    """
    installed = case.facts.installed[provider]
    older = LastWith(package=provider, installed=installed, module=symbol.module, name=symbol.name)
    newer = FirstWith(package=provider, installed=installed, module=symbol.module, name=symbol.name)
    yield older
    if consumer == provider:
        # A release that lacks a part of itself: one before or after it does not.
        yield newer
        yield without(case, provider, symbol, newer=False)
    elif older in answers and answers.last_with(symbol.module, symbol.name) is None:
        yield newer
        if newer not in answers or answers.first_with(symbol.module, symbol.name) is not None:
            return
        if consumer is not None:
            yield (user := without(case, consumer, symbol, newer=True))
            if user not in answers or answers.nearest_without(consumer, newer=True) is not None:
                return
        if symbol.owner:
            yield without(case, provider, symbol.as_owner, newer=False)


def without(case: Case, package: str, symbol: Symbol, *, newer: bool) -> Question:
    """Ask for the nearest release of ``package`` that does not mention ``symbol``."""
    installed = case.facts.installed[package]
    home = symbol.home if symbol.is_use else ""
    return NearestWithout(package=package, installed=installed, word=symbol.word, newer=newer, module=home)


def _settled(history: History, time: datetime, installed: Version) -> Version | None:
    """Return the version that was current at ``time``; of the line before, if its line had only just begun."""
    last = history.newest_at(time)
    if last is None:
        return None
    began = history.started(last)
    if last >= installed or (began is not None and time - began < _SETTLED):
        previous = history.previous_line(last)
        # What came out on the day itself can be the one that was adapted to.
        if previous is not None:
            return previous
    return last if last < installed else None


def _below(
    package: str, history: History | None, last: Version, installed: Version, *, exactly: bool, evidence: str
) -> Move | None:
    if history is None:
        return Move(fix=f"{package}<{packages.next_line(last)}", evidence=evidence)
    specifier = history.below(last, installed, exactly=exactly)
    return Move(fix=f"{package}{specifier}", evidence=evidence) if specifier else None


def _below_major(package: str, history: History | None, installed: Version) -> Move | None:
    """Go below the major version, where there is one below."""
    if installed.major and history is not None:
        older = [release.version for release in history.usable if release.version.major < installed.major]
        if older:
            return Move(fix=f"{package}<{installed.major}")
    return _below_line(package, history, installed)


def _below_line(package: str, history: History | None, installed: Version) -> Move | None:
    if history is not None:
        last = history.previous_line(installed)
        specifier = history.below(last, installed) if last is not None else None
        return Move(fix=f"{package}{specifier}") if specifier else None
    return Move(fix=f"{package}{packages.below(installed)}")
