"""Parse the records of a probe into a ``Transcript``.

``in_env/probe_api.py`` and ``in_env/pytest_launcher.py`` write the records; their docstrings are the contract.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from knowngood import strict_json
from knowngood.model import Array, Check, Frame, Outcome, Problem, ProblemKind, Raised, Transcript
from knowngood.tracebacks import installed_path

_SCRIPT = "script"  # the check that stands for the whole script, as in probe_api.SCRIPT
LARGEST = 64 * 1024 * 1024
"""Bytes. Nothing after them is read; the records of 100,000 tests take less."""
_LONGEST = 10**8  # seconds that a check may take
_MOST_PASSED = 200  # passed tests that are listed one by one

Look = Callable[[Mapping[str, Any]], tuple[str, str | None]]
"""Returns what ``Transcript.reads`` says about a record ``read``: the path, and what was read there."""


_WORDS = frozenset({"kind", "outcome", "problem", "dtype", "encoding", "data"})
"""Members of records that hold a word of the contract, or numbers."""
_NAMED_BY_PROBES = frozenset({"metrics", "arrays", "modules", "warned_by"})
"""Members whose own members have names that probes choose."""


def read(
    data: bytes,
    *,
    nonce: str,
    look: Look = lambda record: (str(record["path"]), None),
    clean: Callable[[str], str] = lambda text: text,
) -> Transcript:
    """Parse the records sealed with ``nonce``; count all others, torn, forged or copied, in ``bad_lines``.

    Never raises. ``clean`` sees all text of probes before anything is cut off.
    """
    reading = _Reading(look, clean)
    seen: set[int] = set()
    for line in data[:LARGEST].splitlines():
        try:
            record = strict_json.loads(_unsealed(line, nonce))
            if record["number"] in seen:
                raise ValueError("a copy of a record")
            seen.add(record["number"])
            # A file is looked at under its own name, and only then is the name recorded.
            reading.take(record if record["kind"] == "read" else _cleaned(record, clean))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            reading.bad_lines += 1
    return reading.transcript()


def _unsealed(line: bytes, nonce: str) -> bytes:
    """Return a record without its seal. Raises ``ValueError`` when the seal is not made with ``nonce``."""
    body, _, seal = line.rpartition(b', "seal": "')
    record = body + b"}"
    expected = hashlib.blake2b(record, key=nonce.encode("ascii"), digest_size=16).hexdigest().encode("ascii")
    if not hmac.compare_digest(seal, expected + b'"}'):
        raise ValueError("not written by this probe")
    return record


def _cleaned(value: Any, clean: Callable[[str], str], *, named: bool = False) -> Any:
    """Return a part of a record after ``clean``; ``named``: the names of its members are text of the probe as well."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(item, clean) for item in value]
    if isinstance(value, dict):
        return {
            (clean(name) if named else name): held
            if name in _WORDS and not named and isinstance(held, str)
            else _cleaned(held, clean, named=name in _NAMED_BY_PROBES and not named)
            for name, held in value.items()
        }
    return value


class _Reading:
    """The transcript so far."""

    def __init__(self, look: Look, clean: Callable[[str], str]) -> None:
        self._look = look
        self._clean = clean
        self._transcript = Transcript()
        self._checks: dict[int, Check] = {}
        self._open: dict[str, list[int]] = {}
        """Name of a check -> positions where it is open, outermost first."""
        self._last: dict[str, int] = {}
        self._reads: dict[str, str | None] = {}
        self._spawned: dict[str, None] = {}
        self.bad_lines = 0

    def take(self, record: Mapping[str, Any]) -> None:
        """Add a record. Raises several kinds of exceptions for one that breaks the contract."""
        match record["kind"]:
            case "hello":
                self._change(hello=True)
            case "begin":
                self._begin(Check(name=str(record["check"]), outcome=Outcome.OPEN))
            case "end":
                self._end(_check(record))
            case "warned":
                self._warn(str(record["check"]), str(record["warning"]), str(record.get("by", "")))
            case "read":
                path, found = self._look(record)
                path = self._clean(path)
                # What was read in a file or a folder says more than that it exists.
                if self._reads.get(path, "exists") in ("exists", None):
                    self._reads[path] = found
            case "watched":
                self._change(watched=True)
            case "unwatched":
                self._change(watched=False)
            case "spawned":
                self._spawned[str(record["program"])] = None
            case "connected":
                self._change(connected=True)
            case "collected":
                self._change(collected=int(record["count"]))
            case "modules":
                self._change(modules={str(name): str(file) for name, file in record["modules"].items()})
            case "problem":
                self._change(problem=_problem(record))
            case "bye":
                loaded, asked = record.get("loaded", ()), record.get("asked", ())
                self._change(bye=True, loaded=tuple(map(str, loaded)), asked=tuple(map(str, asked)))
            case kind:
                raise ValueError(f"unknown record {kind!r}")

    def transcript(self) -> Transcript:
        """Return what was recorded."""
        checks = _without_redundant_script([self._checks[position] for position in sorted(self._checks)])
        left_out = 0
        if self._transcript.collected is not None:
            checks, left_out = _listed(checks)
        return replace(
            self._transcript,
            checks=checks,
            left_out=left_out,
            reads=dict(sorted(self._reads.items())),
            spawned=tuple(self._spawned),
            bad_lines=self.bad_lines,
        )

    def _change(self, **fields: Any) -> None:
        self._transcript = replace(self._transcript, **fields)

    def _begin(self, check: Check) -> None:
        position = len(self._checks)
        self._checks[position] = check
        self._open.setdefault(check.name, []).append(position)
        self._last[check.name] = position

    def _end(self, ended: Check) -> None:
        """Replace the innermost open check with the name of ``ended``; a skipped check was never open."""
        if not self._open.get(ended.name):
            self._begin(ended)
        self._checks[self._open[ended.name].pop()] = ended

    def _warn(self, name: str, warning: str, file: str) -> None:
        position = self._last.get(name)
        if position is not None:
            check = self._checks[position]
            by = {**check.warned_by, warning: file} if installed_path(file) else check.warned_by
            self._checks[position] = replace(check, warnings=(*check.warnings, warning), warned_by=by)


def _without_redundant_script(checks: list[Check]) -> tuple[Check, ...]:
    """Drop the check of the whole script where the script has its own checks and nothing went wrong outside them."""
    if len(checks) == 1:
        return tuple(checks)
    died_inside = any(check.outcome is Outcome.OPEN and check.name != _SCRIPT for check in checks)
    redundant = {Outcome.PASSED, Outcome.OPEN} if died_inside else {Outcome.PASSED}
    return tuple(check for check in checks if check.name != _SCRIPT or check.outcome not in redundant)


def _listed(tests: Iterable[Check]) -> tuple[tuple[Check, ...], int]:
    """Return the tests to list, and how many others passed: a suite has thousands, and each run would hold them all."""
    tests = tuple(tests)
    plain = {id(test) for test in tests if test.outcome is Outcome.PASSED and not test.warnings and not test.message}
    if len(plain) <= _MOST_PASSED:
        return tests, 0
    return tuple(test for test in tests if id(test) not in plain), len(plain)


def _check(record: Mapping[str, Any]) -> Check:
    seconds = float(record["seconds"])
    if not 0 <= seconds < _LONGEST:
        raise ValueError("not a duration")
    return Check(
        name=str(record["check"]),
        outcome=Outcome(record["outcome"]),
        seconds=seconds,
        message=str(record.get("message", "")),
        raised=_all_raised(record),
        metrics={str(name): _scalar(value) for name, value in record.get("metrics", {}).items()},
        arrays={str(name): _array(value) for name, value in record.get("arrays", {}).items()},
        warnings=tuple(str(warning) for warning in record.get("warnings", ())),
        # The file of the probe itself says nothing, and is in another folder each time.
        warned_by={
            str(warning): str(file)
            for warning, file in record.get("warned_by", {}).items()
            if installed_path(str(file)) is not None
        },
    )


def _problem(record: Mapping[str, Any]) -> Problem:
    return Problem(kind=ProblemKind(record["problem"]), message=str(record["message"]), raised=_all_raised(record))


def _all_raised(record: Mapping[str, Any]) -> tuple[Raised, ...]:
    return tuple(_raised(raised) for raised in record.get("raised", ()))


def _raised(raw: Mapping[str, Any]) -> Raised:
    frames = tuple(
        Frame(
            file=str(frame["file"]),
            line=int(frame["line"]),
            function=str(frame["function"]),
            text=str(frame.get("text", "")),
            values=tuple(str(value) for value in frame.get("values", ())),
        )
        for frame in raw["frames"]
    )
    owners = tuple(str(owner) for owner in raw.get("owners", ()))
    return Raised(type=str(raw["type"]), message=str(raw["message"]), frames=frames, owners=owners)


def _scalar(value: object) -> bool | int | float | str | None:
    if value is None or isinstance(value, bool | int | float | str):  # without those that strict_json refuses
        return value
    raise TypeError(f"not a scalar: {value!r:.80}")


def _array(raw: Mapping[str, Any]) -> Array:
    shape = tuple(int(size) for size in raw["shape"])
    return Array(dtype=str(raw["dtype"]), shape=shape, encoding=str(raw["encoding"]), data=str(raw["data"]))
