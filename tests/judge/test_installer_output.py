"""The rules that read uv and pip, held against what both really said: see recorded/, and tests/build/test_faults.py."""

import tomllib
from pathlib import Path

import pytest

from knowngood.install.common_output import classify, message
from knowngood.model import Ending, Exit, Reason, Status
from support.facts import BAD, action

RECORDED = Path(__file__).parent / "recorded"
SAID = tomllib.loads((RECORDED / "said.toml").read_text(encoding="utf-8"))

INFRA, UNSOLVABLE, BUILD_FAIL = Status.INFRA, Status.UNSOLVABLE, Status.BUILD_FAIL


def test_every_recorded_output_has_its_row() -> None:
    assert {path.stem for path in RECORDED.glob("*.txt")} == set(SAID)


@pytest.mark.parametrize("name", SAID)
def test_recorded_outputs_are_read_as_what_they_were(name: str) -> None:
    status, reason, sentence = Status(SAID[name]["status"]), Reason(SAID[name]["reason"]), SAID[name]["says"]
    recorded = action(BAD, (RECORDED / f"{name}.txt").read_text(encoding="utf-8"))

    assert classify(recorded) == (status, reason)
    assert message(recorded, status) == sentence


@pytest.mark.parametrize(
    ("output", "status", "reason", "sentence"),
    [
        pytest.param(
            "error: Failed to install: torch-2.1.2.whl\n  cause: failed to copy file\n"
            "  cause: No space left on device (os error 28)\n",
            INFRA,
            Reason.NO_SPACE,
            "Failed to install: torch-2.1.2.whl: No space left on device (os error 28)",
            id="uv on a full disk",
        ),
        pytest.param(
            "Collecting torch\n"
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            INFRA,
            Reason.NO_SPACE,
            "Could not install packages due to an OSError: [Errno 28] No space left on device",
            id="pip on a full disk",
        ),
        pytest.param(
            "error: Failed to fetch: http://x/simple/solid/\n  cause: error sending request for url (http://x/simple/solid/)\n"
            "  cause: client error (Connect)\n  cause: dns error\n"
            "  cause: failed to lookup address information: Name or service not known\n",
            INFRA,
            Reason.INDEX_UNREACHABLE,
            "Failed to fetch: http://x/simple/solid/: failed to lookup address information: Name or service not known",
            id="uv without DNS",
        ),
        pytest.param(
            "ERROR: something that nobody has seen before\n",
            INFRA,
            Reason.UNRECOGNISED,
            "something that nobody has seen before",
            id="unheard-of words",
        ),
        pytest.param("", INFRA, Reason.UNRECOGNISED, "exit code 1, without a word", id="no words"),
        pytest.param(
            "Building wheel for x did not run successfully.\n  src/a.c:12:3: fatal error: Python.h: No such file\n"
            "  error: command 'gcc' failed with exit code 1\nERROR: Failed building wheel for x\n"
            "subprocess.CalledProcessError: Command 'gcc' returned 1\n",
            BUILD_FAIL,
            Reason.BUILD_ERROR,
            "src/a.c:12:3: fatal error: Python.h: No such file",
            id="a compiler",
        ),
        pytest.param(
            "  Link requires a different Python (3.11.7 not in: '>=4'): http://x/solid-3.0-py3-none-any.whl\n"
            "ERROR: Ignored the following versions that require a different python version: 2.9 "
            "Requires-Python >=4; 3.0 Requires-Python >=4\n"
            "ERROR: Could not find a version that satisfies the requirement solid==9.9 (from versions: 1.0)\n"
            "ERROR: No matching distribution found for solid==9.9\n",
            UNSOLVABLE,
            Reason.VERSION_NOT_FOUND,
            "Could not find a version that satisfies the requirement solid==9.9 (from versions: 1.0)",
            id="pip passes over versions for other Pythons on its way to none",
        ),
        pytest.param(
            "  Link requires a different Python (3.11.7 not in: '>=4'): http://x/solid-3.0-py3-none-any.whl\n"
            "ERROR: Cannot install a==1 and b==1 because these package versions have conflicting dependencies.\n\n"
            "The conflict is caused by:\n    a 1 depends on solid<2\n    b 1 depends on solid>=2\n\n"
            "ERROR: ResolutionImpossible: see\n",
            UNSOLVABLE,
            Reason.CONFLICT,
            "a 1 depends on solid<2 b 1 depends on solid>=2",
            id="pip passes over versions for other Pythons on its way to a conflict",
        ),
        pytest.param(
            "ERROR: Package 'solid' requires a different Python: 3.11.7 not in '>=4'\n",
            UNSOLVABLE,
            Reason.NO_MATCHING_FILE,
            "Package 'solid' requires a different Python: 3.11.7 not in '>=4'",
            id="pip finds out about Python only in the file",
        ),
        pytest.param(
            "ERROR: Could not find a version that satisfies the requirement solid (from versions: none)\n"
            "ERROR: No matching distribution found for solid\n"
            "Could not fetch URL http://x/simple/solid/: 404 Client Error: Not Found - skipping\n"
            "Could not fetch URL http://y/simple/solid/: 503 Server Error - skipping\n",
            INFRA,
            Reason.INDEX_ERROR,
            "Could not fetch URL http://y/simple/solid/: 503 Server Error - skipping",
            id="one index has nothing and the other is down",
        ),
    ],
)
def test_other_words_of_uv_and_pip(output: str, status: Status, reason: Reason, sentence: str) -> None:
    said = action(BAD, output)

    assert classify(said) == (status, reason)
    assert message(said, status) == sentence


@pytest.mark.parametrize(
    ("ending", "status", "reason"),
    [
        (Ending.CANCELLED, Status.NOT_RUN, Reason.INTERRUPTED),
        (Ending.SIGNALLED, Status.INFRA, Reason.KILLED_BY_OTHERS),
        (Ending.OUT_OF_MEMORY, Status.INFRA, Reason.OUT_OF_MEMORY),
        (Ending.TIMED_OUT, Status.INFRA, Reason.TIMED_OUT),
        (Ending.NOT_STARTED, Status.INFRA, Reason.NO_START),
    ],
)
def test_an_installer_that_did_not_end_by_itself_is_no_fault_of_the_versions(
    ending: Ending, status: Status, reason: Reason
) -> None:
    # Whatever it had said by then.
    stopped = action(Exit(ending=ending), "error: No solution found when resolving dependencies\n")

    assert classify(stopped) == (status, reason)
    assert message(stopped, status) == ending.value.replace("-", " ")
    assert message(action(Exit(ending=ending, note="the reason")), status) == "the reason"
