"""The conditions under which a candidate is resolved."""

from knowngood.model import Combo, ComboFacts, Step
from knowngood.search.changes import Change, apply, union
from knowngood.search.frame import Frame

COMBO = Combo(
    id="c",
    title="c",
    python="3.11",
    steps=(Step(lines=("a",), requirements=("a",)), Step(lines=("b",), requirements=("b",))),
    probes=(),
)


def applied(change: Change) -> Combo:
    return apply(change, COMBO, ComboFacts(combo=COMBO), lambda name, specifier: True, combo_id="d")


def test_a_frame_says_how_steps_are_resolved_and_changes_no_line() -> None:
    frame = Frame(until="2024-05-01T00:00:00Z", undated=("t",), constraints=("c==1",), overrides=("b==2",))
    combo = applied(Change(frame=frame))

    assert [step.lines for step in combo.steps] == [("a",), ("b",)]
    assert {step.cutoff for step in combo.steps} == {"2024-05-01T00:00:00Z"}
    assert {step.constraints for step in combo.steps} == {("c==1",)}
    assert {step.overrides for step in combo.steps} == {("b==2",)}
    assert {step.options for step in combo.steps} == {("--exclude-newer-package=t=false",)}
    assert combo.as_of == "2024-05-01"


def test_the_order_of_steps_is_part_of_a_frame() -> None:
    combo = applied(Change(frame=Frame(order=(1, 0))))

    assert [step.lines for step in combo.steps] == [("b",), ("a",)]


def test_steps_that_become_one_have_no_order_whichever_was_said_first() -> None:
    joined, ordered = Change(joined=True), Change(frame=Frame(order=(1, 0)))

    for change in (joined.plus(ordered), ordered.plus(joined)):
        assert [step.lines for step in applied(change).steps] == [("a", "b")]


def test_the_parts_of_a_change_are_the_change() -> None:
    change = Change(requirements=("a<2",), frame=Frame(until="2024-05-01T00:00:00Z", constraints=("c==1",)))

    assert union(change.parts) == change
    assert str(change) == "a<2, as of 2024-05-01, with c==1"


def test_of_two_frames_the_later_counts_for_each_package() -> None:
    first = Frame(constraints=("a==1", "b==1"), overrides=("x==1",), until="2024-01-01T00:00:00Z")
    both = first.plus(Frame(constraints=("B==2",)))

    assert both.constraints == ("a==1", "B==2")
    assert (both.overrides, both.until) == (first.overrides, first.until)
