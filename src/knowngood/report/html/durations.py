"""Durations that are short enough to need milliseconds."""

from knowngood.report.text import seconds


def brief(value: float) -> str:
    """Return ``<1 ms``, ``43 ms``, ``2.4s`` or ``3m05s`` for a duration in seconds."""
    if value < 0.0005:
        return "<1 ms"
    return f"{1000 * value:.0f} ms" if value < 0.9995 else seconds(value)
