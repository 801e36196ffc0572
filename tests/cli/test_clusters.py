"""The options about clusters: what does not go together is an error with a next step, and nothing is run."""

import socket

import pytest

from support.index import Index
from support.project import Project

MATRIX = """
[index.local]
url = "{url}"

[[probe]]
id = "works"
source = "import tiny"

[[combo]]
id = "one"
steps = [["tiny==1.0"]]
"""


@pytest.fixture
def declared(project: Project, index: Index) -> Project:
    project.write(MATRIX.format(url=index.url))
    return project


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--executor", "dask"), "--executor dask needs a scheduler"),
        (("--scheduler", "tls://h:1"), "--scheduler needs --executor dask"),
        (("--insecure",), "--insecure needs --executor dask"),
        (("--executor", "dask", "--scheduler", "nowhere.json"), "neither an address nor a scheduler file"),
        (("--executor", "dask", "--scheduler", "tcp://192.0.2.7:8786"), "does not ask who uses it"),
        (("--executor", "dask", "--scheduler", "tcp://127.0.0.1:1", "--jobs", "2"), "--jobs does not go with"),
        (("--executor", "dask", "--scheduler", "tcp://127.0.0.1:1", "--keep"), "--keep does not go with"),
    ],
)
def test_options_about_clusters_that_make_no_sense_are_an_error(
    declared: Project, options: tuple[str, ...], problem: str
) -> None:
    done = declared.run("run", *options)

    assert done.returncode == 2, done.stdout + done.stderr
    assert problem in done.stderr
    assert "next:" in done.stderr
    assert not declared.logs()


def test_searches_take_the_options_about_clusters(declared: Project) -> None:
    for verb in (["fix", "one"], ["frontier", "one", "tiny"], ["timeline", "one"], ["upgrade", "one"], ["forecast"]):
        done = declared.run(*verb, "--executor", "dask")

        assert done.returncode == 2, done.stdout + done.stderr
        assert "--executor dask needs a scheduler" in done.stderr


def test_without_an_answer_of_the_scheduler_nothing_is_run(declared: Project) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    done = declared.run("run", "--executor", "dask", "--scheduler", f"tcp://127.0.0.1:{port}")

    assert done.returncode == 3, done.stdout + done.stderr
    assert "no Dask scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr
    assert not declared.logs()
