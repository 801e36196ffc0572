"""Workers say what they are before anything runs on them, and schedulers that anybody can use are refused."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from knowngood.errors import UsageError
from knowngood.run import host
from knowngood.run.executors import hosts
from knowngood.run.executors.dask import scheduler_address
from support.workshop import PYTHON


def test_a_worker_with_the_same_versions_takes_part() -> None:
    assert hosts.greeting().refused(hosts.greeting()) is None


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("python", "3.99", "has Python 3.99, and this run needs Python 3."),
        ("knowngood", "0.0.1", "has knowngood 0.0.1, and this run needs knowngood "),
        ("knowngood", "", "has no knowngood, and this run needs knowngood "),
        ("uv", "0.1", "has uv 0.1, and this run needs uv "),
    ],
)
def test_a_worker_with_another_version_is_refused_with_a_sentence(name: str, value: str, sentence: str) -> None:
    theirs = replace(hosts.greeting(), host="node7", **{name: value})

    assert f"the worker on node7 {sentence}" in str(theirs.refused(hosts.greeting()))


def test_a_python_without_knowngood_can_answer_the_greeting(tmp_path: Path) -> None:
    code = f"print(__import__('json').dumps(eval({hosts.GREETING!r})))"

    answer = subprocess.run([PYTHON, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, check=True)

    assert json.loads(answer.stdout)["knowngood"] == ""


def test_a_worker_with_other_code_of_the_same_version_is_refused(tmp_path: Path) -> None:
    described = hosts.describe({"PATH": "/usr/bin", "HOME": str(tmp_path)}, ["3.99"])

    assert described.pythons == {}
    assert described.refused(hosts.source()) is None
    assert "other code of knowngood" in str(described.refused("other"))


def test_the_level_of_the_processor_is_one_that_compilers_know() -> None:
    assert host.cpu_level().startswith("x86-64-v") or host.cpu_level() == host.machine().split()[1].rstrip(",")


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786", "tls://node7.example:8786"]
)
def test_a_scheduler_on_loopback_or_with_certificates_is_used(address: str) -> None:
    assert scheduler_address(address, insecure=False) == address


@pytest.mark.parametrize(
    "address", ["tcp://192.0.2.7:8786", "tcp://node7:8786", "ws://192.0.2.7:80", "tcp://0.0.0.0:1"]
)
def test_a_scheduler_that_anybody_can_use_is_refused_unless_the_user_insists(address: str) -> None:
    with pytest.raises(UsageError) as error:
        scheduler_address(address, insecure=False)

    assert "does not ask who uses it" in error.value.what
    assert "tls://" in error.value.next_step
    assert scheduler_address(address, insecure=True) == address


def test_the_address_is_read_from_a_scheduler_file(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text('{"address": "tcp://127.0.0.1:5"}', encoding="utf-8")

    assert scheduler_address(str(file), insecure=False) == "tcp://127.0.0.1:5"


@pytest.mark.parametrize("content", [None, "", "[]", '{"address": "nonsense"}'])
def test_what_is_neither_an_address_nor_a_scheduler_file_is_an_error(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")

    with pytest.raises(UsageError):
        scheduler_address(str(file), insecure=False)
