"""Run pytest inside an environment and record the outcome of each test. Python 3.7 and newer, pytest 4.6 and newer.

Contract with the harness (the other sides are ``launch.py`` and ``transcript.py``). Run in a copy of the project as::

    ENV/bin/python -u -X faulthandler [OPTIONS] pytest_launcher.py CONFIG

``CONFIG`` is a file of JSON, which is deleted before pytest is imported: ``out``, ``nonce`` and ``dump_after`` as for
``probe_api.py``, ``arguments`` of pytest, and ``tree``, the folder of the copy.

The records are those of ``probe_api.py``, and: ``collected`` with the number of tests; ``warned`` for a warning of a
test, which comes after its end; ``modules`` for where the project was imported from; ``problem`` for what kept the
tests from being run. The exit code is 0 unless pytest fails for a reason that no record gives.

pytest runs as the command ``pytest`` would, with the configuration and the plugins of the user. What runs here is one
more plugin. pytest-xdist runs the tests in other processes, where this module is a plugin as well
(PYTEST_DONT_REWRITE).
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import collections
import contextlib
import faulthandler
import importlib.util
import json
import os
import sys
import time
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

_WORKER = "knowngood_pytest_worker"

# What one process knows. Python 3.7 accepts an annotation of a global name only above the functions that set it.
_tree = ""
_deadline: float | None = None
_stderr: Any = None


def _load_api() -> Any:
    """Return ``probe_api``, which is beside this file; its folder is not on the search path."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "probe_api.py")
    spec = importlib.util.spec_from_file_location("knowngood_probe_api", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


api = _load_api()
records = api.beside("pytest_records")


def _reporting(pytest: Any) -> Any:
    """Return the class of the plugin for processes that run tests: it puts exceptions on reports."""

    class Reporting:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, None]:
            outcome = yield
            if call.excinfo is not None:
                report = outcome.get_result()
                if report.outcome == "failed":
                    records.attach(api, report, call.excinfo.value)

        @pytest.hookimpl(hookwrapper=True)
        def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, None]:
            outcome = yield
            report = outcome.get_result()
            excinfo = getattr(getattr(report, "call", None), "excinfo", None)
            if report.outcome == "failed" and excinfo is not None:
                records.attach(api, report, excinfo.value)

    return Reporting


def _recording(pytest: Any, recorder: Any, deadline: float | None) -> Any:
    """Return the plugin for the process that was started, which knows of every test."""
    optional = pytest.hookimpl(optionalhook=True)

    class Recording(_reporting(pytest)):  # type: ignore[misc]
        def pytest_configure(self, config: Any) -> None:
            recorder.config = config

        @pytest.hookimpl(hookwrapper=True)
        def pytest_load_initial_conftests(self) -> Generator[None, Any, None]:
            outcome = yield
            if outcome.excinfo is not None:
                error = outcome.excinfo[1]
                if type(error).__name__ == "ConftestImportFailure":
                    # Since pytest 8.1 it is `cause`.
                    cause = error.cause if hasattr(error, "cause") else error.excinfo[1]
                    name = os.path.relpath(str(error.path), recorder.tree)
                    recorder.report_problem(
                        "collection", "%s: %s" % (name, api._message(cause)), records.describe(api, cause)
                    )

        def pytest_collectreport(self, report: Any) -> None:
            if report.failed:
                recorder.collect(report)

        def pytest_deselected(self, items: Any) -> None:
            recorder.deselected += len(items)

        def pytest_collection_finish(self, session: Any) -> None:
            recorder.collected = len(session.items)
            recorder.write("collected", count=recorder.collected)
            recorder.note_modules(after_collection=True)
            shadowed = recorder.shadowed()
            if shadowed:
                recorder.report_problem("shadowed", shadowed)
                pytest.exit(shadowed)

        def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
            recorder.begin(nodeid)

        def pytest_runtest_logreport(self, report: Any) -> None:
            recorder.report(report)
            if report.when == "???":  # pytest-xdist made it up, because a worker died in this test
                recorder.end(report.nodeid)
                recorder.report_problem("worker", records.message(report))

        def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
            recorder.end(nodeid)

        def pytest_internalerror(self, excrepr: Any, excinfo: Any = None) -> None:
            raised = records.describe(api, excinfo.value) if excinfo is not None and excinfo.value is not None else ()
            text = str(excrepr).strip()
            message = api._message(excinfo.value) if raised else text[-records.LONGEST :]
            recorder.report_problem("internal", message, raised)

        if hasattr(pytest, "version_tuple") or int(pytest.__version__.split(".")[0]) >= 6:

            def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str) -> None:
                recorder.warn(nodeid, warning_message)

        else:

            def pytest_warning_captured(self, warning_message: Any, when: str, item: Any) -> None:
                recorder.warn(item.nodeid if item is not None else "", warning_message)

        @optional
        def pytest_configure_node(self, node: Any) -> None:
            left = max(1.0, deadline - time.monotonic()) if deadline is not None else None
            code = "import importlib.util, os, sys\n" + "".join(
                "%s\n" % line
                for line in (
                    "spec = importlib.util.spec_from_file_location(%r, %r)" % (_WORKER, os.path.abspath(__file__)),
                    "module = importlib.util.module_from_spec(spec)",
                    "sys.modules[%r] = module" % _WORKER,
                    "spec.loader.exec_module(module)",
                    "module.prepare_worker(%r, %r)" % (recorder.tree, left),
                )
            )
            # Without it a failure has its message, but not its frames.
            with contextlib.suppress(Exception):
                node.gateway.remote_exec(code).waitclose(60)
                api.dump_stacks(None)  # where the tests hang, not where this process waits for them

        @optional
        def pytest_xdist_node_collection_finished(self, node: Any, ids: Any) -> None:
            if recorder.collected is None:
                recorder.collected = len(ids)
                recorder.write("collected", count=len(ids))

        @optional
        def pytest_testnodedown(self, node: Any, error: Any) -> None:
            output = getattr(node, "workeroutput", None) or getattr(node, "slaveoutput", None) or {}
            noted = json.loads(output.get("knowngood", "{}"))
            recorder.modules.update(noted.get("modules", {}))
            recorder.loaded.update(noted.get("loaded", ()))

    return Recording()


def prepare_worker(tree: str, seconds: float | None) -> None:
    """Prepare a process of pytest-xdist, before pytest begins in it: this module becomes a plugin there."""
    global _tree, _deadline
    _tree = tree
    _deadline = time.monotonic() + seconds if seconds else None
    plugins = os.environ.get("PYTEST_PLUGINS")
    os.environ["PYTEST_PLUGINS"] = "%s,%s" % (plugins, _WORKER) if plugins else _WORKER
    _keep_stderr(None)


def pytest_configure(config: Any) -> None:
    """Register the plugin of a worker. pytest calls it, in a process of pytest-xdist only."""
    import pytest

    # What the tests start must not look for this plugin.
    plugins = [name for name in os.environ.get("PYTEST_PLUGINS", "").split(",") if name != _WORKER]
    os.environ["PYTEST_PLUGINS"] = ",".join(plugins)
    if not plugins or plugins == [""]:
        del os.environ["PYTEST_PLUGINS"]
    reporting = _reporting(pytest)

    class Worker(reporting):  # type: ignore[misc, valid-type]
        def pytest_runtest_logstart(self) -> None:
            if _deadline is not None:
                api.dump_stacks(max(0.1, _deadline - time.monotonic()), _stderr)

        def pytest_runtest_logfinish(self) -> None:
            api.dump_stacks(None)

        def pytest_sessionfinish(self, session: Any) -> None:
            output = getattr(session.config, "workeroutput", None)
            if output is None:
                output = getattr(session.config, "slaveoutput", {})
            failed = bool(getattr(session, "testsfailed", 0))
            noted = {"modules": records.modules_of_project(_tree, failed), "loaded": api.loaded()}
            output["knowngood"] = json.dumps(noted)

    config.pluginmanager.register(Worker(), "knowngood-worker")


def _keep_stderr(seconds: float | None) -> None:
    """Write stacks to the standard error of this process even while pytest captures what the tests write to it."""
    global _stderr
    _stderr = os.fdopen(os.dup(2), "w", closefd=False)
    faulthandler.enable(file=_stderr)
    api.dump_stacks(seconds, _stderr)


class _Tee:
    """Standard error that also keeps what is written; pytest explains there why it does not start."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.kept: Any = collections.deque(maxlen=500)

    def write(self, text: str) -> Any:
        """Write ``text``, and keep it."""
        self.kept.append(text)
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    @property
    def text(self) -> str:
        """What was written last, without the summary of options."""
        lines = [line.replace("ERROR: ", "", 1) for line in "".join(self.kept).strip().splitlines()]
        return "\n".join(line for line in lines if not line.startswith("usage:")).strip()


def run(arguments: list[str], recorder: Any, deadline: float | None) -> int:
    """Run pytest and return the exit code of this process."""
    try:
        import pytest
    except ImportError as error:
        if getattr(error, "name", "") == "pytest":
            recorder.report_problem("missing", "pytest is not installed in the environment: add it to a step")
        else:
            recorder.report_problem("plugin", api._message(error), records.describe(api, error))
        return 0
    except Exception as error:
        recorder.report_problem("plugin", api._message(error), records.describe(api, error))
        traceback.print_exc()
        return 0
    tee = sys.stderr = _Tee(sys.stderr)
    try:
        code = int(pytest.main(arguments, plugins=[_recording(pytest, recorder, deadline)]))
    except SystemExit as exiting:
        code = exiting.code if isinstance(exiting.code, int) else int(exiting.code is not None)
    except Exception as error:
        recorder.report_problem("plugin", api._message(error), records.describe(api, error))
        traceback.print_exc()
        code = 0
    finally:
        sys.stderr = tee.stream
    if code != 2:  # interrupted: the test that ran did not end
        recorder.end_all()
    return _outcome(code, recorder, tee.text)


def _outcome(code: int, recorder: Any, said: str) -> int:
    """Record what the exit code of pytest means; return what is left of it."""
    recorder.note_modules(after_collection=True)
    shadowed = recorder.shadowed()
    if shadowed:
        recorder.report_problem("shadowed", shadowed)
    elif recorder.collection_errors:
        recorder.report_problem("collection", "%d could not be collected" % recorder.collection_errors)
    elif code == 4:
        recorder.report_problem("usage", said or "pytest refused its arguments")
    elif code in (1, 3) and recorder.collected is None:  # since pytest 9, for a plugin that cannot be imported
        errors = [line[1:].strip() for line in said.splitlines() if line.startswith("E ")]
        recorder.report_problem("plugin", "%s %s" % (said.partition("\n")[0], "".join(errors[:1])))
    elif code == 5:
        some = "no test ran: all collected tests were deselected"
        recorder.report_problem("no-tests", some if recorder.deselected else "pytest found no tests")
    elif code == 0 and recorder.collected is None:
        recorder.report_problem("no-tests", "pytest ended before it looked for tests")
    explained = recorder.problem or (code == 1 and recorder.failures)
    return 0 if explained else code


def main() -> None:
    """Run pytest as the configuration says."""
    config = api.read_config(sys.argv[1])
    if not getattr(sys.flags, "safe_path", False) and sys.path:
        del sys.path[0]  # the folder of this file
    arguments = config["arguments"]
    recorder = records.Recorder(api, config["tree"])
    api._state.begin(config)
    seconds = config.get("dump_after")
    _keep_stderr(seconds)
    sys.argv = [os.path.join(os.path.dirname(sys.executable), "pytest"), *arguments]
    code = run(arguments, recorder, time.monotonic() + seconds if seconds else None)
    api.dump_stacks(None)
    api.beside("imports").note(config)
    recorder.write("modules", modules=recorder.modules)
    recorder.write("bye", loaded=sorted({*api.loaded(), *recorder.loaded}))
    sys.exit(code)


if __name__ == "__main__":
    main()
