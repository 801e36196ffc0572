"""Run suites of tests with pytest as a probe does, and judge them."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.judge.probes import judge_probe
from knowngood.judge.verdict import judge_combo
from knowngood.model import (
    Check,
    Distribution,
    EnvironmentFacts,
    Outcome,
    Probe,
    ProbeFacts,
    ProbeKind,
    ProblemKind,
    Reason,
    Status,
)
from support.facts import RULES, step
from support.facts import facts as facts_of
from support.workshop import launch

WORKERS = pytest.mark.parametrize(
    "workers", [(), ("-p", "xdist.plugin", "-n", "2")], ids=["one process", "two workers"]
)
FEW_PLUGINS = (("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"),)
"""Without this variable most of each run would be importing the plugins that the tests of knowngood use."""


def run(
    files: Mapping[str, str],
    folder: Path,
    *arguments: str,
    options: tuple[str, ...] = (),
    env: tuple[tuple[str, str], ...] = (),
    **more: object,
) -> ProbeFacts:
    """Run pytest with ``arguments`` on a project made of ``files``: path -> text."""
    project = folder / "project"
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(textwrap.dedent(text), encoding="utf-8")
    probe = Probe(id="tests", kind=ProbeKind.PYTEST, arguments=arguments, python_options=options)
    return launch(probe, folder, tree=project, env=FEW_PLUGINS + env, **more)  # type: ignore[arg-type]


def checks(facts: ProbeFacts) -> dict[str, Check]:
    assert facts.transcript.bad_lines == 0
    return {check.name: check for check in facts.transcript.checks}


def verdict(facts: ProbeFacts) -> tuple[Status, Reason, str | None]:
    judged, check, _ = judge_probe(facts)
    return judged.status, judged.reason, check


def message(facts: ProbeFacts) -> str:
    return judge_probe(facts)[2]


SUITE = {
    "tests/test_all.py": """
        import warnings
        import pytest

        def test_passes():
            warnings.warn("use the new one", DeprecationWarning)

        def test_fails():
            assert {"a": 1}["a"] == 2, "no sum"

        @pytest.fixture
        def broken():
            raise OSError("no base")

        @pytest.fixture
        def late():
            yield
            raise OSError("no end")

        def test_setup(broken):
            pass

        def test_teardown(late):
            pass

        @pytest.mark.skip(reason="not today")
        def test_skipped():
            pass

        @pytest.mark.xfail(reason="known")
        def test_xfails():
            assert False

        @pytest.mark.xfail
        def test_xpasses():
            pass

        @pytest.mark.xfail(strict=True, reason="it should not")
        def test_xpasses_strictly():
            pass

        @pytest.mark.parametrize("number", [1, 2])
        def test_many(number):
            pass
    """
}


@WORKERS
def test_each_test_is_a_check_with_its_outcome_and_message(tmp_path: Path, workers: tuple[str, ...]) -> None:
    facts = run(SUITE, tmp_path, "tests", *workers)

    seen = {name.removeprefix("tests/test_all.py::"): check for name, check in checks(facts).items()}
    passed, failed, skipped = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
    assert {name: (check.outcome, check.message) for name, check in sorted(seen.items())} == {
        "test_fails": (failed, "AssertionError: no sum\nassert 1 == 2"),
        "test_many[1]": (passed, ""),
        "test_many[2]": (passed, ""),
        "test_passes": (passed, ""),
        "test_setup": (failed, "in setup: OSError: no base"),
        "test_skipped": (skipped, "not today"),
        "test_teardown": (failed, "in teardown: OSError: no end"),
        "test_xfails": (skipped, "xfail: known"),
        "test_xpasses": (passed, "xpass"),
        "test_xpasses_strictly": (failed, "[XPASS(strict)] it should not"),
    }
    assert seen["test_passes"].warnings == ("DeprecationWarning: use the new one",)
    (raised,) = seen["test_fails"].raised
    assert (raised.type, [frame.function for frame in raised.frames]) == ("builtins.AssertionError", ["test_fails"])
    assert raised.frames[0].line == 9
    assert facts.transcript.collected == 10
    assert verdict(facts)[:2] == (Status.FAIL, Reason.CHECK_FAILED)


@WORKERS
def test_tests_that_pass_are_a_pass(tmp_path: Path, workers: tuple[str, ...]) -> None:
    facts = run({"test_it.py": "def test_it(): pass"}, tmp_path, *workers)

    assert verdict(facts) == (Status.PASS, Reason.ALL_PASSED, None)
    assert (facts.transcript.hello, facts.transcript.bye) == (True, True)
    assert "_pytest" in facts.transcript.loaded or "pytest" in facts.transcript.loaded


def test_the_configuration_and_the_plugins_of_the_user_are_in_force(tmp_path: Path) -> None:
    files = {
        "pytest.ini": "[pytest]\naddopts = -k chosen\nfilterwarnings = error\n",
        "conftest.py": "def pytest_itemcollected(item): print('\\nseen', item.name)",
        "test_it.py": """
            import warnings
            def test_chosen(): warnings.warn("old")
            def test_left(): assert False
        """,
    }
    facts = run(files, tmp_path, "-s")

    assert verdict(facts) == (Status.FAIL, Reason.CHECK_FAILED, "test_it.py::test_chosen")
    assert list(checks(facts)) == ["test_it.py::test_chosen"]
    assert "seen test_left" in facts.action.output


def test_pytest_runs_in_a_private_copy_and_imports_nothing_of_ours(tmp_path: Path) -> None:
    files = {
        "test_it.py": """
            import json, os, sys
            def test_it():
                open("left.txt", "w").close()
                print(json.dumps([os.getcwd(), sys.path, sys.argv, sorted(os.environ), sys.flags.isolated]))
        """
    }
    facts = run(files, tmp_path, "-s", "-p", "no:cacheprovider")

    assert verdict(facts)[0] is Status.PASS
    assert not (tmp_path / "project" / "left.txt").exists()
    assert str(tmp_path / "probe" / "work") in facts.action.output
    assert "in_env" not in facts.action.output and "PYTHONPATH" not in facts.action.output
    assert "PYTEST_PLUGINS" not in facts.action.output


@WORKERS
def test_an_error_of_collection_names_the_module_and_its_cause(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {
        "tests/test_a.py": "from json import dump_it",
        "tests/test_b.py": "def test_b(): pass",
        "tests/test_c.py": "def test_c(:",
    }
    facts = run(files, tmp_path, *workers)

    assert verdict(facts) == (Status.FAIL, Reason.COLLECTION_ERROR, "tests/test_a.py")
    assert message(facts).startswith("tests/test_a.py cannot be collected: ImportError: cannot import name 'dump_it'")
    assert checks(facts)["tests/test_a.py"].raised[0].type == "builtins.ImportError"
    assert set(checks(facts)) >= {"tests/test_a.py", "tests/test_c.py"}


def test_a_conftest_that_cannot_be_imported_is_an_error_of_collection(tmp_path: Path) -> None:
    facts = run({"conftest.py": "import gone_module", "test_it.py": "def test_it(): pass"}, tmp_path)

    assert verdict(facts)[:2] == (Status.FAIL, Reason.COLLECTION_ERROR)
    assert message(facts) == "conftest.py: ModuleNotFoundError: No module named 'gone_module'"
    assert facts.transcript.problem is not None
    assert facts.transcript.problem.raised[0].type == "builtins.ModuleNotFoundError"


def test_no_tests_is_an_error_of_its_own(tmp_path: Path) -> None:
    files = {"test_it.py": "def test_it(): pass"}

    assert verdict(run({"other.py": ""}, tmp_path / "a"))[:2] == (Status.ERROR, Reason.NO_TESTS)
    deselected = run(files, tmp_path / "b", "-k", "nothing")
    assert verdict(deselected)[:2] == (Status.ERROR, Reason.NO_TESTS)
    assert message(deselected) == "no test ran: all collected tests were deselected"


def test_all_tests_skipped_says_nothing_about_the_versions(tmp_path: Path) -> None:
    files = {"test_it.py": "import pytest\n@pytest.mark.skip(reason='no GPU')\ndef test_it(): pass"}
    facts = run(files, tmp_path)

    assert verdict(facts)[:2] == (Status.NOT_RUN, Reason.SKIPPED)
    assert message(facts) == "the only test was skipped: no GPU"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--no-such-option",), "unrecognized arguments: --no-such-option"),
        (("tests/gone.py",), "file or directory not found: tests/gone.py"),
    ],
)
def test_what_pytest_refuses_is_a_usage_error_in_its_own_words(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    facts = run({"test_it.py": "def test_it(): pass"}, tmp_path, *arguments)

    assert verdict(facts)[:2] == (Status.ERROR, Reason.USAGE_ERROR)
    assert said in message(facts)
    assert "usage:" not in message(facts)


def test_a_plugin_that_cannot_be_loaded_is_a_plugin_error(tmp_path: Path) -> None:
    files = {"broken_plugin.py": "from json import dump_it", "test_it.py": "def test_it(): pass"}
    facts = run(files, tmp_path, "-p", "broken_plugin", env=(("PYTHONPATH", "."),))

    assert verdict(facts)[:2] == (Status.FAIL, Reason.PLUGIN_ERROR)
    assert "cannot import name 'dump_it'" in message(facts)


def test_the_message_about_a_plugin_in_the_folder_of_the_tests_says_how_to_import_it(tmp_path: Path) -> None:
    files = {"settings/__init__.py": "", "test_it.py": "def test_it(): pass"}
    assert 'add "-o", "pythonpath=." to the probe' in message(run(files, tmp_path, "-p", "settings"))
    assert verdict(run(files, tmp_path, "-p", "settings", "-o", "pythonpath=."))[0] is Status.PASS


@WORKERS
@pytest.mark.parametrize("text", ["import tests.helpers\ndef test_it(): pass", "def test_it(): import tests.helpers"])
def test_a_module_of_the_project_that_pytest_does_not_find_is_blamed_on_no_package(
    tmp_path: Path, text: str, workers: tuple[str, ...]
) -> None:
    files = {"tests/helpers.py": "", "tests/test_it.py": text}

    ended = run(files, tmp_path, "tests", *workers)
    (cell,) = judge_combo(facts_of(replace(ended, probe="works")), RULES)

    assert "No module named 'tests': it is in the folder of the tests" in cell.message
    assert cell.diagnosis is not None and (cell.diagnosis.culprit, cell.diagnosis.fix) == (None, ())
    assert cell.diagnosis.why.startswith("no package is to blame: tests is a module of the project")
    assert verdict(run(files, tmp_path, "tests", "-o", "pythonpath=.", *workers))[0] is Status.PASS


def test_the_exception_of_a_conftest_is_diagnosed(tmp_path: Path) -> None:
    files = {"conftest.py": "from pluggy import gone", "test_it.py": "def test_it(): pass"}
    pluggy = EnvironmentFacts(distributions=(Distribution(name="pluggy", version="1.6.0", modules=("pluggy",)),))
    steps = (step(1, ("pluggy",), {"pluggy": "1.6.0"}),)

    ended = replace(run(files, tmp_path), probe="works")
    (cell,) = judge_combo(replace(facts_of(ended, steps=steps), environment=pluggy), RULES)

    assert cell.verdict.reason is Reason.COLLECTION_ERROR
    assert cell.diagnosis is not None and cell.diagnosis.culprit == "pluggy"


def test_a_plugin_that_fails_inside_pytest_is_an_internal_error(tmp_path: Path) -> None:
    files = {
        "conftest.py": "def pytest_runtest_protocol(item): raise AttributeError('no such hook')",
        "test_it.py": "def test_it(): pass",
    }
    facts = run(files, tmp_path)

    assert verdict(facts)[:2] == (Status.FAIL, Reason.INTERNAL_ERROR)
    assert message(facts) == "AttributeError: no such hook"


def test_an_environment_without_pytest_is_an_error_that_says_so(tmp_path: Path) -> None:
    # Without site there is no site-packages.
    facts = run({"test_it.py": ""}, tmp_path, options=("-S",))

    assert verdict(facts)[:2] == (Status.ERROR, Reason.COMMAND_MISSING)
    assert message(facts).startswith("pytest is not installed in the environment")


@WORKERS
def test_a_crash_names_the_open_test(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {
        "test_it.py": """
            import os, signal, time
            def test_before(): pass
            def test_dies():
                time.sleep(0.2)
                os.kill(os.getpid(), signal.SIGSEGV)
        """
    }
    facts = run(files, tmp_path, *workers)

    assert verdict(facts) == (Status.CRASH, Reason.SIGNALLED, "test_it.py::test_dies")
    assert "test_dies" in facts.action.output  # the stack, although pytest captures the output of tests


@WORKERS
def test_a_hang_names_the_open_test_and_the_line(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {"test_it.py": "import time\ndef test_before(): pass\ndef test_hangs():\n    time.sleep(600)\n"}
    facts = run(files, tmp_path, *workers, timeout=8.0)

    assert verdict(facts) == (Status.TIMEOUT, Reason.TIMED_OUT, "test_it.py::test_hangs")
    assert "test_it.py:4 in test_hangs" in message(facts)


def test_an_exit_code_that_no_test_explains_is_a_failure(tmp_path: Path) -> None:
    files = {
        "conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 1",
        "test_it.py": "def test_it(): pass",
    }
    facts = run(files, tmp_path)

    assert verdict(facts)[:2] == (Status.FAIL, Reason.EXIT_CODE)
    assert message(facts) == "all tests finished, then pytest exited with code 1"


def test_thousands_of_tests_are_recorded_in_a_small_transcript(tmp_path: Path) -> None:
    files = {
        "test_it.py": """
            import pytest
            @pytest.mark.parametrize("number", range(3000))
            def test_many(number): assert number != 1500
        """
    }
    facts = run(files, tmp_path, timeout=120.0)

    assert verdict(facts) == (Status.FAIL, Reason.CHECK_FAILED, "test_it.py::test_many[1500]")
    assert (facts.transcript.collected, facts.transcript.left_out, len(facts.transcript.checks)) == (3000, 2999, 1)


def test_options_of_python_and_its_variables_are_in_force(tmp_path: Path) -> None:
    files = {
        "test_it.py": """
            import sys, warnings
            def test_it():
                assert sys.flags.dev_mode and not sys.flags.utf8_mode
                warnings.warn("old")
        """
    }
    facts = run(files, tmp_path, options=("-W", "error"), env=(("PYTHONDEVMODE", "1"),))

    assert checks(facts)["test_it.py::test_it"].message == "UserWarning: old"


def test_the_environment_comes_first_on_the_path(tmp_path: Path) -> None:
    files = {
        "test_it.py": """
            import os, subprocess, sys
            def test_it():
                assert os.environ["PATH"].split(":")[0] == os.path.dirname(sys.executable)
                assert os.environ["VIRTUAL_ENV"] == sys.prefix
                subprocess.run(["pytest", "--version"], check=True)
        """
    }
    assert verdict(run(files, tmp_path))[0] is Status.PASS


def installed(site: Path, *, editable: bool = False) -> None:
    """Install the project ``thing`` into ``site`` as an installer does from a wheel on this machine."""
    info = site / "thing-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "thing").mkdir()
    (site / "thing" / "__init__.py").write_text("WHERE = 'installed'\n", encoding="utf-8")
    (info / "METADATA").write_text("Name: thing\nVersion: 1.0\n", encoding="utf-8")
    (info / "RECORD").write_text("thing/__init__.py,,\nthing-1.0.dist-info/METADATA,,\n", encoding="utf-8")
    where = '"dir_info": {"editable": true}' if editable else '"archive_info": {}'
    (info / "direct_url.json").write_text(f'{{"url": "file:///x/thing.whl", {where}}}', encoding="utf-8")


FLAT = {
    "thing/__init__.py": "WHERE = 'sources'",
    "tests/__init__.py": "",
    "tests/test_it.py": "import thing\ndef test_it(): pass",
}
"""A project whose tests find its sources: pytest puts the folder above ``tests`` first on the search path."""


@WORKERS
def test_sources_that_shadow_the_installed_project_are_an_error(tmp_path: Path, workers: tuple[str, ...]) -> None:
    installed(tmp_path / "site-packages")
    env = (("PYTHONPATH", str(tmp_path / "site-packages")),)

    facts = run(FLAT, tmp_path, "tests", *workers, env=env)
    assert verdict(facts)[:2] == (Status.ERROR, Reason.SHADOWED)
    assert "import thing from the sources of the project (thing/__init__.py)" in message(facts)
    assert "--import-mode=append" in message(facts)
    assert facts.transcript.modules["thing"].endswith("work/thing/__init__.py")


@pytest.mark.parametrize("mode", ["append", "importlib"])
def test_another_import_mode_tests_the_installed_project(tmp_path: Path, mode: str) -> None:
    installed(tmp_path / "site-packages")
    env = (("PYTHONPATH", str(tmp_path / "site-packages")),)

    facts = run(FLAT, tmp_path, "tests", f"--import-mode={mode}", env=env)

    assert verdict(facts)[0] is Status.PASS
    assert facts.transcript.modules == {"thing": str(tmp_path / "site-packages" / "thing" / "__init__.py")}


OWN = {f"src/{path}" if path.startswith("thing") else path: text for path, text in FLAT.items()}
"""The same with a ``src`` layout."""


@pytest.mark.parametrize(
    ("arguments", "way_out"),
    [
        (("--doctest-modules",), "name the folder of the tests in its arguments, or install"),
        (("--doctest-modules", "--import-mode=append"), "name the folder of the tests in its arguments, or install"),
        (("-o", "pythonpath=src"), 'add "-o", "pythonpath=" to its arguments, or install'),
        (("-p", "path", "--import-mode=importlib"), "such as a line of conftest.py, or install"),
    ],
)
def test_the_way_out_of_shadowing_sources_is_one_that_works(
    tmp_path: Path, arguments: tuple[str, ...], way_out: str
) -> None:
    installed(tmp_path / "site-packages")
    (tmp_path / "site-packages" / "thing" / "more.py").touch()
    (tmp_path / "site-packages" / "path.py").write_text("import sys\nsys.path.insert(0, 'src')\n", encoding="utf-8")
    env = (("PYTHONPATH", str(tmp_path / "site-packages")),)

    facts = run({**OWN, "src/thing/more.py": ""}, tmp_path, *arguments, env=env)

    assert verdict(facts)[:2] == (Status.ERROR, Reason.SHADOWED)
    assert way_out in message(facts)
    assert "src folder" not in message(facts)


def test_the_sources_of_an_editable_project_do_not_shadow_it(tmp_path: Path) -> None:
    installed(tmp_path / "site-packages", editable=True)

    facts = run(FLAT, tmp_path, "tests", env=(("PYTHONPATH", str(tmp_path / "site-packages")),))

    assert verdict(facts)[0] is Status.PASS


@pytest.mark.parametrize("says", ["top_level.txt", "nothing"])
def test_where_an_editable_project_came_from_is_recorded(says: str, tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    installed(site, editable=True)
    info = site / "thing-1.0.dist-info"
    (info / "RECORD").write_text("__editable___thing_1_0_finder.py,,\nthing-1.0.dist-info/METADATA,,\n")
    if says == "top_level.txt":
        (info / "top_level.txt").write_text("thing\n")

    facts = run(FLAT, tmp_path, "tests", env=(("PYTHONPATH", str(site)),))

    assert facts.transcript.modules["thing"].endswith("work/thing/__init__.py")


def test_sources_whose_import_fails_shadow_the_project_too(tmp_path: Path) -> None:
    installed(tmp_path / "site-packages")
    files = FLAT | {"thing/__init__.py": "from thing import _compiled"}

    facts = run(files, tmp_path, "tests", env=(("PYTHONPATH", str(tmp_path / "site-packages")),))

    assert verdict(facts)[:2] == (Status.ERROR, Reason.SHADOWED)


@WORKERS
def test_a_test_that_cannot_be_collected_says_nothing_about_sources_that_it_does_not_import(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    installed(tmp_path / "site-packages")
    files = FLAT | {"tests/test_it.py": "import not_installed_anywhere\nimport thing\n", "tests/__init__.py": ""}

    facts = run(files, tmp_path, "tests", *workers, env=(("PYTHONPATH", str(tmp_path / "site-packages")),))

    assert verdict(facts)[1] is Reason.COLLECTION_ERROR
    assert "thing" not in facts.transcript.modules


@WORKERS
@pytest.mark.parametrize("broken", ["def thing(:\n", "import not_installed_anywhere\n"])
def test_a_broken_module_of_the_sources_that_the_tests_do_import_shadows_the_project(
    tmp_path: Path, workers: tuple[str, ...], broken: str
) -> None:
    installed(tmp_path / "site-packages")
    files = FLAT | {"thing/__init__.py": broken}

    facts = run(files, tmp_path, "tests", *workers, env=(("PYTHONPATH", str(tmp_path / "site-packages")),))

    assert verdict(facts)[:2] == (Status.ERROR, Reason.SHADOWED)


def test_a_rerun_counts_as_its_last_attempt(tmp_path: Path) -> None:
    # What pytest-rerunfailures does.
    files = {
        "conftest.py": """
            from _pytest.runner import runtestprotocol
            def pytest_runtest_protocol(item, nextitem):
                hook = item.ihook
                hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                for attempt in (1, 2):
                    item._initrequest()
                    reports = runtestprotocol(item, nextitem=nextitem, log=False)
                    again = attempt == 1 and any(report.failed for report in reports)
                    for report in reports:
                        if report.failed and again:
                            report.outcome = "rerun"
                        hook.pytest_runtest_logreport(report=report)
                    if not again:
                        break
                hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
                return True
        """,
        "test_it.py": "runs = []\ndef test_it():\n    runs.append(1)\n    assert len(runs) == 2\n",
    }
    facts = run(files, tmp_path)

    assert verdict(facts)[0] is Status.PASS
    assert checks(facts)["test_it.py::test_it"].outcome is Outcome.PASSED


def test_the_nonce_is_neither_in_the_arguments_nor_in_a_file_when_the_tests_run(tmp_path: Path) -> None:
    files = {
        "test_it.py": """
            import pathlib
            def test_it():
                *_, config = pathlib.Path("/proc/self/cmdline").read_bytes().decode().split("\\0")[:-1]
                assert config.endswith("launch.json") and not pathlib.Path(config).exists()
        """
    }
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("this machine has no /proc")
    assert verdict(run(files, tmp_path))[0] is Status.PASS


def test_a_problem_that_is_not_why_it_ended_does_not_hide_a_crash(tmp_path: Path) -> None:
    files = {
        "conftest.py": "import atexit, os\natexit.register(os.abort)",
        "test_it.py": "from json import dump_it",
    }
    facts = run(files, tmp_path)

    assert facts.transcript.problem is not None
    assert facts.transcript.problem.kind is ProblemKind.COLLECTION
    assert verdict(facts)[:2] == (Status.CRASH, Reason.SIGNALLED)


@pytest.mark.parametrize("arguments", [("--version",), ("tests",)], ids=["it prints its version", "a conftest exits"])
def test_a_run_that_ends_before_it_looks_for_tests_has_none(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    files = {"tests/conftest.py": "import sys; sys.exit(0)", "tests/test_a.py": "def test_a(): pass"}

    facts = run(files, tmp_path, *arguments)

    assert verdict(facts)[:2] == (Status.ERROR, Reason.NO_TESTS)


def test_an_interrupted_test_is_named(tmp_path: Path) -> None:
    facts = run(
        {
            "test_all.py": """
                def test_a(): pass
                def test_b(): raise KeyboardInterrupt
                def test_c(): pass
            """
        },
        tmp_path,
    )

    outcomes = {name: check.outcome for name, check in checks(facts).items()}
    assert outcomes == {"test_all.py::test_a": Outcome.PASSED, "test_all.py::test_b": Outcome.OPEN}
    assert verdict(facts)[::2] == (Status.FAIL, "test_all.py::test_b")
    assert "all tests finished" not in message(facts)
