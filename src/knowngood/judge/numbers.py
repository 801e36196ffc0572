"""Recorded vectors compared with the reference combo's, to tell whether one can upgrade without re-indexing.

The tolerance holds for 1 - cosine, for the difference of two norms relative to the reference's, and for each component
relative to the norm. Measured with all-MiniLM-L6-v2 on the CPU, against the default of 1e-4: torch 2.1 and newer ones
differ by 1.5e-7 in a component (noise); vectors rounded to float16 by 6e-5 (within, so it is the dtype that tells on
them), rounded to bfloat16 by 5e-4 (moved). A dtype that changed always counts as moved, for an index may not take it.
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
"""Of 1 - cosine: up to here stored vectors and new ones still find each other, when the order of neighbours says so."""
_WHOLE = ("int", "uint", "bool")

_INCOMPARABLE = Distance(cosine=0.0, difference=math.inf, component=math.inf, norm=math.inf, length=math.inf)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compared:
    """One array held against the reference's."""

    says: str
    moved: bool = True
    distance: Distance = _INCOMPARABLE
    dtype: tuple[str, str] | None = None
    finite: bool = True

    @property
    def badness(self) -> tuple[bool | float, ...]:
        """What the worst of several has most of."""
        far = self.distance
        return (not self.finite, far is _INCOMPARABLE, far.order_changed, self.moved, -far.cosine, far.difference)


def compare(
    reference: Mapping[str, Array], ours: Mapping[str, Array], *, tolerance: float = TOLERANCE
) -> Numbers | None:
    """Compare arrays by name, their last axis being one vector; None when the reference holds nothing comparable.

    Figures are the worst over all arrays, and ``says`` is about the worst of them. An array that in ours is missing,
    unreadable, not finite or of another shape is moved: its cosine counts as 0, its differences as infinite. Arrays
    that only ours has are left out, and those of the reference that are empty, unreadable or not finite.
    """
    known = {name: values for name, array in reference.items() if (values := _usable(array))}
    found = [
        _compare(name, reference[name], values, ours.get(name), tolerance, alone=len(known) == 1)
        for name, values in known.items()
    ]
    if not found:
        return None
    return Numbers(
        cosine=min(one.distance.cosine for one in found),
        difference=max(one.distance.difference for one in found),
        norm=max(one.distance.norm for one in found),
        dtype=next((one.dtype for one in found if one.dtype), None),
        order_changed=any(one.distance.order_changed for one in found),
        finite=all(one.finite for one in found),
        moved=any(one.moved for one in found),
        says=max(found, key=lambda one: one.badness).says,
    )


def arrays_of(checks: Iterable[Check]) -> dict[str, Array]:
    """Return the arrays of all checks by name; a name that an earlier check took is told as ``check.name``."""
    arrays: dict[str, Array] = {}
    for check in checks:
        for name, array in check.arrays.items():
            arrays[name if name not in arrays else f"{check.name}.{name}"] = array
    return arrays


def non_finite(arrays: Mapping[str, Array]) -> str | None:
    """Return which array holds NaN or infinity, and how many, in words; None when every number is finite."""
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
        return _Compared(says=f"{name!r} of the reference combo is missing: nothing shows that stored vectors can stay")
    dtype = (reference.dtype, ours.dtype) if ours.dtype != reference.dtype else None
    after = vectors.decode(ours)
    if after is None:
        return _Compared(dtype=dtype, says=f"{name!r} cannot be read: nothing shows that stored vectors can stay")
    if bad := non_finite({name: ours}):
        return _Compared(dtype=dtype, finite=False, says=f"{bad}: do not upgrade")
    if ours.shape != reference.shape:
        shapes = f"{name!r} has the shape {_shape(ours)}, in the reference combo {_shape(reference)}"
        return _Compared(dtype=dtype, says=f"{shapes}: re-index before you upgrade")
    pairs = vectors.rows(before, reference.shape), vectors.rows(after, ours.shape)
    distance = vectors.measure(*pairs, tolerance=tolerance)
    whole = reference.dtype.startswith(_WHOLE) and ours.dtype.startswith(_WHOLE)
    figures = f"cosine {distance.cosine:.6f}, largest difference {distance.difference:.2g}"
    if dtype is not None:
        figures += f", {ours.dtype} instead of {reference.dtype}"
    if distance.order_changed or distance.beyond(tolerance) or (whole and distance.difference):
        # With two vectors or one there is no order to keep, and whole numbers are no measure of likeness.
        ordered = len(pairs[0]) > 2 and not whole
        subject = "the vectors" if alone else f"the vectors of {name!r}"
        return _Compared(says=_moved(distance, figures, subject, tolerance, ordered), distance=distance, dtype=dtype)
    says = f"the same numbers ({figures}): no re-indexing needed"
    if dtype is not None:
        says += f", but see that your index takes {ours.dtype}"
    return _Compared(says=says, moved=dtype is not None, distance=distance, dtype=dtype)


def _moved(distance: Distance, figures: str, subject: str, tolerance: float, ordered: bool) -> str:
    """Return what to do about vectors that moved, in a sentence."""
    if distance.order_changed:
        return f"{subject} moved (smallest {figures}, order of neighbours changed): re-index before you upgrade"
    if distance.turned <= tolerance < distance.length:
        lengths = f"largest difference of norms {distance.norm:.2g}"
        unless = "unless you compare by cosine alone"
        return f"{subject} changed their length only ({figures}, {lengths}): re-index before you upgrade, {unless}"
    if 1 - distance.cosine <= _SLIGHT and ordered:
        still = "stored vectors still serve, re-index where scores have to agree"
        return f"{subject} moved slightly (smallest {figures}) but neighbours keep their order: {still}"
    return f"{subject} moved (smallest {figures}): re-index before you upgrade"


def _shape(array: Array) -> str:
    return "x".join(map(str, array.shape)) or "of one number"
