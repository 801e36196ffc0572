from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.errors import ExitCode, UsageError
from knowngood.judge.merge import below, merge, missing
from knowngood.judge.verdict import exit_code, judge
from knowngood.model import ComboFacts, IndexChoice, Phase, Reason, Run, Status, Trouble
from support.facts import RULES, attempt, check, combo, info, step

MATRIX = tuple(combo(name) for name in ("zoo", "legacy", "modern", "b", "a10", "a9", "last"))
CHOICE = IndexChoice(name="i", asked="http://i", used="http://i", packages=(), why="it answered")


def done(name: str, version: str = "1.0") -> ComboFacts:
    """Return the facts of a combo that passed."""
    return ComboFacts(
        combo=combo(name),
        started=True,
        finished=True,
        python_version="3.11.7",
        steps=(step(1, ("numpy",), {"numpy": version}),),
        probes=(attempt(check("works")),),
    )


def shard(number: int, of: int, *, day: int = 1, hands: Sequence[Sequence[str]] | None = None) -> Run:
    """Return the run of one shard: every ``of``-th combo, or the combos in ``hands``."""
    ids = [one.id for one in MATRIX]
    mine = set(hands[number - 1] if hands else ids[number - 1 :: of])
    about = info(run=f"run-{day}-{number}", started=f"2026-01-{day:02}T00:00:0{number}+00:00")
    return Run(
        info=replace(about, shard=f"{number}/{of}"),
        combos=tuple(done(name) for name in ids if name in mine),
        elsewhere=tuple(one for one in MATRIX if one.id not in mine),
        order=tuple(ids),
        indexes=(CHOICE,),
        finished=True,
    )


def ids(run: Run) -> list[str]:
    return [facts.combo.id for facts in run.combos]


def facts(run: Run) -> dict[str, ComboFacts]:
    return {one.combo.id: one for one in run.combos}


@pytest.mark.parametrize("of", [1, 2, 3, 5, 7])
def test_all_shards_together_are_the_whole_matrix_in_its_order(of: int) -> None:
    run = merge([shard(number, of) for number in range(of, 0, -1)])

    assert ids(run) == [one.id for one in MATRIX]
    assert (run.finished, run.elsewhere, missing(run)) == (True, (), ())
    assert run.info.id == "run-1-1"
    assert run.info.shard == ("1/1" if of == 1 else "")
    assert run.indexes == (CHOICE,)
    assert all(cell.verdict.status is Status.PASS for cell in judge(run, RULES).cells)


def test_the_order_is_that_of_the_matrix_however_the_shards_were_formed() -> None:
    hands = [["last", "legacy"], ["zoo", "a9", "a10"], ["b", "modern"]]

    assert ids(merge([shard(number, 3, hands=hands) for number in (1, 2, 3)])) == [one.id for one in MATRIX]


def test_a_missing_shard_is_named_and_its_combos_were_not_run() -> None:
    run = merge([shard(3, 4), shard(1, 4)])
    statuses = {cell.combo.id: cell.verdict.status for cell in judge(run, RULES).cells}

    assert missing(run) == ("2/4", "4/4")
    assert run.info.shard == "1/4, 3/4"
    assert not run.finished
    assert statuses == {one.id: Status.NOT_RUN for one in MATRIX} | dict.fromkeys(
        ["zoo", "modern", "a10", "last"], Status.PASS
    )
    assert [one.id for one in run.elsewhere] == [name for name in ids(run) if statuses[name] is Status.NOT_RUN]
    assert exit_code(judge(run, RULES)) is ExitCode.UNDECIDED


def test_one_shard_alone_is_a_run_in_which_the_others_are_missing() -> None:
    run = merge([shard(2, 3)])

    assert missing(run) == ("1/3", "3/3")
    assert ids(run) == [one.id for one in MATRIX]


def test_a_run_of_the_missing_combos_replaces_a_missing_shard() -> None:
    by_hand = Run(info=info(run="by-hand"), combos=(done("legacy"), done("b"), done("a9")), finished=True)

    run = merge([shard(1, 2), by_hand])

    assert (run.finished, missing(run), run.info.shard) == (True, (), "")


def test_of_two_runs_of_one_combo_the_finished_one_counts_else_the_later_one() -> None:
    def of_day(day: int, one: ComboFacts) -> Run:
        about = info(run=f"run-{day}", started=f"2026-01-{day:02}T00:00:00+00:00")
        return Run(info=about, combos=(one,), finished=one.finished, interrupted=None if one.finished else "SIGINT")

    old, new = done("a", "1.0"), done("a", "2.0")
    begun, never = replace(new, finished=False, probes=()), ComboFacts(combo=combo("a"))

    assert merge([of_day(1, old), of_day(2, new)]).combos == (new,)
    assert merge([of_day(1, old), of_day(2, begun)]).combos == (old,)
    assert merge([of_day(1, never), of_day(2, begun)]).combos == (begun,)
    assert merge([of_day(1, replace(old, finished=False)), of_day(2, begun)]).combos == (begun,)
    whole = merge([of_day(1, begun), of_day(2, old)])
    assert (whole.finished, whole.interrupted) == (True, None), "the finished run replaces the interrupted one"
    cut = merge([of_day(1, begun), of_day(2, never)])
    assert (cut.finished, cut.interrupted) == (False, "SIGINT")


def test_a_log_given_twice_and_a_truncated_copy_change_nothing() -> None:
    first, second = replace(shard(1, 2), bad_lines=1), shard(2, 2)
    torn = replace(first, combos=(*first.combos[:1], ComboFacts(combo=first.combos[1].combo), *first.combos[2:]))

    assert merge([first, second, first]) == merge([first, second])
    assert merge([first, second]).bad_lines == 1
    assert facts(merge([torn, second, first])) == facts(merge([first, second]))


def test_a_single_complete_run_is_returned_as_it_is() -> None:
    run = Run(info=info(), combos=(done("a"),), interrupted="SIGTERM")

    assert merge([run]) is run


def test_machines_that_differ_are_all_named() -> None:
    second = shard(2, 2)

    run = merge([shard(1, 2), replace(second, info=replace(second.info, cpu="another cpu"))])

    assert (run.info.platform, run.info.cpu) == ("Linux", "a cpu, another cpu")


def test_logs_in_several_folders_keep_their_folder() -> None:
    trouble = Trouble(phase=Phase.CREATE, reason=Reason.NO_SPACE, message="full", log="t.log")
    first, second = shard(1, 2), shard(2, 2)
    stopped = replace(second.combos[0], create=None, steps=(), probes=(), trouble=trouble)
    second = replace(second, combos=(stopped, *second.combos[1:]))

    cells = judge(merge([below(first, "one"), below(second, "two/deep")]), RULES).cells

    assert {cell.combo.id: cell.log for cell in cells[:3]} == {
        "zoo": "one/works.log",
        "legacy": "two/deep/t.log",
        "modern": "one/works.log",
    }


@pytest.mark.parametrize("changed", [{"digest": "d2"}, {"matrix": "another", "digest": "d2"}, {"matrix": "another"}])
def test_runs_of_different_matrices_are_refused_by_name(changed: dict[str, str]) -> None:
    first, second = shard(1, 2), shard(2, 2)

    with pytest.raises(UsageError) as refused:
        merge([first, replace(second, info=replace(second.info, **changed))])  # type: ignore[arg-type]

    assert "run-1-1" in refused.value.cause and "run-1-2" in refused.value.cause
    assert all(value in refused.value.cause for value in changed.values())
    assert ("versions" in refused.value.what) == ("matrix" not in changed)


@st.composite
def sharded(draw: st.DrawFn) -> list[Run]:
    """Draw shards of one matrix, some of them missing, some combos cut short, each begun in one shard only."""
    of = draw(st.integers(1, 5))
    hands: list[list[str]] = [[] for _ in range(of)]
    for one in MATRIX:
        hands[draw(st.integers(0, of - 1))].append(one.id)
    numbers = draw(st.lists(st.integers(1, of), min_size=1, unique=True))
    cut = draw(st.sets(st.sampled_from([one.id for one in MATRIX])))
    runs = []
    for number in numbers:
        run = shard(number, of, day=draw(st.integers(1, 28)), hands=hands)
        combos = tuple(replace(one, finished=False, probes=()) if one.combo.id in cut else one for one in run.combos)
        runs.append(replace(run, combos=combos, finished=not any(not one.finished for one in combos)))
    return runs


@given(sharded())
def test_the_order_of_the_logs_does_not_matter(runs: list[Run]) -> None:
    expected = merge(runs)

    assert all(merge(each) == expected for each in list(permutations(runs))[:24])
    assert sorted(ids(expected)) == sorted(one.id for one in MATRIX)


@given(sharded(), st.data())
def test_merging_merged_runs_gives_the_same_cells_as_merging_all_at_once(runs: list[Run], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(runs) - 1))
    left, right = runs[:at] or runs[:1], runs[at:]

    nested, flat = merge([merge(left), merge(right)]), merge(runs)

    def verdicts(run: Run) -> dict[str, object]:
        return {cell.combo.id: (cell.verdict, cell.message, cell.installed) for cell in judge(run, RULES).cells}

    assert verdicts(nested) == verdicts(flat)
    assert facts(nested) == facts(flat)
    assert missing(nested) == missing(flat)
    assert nested.finished == flat.finished


@given(sharded())
def test_merging_again_changes_nothing(runs: list[Run]) -> None:
    run = merge(runs)

    assert merge([run]) == run
    assert merge([run, *runs]).combos == run.combos
