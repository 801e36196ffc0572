from pathlib import Path

import pytest

from support.importing import PROJECT, imported, line_with

FUNCTIONS = """#!/bin/bash
pipi() {
    pip install --no-cache-dir "$@"
}
function both {
    pipi "$1==$2" 'six<2'
    pip install ${3:-attrs}
}
unused() { pip install never; }
pipi flask==3.0 "werkzeug<4"
both jinja2 3.1
if [ -f somewhere ]; then
    pipi perhaps
fi
pipi $UNKNOWN
pip install last
"""


def test_a_function_of_a_shell_installs_what_it_is_called_with(tmp_path: Path) -> None:
    result = imported(tmp_path, "setup.sh", FUNCTIONS)

    assert result.steps == {
        "setup": [["flask==3.0", "werkzeug<4"], ["jinja2==3.1", "six<2"], ["attrs"], ["last"]],
    }
    assert "it is inside an 'if'" in result.remark(line_with(FUNCTIONS, "pipi perhaps"))
    assert "$UNKNOWN has no value" in result.remark(line_with(FUNCTIONS, "pipi $UNKNOWN"))
    assert "never" not in result.text


@pytest.mark.parametrize("head", ["get()", "get ()", "get()\n", "function get()", "function get ()\n"])
@pytest.mark.parametrize("brackets", ["{};", "()"])
def test_the_body_of_a_function_is_read_where_it_is_called(tmp_path: Path, head: str, brackets: str) -> None:
    opening, closing = brackets[0], brackets[:0:-1]
    text = f"""{head} {opening}
  pip install "$1"; case $1 in six) echo;; esac
  (pip install "$2"); {{ pip install both; }}{closing}
pip install first
get six attrs
pip install last
"""

    result = imported(tmp_path, "setup.sh", text)

    assert result.steps == {"setup": [["first"], ["six"], ["attrs"], ["both"], ["last"]]}


def test_what_follows_a_case_is_read(tmp_path: Path) -> None:
    text = "case $1 in\n  a|b) pip install never;;\n  *) exit 1;;\nesac\npip install six\n"

    result = imported(tmp_path, "setup.sh", text)

    assert result.steps == {"setup": [["six"]]}
    assert "it is inside a 'case'" in result.remark(2)


def test_a_subshell_changes_only_its_own_folder(tmp_path: Path) -> None:
    text = "(cd a && pip install .)\n(cd b && pip install .)\nto() ( cd a; pip install six )\nto\npip install ./b\n"

    result = imported(tmp_path, "setup.sh", text, {"a/pyproject.toml": PROJECT, "b/pyproject.toml": PROJECT})

    assert result.steps == {"setup": [["./a"], ["./b"], ["six"], ["./b"]]}


def test_functions_in_a_dockerfile_and_in_a_workflow_are_followed(tmp_path: Path) -> None:
    docker = 'FROM python:3.12\nRUN get() { pip install "$@"; } && get six && get "attrs<25"\n'
    flow = "jobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n"
    flow += '          get() { pip install "$1"; }\n          get six\n'

    assert imported(tmp_path, "Dockerfile", docker).steps == {"image": [["six"], ["attrs<25"]]}
    assert imported(tmp_path, "ci.yml", flow).steps == {"test": [["six"]]}


def test_functions_that_call_each_other_end(tmp_path: Path) -> None:
    body = "\n".join(
        f"f{number}() {{ f{(number + 1) % 9}; f{(number + 2) % 9}; pip install six; }}" for number in range(9)
    )
    text = f"{body}\nf0\npip install attrs\n"

    result = imported(tmp_path, "loop.sh", text)

    assert result.steps["loop"][-1] == ["attrs"]
    assert "functions call each other too often" in result.remark(text.splitlines().index("f0") + 1)


def test_the_files_that_a_project_was_built_to_are_the_project(tmp_path: Path) -> None:
    text = "pip install dist/*.whl\npip install ./wheelhouse/shop-*.whl[s3] six\n"

    result = imported(tmp_path / "a", "ci.sh", text, {"pyproject.toml": PROJECT})

    assert result.steps == {"ci": [["."], [".[s3]", "six"]]}
    assert "dist/*.whl is a build of the project" in "".join(what for _, what in result.notes)
    assert "dist/*.whl" in imported(tmp_path / "b", "ci.sh", f"{text}pip install six\n").remark(1)


def test_a_project_without_a_lock_is_synchronized_with_its_groups(tmp_path: Path) -> None:
    text = "uv sync --no-dev --group test --group gone\nuv sync\nuv sync --all-groups --extra s3\n"

    result = imported(tmp_path, "ci.sh", text, {"pyproject.toml": PROJECT})

    assert result.steps["ci"] == [
        ["--group test", "."],
        ["--group dev", "."],
        ["--group dev", "--group test", ".[s3]"],
    ]
    assert "there is no uv.lock" in result.remark(1)
