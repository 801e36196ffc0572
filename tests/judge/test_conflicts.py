"""Conflicts: the declared requirements of installed distributions that their environment does not meet."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from knowngood.judge.conflicts import conflicts
from knowngood.judge.verdict import judge_combo
from knowngood.model import ComboFacts, Distribution, EnvironmentFacts
from support.facts import RULES, attempt, check, combo, facts, step

Declared = Mapping[str, tuple[str, ...]]
LINUX = "Linux x86_64, glibc 2.36"


def built(
    installed: Mapping[str, str], declared: Declared, *steps: tuple[str, ...], python: str = "3.11.7"
) -> ComboFacts:
    """Return a combo with ``installed``, where distributions declare requirements by name; it asks for ``steps``."""
    asked = steps or (tuple(installed),)
    distributions = tuple(
        Distribution(name=name, version=version, requires=declared.get(name, ())) for name, version in installed.items()
    )
    done = tuple(step(number, requirements, installed) for number, requirements in enumerate(asked, start=1))
    made = facts(attempt(check("a")), of=combo("one", *asked), steps=done, python=python)
    return replace(made, environment=EnvironmentFacts(distributions=distributions))


def found(subject: ComboFacts, machine: str = LINUX) -> list[str]:
    return [
        f"{conflict.distribution} {conflict.version}: {conflict.requirement}, {conflict.package} {conflict.installed}"
        for conflict in conflicts(subject, machine=machine)
    ]


@pytest.mark.parametrize(
    ("installed", "declared", "messages"),
    [
        ({"flask": "3.0", "werkzeug": "3.0"}, {"flask": ("Werkzeug>=3",)}, []),
        ({"flask": "3.0", "werkzeug": "2.2"}, {"flask": ("Werkzeug>=3",)}, ["flask 3.0: Werkzeug>=3, werkzeug 2.2"]),
        ({"flask": "3.0"}, {"flask": ("Werkzeug>=3",)}, ["flask 3.0: Werkzeug>=3, werkzeug None"]),
        ({"a": "1", "b": "2.0rc1"}, {"a": ("b>=1",)}, []),
        ({"a": "1", "b": "2.0"}, {"a": ("b<2; python_version < '3.11'",)}, []),
        ({"a": "1", "b": "2.0"}, {"a": ("b<2; python_version >= '3.11'",)}, ["a 1: b<2, b 2.0"]),
        ({"a": "1"}, {"a": ("b; sys_platform == 'win32'", "c; platform_machine == 'aarch64'")}, []),
        ({"a": "1"}, {"a": ("b; sys_platform == 'linux'",)}, ["a 1: b, b None"]),
        ({"a": "1", "b": "9"}, {"a": ("b @ https://example.org/b.whl",)}, []),
        ({"a": "1", "b": "2004d-old"}, {"a": ("b<1",)}, []),
        ({"a": "1"}, {"a": ("not a requirement at all",)}, []),
        ({"a": "1", "b": "3"}, {"a": ("b<2", "b!=3")}, ["a 1: b!=3, b 3", "a 1: b<2, b 3"]),
        ({"b": "1", "a": "1"}, {"b": ("c",), "a": ("c", "c")}, ["a 1: c, c None", "b 1: c, c None"]),
    ],
)
def test_a_conflict_is_a_declared_requirement_that_is_not_met(
    installed: Mapping[str, str], declared: Declared, messages: list[str]
) -> None:
    assert found(built(installed, declared)) == messages


def test_a_marker_is_evaluated_for_the_python_and_the_platform_of_the_run() -> None:
    declared = {"a": ("b; sys_platform == 'darwin' and platform_machine == 'arm64'", "c; python_version < '3.9'")}

    assert found(built({"a": "1"}, declared)) == []
    assert found(built({"a": "1"}, declared), "Darwin arm64, libc unknown") == ["a 1: b, b None"]
    assert found(built({"a": "1"}, declared, python="3.8.18")) == ["a 1: c, c None"]


@pytest.mark.parametrize(
    ("asked", "messages"),
    [
        ((("a",),), []),
        ((("a[fast]",),), ["a 1: b, b None"]),
        ((("a[Fast_Er]",),), ["a 1: e, e None"]),
        ((("A[fast] ; python_version < '3'",),), []),
        ((("a",), ("a[fast]>=1",)), ["a 1: b, b None"]),
        ((("user",),), ["a 1: b, b None"]),
        ((("a[all]",),), ["a 1: b, b None", "a 1: d, d None"]),
    ],
)
def test_the_requirements_of_an_extra_count_once_somebody_asked_for_it(
    asked: tuple[tuple[str, ...], ...], messages: list[str]
) -> None:
    declared = {
        "a": ("b; extra == 'fast'", "d; extra == 'all'", "a[fast]; extra == 'all'", "e; extra == 'fast-er'"),
        "user": ("a[fast]; python_version >= '3'",),
    }
    installed = {"a": "1"} | ({"user": "1"} if asked == (("user",),) else {})

    assert found(built(installed, declared, *asked)) == messages


def test_an_environment_that_was_never_completed_has_no_conflicts() -> None:
    whole = built({"a": "1"}, {"a": ("b",)})

    assert conflicts(replace(whole, environment=None)) == ()


def test_every_cell_of_a_combo_carries_its_conflicts_and_only_a_pass_without_any_is_known_good() -> None:
    probes = combo("one", ("a",), probes=("works", "fails"))
    subject = built({"a": "1"}, {"a": ("b",)}, ("a",))
    failing = attempt(check("x"), probe="fails", hello=False)
    works, fails = judge_combo(replace(subject, combo=probes, probes=(*subject.probes, failing)), RULES)
    (clean,) = judge_combo(built({"a": "1"}, {}), RULES)

    assert [conflict.package for conflict in works.conflicts] == ["b"] and works.conflicts == fails.conflicts
    assert (works.known_good, works.works_against_metadata) == (False, True)
    assert (fails.known_good, fails.works_against_metadata) == (False, False)
    assert (clean.known_good, clean.works_against_metadata) == (True, False)
