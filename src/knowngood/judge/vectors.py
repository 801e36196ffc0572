"""Decode recorded arrays and measure how far one set of vectors is from another, in plain Python."""

import base64
import math
import sys
from array import array as packed
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul, sub

from knowngood.model import Array

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

    The order of neighbours, nearest first, changed when two whose cosines with a vector differed by more than
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
