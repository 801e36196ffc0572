"""Combos are dealt to workers: by kind of host, equal ones once, and again when a worker is lost."""

from dataclasses import replace

import pytest

from knowngood.cache.keys import Keys
from knowngood.cache.verdicts import Entry
from knowngood.events import EnvironmentCreated
from knowngood.model import Action, Basis, Ending, Exit, Reused
from knowngood.run.executors.dealing import Dealer, Item, Next
from knowngood.run.executors.hosts import Host
from knowngood.run.executors.interface import Optimization, Task
from knowngood.run.executors.worker import Lock, Reply
from support.runs import task
from support.workshop import combo


def host(name: str = "node", pythons: tuple[str, ...] = ("3.11",), flags: str = "avx2") -> Host:
    return Host(
        name=name,
        machine="Linux x86_64, glibc 2.36",
        cpu_level="x86-64-v3",
        cpu_flags=flags,
        installers={"uv": "1"},
        pythons={python: f"{python}.1 build" for python in pythons},
        source="s",
    )


def tasks(*pythons: str, shares: bool = True) -> list[Task]:
    optimizations = frozenset({Optimization.SHARING} if shares else ())
    made = [task(combo(python=python, name=f"c{number}"), "") for number, python in enumerate(pythons)]
    return [replace(each, settings=replace(each.settings, optimizations=optimizations)) for each in made]


def keys(verdict: str) -> Keys:
    basis = Basis(key=verdict, lock="l", python="p", machine="m", variables=(), probes=())
    return Keys(build="b", verdict=verdict, ingredients={}, basis=basis)


def paused(verdict: str) -> Reply:
    return Reply(events=(), files=b"", keys=keys(verdict))


def entry() -> Entry:
    return Entry(
        reused=Reused(run="r", combo="c0", recorded="2026-01-01T00:00:00+00:00", key="k"),
        matrix="m",
        statuses={},
        ingredients={},
        events=(),
    )


def deal(dealer: Dealer, to: Host, *others: Host, worker: str = "w", alone: bool = False) -> Item | None:
    return dealer.next(worker, to, (to, *others), alone=alone)


def dealt(dealer: Dealer, to: Host, *others: Host, worker: str = "w") -> Item:
    item = deal(dealer, to, *others, worker=worker)
    assert item is not None
    return item


def test_a_combo_goes_to_a_host_that_has_its_python_the_most_urgent_first() -> None:
    dealer = Dealer(tasks("3.12", "3.11", "3.12", "3.11"))
    old, new = host(pythons=("3.11",)), host(pythons=("3.11", "3.12"))

    assert dealt(dealer, old, new).combo == "c1"
    assert dealt(dealer, new, old).combo == "c0"
    assert dealt(dealer, old, new).combo == "c3"
    assert deal(dealer, old, new) is None
    assert dealt(dealer, new, old).combo == "c2"


def test_a_combo_whose_python_no_host_has_goes_to_any_so_that_its_verdict_says_so() -> None:
    dealer = Dealer(tasks("3.9"))

    assert dealt(dealer, host()).combo == "c0"


def test_combos_with_the_same_key_wait_for_the_first_and_have_its_result() -> None:
    dealer = Dealer(tasks("3.11", "3.11", "3.11"))
    kind = host().kind
    first, second, third = (dealt(dealer, host()) for _ in range(3))

    said = [dealer.resolved(item, keys("k"), kind, paused("k")) for item in (first, second, third)]

    assert said == [Next.GO_ON, Next.FOLLOW, Next.FOLLOW]
    assert dealer.finished(first, entry()) == [second, third]
    assert dealer.unfinished == 0


def test_combos_that_waited_are_evaluated_when_nobody_may_reuse_the_result_of_the_first() -> None:
    dealer = Dealer(tasks("3.11", "3.11"))
    kind = host().kind
    first, second = dealt(dealer, host()), dealt(dealer, host())
    dealer.resolved(first, keys("k"), kind, paused("k"))
    dealer.resolved(second, keys("k"), kind, paused("k"))

    assert dealer.finished(first, None) == []

    assert dealer.unfinished == 1
    assert dealt(dealer, host()) is second


def test_a_combo_with_an_environment_of_its_own_waits_for_nobody() -> None:
    dealer = Dealer(tasks("3.11", "3.11"))
    first, second = dealt(dealer, host()), dealt(dealer, host())
    action = Action(exit=Exit(ending=Ending.EXITED, code=0), seconds=1.0, log="")
    built = Reply(
        events=(EnvironmentCreated(combo="c0", action=action, python_version="3.11.1"),), files=b"", keys=keys("k")
    )

    assert dealer.resolved(first, keys("k"), host().kind, built) is Next.GO_ON
    assert dealer.resolved(second, keys("k"), host().kind, built) is Next.GO_ON


def test_without_sharing_every_combo_is_evaluated() -> None:
    dealer = Dealer(tasks("3.11", "3.11", shares=False))
    first, second = dealt(dealer, host()), dealt(dealer, host())

    assert dealer.resolved(first, keys("k"), "kind", paused("k")) is Next.GO_ON
    assert dealer.resolved(second, keys("k"), "kind", paused("k")) is Next.GO_ON


def test_a_lost_combo_goes_to_another_worker_and_is_given_up_after_two() -> None:
    dealer = Dealer(tasks("3.11"))
    item = dealt(dealer, host(), worker="first")

    assert dealer.lost(item, "first")
    assert deal(dealer, host(), worker="first") is None
    assert dealt(dealer, host(), worker="second") is item
    assert not dealer.lost(item, "second")


def test_a_lost_combo_goes_to_the_same_worker_again_when_there_is_no_other() -> None:
    dealer = Dealer(tasks("3.11"))
    item = dealt(dealer, host())
    dealer.lost(item, "w")

    assert deal(dealer, host(), alone=True) is item


def test_a_combo_that_workers_leave_behind_as_planned_is_not_given_up_at_once() -> None:
    dealer = Dealer(tasks("3.11"))

    tries = 0
    while (item := deal(dealer, host())) is not None and dealer.moved(item):
        tries += 1

    assert 2 < tries < 20


def test_locks_count_only_for_the_kind_of_host_that_resolved_them() -> None:
    dealer = Dealer(tasks("3.11"))
    here, other = host(), host(flags="avx512f")
    item = dealt(dealer, here)
    lock = Lock(resolver=("uv", "p"), steps=(), resolution=None, files=())  # type: ignore[arg-type]
    dealer.resolved(item, keys("k"), here.kind, replace(paused("k"), locks=(lock,)))
    dealer.lost(item, "w")

    assert deal(dealer, other, worker="of another kind") is None
    dealer.forget({other.kind})
    again = dealt(dealer, other, worker="of another kind")

    assert again is item
    assert again.locks == ()


@pytest.mark.parametrize(
    "other",
    [host(flags="avx512f"), host(pythons=("3.12",)), replace(host(), machine="Linux x86_64, musl 1.2")],
    ids=["processor", "Pythons", "C library"],
)
def test_hosts_that_differ_in_what_verdicts_depend_on_are_of_different_kinds(other: Host) -> None:
    assert host("a").kind == host("b").kind
    assert other.kind != host().kind
