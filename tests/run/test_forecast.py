"""Tests of the estimated cost of combos, and of dividing them among CI jobs."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.cache.verdicts import Entry
from knowngood.model import ComboFacts, Reused, StepFacts
from knowngood.run.forecast import Forecast, costs, deal, deal_matrices
from support.facts import combo

COSTS = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=4), st.one_of(st.just(0.0), st.floats(0.01, 5000)), min_size=1, max_size=40
)
KNOWN = Entry(
    reused=Reused(run="r", combo="known", recorded="2026-01-01T00:00:00+00:00", key="k"),
    matrix="m",
    statuses={},
    ingredients={},
    events=(),
)


def forecast(name: str, *, possible: bool = True, known: Entry | None = None) -> Forecast:
    return Forecast(facts=ComboFacts(combo=combo(name)), possible=possible, reusable=known)


FORECASTS = (
    forecast("known", known=KNOWN),
    forecast("slow"),
    forecast("impossible", possible=False),
    forecast("never-run"),
)


def test_reusable_and_impossible_combos_cost_nothing_and_new_ones_the_mean() -> None:
    past = {"slow": 30.0, "known": 10.0}

    assert costs(FORECASTS, past, everything=False) == {
        "known": 0.0,
        "slow": 30.0,
        "impossible": 0.0,
        "never-run": 20.0,
    }


def test_reusable_combos_cost_what_they_took_when_everything_runs() -> None:
    past = {"slow": 30.0, "known": 10.0}

    assert costs(FORECASTS, past, everything=True)["known"] == 10.0
    assert costs(FORECASTS, past, everything=True)["impossible"] == 0.0


def test_a_matrix_that_was_never_run_costs_something() -> None:
    cost = costs(FORECASTS, {}, everything=False)

    assert cost["slow"] == cost["never-run"] > 0


def test_costs_keep_the_order_of_the_matrix() -> None:
    assert list(costs(FORECASTS, {}, everything=False)) == ["known", "slow", "impossible", "never-run"]


def test_the_last_step_decides_which_version_is_installed() -> None:
    steps = (
        StepFacts(number=1, requirements=("a",), resolved={"a": "1", "b": "1"}),
        StepFacts(number=2, requirements=("b",), resolved={"b": "2"}),
    )
    result = Forecast(facts=ComboFacts(combo=combo(), steps=steps), possible=True, reusable=None)

    assert result.distributions == {"a": "1", "b": "2"}


@given(COSTS, st.integers(1, 300))
def test_every_combo_is_dealt_once_in_order_to_no_more_jobs_than_allowed(cost: Mapping[str, float], most: int) -> None:
    jobs = deal(cost, most=most)

    assert 1 <= len(jobs) <= most
    assert sorted(combo for job in jobs for combo in job.combos) == sorted(cost)
    order = list(cost)
    for job in jobs:
        assert job.combos, "a job without a combo would run nothing"
        assert list(job.combos) == sorted(job.combos, key=order.index)
        assert abs(job.seconds - sum(cost[combo] for combo in job.combos)) <= 0.06


@given(COSTS, st.integers(1, 300))
def test_no_job_takes_much_longer_than_the_mean_plus_one_combo(cost: Mapping[str, float], most: int) -> None:
    jobs = deal(cost, most=most)

    least = sum(cost.values()) / len(jobs)
    assert max(job.seconds for job in jobs) <= least + max(cost.values()) + 0.1


@given(COSTS, st.integers(1, 300))
def test_dealing_twice_gives_the_same_jobs(cost: Mapping[str, float], most: int) -> None:
    assert deal(cost, most=most) == deal(dict(cost), most=most)


def test_equal_combos_are_dealt_evenly() -> None:
    jobs = deal({f"c{number}": 60.0 for number in range(8)}, most=4)

    assert [(len(job.combos), job.seconds) for job in jobs] == [(2, 120.0)] * 4


def test_the_longest_combos_are_dealt_first() -> None:
    jobs = deal({"a": 60.0, "b": 60.0, "c": 120.0}, most=2)

    assert [(job.combos, job.seconds) for job in jobs] == [(("c",), 120.0), (("a", "b"), 120.0)]


def test_little_work_is_not_worth_many_jobs() -> None:
    assert len(deal({f"c{number}": 1.0 for number in range(50)}, most=8)) == 1
    assert len(deal({f"c{number}": 90.0 for number in range(50)}, most=8)) == 8


def test_combos_without_cost_are_one_job() -> None:
    (job,) = deal({"a": 0.0, "b": 0.0}, most=8)

    assert (job.combos, job.seconds) == (("a", "b"), 0.0)


@given(st.dictionaries(st.sampled_from("abcdef"), COSTS, min_size=1), st.integers(6, 300))
def test_the_combos_of_several_matrices_are_dealt_once_and_never_mixed(
    costs: Mapping[str, Mapping[str, float]], most: int
) -> None:
    jobs = deal_matrices(costs, most=most)

    assert list(jobs) == list(costs)
    assert sum(map(len, jobs.values())) <= most
    for name, parts in jobs.items():
        assert parts and sorted(combo for job in parts for combo in job.combos) == sorted(costs[name])


def test_the_matrix_with_more_work_gets_more_jobs() -> None:
    costs = {"small": {"s": 60.0, "t": 60.0}, "large": {f"c{number}": 100.0 for number in range(9)}}

    jobs = deal_matrices(costs, most=5)

    assert {name: len(parts) for name, parts in jobs.items()} == {"small": 1, "large": 4}


def test_jobs_that_one_matrix_cannot_use_go_to_another() -> None:
    costs = {"one": {"long": 900.0}, "many": {f"c{number}": 60.0 for number in range(4)}}

    assert {name: len(parts) for name, parts in deal_matrices(costs, most=5).items()} == {"one": 1, "many": 4}


def test_more_matrices_than_jobs_cannot_be_divided() -> None:
    with pytest.raises(ValueError, match="2 matrices cannot be divided among 1 jobs"):
        deal_matrices({"a": {"x": 1.0}, "b": {"y": 1.0}}, most=1)
