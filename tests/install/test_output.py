"""Hold what each installer printed in real runs against what it means; tests/install/test_faults.py provokes it."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from knowngood.install.registry import OUTPUTS
from knowngood.model import Ending, Exit, InstallerName, Reason, Status
from knowngood.model.installer_output import Conflict, Dependency, Download, OtherPython
from support.facts import BAD, action

RECORDED = Path(__file__).parent / "recorded"
EXPECTED = tomllib.loads((RECORDED / "expected.toml").read_text(encoding="utf-8"))

UV, PIP = InstallerName.UV, InstallerName.PIP

INFRA, UNSOLVABLE, BUILD_FAIL = Status.INFRA, Status.UNSOLVABLE, Status.BUILD_FAIL


def needs(package: str, requirement: str) -> Dependency:
    return Dependency(package=package, requirement=Requirement(requirement))


def test_every_recorded_output_has_an_expectation() -> None:
    assert {path.stem for path in RECORDED.glob("*.txt")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_output_is_classified_by_its_cause_and_summed_up_in_a_sentence(name: str) -> None:
    expected = EXPECTED[name]
    status, reason, sentence = Status(expected["status"]), Reason(expected["reason"]), expected["says"]
    recorded = action(BAD, (RECORDED / f"{name}.txt").read_text(encoding="utf-8"))
    output = OUTPUTS[InstallerName(name.partition(".")[0])]

    assert output.classify(recorded) == (status, reason)
    assert output.message(recorded, status) == sentence


@pytest.mark.parametrize(
    ("installer", "text", "status", "reason", "sentence"),
    [
        pytest.param(
            UV,
            "error: Failed to install: torch-2.1.2.whl\n  cause: failed to copy file\n"
            "  cause: No space left on device (os error 28)\n",
            INFRA,
            Reason.NO_SPACE,
            "Failed to install: torch-2.1.2.whl: No space left on device (os error 28)",
            id="uv on a full disk",
        ),
        pytest.param(
            PIP,
            "Collecting torch\n"
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            INFRA,
            Reason.NO_SPACE,
            "Could not install packages due to an OSError: [Errno 28] No space left on device",
            id="pip on a full disk",
        ),
        pytest.param(
            UV,
            "error: Failed to fetch: http://x/simple/solid/\n  cause: error sending request for url (http://x/simple/solid/)\n"
            "  cause: client error (Connect)\n  cause: dns error\n"
            "  cause: failed to lookup address information: Name or service not known\n",
            INFRA,
            Reason.INDEX_UNREACHABLE,
            "Failed to fetch: http://x/simple/solid/: failed to lookup address information: Name or service not known",
            id="uv without DNS",
        ),
        pytest.param(
            PIP,
            "ERROR: something that nobody has seen before\n",
            INFRA,
            Reason.UNRECOGNISED,
            "something that nobody has seen before",
            id="an unknown error",
        ),
        pytest.param(UV, "", INFRA, Reason.UNRECOGNISED, "exit code 1, no output", id="no output"),
        pytest.param(
            PIP,
            "Building wheel for x did not run successfully.\n  src/a.c:12:3: fatal error: Python.h: No such file\n"
            "  error: command 'gcc' failed with exit code 1\nERROR: Failed building wheel for x\n"
            "subprocess.CalledProcessError: Command 'gcc' returned 1\n",
            BUILD_FAIL,
            Reason.BUILD_ERROR,
            "src/a.c:12:3: fatal error: Python.h: No such file",
            id="a compiler that fails",
        ),
        pytest.param(
            UV,
            "cc1plus: fatal error: ./src/a.cc: No such file or directory\ncompilation terminated.\n"
            "error: Failed to build `/x/source`\n  cause: The build backend returned an error\n"
            "  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)\n",
            BUILD_FAIL,
            Reason.BUILD_ERROR,
            "cc1plus: fatal error: ./src/a.cc: No such file or directory",
            id="a compiler that finds no source",
        ),
        pytest.param(
            PIP,
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
            PIP,
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
            PIP,
            "ERROR: Package 'solid' requires a different Python: 3.11.7 not in '>=4'\n",
            UNSOLVABLE,
            Reason.NO_MATCHING_FILE,
            "Package 'solid' requires a different Python: 3.11.7 not in '>=4'",
            id="pip finds out about Python only in the file",
        ),
        pytest.param(
            PIP,
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
def test_an_output_that_cannot_be_provoked_at_will_is_classified_by_its_cause(
    installer: InstallerName, text: str, status: Status, reason: Reason, sentence: str
) -> None:
    failed = action(BAD, text)

    assert OUTPUTS[installer].classify(failed) == (status, reason)
    assert OUTPUTS[installer].message(failed, status) == sentence


@pytest.mark.parametrize("installer", InstallerName)
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
def test_an_installer_that_was_stopped_proves_nothing_about_the_versions_whatever_it_printed(
    ending: Ending, status: Status, reason: Reason, installer: InstallerName
) -> None:
    stopped = action(Exit(ending=ending), "error: No solution found when resolving dependencies\n")
    output = OUTPUTS[installer]

    assert output.classify(stopped) == (status, reason)
    assert output.message(stopped, status) == ending.value.replace("-", " ")
    assert output.message(action(Exit(ending=ending, note="the reason")), status) == "the reason"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("uv.conflict", Conflict(dependencies=(needs("wants-new", "solid>=2"), needs("wants-old", "solid<2")))),
        ("uv.own-conflict", Conflict(dependencies=(needs("wants-old", "solid<2"),))),
        ("uv.no-version", Conflict(missing="solid==9.9")),
        ("uv.page-404", Conflict(missing="ghost")),
        ("uv.no-file", Conflict(other_python=OtherPython(package="alien", requires=None), only=("alien==1.0",))),
        ("pip.conflict", Conflict(dependencies=(needs("wants-old", "solid<2"), needs("wants-new", "solid>=2")))),
        ("pip.own-conflict", Conflict(dependencies=(needs("wants-old", "solid<2"),))),
        ("pip.no-version", Conflict(missing="solid==9.9")),
        ("pip.page-404", Conflict(missing="ghost")),
        ("pip.build", Conflict()),
    ],
)
def test_the_causes_of_a_conflict_are_read_from_a_recorded_output(name: str, expected: Conflict) -> None:
    output = OUTPUTS[InstallerName(name.partition(".")[0])]

    assert output.conflict((RECORDED / f"{name}.txt").read_text(encoding="utf-8")) == expected


@pytest.mark.parametrize(
    ("installer", "text", "expected"),
    [
        pytest.param(
            UV,
            "cause: Because the current Python version (3.11.7) does not satisfy Python>=4 and\n"
            "         future==1.0 depends on Python>=4, we can conclude",
            OtherPython(package="future", requires=">=4"),
            id="uv",
        ),
        pytest.param(
            PIP,
            "ERROR: Package 'Solid_Thing' requires a different Python: 3.11.7 not in '>=4'\n",
            OtherPython(package="solid-thing", requires=">=4"),
            id="pip",
        ),
    ],
)
def test_a_package_for_another_python_is_named_with_what_it_requires(
    installer: InstallerName, text: str, expected: OtherPython
) -> None:
    assert OUTPUTS[installer].conflict(text).other_python == expected


@pytest.mark.parametrize(
    ("installer", "text", "failed"),
    [
        (
            UV,
            "error: Failed to download and build `Pendulum==2.1.2`\n  cause: The build backend",
            ("pendulum", "2.1.2"),
        ),
        (UV, "error: Failed to build `pendulum @ file:///src`\n", None),
        (PIP, "  ERROR: Failed building wheel for PyYAML\n", ("pyyaml", None)),
        (PIP, "ERROR: Failed to build installable wheels for some projects (PyYAML)\n", ("pyyaml", None)),
        (PIP, "ERROR: Failed to build 'PyYAML' when getting requirements to build wheel\n", ("pyyaml", None)),
        (PIP, (RECORDED / "pip.build.txt").read_text(encoding="utf-8"), ("broken-build", None)),
        (PIP, "Successfully built PyYAML\n", None),
    ],
)
def test_the_package_that_did_not_build_is_named(
    installer: InstallerName, text: str, failed: tuple[str, str | None] | None
) -> None:
    assert OUTPUTS[installer].failed_build(action(BAD, text)) == failed


UV_DOWNLOADS = """Using Python 3.11.7 environment at: e1
Resolved 3 packages in 173ms
Downloading ruff (10.2MiB)
Downloading numpy (17.4MiB)
Downloading torch (2.1GiB)
 Downloaded ruff
"""
"""What uv 0.13 printed to a pipe."""

PIP_DOWNLOADS = """Collecting numpy==1.26.4
  Downloading http://127.0.0.1:8000/files/numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl (18.2 MB)
Collecting old-style
  Using cached old_style-1.0.tar.gz (198 bytes)
Collecting Pure-Python
  Downloading Pure-Python-1.0.tar.gz (12 kB)
"""


def test_uv_reports_each_large_file_when_it_starts_and_when_it_is_there() -> None:
    assert OUTPUTS[UV].downloads(UV_DOWNLOADS) == (
        Download(name="ruff", size=10695475, done=True),
        Download(name="numpy", size=18245222, done=False),
        Download(name="torch", size=2254857830, done=False),
    )


def test_pip_has_downloaded_a_file_once_it_prints_another_line() -> None:
    assert OUTPUTS[PIP].downloads(PIP_DOWNLOADS) == (
        Download(name="numpy", size=18_200_000, done=True),
        Download(name="pure-python", size=12_000, done=False),
    )


@pytest.mark.parametrize("installer", InstallerName)
def test_a_line_that_only_looks_like_a_download_is_left_out(installer: InstallerName) -> None:
    text = "Downloading hope (many)\nnot Downloading numpy (1.0MiB)\n Downloaded numpy\nnot Downloading a.whl (1 kB)\n"

    assert OUTPUTS[installer].downloads(text) == ()


def test_an_archive_that_uv_refuses_to_unpack_is_a_build_that_fails_and_no_trouble_with_the_network() -> None:
    text = (
        "error: Failed to download and build `jinja2==2.0`\n  cause: Failed to extract archive: jinja2==2.0\n"
        "  cause: Invalid tar file\n  cause: at byte 1271808: extraction policy rejected input: archive member path"
        ' rejected by name policy: "Jinja2-2.0/ext/Symbol List: Blocks.tmPreferences"\n'
    )

    status, reason = OUTPUTS[UV].classify(action(BAD, text))

    assert (status, reason) == (Status.BUILD_FAIL, Reason.BUILD_ERROR)
