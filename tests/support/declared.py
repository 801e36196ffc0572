"""Steps made by hand, as a matrix file of plain requirements declares them."""

from knowngood.model import Combo, Step


def declared(*steps: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the install steps with these requirements and options."""
    return tuple(
        Step(
            lines=lines,
            requirements=tuple(line for line in lines if not line.startswith("--")),
            options=tuple(line for line in lines if line.startswith("--")),
        )
        for lines in steps
    )


def lines(combo: Combo) -> tuple[tuple[str, ...], ...]:
    """Return the lines of each step of a combo."""
    return tuple(step.lines for step in combo.steps)
