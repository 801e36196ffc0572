"""Runs one probe inside an environment and records what its checks find. Stdlib only, Python 3.7 and newer.

Contract (the other sides are ``launch.py`` and ``transcript.py``). Run as::

    ENV/python -I -u -X faulthandler -X utf8 probe_api.py PROBE.py --out FILE --nonce N [--config JSON]

``FILE`` gets one JSON object a line, each with the nonce and written at once: ``hello``, then ``begin`` and ``end``
around each check, then ``bye``. A failing check is recorded and the exit code stays 0; any other exit is unexpected.
``JSON`` holds ``assets`` (name -> path), ``pins`` (the combo's requirements) and ``dump_after`` (seconds until all
stacks are written to standard error, or null).

In a probe::

    from probe_api import array, asset, check, pins, record

    @check                        # or @check("a name"), or: with check("a name"):
    def numpy_works():
        import numpy
        record(sum=float(numpy.ones(3).sum()))

    @check(needs=[numpy_works])   # skipped when numpy_works did not pass
    def more(): ...

Checks run at once, in the order of the file. ``numpy_works.value`` is what the function returned. A script without
any check is one check itself: it passes when it ends without an exception.
"""

from __future__ import annotations

import argparse
import array as _array
import base64
import contextlib
import faulthandler
import functools
import json
import os
import signal
import sys
import time
import traceback
import types
import warnings

TYPE_CHECKING = False  # as type checkers want it, without the 10 ms that importing typing takes
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["array", "asset", "check", "pins", "record"]

SCRIPT = "script"  # the name of the check that a whole script is
_LONGEST = 4000  # characters of a message
_FRAMES = 30
_WARNINGS = 20
_LARGEST_ARRAY = 65536  # values


class _State:
    """What the process knows of its own run; set once by ``main``."""

    def __init__(self) -> None:
        self.out: int | None = None
        self.nonce = ""
        self.pid = os.getpid()
        self.config: dict[str, Any] = {}
        self.running: list[Check] = []  # the checks that are open, outermost first
        self.explicit = False

    def write(self, kind: str, **fields: Any) -> None:
        """Append one record, at once."""
        # A forked child of the probe shares the file: its records would be taken for the probe's own.
        if self.out is None or os.getpid() != self.pid:
            return
        line = json.dumps(dict(fields, kind=kind, nonce=self.nonce)).encode("ascii") + b"\n"
        while line:
            line = line[os.write(self.out, line) :]


_state = _State()
_AT_START = frozenset(name.partition(".")[0] for name in list(sys.modules))


class Check:
    """One named check: decorates a function (which runs at once) or wraps a ``with`` block.

    ``ok`` is None before it ran, then whether it passed. ``value`` is what the function returned.
    """

    def __init__(self, name: str | None = None, needs: tuple[Check, ...] | list[Check] = ()) -> None:
        self.name = name
        self.needs = tuple(needs)
        self.ok: bool | None = None
        self.value: Any = None
        self._metrics: dict[str, Any] = {}
        self._arrays: dict[str, Any] = {}
        self._warnings: list[str] = []
        self._started = 0.0

    def __call__(self, function: Callable[..., Any] | None = None, *ignored: Any, **also_ignored: Any) -> Any:
        """Run ``function`` as this check. Called again by the probe, give the value."""
        if self.ok is not None or not callable(function):
            return self.value
        if self.name is None:
            self.name = function.__name__
        functools.update_wrapper(self, function)
        missing = [str(need.name) for need in self.needs if not need.ok]
        if missing:
            self._skip("needs " + ", ".join(missing))
            return self
        with self:
            self.value = function()
        return self

    def __enter__(self) -> Check:
        if self.name is None:
            raise TypeError("a check in a with statement needs a name: with check('name'):")
        _state.explicit = _state.explicit or self.name is not SCRIPT
        _state.running.append(self)
        _state.write("begin", check=self.name)
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        seconds = time.perf_counter() - self._started
        _state.running.remove(self)
        # Ctrl-C and such are not the check's: they end the probe.
        through = isinstance(error, (KeyboardInterrupt, GeneratorExit))
        self.ok = error is None
        _state.write(
            "end",
            check=self.name,
            outcome="passed" if self.ok else "failed",
            seconds=seconds,
            message="" if error is None else _message(error),
            raised=[] if error is None else _raised(error),
            metrics=self._metrics,
            arrays=self._arrays,
            warnings=self._warnings,
        )
        return not through

    def _skip(self, why: str) -> None:
        self.ok = False
        _state.explicit = True
        _state.write("end", check=self.name, outcome="skipped", seconds=0.0, message=why)


def check(name: Any = None, needs: tuple[Check, ...] | list[Check] = ()) -> Any:
    """Make a check, to be used as ``@check``, as ``@check("name", needs=[other])`` or as ``with check("name"):``."""
    if callable(name):
        return Check()(name)
    return Check(name, needs)


def record(**metrics: Any) -> None:
    """Attach numbers, strings, booleans or None to the open check, by name."""
    for name, value in metrics.items():
        if not isinstance(value, (bool, int, float, str, type(None))):
            value = value.item() if hasattr(value, "item") else str(value)
        if isinstance(value, float) and value - value != 0:
            value = str(value)  # JSON has no NaN and no infinity
        _current()._metrics[name] = value


def array(name: str, values: Any) -> None:
    """Attach an array (nested lists, or anything with ``tolist``) of up to 65,536 numbers to the open check."""
    dtype = str(getattr(values, "dtype", "float64")).replace("torch.", "")
    nested = values.tolist() if hasattr(values, "tolist") else values
    shape: list[int] = []
    level = nested
    while isinstance(level, (list, tuple)):
        shape.append(len(level))
        level = level[0] if level else None
    flat = list(_flatten(nested))
    if len(flat) > _LARGEST_ARRAY:
        raise ValueError("array %r has %d values, more than %d" % (name, len(flat), _LARGEST_ARRAY))
    encoding = "f4" if dtype in ("float32", "float16", "bfloat16") else "f8"
    packed = _array.array("f" if encoding == "f4" else "d", flat)
    if sys.byteorder == "big":
        packed.byteswap()
    data = base64.b64encode(packed.tobytes()).decode("ascii")
    _current()._arrays[name] = {"dtype": dtype, "shape": shape, "encoding": encoding, "data": data}


def asset(name: str) -> str:
    """Return the path of an asset of the matrix, as a string."""
    assets = _state.config.get("assets", {})
    if name not in assets:
        raise LookupError("the matrix declares no asset %r; it has: %s" % (name, ", ".join(sorted(assets)) or "none"))
    return str(assets[name])


def pins() -> list[str]:
    """Return the combo's own requirements, as strings in the order of its steps."""
    return list(_state.config.get("pins", []))


def _current() -> Check:
    if not _state.running:
        raise RuntimeError("record() and array() belong inside a check")
    return _state.running[-1]


def _flatten(values: Any) -> Iterator[float]:
    if isinstance(values, (list, tuple)):
        for value in values:
            for one in _flatten(value):
                yield one
    else:
        yield float(values)


def _message(error: BaseException) -> str:
    lines = traceback.format_exception_only(type(error), error)
    # Before its message a SyntaxError quotes the line it is about.
    return ("".join(lines[-1:]) if isinstance(error, SyntaxError) else "".join(lines)).strip()[:_LONGEST]


def _raised(raised: BaseException) -> list[dict[str, Any]]:
    """Describe the exception and what caused it, the root cause first, without the frames of this file."""
    error: BaseException | None = raised
    chain: list[dict[str, Any]] = []
    seen = set()
    while error is not None and id(error) not in seen and len(chain) < 8:
        seen.add(id(error))
        # Lines of source are read by traceback itself: a broken loader must not hide the error.
        try:
            frames = list(traceback.extract_tb(error.__traceback__))
        except Exception:
            frames = []
        kept = [frame for frame in frames if frame.filename != __file__][-_FRAMES:]
        chain.append(
            {
                "type": "%s.%s" % (type(error).__module__, type(error).__qualname__),
                "message": _text(error),
                "frames": [
                    {"file": f.filename, "line": f.lineno or 0, "function": f.name, "text": (f.line or "")[:300]}
                    for f in kept
                ],
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain[::-1]


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_LONGEST]
    except Exception:
        return "(its message cannot be shown)"


def _note_warnings() -> None:
    """Record warnings with the check they were raised in, and show them as before."""
    show = warnings.showwarning

    def showwarning(
        message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        if _state.running and len(_state.running[-1]._warnings) < _WARNINGS:
            _state.running[-1]._warnings.append(("%s: %s" % (category.__name__, message))[:_LONGEST])
        show(message, category, filename, lineno, file, line)

    warnings.showwarning = showwarning


def _run(path: str) -> None:
    """Run the script at ``path`` as ``__main__``, as the check that a whole script is."""
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    sys.argv = [path]
    whole = Check(SCRIPT)
    with whole:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
        try:
            exec(code, module.__dict__)
        except SystemExit as leaving:
            if leaving.code not in (None, 0):
                raise


def main() -> None:
    """Run one probe from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("probe")
    parser.add_argument("--out", required=True)
    parser.add_argument("--nonce", required=True)
    parser.add_argument("--config", default="{}")
    options = parser.parse_args()
    sys.modules["probe_api"] = sys.modules["__main__"]
    _state.out = os.open(options.out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    _state.nonce = options.nonce
    _state.config = json.loads(options.config)
    _state.write("hello", python=sys.version, executable=sys.executable)
    if _state.config.get("dump_after"):
        # Not dump_traceback_later: its thread makes a forked child of the probe hang at its exit.
        faulthandler.register(signal.SIGALRM, chain=False)
        signal.setitimer(signal.ITIMER_REAL, _state.config["dump_after"])
    _note_warnings()
    _run(options.probe)
    signal.setitimer(signal.ITIMER_REAL, 0)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    _state.write("bye", loaded=sorted({name.partition(".")[0] for name in list(sys.modules)} - _AT_START))


if __name__ == "__main__":
    main()
