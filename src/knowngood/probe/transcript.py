"""Parse the records of a probe into a ``Transcript``.

``in_env/probe_api.py`` writes the records; its docstring is the contract.
"""

import json
from dataclasses import replace
from typing import Any

from knowngood.model import Array, Check, Frame, Outcome, Raised, Transcript

_SCRIPT = "script"  # the check that stands for the whole script, as in probe_api.SCRIPT
_LARGEST = 16 * 1024 * 1024  # most bytes of records that are read


def read(data: bytes, *, nonce: str) -> Transcript:
    """Parse the records that carry ``nonce``; count all other lines, torn or forged, in ``bad_lines``. Never raises."""
    transcript = Transcript()
    checks: list[Check] = []
    for line in data[:_LARGEST].splitlines():
        try:
            record = json.loads(line)
            if record["nonce"] != nonce:
                raise ValueError("not written by this probe")
            match record["kind"]:
                case "hello":
                    transcript = replace(transcript, hello=True)
                case "begin":
                    checks.append(Check(name=str(record["check"]), outcome=Outcome.OPEN))
                case "end":
                    _close(checks, _check(record))
                case "bye":
                    loaded = tuple(str(name) for name in record.get("loaded", ()))
                    transcript = replace(transcript, bye=True, loaded=loaded)
                case kind:
                    raise ValueError(f"unknown record {kind!r}")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            transcript = replace(transcript, bad_lines=transcript.bad_lines + 1)
    return replace(transcript, checks=_without_redundant_script(checks))


def _close(checks: list[Check], ended: Check) -> None:
    """Replace the innermost open check with the name of ``ended``; a skipped check was never open."""
    for position in reversed(range(len(checks))):
        if checks[position].name == ended.name and checks[position].outcome is Outcome.OPEN:
            checks[position] = ended
            return
    checks.append(ended)


def _without_redundant_script(checks: list[Check]) -> tuple[Check, ...]:
    """Drop the check of the whole script where the script has its own checks and nothing went wrong outside them."""
    if len(checks) == 1:
        return tuple(checks)
    died_inside = any(check.outcome is Outcome.OPEN and check.name != _SCRIPT for check in checks)
    redundant = {Outcome.PASSED, Outcome.OPEN} if died_inside else {Outcome.PASSED}
    return tuple(check for check in checks if check.name != _SCRIPT or check.outcome not in redundant)


def _check(record: dict[str, Any]) -> Check:
    return Check(
        name=str(record["check"]),
        outcome=Outcome(record["outcome"]),
        seconds=float(record["seconds"]),
        message=str(record.get("message", "")),
        raised=tuple(_raised(raised) for raised in record.get("raised", ())),
        metrics={str(name): _scalar(value) for name, value in record.get("metrics", {}).items()},
        arrays={str(name): _array(value) for name, value in record.get("arrays", {}).items()},
        warnings=tuple(str(warning) for warning in record.get("warnings", ())),
    )


def _raised(raw: dict[str, Any]) -> Raised:
    frames = tuple(
        Frame(
            file=str(frame["file"]),
            line=int(frame["line"]),
            function=str(frame["function"]),
            text=str(frame.get("text", "")),
        )
        for frame in raw["frames"]
    )
    return Raised(type=str(raw["type"]), message=str(raw["message"]), frames=frames)


def _scalar(value: object) -> bool | int | float | str | None:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"not a scalar: {value!r:.80}")


def _array(raw: dict[str, Any]) -> Array:
    shape = tuple(int(size) for size in raw["shape"])
    return Array(dtype=str(raw["dtype"]), shape=shape, encoding=str(raw["encoding"]), data=str(raw["data"]))
