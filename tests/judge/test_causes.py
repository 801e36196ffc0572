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


def summary(*cells: Cell) -> list[tuple[str, list[str]]]:
    return [(group.cause, [one.combo.id for one in group.cells]) for group in groups(cells)]


def test_cells_with_the_same_diagnosis_are_one_group_whatever_their_messages() -> None:
    other_words = replace(ABI, why="another sentence", evidence=("x",))

    causes = summary(failing("a", "Numpy is not available", diagnosis=ABI), failing("b", "no", diagnosis=other_words))

    assert causes == [("torch was built for NumPy 1.x", ["a", "b"])]


def test_cells_whose_diagnoses_differ_in_any_part_are_separate_groups() -> None:
    others = [
        replace(ABI, culprit="scipy"),
        replace(ABI, conflicts_with="scipy"),
        replace(ABI, signature=None),
    ]
    cells = [failing(f"c{number}", "no", diagnosis=one) for number, one in enumerate([ABI, *others])]

    assert len(groups(cells)) == 4


def test_without_a_diagnosis_cells_with_similar_messages_are_one_group() -> None:
    causes = summary(
        failing("a", "torch==2.1.2 was asked for, 2.9.0 is installed"),
        failing("b", "torch==2.2.0 was asked for, 2.10.1 is installed"),
        failing("c", "torch==2.2.0 was asked for, 2.10.1 is installed", check="model loads"),
    )

    assert causes == [
        ("torch==2.1.2 was asked for, 2.9.0 is installed", ["a", "b"]),
        ("torch==2.2.0 was asked for, 2.10.1 is installed", ["c"]),
    ]


def test_a_diagnosis_without_a_culprit_does_not_group_different_failures() -> None:
    blank = Diagnosis(culprit=None, conflicts_with=None, why="nothing is known")

    causes = summary(failing("a", "no numpy", diagnosis=blank), failing("b", "no torch", diagnosis=blank))

    assert [names for _, names in causes] == [["a"], ["b"]]


def test_the_largest_group_comes_first_and_equal_ones_stay_in_order() -> None:
    causes = summary(failing("a", "x"), failing("b", "y"), failing("c", "z"), failing("d", "z"))

    assert causes == [("z", ["c", "d"]), ("x", ["a"]), ("y", ["b"])]


def test_passing_cells_are_in_no_group_but_moved_and_undecided_ones_are() -> None:
    cells = (
        passing(combo("good")),
        cell(combo("drifted"), Status.MOVED, Phase.COMPARE, Reason.ALL_PASSED, message="numbers moved"),
        cell(combo("down"), Status.INFRA, Phase.RESOLVE, Reason.INDEX_UNREACHABLE, as_expected=None),
        cell(combo("down-too"), Status.INFRA, Phase.RESOLVE, Reason.INDEX_UNREACHABLE, as_expected=None),
    )

    assert summary(*cells) == [("index unreachable", ["down", "down-too"]), ("numbers moved", ["drifted"])]


def test_an_outage_is_never_grouped_with_a_failure_of_the_same_message() -> None:
    down = cell(combo("down"), Status.INFRA, Phase.PROBE, Reason.UNRECOGNISED, message="no", check="encode")

    assert len(groups((down, failing("bad", "no")))) == 2


def test_two_packages_that_conflict_in_two_ways_are_two_groups() -> None:
    one = replace(ABI, signature=None, why="transformers 4.57.1 uses a name that torch 2.1.2 does not have")
    other = replace(ABI, signature=None, why="transformers 5.23.0 asks for a newer torch")
    again = replace(one, why="transformers 4.56.0 uses a name that torch 2.1.1 does not have")

    causes = summary(*(failing(name, "no", diagnosis=each) for name, each in (("a", one), ("b", other), ("c", again))))

    assert [names for _, names in causes] == [["a", "c"], ["b"]]
