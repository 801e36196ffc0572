"""Say under which conditions the steps of a combo are resolved: dates, versions that are held, the order of steps.

Pure. A frame adds no package to a combo and drops none.
"""

from dataclasses import dataclass, replace

from knowngood import packages
from knowngood.model import Combo, Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """The conditions of a candidate. An empty frame leaves a combo as it is."""

    until: str = ""
    """UTC, ISO 8601: files that were uploaded later do not count."""
    undated: tuple[str, ...] = ()
    """Canonical names of packages whose index has no dates: they count whatever ``until`` says."""
    constraints: tuple[str, ...] = ()
    """Requirements that limit versions in every step, and install nothing."""
    overrides: tuple[str, ...] = ()
    """Requirements that replace what packages declare; only uv has them."""
    order: tuple[int, ...] = ()
    """The positions of the steps in another order."""

    def plus(self, other: "Frame") -> "Frame":
        """Return both frames as one; if they disagree, ``other`` counts."""
        return Frame(
            until=other.until or self.until,
            undated=tuple(sorted({*self.undated, *other.undated})),
            constraints=_merged(self.constraints, other.constraints),
            overrides=_merged(self.overrides, other.overrides),
            order=other.order or self.order,
        )

    def __bool__(self) -> bool:
        return self != Frame()

    def __str__(self) -> str:
        words = [f"as of {self.until[:10]}"] if self.until else []
        words += [f"{text} against what is declared" for text in self.overrides]
        words += [f"with {', '.join(self.constraints)}"] if 0 < len(self.constraints) <= _NAMED else []
        words += [f"{len(self.constraints)} versions held"] if len(self.constraints) > _NAMED else []
        words += [f"steps {', '.join(str(place + 1) for place in self.order)}"] if self.order else []
        return ", ".join(words)

    def applied(self, combo: Combo) -> Combo:
        """Return a combo under these conditions."""
        steps = [self._applied(step) for step in combo.steps]
        ordered = [steps[place] for place in self.order] if self.order else steps
        return replace(combo, steps=tuple(ordered), as_of=self.until[:10] or combo.as_of)

    def _applied(self, step: Step) -> Step:
        exempt = tuple(f"--exclude-newer-package={name}=false" for name in self.undated) if self.until else ()
        return replace(
            step,
            constraints=(*step.constraints, *self.constraints),
            overrides=_merged(step.overrides, self.overrides),
            options=(*step.options, *exempt),
            cutoff=self.until or step.cutoff,
        )


_NAMED = 3  # constraints that are listed before they are only counted


def _merged(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """Return the requirements of both; if both name a package, the second counts."""
    again = packages.names(second)
    kept = [text for text in first if not {*packages.names([text])} & {*again}]
    return (*kept, *second)
