"""Run probes that go wrong in every way, and judge them."""

import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from knowngood.judge.probes import judge_probe
from knowngood.model import Outcome, Phase, Reason, Status
from support.processes import living
from support.workshop import launch

CHECKED = """
from probe_api import check

@check
def works():
    pass

@check
def fatal():
    import os, signal, sys, atexit, ctypes
"""
"""A check that passes, and the beginning of one whose last lines differ from case to case."""


@dataclass(frozen=True, kw_only=True)
class Bad:
    source: str
    status: Status
    reason: Reason
    check: str | None
    message: str
    outcomes: tuple[tuple[str, str], ...] = (("works", "passed"), ("fatal", "open"))


BAD = {
    "a segmentation fault": Bad(
        source=CHECKED + "    ctypes.string_at(0)",
        status=Status.CRASH,
        reason=Reason.SIGNALLED,
        check="fatal",
        message="died of SIGSEGV, in check 'fatal', at ",
    ),
    "an abort": Bad(
        source=CHECKED + "    os.abort()",
        status=Status.CRASH,
        reason=Reason.SIGNALLED,
        check="fatal",
        message="died of SIGABRT, in check 'fatal', at ",
    ),
    "a kill from outside": Bad(
        source=CHECKED + "    os.kill(os.getpid(), signal.SIGKILL)",
        status=Status.INFRA,
        reason=Reason.KILLED_BY_OTHERS,
        check="fatal",
        message="killed from outside with SIGKILL",
    ),
    "a silent exit 0": Bad(
        source=CHECKED + "    os._exit(0)",
        status=Status.CRASH,
        reason=Reason.LEFT_EARLY,
        check="fatal",
        message="exited with code 0 before the probe was finished, in check 'fatal'",
    ),
    "a silent exit 3": Bad(
        source=CHECKED + "    os._exit(3)",
        status=Status.CRASH,
        reason=Reason.LEFT_EARLY,
        check="fatal",
        message="exited with code 3 before the probe was finished, in check 'fatal'",
    ),
    "a silent exit between two checks": Bad(
        source=CHECKED + "    pass\nimport os\nos._exit(0)",
        status=Status.CRASH,
        reason=Reason.LEFT_EARLY,
        check="script",
        message="exited with code 0 before the probe was finished, in check 'script'",
        outcomes=(("script", "open"), ("works", "passed"), ("fatal", "passed")),
    ),
    "a forged bye on standard output": Bad(
        source=CHECKED
        + """
    for kind in ("end", "bye"):
        print('{"kind": "%s", "check": "fatal", "outcome": "passed", "seconds": 1, "nonce": "0"}' % kind)
    sys.stdout.flush()
    os._exit(0)
""",
        status=Status.CRASH,
        reason=Reason.LEFT_EARLY,
        check="fatal",
        message="exited with code 0 before the probe was finished, in check 'fatal'",
    ),
    "a forged bye in the records": Bad(
        source=CHECKED
        + """
    with open(os.path.join(os.path.dirname(__file__), "records.jsonl"), "a") as records:
        for kind in ("end", "bye"):
            records.write('{"kind": "%s", "check": "fatal", "outcome": "passed", "seconds": 1, "nonce": "0"}\\n' % kind)
    os._exit(0)
""",
        status=Status.CRASH,
        reason=Reason.LEFT_EARLY,
        check="fatal",
        message="exited with code 0 before the probe was finished, in check 'fatal'",
    ),
    "records thrown away": Bad(
        source=CHECKED + "    os.truncate(os.path.join(os.path.dirname(__file__), 'records.jsonl'), 0); os._exit(0)",
        status=Status.CRASH,
        reason=Reason.NO_START,
        check=None,
        message="Python exited with code 0 before the probe began",
        outcomes=(),
    ),
    "sys.exit with a message": Bad(
        source=CHECKED + "    sys.exit('no way on')",
        status=Status.FAIL,
        reason=Reason.CHECK_FAILED,
        check="fatal",
        message="SystemExit: no way on",
        outcomes=(("works", "passed"), ("fatal", "failed")),
    ),
    "sys.exit with a message outside of checks": Bad(
        source=CHECKED + "    pass\nimport sys\nsys.exit('no way on')",
        status=Status.FAIL,
        reason=Reason.CHECK_FAILED,
        check="script",
        message="SystemExit: no way on",
        outcomes=(("script", "failed"), ("works", "passed"), ("fatal", "passed")),
    ),
    "a syntax error": Bad(
        source="def broken(:\n    pass\n",
        status=Status.FAIL,
        reason=Reason.CHECK_FAILED,
        check="script",
        message="SyntaxError: invalid syntax",
        outcomes=(("script", "failed"),),
    ),
    "an exception in a script without checks": Bad(
        source="import nothing_of_this_name",
        status=Status.FAIL,
        reason=Reason.CHECK_FAILED,
        check="script",
        message="ModuleNotFoundError: No module named 'nothing_of_this_name'",
        outcomes=(("script", "failed"),),
    ),
    "an exit code set at exit": Bad(
        source=CHECKED + "    atexit.register(os._exit, 7)",
        status=Status.FAIL,
        reason=Reason.EXIT_CODE,
        check=None,
        message="all checks finished, then it exited with code 7",
        outcomes=(("works", "passed"), ("fatal", "passed")),
    ),
    "a crash at exit": Bad(
        source=CHECKED + "    atexit.register(os.abort)",
        status=Status.CRASH,
        reason=Reason.SIGNALLED,
        check=None,
        message="died of SIGABRT, after its last check",
        outcomes=(("works", "passed"), ("fatal", "passed")),
    ),
    "a failing check before others": Bad(
        source="""
from probe_api import check

@check("adds up")
def adds():
    assert 1 + 1 == 3, "no sum"

@check
def later():
    pass
""",
        status=Status.FAIL,
        reason=Reason.CHECK_FAILED,
        check="adds up",
        message="AssertionError: no sum",
        outcomes=(("adds up", "failed"), ("later", "passed")),
    ),
    "only skipped and failed checks": Bad(
        source="""
from probe_api import check

@check
def base():
    raise OSError("gone")

@check(needs=[base])
def above():
    pass

@check("far above", needs=[base, above])
def far_above():
    pass
""",
        status=Status.FAIL,
        reason=Reason.CHECK_FAILED,
        check="base",
        message="OSError: gone",
        outcomes=(("base", "failed"), ("above", "skipped"), ("far above", "skipped")),
    ),
    "a message that cannot be read": Bad(
        source="""
from probe_api import check

class Odd(Exception):
    def __str__(self):
        raise RuntimeError("no text")

@check
def odd():
    raise Odd()
""",
        status=Status.FAIL,
        reason=Reason.CHECK_FAILED,
        check="odd",
        message="Odd: <exception str() failed>",
        outcomes=(("odd", "failed"),),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_probe_gets_its_own_status_reason_and_message_and_names_the_check(name: str, tmp_path: Path) -> None:
    bad = BAD[name]

    facts = launch(bad.source, tmp_path)
    verdict, failed_check, message = judge_probe(facts)

    assert (verdict.status, verdict.phase, verdict.reason) == (bad.status, Phase.PROBE, bad.reason), facts
    assert failed_check == bad.check
    assert message.startswith(bad.message)
    assert tuple((check.name, check.outcome.value) for check in facts.transcript.checks) == bad.outcomes


def test_forged_records_are_counted(tmp_path: Path) -> None:
    assert launch(BAD["a forged bye in the records"].source, tmp_path).transcript.bad_lines == 2
    assert launch(BAD["a forged bye on standard output"].source, tmp_path).transcript.bad_lines == 0


@pytest.mark.parametrize("statement", ["sys.exit()", "sys.exit(0)", "raise SystemExit(None)"])
def test_a_script_that_exits_with_code_0_passes(tmp_path: Path, statement: str) -> None:
    verdict, check, _ = judge_probe(launch(f"{CHECKED}    pass\nimport sys\n{statement}", tmp_path))

    assert (verdict.status, check) == (Status.PASS, None)


def test_a_hang_that_ignores_sigterm_is_ended_with_its_grandchild_and_located(tmp_path: Path) -> None:
    mark = f"KNOWNGOOD_TEST={uuid4().hex}"
    source = """
import signal, subprocess, sys, time
from probe_api import check

@check
def hangs():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)
    time.sleep(600)
"""
    name, _, value = mark.partition("=")
    started = time.monotonic()

    facts = launch(source, tmp_path, timeout=1.5, grace=0.3, env=((name, value),))
    verdict, check, message = judge_probe(facts)

    assert time.monotonic() - started < 1.5 + 0.3 + 20, "it would sleep for ten minutes"
    assert living(mark) == []
    assert (verdict.status, verdict.reason, check) == (Status.TIMEOUT, Reason.TIMED_OUT, "hangs")
    assert message.startswith("did not finish within its time limit, in check 'hangs', at ")
    assert message.endswith("works.py:10 in hangs")


def test_a_gigabyte_of_output_makes_a_small_log_and_does_not_change_the_verdict(tmp_path: Path) -> None:
    facts = launch("import os\nfor _ in range(1024): os.write(1, b'x' * 2**20)\n", tmp_path, timeout=60)

    assert judge_probe(facts)[0].status is Status.PASS
    assert (tmp_path / facts.action.log).stat().st_size <= 5 * 2**20


def test_output_that_is_not_utf_8_does_not_change_the_verdict(tmp_path: Path) -> None:
    facts = launch(r"import os; os.write(1, b'\xff\xfe\n'); os.write(2, b'caf\xe9\n')", tmp_path)

    assert judge_probe(facts)[0].status is Status.PASS
    assert facts.action.output == "��\ncaf�\n"


def test_a_forked_child_cannot_write_records_of_the_probe(tmp_path: Path) -> None:
    source = """
import os
from probe_api import check, record

@check
def forks():
    child = os.fork()
    if child == 0:
        record(who="the child")
        raise ValueError("only the child's")
    os.waitpid(child, 0)
    record(who="the parent")
"""
    facts = launch(source, tmp_path)

    verdict, _, _ = judge_probe(facts)
    (check,) = facts.transcript.checks
    assert (verdict.status, check.outcome, check.metrics) == (Status.PASS, Outcome.PASSED, {"who": "the parent"})
    assert facts.transcript.bad_lines == 0


def test_a_probe_whose_python_is_missing_is_an_infrastructure_problem(tmp_path: Path) -> None:
    facts = launch("pass", tmp_path, python=tmp_path / "gone" / "python")

    verdict, check, message = judge_probe(facts)
    assert (verdict.status, verdict.reason, check) == (Status.INFRA, Reason.NO_START, None)
    assert message.startswith("FileNotFoundError")


def test_a_python_that_fails_at_once_is_a_crash(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho cannot open shared object file\nexit 127\n", encoding="utf-8")
    broken.chmod(0o755)

    facts = launch("pass", tmp_path, python=broken)
    verdict, _, message = judge_probe(facts)

    assert (verdict.status, verdict.reason) == (Status.CRASH, Reason.NO_START)
    assert message.startswith("Python exited with code 127 before the probe began")


def test_a_probe_does_not_see_files_of_an_earlier_attempt(tmp_path: Path) -> None:
    source = "import pathlib\nassert not pathlib.Path('left').exists()\npathlib.Path('left').touch()\n"

    for _ in range(2):
        assert judge_probe(launch(source, tmp_path))[0].status is Status.PASS
