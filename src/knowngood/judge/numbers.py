"""Compare recorded vectors with those of the reference combo, to see whether an upgrade needs re-indexing.

The tolerance holds for 1 - cosine, for the difference of two norms relative to the reference's, and for each component
relative to the norm. Measured with all-MiniLM-L6-v2 on the CPU, against the default of 1e-4: torch 2.1 and newer ones
differ by 1.5e-7 in a component (noise); vectors rounded to float16 by 6e-5 (within it, so only the dtype gives them
away), rounded to bfloat16 by 5e-4 (moved). A dtype that changed always counts as moved: an index may not accept it.
Whole numbers, such as token ids, are compared exactly.
"""

import base64
import math
import sys
from array import array as packed
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul, sub

from knowngood.model import Array, Check, Numbers

_TYPECODES = {"f4": "f", "f8": "d"}
_PRODUCTS = 600_000
"""Multiplications for one table of cosines, about 20 ms; beyond that only a sample of the vectors is compared."""
_SAMPLE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Distance:
    """How far vectors are from their counterparts; each figure is the worst of all vectors."""

    cosine: float = 1.0
    difference: float = 0.0
    """Absolute difference of two components."""
    component: float = 0.0
    """The same, relative to the length of the vector before."""
    norm: float = 0.0
    """Absolute difference of two lengths."""
    length: float = 0.0
    """The same, relative to the length of the vector before."""
    order_changed: bool = False

    @property
    def turned(self) -> float:
        """How far apart two directions are, as vectors of length 1."""
        return math.sqrt(max(0.0, 2 - 2 * self.cosine))

    def beyond(self, tolerance: float) -> bool:
        """Return whether directions, lengths or components are farther off than ``tolerance``."""
        return max(1 - self.cosine, self.length, self.component) > tolerance


def decode(array: Array) -> list[float] | None:
    """Return the values of an array in C order; None when its data does not match its encoding and shape."""
    typecode = _TYPECODES.get(array.encoding)
    if typecode is None or any(size < 0 for size in array.shape):
        return None
    try:
        data = base64.b64decode(array.data, validate=True)
    except ValueError:
        return None
    values: packed[float] = packed(typecode)
    if len(data) != values.itemsize * math.prod(array.shape):
        return None
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()


def rows(values: list[float], shape: Sequence[int]) -> list[list[float]]:
    """Return ``values`` of ``shape`` cut into vectors along the last axis.

    Trailing axes of size 1 are dropped first: a column of numbers is one vector, not many of one component each.
    """
    width = next((size for size in reversed(shape) if size != 1), 1)
    return [values[start : start + width] for start in range(0, len(values), width)]


def measure(before: Sequence[list[float]], after: Sequence[list[float]], *, tolerance: float) -> Distance:
    """Return how far ``after`` is from ``before``: finite vectors in pairs, at least one.

    The order of neighbors, nearest first, changed when two whose cosines with a vector differed by more than
    ``tolerance`` swap places: among the new vectors (everything was re-indexed), or for a new vector among the stored
    ones (only queries are new). When all vectors turn by the same angle, only the latter shows it.
    """
    cosine, difference, component, norm, length = 1.0, 0.0, 0.0, 0.0, 0.0
    stored, fresh = [], []
    for old, new in zip(before, after, strict=True):
        (old_length, old_direction), (new_length, new_direction) = _polar(old), _polar(new)
        stored.append(old_direction)
        fresh.append(new_direction)
        # Zeros have no direction, which equals only the direction of other zeros.
        both = old_length and new_length
        cosine = min(cosine, _dot(old_direction, new_direction) if both else float(old_length == new_length))
        apart, longer = max(map(abs, map(sub, old, new))), abs(old_length - new_length)
        difference, component = max(difference, apart), max(component, _relative(apart, old_length))
        norm, length = max(norm, longer), max(length, _relative(longer, old_length))
    distance = Distance(cosine=cosine, difference=difference, component=component, norm=norm, length=length)
    # Directions that are t apart move no cosine by more than 2 t, and no two cosines past each other by more than 4 t.
    changed = 4 * distance.turned > tolerance and _reordered(stored, fresh, tolerance)
    return Distance(
        cosine=cosine, difference=difference, component=component, norm=norm, length=length, order_changed=changed
    )


def _polar(vector: list[float]) -> tuple[float, list[float]]:
    """Return the length of a vector and its direction, of length 1; zeros stay zeros."""
    peak = max(map(abs, vector))
    if not peak:
        return 0.0, vector
    # Measured against its largest component, no finite vector overflows or loses its digits.
    scaled = [value / peak for value in vector]
    length = math.hypot(*scaled)
    return peak * length, [value / length for value in scaled]


def _dot(first: list[float], second: list[float]) -> float:
    return float(sum(map(mul, first, second)))


def _relative(difference: float, length: float) -> float:
    if length:
        return difference / length
    return math.inf if difference else 0.0


def _reordered(stored: Sequence[list[float]], fresh: Sequence[list[float]], tolerance: float) -> bool:
    # Many or long vectors are sampled evenly, to stay below 0.1 s.
    count = max(3, min(_SAMPLE, math.isqrt(_PRODUCTS // len(stored[0]))))
    step = math.ceil(len(stored) / count)
    stored, fresh = stored[::step], fresh[::step]
    for place, (before, after) in enumerate(zip(stored, fresh, strict=True)):
        others = [*stored[:place], *stored[place + 1 :]], [*fresh[:place], *fresh[place + 1 :]]
        expected = [_dot(before, other) for other in others[0]]
        if any(_swapped(expected, [_dot(after, other) for other in vectors], tolerance) for vectors in others):
            return True
    return False


def _swapped(expected: list[float], actual: list[float], tolerance: float) -> bool:
    """Return whether two cosines that differ by more than ``tolerance`` in ``expected`` have swapped places."""
    ranked = sorted(zip(expected, actual, strict=True), reverse=True)
    lowest, clear = math.inf, 0
    for cosine, now in ranked:
        while ranked[clear][0] > cosine + tolerance:
            lowest = min(lowest, ranked[clear][1])
            clear += 1
        if now > lowest:
            return True
    return False


TOLERANCE = 1e-4
_SLIGHT = 1e-3
"""Up to this 1 - cosine, stored vectors still find new ones, if the order of neighbors did not change."""
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
        values = decode(array) or []
        bad = [value for value in values if not math.isfinite(value)]
        if bad:
            return f"{name!r} holds {len(bad)} of {len(values)} values that are not finite, the first is {bad[0]}"
    return None


def _usable(array: Array) -> list[float]:
    values = decode(array) or []
    return values if all(map(math.isfinite, values)) else []


def _compare(
    name: str, reference: Array, before: list[float], ours: Array | None, tolerance: float, *, alone: bool
) -> _Compared:
    if ours is None:
        return _Compared(summary=f"{name!r} of the reference combo is missing: {_UNPROVEN}")
    dtype = (reference.dtype, ours.dtype) if ours.dtype != reference.dtype else None
    after = decode(ours)
    if after is None:
        return _Compared(dtype=dtype, summary=f"{name!r} cannot be read: {_UNPROVEN}")
    if bad := non_finite({name: ours}):
        return _Compared(dtype=dtype, finite=False, summary=f"{bad}: do not upgrade")
    if ours.shape != reference.shape:
        shapes = f"{name!r} has the shape {_shape(ours)}, in the reference combo {_shape(reference)}"
        return _Compared(dtype=dtype, summary=f"{shapes}: re-index before you upgrade")
    pairs = rows(before, reference.shape), rows(after, ours.shape)
    distance = measure(*pairs, tolerance=tolerance)
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
        return f"{subject} moved (smallest {figures}, order of neighbors changed): re-index before you upgrade"
    if distance.turned <= tolerance < distance.length:
        lengths = f"largest difference of norms {distance.norm:.2g}"
        unless = "unless you compare by cosine alone"
        return f"{subject} changed their length only ({figures}, {lengths}): re-index before you upgrade, {unless}"
    if 1 - distance.cosine <= _SLIGHT and ordered:
        still = "stored vectors still work, re-index where scores must agree"
        return f"{subject} moved slightly (smallest {figures}) but neighbors keep their order: {still}"
    return f"{subject} moved (smallest {figures}): re-index before you upgrade"


def _shape(array: Array) -> str:
    return "x".join(map(str, array.shape)) or "of one number"
