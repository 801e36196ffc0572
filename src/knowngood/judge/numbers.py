"""Compare recorded vectors with those of the reference combo, to see whether an upgrade needs re-indexing.

The tolerance holds for 1 - cosine, for the difference of two norms relative to the reference's, and for each component
relative to the norm. Measured with all-MiniLM-L6-v2 on the CPU, against the default of 1e-4: torch 2.1 and newer ones
differ by 1.5e-7 in a component (noise); vectors rounded to float16 by 6e-5 (within it, so only the dtype gives them
away), rounded to bfloat16 by 5e-4 (moved). A dtype that changed always counts as moved: an index may not accept it.
Whole numbers, such as token ids, are compared exactly.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from knowngood.judge import vectors
from knowngood.judge.vectors import Distance
from knowngood.model import Array, Check, Numbers

TOLERANCE = 1e-4
_SLIGHT = 1e-3
"""Up to this 1 - cosine, stored vectors still find new ones, if the order of neighbours did not change."""
_WHOLE = ("int", "uint", "bool")

_UNPROVEN = "nothing shows that stored vectors can be kept"
_INCOMPARABLE = Distance(cosine=0.0, difference=math.inf, component=math.inf, norm=math.inf, length=math.inf)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compared:
    """One array compared with the reference's."""

    summary: str
    moved: bool = True
    distance: Distance = _INCOMPARABLE
    dtype: tuple[str, str] | None = None
    finite: bool = True

    @property
    def badness(self) -> tuple[bool | float, ...]:
        """The sort key by which the worst of several arrays comes last."""
        far = self.distance
        return (not self.finite, far is _INCOMPARABLE, far.order_changed, self.moved, -far.cosine, far.difference)


def compare(
    reference: Mapping[str, Array], ours: Mapping[str, Array], *, tolerance: float = TOLERANCE
) -> Numbers | None:
    """Compare arrays by name, their last axis being one vector; None when the reference holds nothing comparable.

    Figures are the worst of all arrays, and ``says`` is about the worst array. An array that in ours is missing,
    unreadable, not finite or of another shape has moved: its cosine counts as 0, its differences as infinite. Arrays
    that only ours has are ignored, as are those of the reference that are empty, unreadable or not finite.
    """
    known = {name: values for name, array in reference.items() if (values := _usable(array))}
    compared = [
        _compare(name, reference[name], values, ours.get(name), tolerance, alone=len(known) == 1)
        for name, values in known.items()
    ]
    if not compared:
        return None
    return Numbers(
        cosine=min(array.distance.cosine for array in compared),
        difference=max(array.distance.difference for array in compared),
        norm=max(array.distance.norm for array in compared),
        dtype=next((array.dtype for array in compared if array.dtype), None),
        order_changed=any(array.distance.order_changed for array in compared),
        finite=all(array.finite for array in compared),
        moved=any(array.moved for array in compared),
        says=max(compared, key=lambda array: array.badness).summary,
    )


def arrays_of(checks: Iterable[Check]) -> dict[str, Array]:
    """Return the arrays of all checks by name; a name that an earlier check has becomes ``check.name``."""
    arrays: dict[str, Array] = {}
    for check in checks:
        for name, array in check.arrays.items():
            arrays[name if name not in arrays else f"{check.name}.{name}"] = array
    return arrays


def non_finite(arrays: Mapping[str, Array]) -> str | None:
    """Return a sentence about the first array that holds NaN or infinity; None when every number is finite."""
    for name, array in arrays.items():
        values = vectors.decode(array) or []
        bad = [value for value in values if not math.isfinite(value)]
        if bad:
            return f"{name!r} holds {len(bad)} of {len(values)} values that are not finite, the first is {bad[0]}"
    return None


def _usable(array: Array) -> list[float]:
    values = vectors.decode(array) or []
    return values if all(map(math.isfinite, values)) else []


def _compare(
    name: str, reference: Array, before: list[float], ours: Array | None, tolerance: float, *, alone: bool
) -> _Compared:
    if ours is None:
        return _Compared(summary=f"{name!r} of the reference combo is missing: {_UNPROVEN}")
    dtype = (reference.dtype, ours.dtype) if ours.dtype != reference.dtype else None
    after = vectors.decode(ours)
    if after is None:
        return _Compared(dtype=dtype, summary=f"{name!r} cannot be read: {_UNPROVEN}")
    if bad := non_finite({name: ours}):
        return _Compared(dtype=dtype, finite=False, summary=f"{bad}: do not upgrade")
    if ours.shape != reference.shape:
        shapes = f"{name!r} has the shape {_shape(ours)}, in the reference combo {_shape(reference)}"
        return _Compared(dtype=dtype, summary=f"{shapes}: re-index before you upgrade")
    pairs = vectors.rows(before, reference.shape), vectors.rows(after, ours.shape)
    distance = vectors.measure(*pairs, tolerance=tolerance)
    whole = reference.dtype.startswith(_WHOLE) and ours.dtype.startswith(_WHOLE)
    figures = f"cosine {distance.cosine:.6f}, largest difference {distance.difference:.2g}"
    if dtype is not None:
        figures += f", {ours.dtype} instead of {reference.dtype}"
    if distance.order_changed or distance.beyond(tolerance) or (whole and distance.difference):
        # One or two vectors have no order to keep, and whole numbers do not measure similarity.
        ordered = len(pairs[0]) > 2 and not whole
        subject = "the vectors" if alone else f"the vectors of {name!r}"
        return _Compared(summary=_moved(distance, figures, subject, tolerance, ordered), distance=distance, dtype=dtype)
    summary = f"the same numbers ({figures}): no re-indexing needed"
    if dtype is not None:
        summary += f", but check that your index accepts {ours.dtype}"
    return _Compared(summary=summary, moved=dtype is not None, distance=distance, dtype=dtype)


def _moved(distance: Distance, figures: str, subject: str, tolerance: float, ordered: bool) -> str:
    """Return a sentence that says what to do about vectors that moved."""
    if distance.order_changed:
        return f"{subject} moved (smallest {figures}, order of neighbours changed): re-index before you upgrade"
    if distance.turned <= tolerance < distance.length:
        lengths = f"largest difference of norms {distance.norm:.2g}"
        unless = "unless you compare by cosine alone"
        return f"{subject} changed their length only ({figures}, {lengths}): re-index before you upgrade, {unless}"
    if 1 - distance.cosine <= _SLIGHT and ordered:
        still = "stored vectors still work, re-index where scores must agree"
        return f"{subject} moved slightly (smallest {figures}) but neighbours keep their order: {still}"
    return f"{subject} moved (smallest {figures}): re-index before you upgrade"


def _shape(array: Array) -> str:
    return "x".join(map(str, array.shape)) or "of one number"
