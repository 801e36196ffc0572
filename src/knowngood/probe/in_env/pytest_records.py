"""Write the records of a run of pytest, and find out where the tests import the project from. Stdlib only.

``pytest_launcher.py`` loads this module, and its docstring is the contract. ``api`` is the module ``probe_api``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST = 4000  # most characters of a message
_DETAILED = 100  # most failures that are recorded with all their frames
_MOST_WARNINGS = 300  # most warnings that are recorded
_NOT_SHADOWED = frozenset(("benchmarks", "conftest", "doc", "docs", "examples", "setup", "test", "testing", "tests"))


def _with_way_out(message: str) -> str:
    """Add to a message about a missing module how to import it, if it is in the folder that the tests run in."""
    # The first part of a name with dots was imported, so it is not this folder that is missing.
    missing = re.search(r"No module named '(\w{1,200})'", message[:LONGEST])
    if missing is None or not (os.path.isdir(missing.group(1)) or os.path.isfile(missing.group(1) + ".py")):
        return message
    first, separator, rest = message.partition("\n")
    hint = (
        '%s: it is in the folder of the tests, which pytest does not import from: add "-o", "pythonpath=." to the probe'
    )
    return hint % first + separator + rest


class Recorder:
    """Writes the records of a run of pytest."""

    def __init__(self, api: Any, tree: str) -> None:
        self.api = api
        self.tree = os.path.realpath(tree)
        self.began: set[str] = set()
        self.tests: dict[str, dict[str, Any]] = {}
        self.failures = 0
        self.warnings: set[str] = set()
        self.collected: int | None = None
        self.deselected = 0
        self.collection_errors = 0
        self.problem = False
        self.modules: dict[str, str] = {}
        self.loaded: set[str] = set()
        self.twice: dict[str, str] = {}
        self.config: Any = None

    def write(self, kind: str, **fields: Any) -> None:
        """Write one record."""
        self.api._state.write(kind, **fields)

    def report_problem(self, kind: str, message: str, raised: Any = ()) -> None:
        """Record what kept the tests from being run; the first problem counts."""
        if not self.problem:
            self.problem = True
            message = _with_way_out(message)
            self.write("problem", problem=kind, message=message[:LONGEST], raised=list(raised))

    def begin(self, test: str) -> None:
        """Record that a test begins."""
        if test in self.began:
            self.end(test)
        self.began.add(test)
        self.write("begin", check=test)

    def report(self, report: Any) -> None:
        """Take in a report on the setup, the call or the teardown of a test."""
        test = self.tests.setdefault(report.nodeid, {"outcome": "skipped", "seconds": 0.0})
        test["seconds"] += getattr(report, "duration", 0.0)
        if report.outcome == "rerun":  # by pytest-rerunfailures: the next attempt counts
            self.tests[report.nodeid] = {"outcome": "skipped", "seconds": test["seconds"]}
        elif report.outcome == "failed":
            if test["outcome"] != "failed":
                text = _with_way_out(message(report))
                where = "" if report.when in ("call", "???") else "in %s: " % report.when
                test.update(outcome="failed", message=where + text, raised=_raised_of(report))
        elif test["outcome"] != "failed":
            if hasattr(report, "wasxfail") and report.outcome == "skipped":
                test.update(outcome="skipped", message=("xfail: %s" % report.wasxfail).rstrip(": "))
            elif report.outcome == "skipped":
                test.update(outcome="skipped", message=_skip_reason(report))
            elif report.when == "call":
                test.update(outcome="passed", message="xpass" if hasattr(report, "wasxfail") else "")

    def end(self, test: str) -> None:
        """Record how a test ended."""
        result = self.tests.pop(test, None)
        self.began.discard(test)
        if result is None:
            return
        if result["outcome"] == "failed":
            self.failures += 1
            result["raised"] = self.shortened(result["raised"])
            if self.failures > _DETAILED:
                result["message"] = result["message"][:300]
        result["seconds"] = round(result["seconds"], 4)
        kept = {name: value for name, value in result.items() if value or name == "seconds"}
        self.write("end", check=test, **kept)

    def shortened(self, raised: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return exceptions with fewer frames when there were many failures already."""
        if self.failures <= _DETAILED:
            return raised
        return [dict(error, message=error["message"][:300], frames=error["frames"][-2:]) for error in raised[:1]]

    def end_all(self) -> None:
        """Record the tests that have ended although pytest did not say so."""
        for test in list(self.tests):
            self.end(test)

    def collect(self, report: Any) -> None:
        """Record that something could not be collected."""
        self.collection_errors += 1
        self.failures += 1
        name = report.nodeid or "the tests"
        raised = self.shortened(_raised_of(report))
        self.write("begin", check=name)
        text = _with_way_out(message(report))
        self.twice.update(_collected_twice(raised, os.path.join(self.tree, report.nodeid)))
        text = text if self.failures <= _DETAILED else text[:300]
        self.write("end", check=name, outcome="failed", seconds=0.0, message=text, raised=raised)

    def warn(self, test: str, warning: Any) -> None:
        """Record a warning of a test, the first time that it is met."""
        text = ("%s: %s" % (warning.category.__name__, warning.message))[:LONGEST]
        if test and text not in self.warnings and len(self.warnings) < _MOST_WARNINGS:
            self.warnings.add(text)
            self.write("warned", check=test, warning=text, by=str(getattr(warning, "filename", "")))

    def note_modules(self, after_collection: bool = False) -> None:
        """Note where the modules of the project come from."""
        self.modules.update(modules_of_project(self.tree, after_collection and self.collection_errors > 0))

    def shadowed(self) -> str:
        """Return why the tests do not test what is installed; empty when they do."""
        modules = dict(self.modules, **self.twice)
        wrong = sorted(name for name in modules if _is_shadowed(name, modules[name], self.tree))
        if not wrong:
            return ""
        file = os.path.relpath(modules[wrong[0]], self.tree)
        source = "the tests import %s from the sources of the project (%s), not from the environment" % (wrong[0], file)
        return "%s: %s" % (source, self.way_out(file))

    def way_out(self, file: str) -> str:
        """Return how to test what is installed, and not ``file`` of the tree."""
        moved = "" if file.startswith("src" + os.sep) else "move the package into a src folder, "
        rest = "%sor install the project with editable = true" % moved
        if self.option("doctestmodules", False):
            every = "with --doctest-modules, pytest imports every module in the folders that it searches"
            return "%s: name the folder of the tests in its arguments, %s" % (every, rest)
        if any(os.path.join(self.tree, file).startswith(folder + os.sep) for folder in self.search_path()):
            return 'the setting "pythonpath" of pytest leads there: add "-o", "pythonpath=" to its arguments, ' + rest
        if self.option("importmode", "prepend") != "prepend":
            return "remove what puts them on the search path, such as a line of conftest.py, " + rest
        return 'add "--import-mode=append" (or "--import-mode=importlib") to the arguments of pytest, ' + rest

    def option(self, name: str, default: Any) -> Any:
        """Return an option of pytest; ``default`` if this pytest does not have it."""
        return default if self.config is None else self.config.getoption(name, default)

    def search_path(self) -> list[str]:
        """Return the folders that the settings of pytest put first on the search path."""
        try:
            return [os.path.realpath(str(folder)) for folder in self.config.getini("pythonpath")]
        except (AttributeError, KeyError, ValueError):  # pytest before 7 has no such setting
            return []


def _collected_twice(raised: list[dict[str, Any]], collected: str) -> dict[str, str]:
    """Return the module of the project that was installed, if pytest collects its source as well."""
    for error in raised:
        named = re.match(r"\('([\w.]+)'", error["message"])
        if error["type"].endswith(".ImportPathMismatchError") and named is not None:
            return {name: collected for name in _project_modules() if (named.group(1) + ".").startswith(name + ".")}
    return {}


def message(report: Any) -> str:
    """Return the message of a failure: the exception, as Python prints it."""
    text = getattr(report, "knowngood_message", "")
    if not text:
        crash = getattr(report.longrepr, "reprcrash", None)
        text = getattr(crash, "message", "") or str(report.longrepr)
    return str(text).strip()[:LONGEST]


def _raised_of(report: Any) -> list[dict[str, Any]]:
    raised: list[dict[str, Any]] = getattr(report, "knowngood_raised", [])
    return raised


def _skip_reason(report: Any) -> str:
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) and len(longrepr) == 3 else str(longrepr)
    return str(text).replace("Skipped: ", "", 1)[:LONGEST]


def describe(api: Any, error: BaseException) -> list[dict[str, Any]]:
    """Return an exception and its causes, the root cause first, without the frames of pytest around the test."""
    raised: list[dict[str, Any]] = api._raised(error)
    for record in raised:
        frames = list(record["frames"])
        while frames and _is_pytest(frames[-1]["file"]):  # such as pytest.fail
            frames.pop()
        around = max((at for at, frame in enumerate(frames) if _is_pytest(frame["file"])), default=-1)
        record["frames"] = frames[around + 1 :] or record["frames"]
    return raised


def _is_pytest(file: str) -> bool:
    file = file.replace(os.sep, "/")
    return "/_pytest/" in file or "/pluggy/" in file or os.path.dirname(file) == os.path.dirname(__file__)


def attach(api: Any, report: Any, error: BaseException) -> None:
    """Put the exception on its report; reports of pytest-xdist keep such attributes on their way."""
    _note_files(error)
    if type(error).__name__ == "CollectError":  # holds the text of the one behind it
        error = error.__cause__ or error.__context__ or error
    report.knowngood_raised = describe(api, error)
    report.knowngood_message = api._message(error)
    if type(error).__name__ == "FixtureLookupError":  # prints itself as its arguments
        report.knowngood_message = "fixture '%s' not found" % getattr(error, "argname", "")


_failed_in: set[str] = set()
"""The files that ran, or could not be compiled, when something failed in this process."""


def _note_files(error: BaseException) -> None:
    """Note which files an exception and its causes came through."""
    known: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in known and len(known) < 50:
        known.add(id(following))
        if isinstance(following, SyntaxError) and isinstance(following.filename, str):
            _failed_in.add(following.filename)
        traceback = following.__traceback__
        while traceback is not None:
            _failed_in.add(traceback.tb_frame.f_code.co_filename)
            traceback = traceback.tb_next
        following = following.__cause__ or following.__context__


def _failed_there(file: str) -> bool:
    """Return whether something failed in a module, or in one below it."""
    file = os.path.realpath(file)
    below = os.path.dirname(file) + os.sep if os.path.basename(file) == "__init__.py" else None
    files = {os.path.realpath(path) for path in _failed_in}
    return file in files or (below is not None and any(path.startswith(below) for path in files))


def modules_of_project(tree: str, also_failed: bool) -> dict[str, str]:
    """Return where the modules of the project come from: of what was installed from a file or folder.

    ``also_failed``: also of a module whose import failed, if the error came through the file that it would come from.
    A module that no test asked for would prove nothing.
    """
    found = {}
    for name in _project_modules():
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if module is None and also_failed:
            try:
                spec = importlib.util.find_spec(name)
            except Exception:
                spec = None
            file = spec.origin if spec is not None and _failed_there(str(spec.origin)) else None
        if file:
            found[name] = os.path.abspath(file)
    return found


def _is_shadowed(name: str, file: str, tree: str) -> bool:
    return (
        name.partition(".")[0] not in _NOT_SHADOWED
        and os.path.realpath(file).startswith(tree + os.sep)
        and not _project_modules().get(name, True)
    )


_found_modules: dict[str, bool] | None = None


def _project_modules() -> dict[str, bool]:
    """Return the modules that were installed from a file or a folder on this machine -> whether they are editable."""
    global _found_modules
    if _found_modules is None:
        _found_modules = {}
        for folder in list(sys.path):
            if os.path.basename(folder) in ("site-packages", "dist-packages") and os.path.isdir(folder):
                for name in os.listdir(folder):
                    if name.endswith(".dist-info"):
                        _found_modules.update(_modules_of(os.path.join(folder, name)))
    return _found_modules


def _modules_of(info: str) -> dict[str, bool]:
    try:
        with open(os.path.join(info, "direct_url.json"), encoding="utf-8") as file:
            origin = json.load(file)
        with open(os.path.join(info, "RECORD"), encoding="utf-8") as file:
            files = [line.rpartition(",")[0].rpartition(",")[0].strip('"') for line in file.read().splitlines()]
    except (OSError, ValueError):
        return {}
    if not str(origin.get("url", "")).startswith("file:"):
        return {}
    editable = bool((origin.get("dir_info") or {}).get("editable"))
    packages = {os.path.dirname(path) for path in files if os.path.basename(path) == "__init__.py"}
    modules = {}
    for path in files:
        parts = path.split("/")
        if not path.endswith((".py", ".so", ".pyd")) or parts[0] in ("..", "") or parts[0].endswith(".dist-info"):
            continue
        stem = parts[-1].partition(".")[0]
        package = next((at for at in range(1, len(parts)) if "/".join(parts[:at]) in packages), None)
        modules[".".join(parts[:package] if package else [*parts[:-1], stem])] = editable
    if editable:
        modules.update((name, True) for name in _names_in_place(info))
    return modules


def _names_in_place(info: str) -> list[str]:
    """Return the modules of what is installed in place, where RECORD names only what leads to them."""
    try:
        with open(os.path.join(info, "top_level.txt"), encoding="utf-8") as file:
            return file.read().split()
    except OSError:
        # The name of the distribution is the best guess, as in most projects.
        return [os.path.basename(info).partition("-")[0]]
