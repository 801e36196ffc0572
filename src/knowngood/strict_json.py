"""Parse JSON from elsewhere, without numbers that computing with would fail: infinite, not a number, or huge.

Whatever cannot be used is a ``ValueError``, so that no caller forgets one of the ways in which ``json`` fails.
``json`` accepts ``NaN``, ``Infinity``, ``1e999`` and integers of thousands of digits. A duration or a metric of that
kind raises an exception much later, in whatever adds, rounds or prints it.
"""

import json
from typing import Any

LARGEST = 1e300
"""No number is larger, positive or negative. Sums of them and milliseconds stay finite."""
_DIGITS = 300


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises ``ValueError``: it is not JSON, is nested too deeply, or has a number that is not finite or is too large.
    """
    try:
        return json.loads(text, parse_float=_float, parse_int=_int, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def is_sound(number: float) -> bool:
    """Return whether a number is finite and not too large, as those that ``loads`` returns."""
    return -LARGEST <= number <= LARGEST


def _float(text: str) -> float:
    number = float(text)
    return number if is_sound(number) else _refuse(text)


def _int(text: str) -> int:
    return int(text) if len(text) <= _DIGITS else _refuse(text)


def _refuse(text: str) -> Any:
    raise ValueError(f"no number to compute with: {text:.40}")
