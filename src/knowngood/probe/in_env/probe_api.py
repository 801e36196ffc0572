"""Run one probe inside an environment and record the results of its checks. Stdlib only, Python 3.7 and newer.

Use in a probe::

    from probe_api import array, asset, check, pins, record

    @check
    def json_works():
        import json
        return json

    @check("numbers survive", needs=[json_works])  # skipped unless json_works passed
    def numbers_survive():
        json = json_works.value                    # what the function of that check returned
        text = json.dumps(0.1)
        record(text=text, length=len(text))
        assert json.loads(text) == 0.1

    with check("a block is a check as well"):
        array("vector", [1.0, 0.5])

* A check runs where it is defined, so checks run in the order of the file. A check passes when it raises nothing.
* A failing check does not stop the probe: the checks after it still run.
* A script without checks is a single check, called ``script``. ``sys.exit()`` and ``sys.exit(0)`` are a pass as well.
* After a check, ``check.ok`` is whether it passed, and ``check.value`` is what its function returned.
* ``record(name=value)`` attaches numbers, strings, booleans or None to the running check; ``array(name, values)``
  attaches an array of up to 65,536 numbers.
* ``asset(name)`` returns the path of an asset of the matrix, and ``pins()`` the combo's own requirements.

Contract with the harness (the other sides are ``launch.py`` and ``transcript.py``). Run as::

    ENV/bin/python -I -u -X faulthandler -X utf8 [OPTIONS] probe_api.py PROBE.py CONFIG

``CONFIG`` is a file of JSON, which is deleted before the probe begins. It holds ``out``, ``nonce``, ``assets`` (name ->
path), ``pins`` (requirements), ``dump_after`` (seconds until the stacks of all threads are written to standard error,
or null) and ``private`` (folders whose files nothing depends on, or null: what the probe opens is not recorded).

The file ``out`` gets one JSON object per line at once, numbered and with a ``seal`` by the nonce: ``hello``, then
``begin`` and ``end`` around each check, then ``bye``. ``read`` is written for what the probe looks at for the first
time, ``spawned`` for a program that it starts, and ``connected``. The exit code is 0 whether checks pass or fail; any
other exit is unexpected.
"""

from __future__ import annotations

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
from _blake2 import blake2b  # hashlib would load OpenSSL before the probe does

TYPE_CHECKING = False  # type checkers take it for True; importing typing would take 10 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["array", "asset", "check", "pins", "record"]

SCRIPT = "script"  # the name of the check that stands for the whole script
_LONGEST = 4000  # most characters of a message
_FRAMES = 30  # most frames of a traceback, innermost first
_LINES = 3  # innermost frames whose values are recorded
_WARNINGS = 20  # most warnings of a check
_LARGEST_ARRAY = 65536  # most values of an array


class _State:
    """The state of this run; ``main`` fills it in."""

    def __init__(self) -> None:
        self.out: int | None = None
        self.nonce = b""
        self.numbers = iter(range(2**62))
        self.pid = os.getpid()
        self.config: dict[str, Any] = {}
        self.running: list[Check] = []  # outermost first

    def begin(self, config: dict[str, Any]) -> None:
        """Open the file of records, and say hello."""
        self.config = config
        self.nonce = config.pop("nonce").encode("ascii")
        self.out = os.open(config.pop("out"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.write("hello", python=sys.version, executable=sys.executable)

    def write(self, kind: str, **fields: Any) -> None:
        """Append one record to the file immediately."""
        # A forked child of the probe inherits the file, but its records are not the probe's own.
        if self.out is None or os.getpid() != self.pid:
            return
        record = json.dumps(dict(fields, kind=kind, number=next(self.numbers)), default=str).encode("ascii")
        seal = blake2b(record, key=self.nonce, digest_size=16).hexdigest().encode("ascii")
        line = record[:-1] + b', "seal": "' + seal + b'"}\n'
        while line:
            line = line[os.write(self.out, line) :]


_state = _State()
_origins: Any = None  # the module of that name, once a check failed
_LOADED_AT_START = frozenset(name.partition(".")[0] for name in list(sys.modules))


class Check:
    """A named check: decorates a function, which runs immediately, or wraps a ``with`` block.

    ``ok`` is None before the check ran, then whether it passed. ``value`` is what its function returned.
    """

    def __init__(self, name: str | None = None, needs: tuple[Check, ...] | list[Check] = ()) -> None:
        self.name = name
        self.needs = tuple(needs)
        self.ok: bool | None = None
        self.value: Any = None
        self._metrics: dict[str, Any] = {}
        self._arrays: dict[str, Any] = {}
        self._warnings: list[str] = []
        self._warned_by: dict[str, str] = {}
        self._started = 0.0

    def __call__(self, function: Callable[..., Any] | None = None, *ignored: Any, **also_ignored: Any) -> Any:
        """Run ``function`` as this check. When the probe calls the check again, return the value."""
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
        _state.running.append(self)
        _state.write("begin", check=self.name)
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        seconds = time.perf_counter() - self._started
        _state.running.remove(self)
        # Ctrl-C and the like do not belong to the check: they end the probe.
        ends_probe = isinstance(error, (KeyboardInterrupt, GeneratorExit))
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
            warned_by=self._warned_by,
        )
        return not ends_probe

    def _skip(self, reason: str) -> None:
        self.ok = False
        _state.write("end", check=self.name, outcome="skipped", seconds=0.0, message=reason)


def check(name: Any = None, needs: tuple[Check, ...] | list[Check] = ()) -> Any:
    """Return a check, for use as ``@check``, ``@check("name", needs=[other])`` or ``with check("name"):``.

    Without a name a check is called like its function. It is skipped unless every check in ``needs`` passed.
    """
    if callable(name):
        return Check()(name)
    return Check(name, needs)


def record(**metrics: Any) -> None:
    """Attach numbers, strings, booleans or None to the running check, by name.

    Scalars of NumPy and PyTorch become numbers. NaN, numbers beyond 1e300, and values of other types become text.
    Raises ``RuntimeError`` outside a check.
    """
    for name, value in metrics.items():
        if not isinstance(value, (bool, int, float, str, type(None))):
            value = value.item() if hasattr(value, "item") else str(value)
        if isinstance(value, (int, float)) and not -1e300 <= value <= 1e300:  # no reader computes with it
            value = str(value) if isinstance(value, float) else hex(value)
        _current()._metrics[name] = value


def array(name: str, values: Any) -> None:
    """Attach an array to the running check: nested lists of numbers, or anything with ``tolist``.

    Its dtype and shape are kept; float32 and smaller floats are stored as float32, everything else as float64. Raises
    ``ValueError`` for more than 65,536 numbers and ``RuntimeError`` outside a check.
    """
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
    """Return the path of an asset of the matrix, as a string. Raises ``LookupError`` for a name it does not declare."""
    assets = _state.config.get("assets", {})
    if name not in assets:
        raise LookupError("the matrix declares no asset %r; declared: %s" % (name, ", ".join(sorted(assets)) or "none"))
    return str(assets[name])


def pins() -> list[str]:
    """Return the combo's own requirements as strings, in the order of its steps."""
    return list(_state.config.get("pins", []))


def _current() -> Check:
    if not _state.running:
        raise RuntimeError("record() and array() must be called inside a check")
    return _state.running[-1]


def _flatten(values: Any) -> Iterator[float]:
    if isinstance(values, (list, tuple)):
        for value in values:
            for number in _flatten(value):
                yield number
    else:
        yield float(values)


def _message(error: BaseException) -> str:
    lines = traceback.format_exception_only(type(error), error)
    # A SyntaxError quotes the line of source before its message.
    return ("".join(lines[-1:]) if isinstance(error, SyntaxError) else "".join(lines)).strip()[:_LONGEST]


def _raised(raised: BaseException) -> list[dict[str, Any]]:
    """Return the exception and its causes as records, the root cause first, without the frames of this file."""
    error: BaseException | None = raised
    chain: list[dict[str, Any]] = []
    seen = set()
    while error is not None and id(error) not in seen and len(chain) < 8:
        seen.add(id(error))
        # traceback reads lines of source through the module's loader: a broken loader must not hide the error.
        try:
            frames = list(traceback.extract_tb(error.__traceback__))
        except Exception:
            frames = []
        kept = [frame for frame in frames if frame.filename != __file__][-_FRAMES:]
        record: dict[str, Any] = {
            "type": "%s.%s" % (type(error).__module__, type(error).__qualname__),
            "message": _text(error),
            "frames": [
                {"file": f.filename, "line": f.lineno or 0, "function": f.name, "text": (f.line or "")[:300]}
                for f in kept
            ],
        }
        with contextlib.suppress(Exception):  # only a hint: it must not hide the error, either
            _add_origins(error, record)
        chain.append(record)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain[::-1]


def _add_origins(error: BaseException, record: dict[str, Any]) -> None:
    """Add to the record of an exception where its object, and the values in its innermost lines, come from."""
    global _origins
    if _origins is None:
        _origins = beside("origins")
    record["owners"] = _origins.of_error(error)
    places = {}
    trace = error.__traceback__
    while trace is not None:
        places[trace.tb_frame.f_code.co_filename, trace.tb_lineno] = trace.tb_frame
        trace = trace.tb_next
    for frame in record["frames"][-_LINES:]:
        if (frame["file"], frame["line"]) in places:
            frame["values"] = _origins.of_line(places[frame["file"], frame["line"]], frame["text"])


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_LONGEST]
    except Exception:
        return "(its message cannot be read)"


def _record_warnings() -> None:
    """Record each warning with the check that was running, and show it as before."""
    show = warnings.showwarning

    def showwarning(
        message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        if _state.running and len(_state.running[-1]._warnings) < _WARNINGS:
            text = ("%s: %s" % (category.__name__, message))[:_LONGEST]
            _state.running[-1]._warnings.append(text)
            _state.running[-1]._warned_by.setdefault(text, str(filename))
        show(message, category, filename, lineno, file, line)

    warnings.showwarning = showwarning


def _run(path: str) -> None:
    """Run the script at ``path`` as ``__main__``, inside the check that stands for the whole script."""
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    sys.argv = [path]
    with Check(SCRIPT):
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
        try:
            exec(code, module.__dict__)
        except SystemExit as exiting:
            if exiting.code not in (None, 0):
                raise


def dump_stacks(seconds: float | None, file: Any = None) -> None:
    """Write the stacks of all threads to ``file``, by default standard error, after some seconds; None: never."""
    if seconds:
        # Not dump_traceback_later: because of its thread, a forked child of the probe would hang when it exits.
        faulthandler.register(signal.SIGALRM, file=file or sys.stderr, chain=False)
    signal.setitimer(signal.ITIMER_REAL, seconds or 0)


def read_config(path: str) -> dict[str, Any]:
    """Return what the harness wrote for this run, and delete it: what runs in here must not see it."""
    with open(path, "rb") as file:
        config: dict[str, Any] = json.loads(file.read().decode("utf-8"))
    os.unlink(path)
    return config


def loaded() -> list[str]:
    """Return the top-level modules that were imported since the start, without ours."""
    names = {name.partition(".")[0] for name in list(sys.modules)} - _LOADED_AT_START
    return sorted(name for name in names if not name.startswith("knowngood_"))


def beside(name: str) -> Any:
    """Return the module of ours in the file ``name.py`` beside this one; the search path does not lead there."""
    import importlib.util

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("knowngood_" + name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules["knowngood_" + name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Run the probe that the command line names."""
    probe, config = sys.argv[1:]
    sys.modules["probe_api"] = sys.modules["__main__"]
    _state.begin(read_config(config))
    dump_stacks(_state.config.get("dump_after"))
    _record_warnings()
    watcher, private = None, _state.config.get("private")
    if private is not None and hasattr(sys, "addaudithook"):
        watch = beside("watch")
        _state.write("watched")
        watcher = watch.Watch(private, _state.write)
        watcher.start()
    _run(probe)
    dump_stacks(None)
    if watcher is not None:
        with contextlib.suppress(Exception):
            watcher.record_search_path()
    with contextlib.suppress(Exception):
        beside("imports").note(_state.config)
        sys.stdout.flush()
    _state.write("bye", loaded=loaded(), asked=sorted(watcher.asked) if watcher is not None else [])


if __name__ == "__main__":
    main()
