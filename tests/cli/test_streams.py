"""Runs whose output or report cannot be written: they go on, and the exit code stays that of the verdicts."""

import subprocess

import pytest

from support.index import Index
from support.project import Project

MATRIX = """
[index.local]
url = "{url}"

[[probe]]
id = "imports"
source = "import tiny"

[[combo]]
id = "one"
steps = [["tiny==1.0"]]

[[combo]]
id = "two"
steps = [["tiny==2.0"]]
"""
LOST = "could not be written"
FULL, CLOSED = "No space left on device", "it is closed"


def _shell(project: Project, text: str) -> "subprocess.CompletedProcess[str]":
    words = {"RUN": "run --fresh-probes", "REPORT": "report"}
    for word, verb in words.items():
        text = text.replace(word, f"{' '.join(project.command())} {verb}")
    return subprocess.run(
        ["bash", "-c", text],
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("RUN >&-", f"standard output {LOST}: {CLOSED}"),
        ("RUN 2>&-", f"standard error {LOST}: {CLOSED}"),
        ("RUN >&- 2>&-", ""),
        ("RUN > /dev/full", f"standard output {LOST}: {FULL}"),
        ("RUN 2> /dev/full", f"standard error {LOST}: {FULL}"),
        ("RUN --progress board 2> /dev/full", f"standard error {LOST}: {FULL}"),
        ("RUN > /dev/full 2>&1", ""),
        ("RUN | head -n 1; exit ${PIPESTATUS[0]}", ""),
        ("RUN 2>&1 | head -n 1; exit ${PIPESTATUS[0]}", ""),
        ("mkdir -p report/index.html; RUN --report-dir report", "report cannot be written"),
    ],
)
def test_no_stream_and_no_folder_that_cannot_be_written_stops_a_run(
    project: Project, index: Index, text: str, printed: str
) -> None:
    project.write(MATRIX.format(url=index.url))

    done = _shell(project, text)

    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert len(project.events("combo-finished")) == 2 and project.events("run-finished")
    assert "Traceback" not in output and "Exception ignored" not in output
    assert output.count("error:") == bool(printed) and printed in output
    if "report-dir" in text or ("RUN 2>" in text.replace("--progress board ", "") and "head" not in text):
        assert "one" in done.stdout and "two" in done.stdout, "the table"


@pytest.mark.parametrize("text", ["REPORT > /dev/full", "REPORT --format html > /dev/full", "REPORT >&-"])
def test_a_report_that_is_lost_is_an_error(project: Project, index: Index, text: str) -> None:
    project.write(MATRIX.format(url=index.url))
    project.run("run")

    done = _shell(project, text)

    assert done.returncode == 2
    assert done.stderr.startswith(f"error: standard output {LOST}") and done.stderr.count("\n") == 1


def test_a_report_whose_reader_leaves_early_exits_with_0(project: Project, index: Index) -> None:
    project.write(MATRIX.format(url=index.url))
    project.run("run")

    done = _shell(project, "REPORT --format html | head -c 10; exit ${PIPESTATUS[0]}")

    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_that_cannot_be_published_has_its_table_and_an_error(project: Project, index: Index) -> None:
    project.write(MATRIX.format(url=index.url))
    (project.folder / "reports" / "m" / "index.html").mkdir(parents=True)

    done = project.run("run", "--publish")

    assert done.returncode == 2, done.stderr
    assert "error: the run is not published" in done.stderr and "Traceback" not in done.stderr
    assert "crashed" not in done.stderr and "two" in done.stdout


@pytest.mark.parametrize("text", ["RUN", "REPORT"])
def test_a_disk_without_any_room_is_an_error_and_no_traceback(project: Project, index: Index, text: str) -> None:
    """Python does not even find a temporary folder then, because it tries to write into each."""
    project.write(MATRIX.format(url=index.url))

    done = _shell(project, f"ulimit -f 0; {text} 2>&1 | cat; exit ${{PIPESTATUS[0]}}")

    assert done.returncode in (2, 3), done.stdout
    assert "error: " in done.stdout and "Traceback" not in done.stdout
