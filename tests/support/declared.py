"""Steps made by hand, as a matrix file of plain requirements declares them."""

from knowngood.model import Combo, Step


def declared(*steps: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the install steps with these requirements."""
    return tuple(Step(lines=lines, requirements=lines) for lines in steps)


def lines(combo: Combo) -> tuple[tuple[str, ...], ...]:
    """Return the lines of each step of a combo."""
    return tuple(step.lines for step in combo.steps)
