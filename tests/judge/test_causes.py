from dataclasses import replace

from knowngood.judge.causes import groups
from knowngood.model import Cell, Diagnosis, Phase, Reason, Status
from report.factory import cell, combo, passing


def failing(name: str, message: str, *, diagnosis: Diagnosis | None = None, check: str | None = "encode") -> Cell:
    return cell(
        combo(name),
        Status.FAIL,
        Phase.PROBE,
        Reason.CHECK_FAILED,
        message=message,
        check=check,
        diagnosis=diagnosis,
    )


ABI = Diagnosis(culprit="torch", conflicts_with="numpy", why="torch was built for NumPy 1.x", signature="numpy-abi")


def told(*cells: Cell) -> list[tuple[str, list[str]]]:
    return [(group.cause, [one.combo.id for one in group.cells]) for group in groups(cells)]


def test_cells_with_one_diagnosis_are_one_group_whatever_they_said() -> None:
    other_words = replace(ABI, why="another sentence", evidence=("x",))

    found = told(failing("a", "Numpy is not available", diagnosis=ABI), failing("b", "no", diagnosis=other_words))

    assert found == [("torch was built for NumPy 1.x", ["a", "b"])]


def test_each_part_of_a_diagnosis_keeps_groups_apart() -> None:
    others = [
        replace(ABI, culprit="scipy"),
        replace(ABI, conflicts_with="scipy"),
        replace(ABI, signature=None),
    ]
    cells = [failing(f"c{number}", "no", diagnosis=one) for number, one in enumerate([ABI, *others])]

    assert len(groups(cells)) == 4


def test_without_a_diagnosis_cells_that_failed_alike_are_one_group() -> None:
    found = told(
        failing("a", "torch==2.1.2 was asked for, 2.9.0 is installed"),
        failing("b", "torch==2.2.0 was asked for, 2.10.1 is installed"),
        failing("c", "torch==2.2.0 was asked for, 2.10.1 is installed", check="model loads"),
    )

    assert found == [
        ("torch==2.1.2 was asked for, 2.9.0 is installed", ["a", "b"]),
        ("torch==2.2.0 was asked for, 2.10.1 is installed", ["c"]),
    ]


def test_a_diagnosis_that_blames_nobody_does_not_put_unlike_failures_together() -> None:
    blank = Diagnosis(culprit=None, conflicts_with=None, why="nothing is known")

    found = told(failing("a", "no numpy", diagnosis=blank), failing("b", "no torch", diagnosis=blank))

    assert [names for _, names in found] == [["a"], ["b"]]


def test_the_largest_group_comes_first_and_equal_ones_stay_in_order() -> None:
    found = told(failing("a", "x"), failing("b", "y"), failing("c", "z"), failing("d", "z"))

    assert found == [("z", ["c", "d"]), ("x", ["a"]), ("y", ["b"])]


def test_what_passed_is_in_no_group_but_what_moved_or_could_not_be_told_is() -> None:
    cells = (
        passing(combo("good")),
        cell(combo("drifted"), Status.MOVED, Phase.COMPARE, Reason.ALL_PASSED, message="numbers moved"),
        cell(combo("down"), Status.INFRA, Phase.RESOLVE, Reason.INDEX_UNREACHABLE, as_expected=None),
        cell(combo("down-too"), Status.INFRA, Phase.RESOLVE, Reason.INDEX_UNREACHABLE, as_expected=None),
    )

    assert told(*cells) == [("index unreachable", ["down", "down-too"]), ("numbers moved", ["drifted"])]


def test_an_outage_is_never_grouped_with_a_failure_that_says_the_same() -> None:
    down = cell(combo("down"), Status.INFRA, Phase.PROBE, Reason.UNRECOGNISED, message="no", check="encode")

    assert len(groups((down, failing("bad", "no")))) == 2


def test_two_packages_that_disagree_about_two_things_are_two_groups() -> None:
    one = replace(ABI, signature=None, why="transformers 4.57.1 uses a name that torch 2.1.2 does not have")
    other = replace(ABI, signature=None, why="transformers 5.23.0 asks for a newer torch")
    again = replace(one, why="transformers 4.56.0 uses a name that torch 2.1.1 does not have")

    found = told(*(failing(name, "no", diagnosis=each) for name, each in (("a", one), ("b", other), ("c", again))))

    assert [names for _, names in found] == [["a", "c"], ["b"]]
