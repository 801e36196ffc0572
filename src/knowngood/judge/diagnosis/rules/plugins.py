"""Read the errors by which pytest refuses a plugin, and a fixture that no plugin provides."""

import re
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.culprit import choose_culprit
from knowngood.judge.diagnosis.moves import Symbol
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import Confidence, Definitions, Diagnosis, LastWith, Question

_REFUSED = re.compile(
    r"Plugin '(?P<plugin>[^'\n]+)' for hook '(?P<hook>\w+)'"
    r"[\s\S]{0,400}?Argument\(s\) \{'(?P<argument>\w+)'[^}]*\} are declared in the hookimpl"
)
_UNKNOWN = re.compile(r"unknown hook '(?P<hook>\w+)' in plugin (?:<[^\n]* from )?'?(?P<plugin>[\w./-]+)")
_FIXTURE = re.compile(r"fixture '(?P<fixture>\w+)' not found")
_HOST = "pytest"
_MOST_PLUGINS = 6  # whose older releases are read for a lost fixture


def questions(case: Case, answers: Answers) -> Iterator[Question]:
    """Ask who defines the hook that a plugin uses, or a fixture that is missing, and who once did."""
    if _HOST in case.distributions and (match := _REFUSED.search(case.text) or _UNKNOWN.search(case.text)):
        # A plugin without a name is called by a number; then only its source shows which one it is.
        yield Definitions(name=match["hook"], among=(_HOST, *_plugins(case)))
    if (match := _FIXTURE.search(case.text)) and (plugins := _plugins(case)):
        yield (brought := Definitions(name=match["fixture"], among=plugins))
        if brought in answers and not answers.definitions(match["fixture"]):
            for plugin in plugins[:_MOST_PLUGINS]:
                installed = case.facts.installed[plugin]
                yield LastWith(package=plugin, installed=installed, module="", name=match["fixture"])


def diagnose(case: Case, answers: Answers) -> Diagnosis | None:
    """Name the plugin and pytest, or the plugin that lost a fixture."""
    if _HOST not in case.installed:
        return None
    if match := _REFUSED.search(case.text):
        symbol = Symbol(module="", name=f"{match['hook']}({match['argument']})", word=match["hook"])
        return _refused(case, answers, match, symbol, f"argument {match['argument']} of {match['hook']}")
    if match := _UNKNOWN.search(case.text):
        symbol = Symbol(module="", name=match["hook"], word=match["hook"])
        return _refused(case, answers, match, symbol, f"hook {match['hook']}")
    if match := _FIXTURE.search(case.text):
        return _lost(case, answers, match["fixture"])
    return None


def _refused(case: Case, answers: Answers, match: re.Match[str], symbol: Symbol, what: str) -> Diagnosis:
    implements = (name for name in answers.definitions(match["hook"]) if name != _HOST)
    plugin = _distribution(case, match["plugin"]) or next(implements, None)
    return choose_culprit(
        case,
        answers,
        provider=_HOST,
        consumer=plugin,
        symbol=symbol,
        why=f"{case.label(plugin) if plugin else 'a plugin'} uses the {what}, which {case.label(_HOST)} does not have",
        evidence=(" ".join(match[0].split())[:300],),
        confidence=Confidence.LIKELY,
    )


def _lost(case: Case, answers: Answers, fixture: str) -> Diagnosis | None:
    plugins = [plugin for plugin in _plugins(case) if plugin not in answers.definitions(fixture)]
    if answers.definitions(fixture) or not plugins:
        return None
    asked_for = next((plugin for plugin in plugins if plugin in case.requested), plugins[0])
    culprit = next((plugin for plugin in plugins if answers.last_with("", fixture, plugin)), asked_for)
    return choose_culprit(
        case,
        answers,
        provider=culprit,
        consumer=None,
        symbol=Symbol(module="", name=fixture, word=fixture),
        why=f"no plugin brings the fixture {fixture}",
        evidence=(f"fixture '{fixture}' not found",),
        confidence=Confidence.POSSIBLE,
    )


def missing(case: Case) -> Symbol | None:
    """Return what pytest, or a plugin of it, lacks."""
    if match := _REFUSED.search(case.text):
        return Symbol(module="", name=f"{match['hook']}({match['argument']})", word=match["hook"])
    if match := _UNKNOWN.search(case.text) or _FIXTURE.search(case.text):
        return Symbol(module="", name=match[1], word=match[1])
    return None


def _plugins(case: Case) -> tuple[str, ...]:
    """Return the installed distributions that build on pytest."""
    return tuple(name for name in case.distributions if _HOST in case.needs(name))


def _distribution(case: Case, plugin: str) -> str | None:
    """Return the distribution of a plugin, which is called by its entry point, its module or its file."""
    name = canonicalize_name(plugin.rpartition("site-packages/")[2].partition("/")[0].removesuffix(".py"))
    for candidate in (f"pytest-{name}", name):
        if candidate in case.installed and candidate != _HOST:
            return candidate
    return case.provider(name.replace("-", "_"))
