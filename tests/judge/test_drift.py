from collections.abc import Mapping

import pytest

from knowngood.judge.conflicts import ledger, violations
from knowngood.model import ComboFacts, Drift
from support.facts import facts, step

Steps = tuple[tuple[tuple[str, ...], Mapping[str, str] | None], ...]


def built(steps: Steps, python: str | None = "3.11.7") -> ComboFacts:
    made = (step(number, asked, installed) for number, (asked, installed) in enumerate(steps, start=1))
    return facts(steps=tuple(made), python=python)


def moved(
    package: str, number: int, before: str, after: str | None, *, violates: str | None = None
) -> Drift:  # fmt: skip
    return Drift(package=package, step=number, before=before, after=after, violates=violates)


@pytest.mark.parametrize(
    ("steps", "drift"),
    [
        pytest.param((), (), id="nothing was built"),
        pytest.param((((), {"numpy": "1.26"}), ((), {"numpy": "1.26", "torch": "2"})), (), id="nothing moved"),
        pytest.param(
            ((("numpy>=1",), {"numpy": "1.26"}), (("torch",), {"numpy": "2.0", "torch": "2"})),
            (moved("numpy", 2, "1.26", "2.0"),),
            id="moved within what was asked for",
        ),
        pytest.param(
            ((("numpy<2",), {"numpy": "1.26"}), (("torch",), {"numpy": "2.0"})),
            (moved("numpy", 2, "1.26", "2.0", violates="numpy<2"),),
            id="moved out of what was asked for",
        ),
        pytest.param(
            ((("numpy<2",), {"numpy": "1.26"}), ((), {"numpy": "2.0"}), ((), {"numpy": "1.25"})),
            (moved("numpy", 2, "1.26", "2.0"), moved("numpy", 3, "2.0", "1.25")),
            id="moved twice, and back into what was asked for",
        ),
        pytest.param(
            (((), {"numpy": "1"}), ((), {"numpy": "2"}), ((), {"numpy": "1"})),
            (moved("numpy", 2, "1", "2"), moved("numpy", 3, "2", "1")),
            id="moved to and fro",
        ),
        pytest.param(
            ((("six",), {"six": "1", "numpy": "1"}), ((), {"numpy": "1"})),
            (moved("six", 2, "1", None, violates="six"),),
            id="removed",
        ),
        pytest.param(
            (((), {"six": "1"}), ((), {}), ((), {"six": "2"})), (moved("six", 2, "1", None),), id="removed and back"
        ),
        pytest.param(
            ((("numpy<2",), {"numpy": "1"}), (("numpy!=2.0",), {"numpy": "2.0"})),
            (moved("numpy", 2, "1", "2.0", violates="numpy<2, numpy!=2.0"),),
            id="violates two pins",
        ),
        pytest.param((((), {"numpy": "1"}), (("torch",), None)), (), id="a step that failed moved nothing"),
        pytest.param(
            (((), {"a": "1", "b": "1"}), ((), {"a": "2", "b": "2"})),
            (moved("a", 2, "1", "2"), moved("b", 2, "1", "2")),
            id="two in one step",
        ),
    ],
)
def test_the_ledger_lists_every_move_step_by_step(steps: Steps, drift: tuple[Drift, ...]) -> None:
    combo = built(steps)

    assert ledger(combo, violations(combo)) == drift


@pytest.mark.parametrize(
    ("pin", "installed", "messages"),
    [
        ("numpy==1.24.3", {"numpy": "1.24.3"}, ()),
        ("NumPy==1.24.3", {"numpy": "1.24.3"}, ()),
        ("huggingface_hub==0.19.4", {"huggingface-hub": "0.19.4"}, ()),
        ("torch==2.1.2", {"torch": "2.1.2+cpu"}, ()),
        ("torch==2.1.2+cu121", {"torch": "2.1.2+cpu"}, ("torch==2.1.2+cu121 was asked for, 2.1.2+cpu is installed",)),
        ("numpy", {"numpy": "2.0rc1"}, ()),
        ("numpy>=2.0rc1", {"numpy": "2.0rc1"}, ()),
        ("numpy>=2", {"numpy": "1.26.4"}, ("numpy>=2 was asked for, 1.26.4 is installed",)),
        ("numpy~=1.26", {"numpy": "1.27"}, ()),
        ("numpy>=1,<2", {}, ("numpy>=1,<2 was asked for, nothing is installed",)),
        ("uvicorn[standard]>=0.20", {"uvicorn": "0.30"}, ()),
        ("uvicorn[standard]>=0.20", {"uvicorn": "0.10"}, ("uvicorn[standard]>=0.20 was asked for, 0.10 is installed",)),
        ("numpy<2; python_version < '3.9'", {"numpy": "2.0"}, ()),
        (
            "numpy<2; python_version >= '3.9'",
            {"numpy": "2.0"},
            ("numpy<2; python_version >= '3.9' was asked for, 2.0 is installed",),
        ),
        ("numpy<2; sys_platform == 'no-such-platform'", {"numpy": "2.0"}, ()),
        (
            "numpy<2; python_full_version == '3.11.7'",
            {"numpy": "2"},
            ("numpy<2; python_full_version == '3.11.7' was asked for, 2 is installed",),
        ),
    ],
)
def test_a_pin_is_violated_by_the_version_that_is_installed_at_the_end(
    pin: str, installed: Mapping[str, str], messages: tuple[str, ...]
) -> None:
    assert tuple(str(one) for one in violations(built((((pin,), installed),)))) == messages


def test_a_marker_is_evaluated_for_the_python_of_the_environment() -> None:
    pin = "numpy<2; python_version < '3.9'"

    assert violations(built((((pin,), {"numpy": "2.0"}),), python="3.8.18"))
    assert not violations(built((((pin,), {"numpy": "2.0"}),), python="3.13.0"))


def test_the_pins_of_a_step_that_was_not_installed_are_not_violated() -> None:
    assert not violations(built(((("numpy<2",), {"numpy": "1"}), (("torch==9",), None))))


def test_a_pin_that_two_steps_state_is_reported_once_in_the_order_of_the_steps() -> None:
    steps: Steps = ((("b<2", "a<2"), {"a": "1", "b": "1"}), (("a<2",), {"a": "3", "b": "3"}))

    assert [one.pin for one in violations(built(steps))] == ["b<2", "a<2"]
