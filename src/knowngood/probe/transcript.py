"""Bytes of a record file -> ``Transcript``. The writer is ``in_env/probe_api.py``; its docstring is the contract."""

import json
from dataclasses import replace
from typing import Any

from knowngood.model import Array, Check, Frame, Outcome, Raised, Transcript

_SCRIPT = "script"  # the check that a whole script is, see probe_api.SCRIPT
_LARGEST = 16 * 1024 * 1024  # bytes of a record file that are read


def read(data: bytes, *, nonce: str) -> Transcript:
    """Return what the records with ``nonce`` tell; other lines, torn or forged, are counted in ``bad_lines``."""
    transcript = Transcript()
    checks: list[Check] = []
    for line in data[:_LARGEST].splitlines():
        try:
            record = json.loads(line)
            if record["nonce"] != nonce:
                raise ValueError("not of this cell")
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
    if len(checks) > 1:
        # With checks of its own, the script as a whole is worth telling only when it went wrong outside them.
        died_inside = any(one.outcome is Outcome.OPEN and one.name != _SCRIPT for one in checks)
        untold = {(_SCRIPT, Outcome.PASSED), (_SCRIPT, Outcome.OPEN)} if died_inside else {(_SCRIPT, Outcome.PASSED)}
        checks = [one for one in checks if (one.name, one.outcome) not in untold]
    return replace(transcript, checks=tuple(checks))


def _close(checks: list[Check], ended: Check) -> None:
    for place in reversed(range(len(checks))):
        if checks[place].name == ended.name and checks[place].outcome is Outcome.OPEN:
            checks[place] = ended
            return
    checks.append(ended)


def _check(record: dict[str, Any]) -> Check:
    return Check(
        name=str(record["check"]),
        outcome=Outcome(record["outcome"]),
        seconds=float(record["seconds"]),
        message=str(record.get("message", "")),
        raised=tuple(_raised(one) for one in record.get("raised", ())),
        metrics={str(name): _scalar(value) for name, value in record.get("metrics", {}).items()},
        arrays={str(name): _array(value) for name, value in record.get("arrays", {}).items()},
        warnings=tuple(str(one) for one in record.get("warnings", ())),
    )


def _raised(raw: dict[str, Any]) -> Raised:
    frames = tuple(
        Frame(file=str(f["file"]), line=int(f["line"]), function=str(f["function"]), text=str(f.get("text", "")))
        for f in raw["frames"]
    )
    return Raised(type=str(raw["type"]), message=str(raw["message"]), frames=frames)


def _scalar(value: object) -> bool | int | float | str | None:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"not a scalar: {value!r:.80}")


def _array(raw: dict[str, Any]) -> Array:
    shape = tuple(int(size) for size in raw["shape"])
    return Array(dtype=str(raw["dtype"]), shape=shape, encoding=str(raw["encoding"]), data=str(raw["data"]))
