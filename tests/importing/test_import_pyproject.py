from pathlib import Path

import pytest

from knowngood.errors import UsageError
from support.importing import PROJECT, imported

HATCH = """
[envs.default]
dependencies = ["pytest"]

[envs.test]
features = ["s3"]
extra-dependencies = ["coverage"]

[envs.test.scripts]
cov = "coverage run -m pytest {args:tests}"
test = ["cov -x", "coverage report"]

[[envs.test.matrix]]
python = ["3.11", "3.12"]
flask = ["2", "3"]

[[envs.test.matrix]]
python = ["3.13"]
flask = ["3"]

[envs.test.overrides]
matrix.flask.extra-dependencies = [
  { value = "flask~=2.3", if = ["2"] },
  { value = "flask>=3", if = ["3"] },
]
matrix.flask.env-vars = "FLASK_LINE"
matrix.flask.scripts = ["other"]

[envs.docs]
dependencies = ["sphinx"]
"""


def test_a_hatch_matrix_has_the_overrides_of_its_variables(tmp_path: Path) -> None:
    result = imported(tmp_path, "hatch.toml", HATCH, {"pyproject.toml": PROJECT})

    rows = {(combo.python, dict(combo.env)["FLASK_LINE"], combo.steps[1].lines) for combo in result.matrix.combos}
    assert {(python, line) for python, line, _ in rows} == {
        ("3.11", "2"),
        ("3.11", "3"),
        ("3.12", "2"),
        ("3.12", "3"),
        ("3.13", "3"),
    }
    assert all(
        {"pytest", "coverage", "flask~=2.3" if line == "2" else "flask>=3"} == set(lines) for _, line, lines in rows
    )
    assert {combo.steps[0].lines for combo in result.matrix.combos} == {("-e .[s3]",)}
    assert [probe.arguments for probe in result.matrix.probes] == [("tests", "-x")]
    assert "override of scripts" in "".join(what for _, what in result.remarks)


def test_a_hatch_matrix_in_pyproject_is_read(tmp_path: Path) -> None:
    text = PROJECT + HATCH.replace("[envs.", "[tool.hatch.envs.")

    assert len(imported(tmp_path, "pyproject.toml", text).combos) == 5


def test_groups_and_extras_are_combos_with_the_project(tmp_path: Path) -> None:
    text = PROJECT.replace('version = "1.0"', 'version = "1.0"\nrequires-python = ">=3.12"')
    result = imported(tmp_path, "pyproject.toml", text, {"tests/test_it.py": ""})

    assert result.steps == {
        "dev": [[".", "--group dev"]],
        "test": [[".", "--group test"]],
        "s3": [[".[s3]"]],
        "extra-test": [[".[test]"]],
    }
    assert set(result.pythons.values()) == {"3.12"}
    assert [result.combos[each].probes for each in ("dev", "test")] == [("imports",), ("tests",)]


def test_groups_without_a_project_and_classifiers_are_read(tmp_path: Path) -> None:
    groups = '[dependency-groups]\nold = ["flask<3"]\nnew = [{ include-group = "old" }, "jinja2"]\n'
    classified = (
        '[project]\nname = "x"\nversion = "1"\nclassifiers = ["Programming Language :: Python :: 3.11", '
        '"Programming Language :: Python :: 3.13", "Programming Language :: Python :: 3 :: Only"]\n'
    )

    assert imported(tmp_path / "a", "pyproject.toml", groups).steps == {
        "old": [["--group old"]],
        "new": [["--group new"]],
    }
    assert imported(tmp_path / "b", "pyproject.toml", classified).pythons == {
        "project-py3.11": "3.11",
        "project-py3.13": "3.13",
    }


def test_requirements_stay_in_their_file_and_constraints_limit_the_project(tmp_path: Path) -> None:
    files = {"pyproject.toml": PROJECT, ".python-version": "3.12.1\n", "deps/base.txt": "six\n"}
    plain = imported(tmp_path / "a", "deps/requirements.txt", "-r base.txt\nflask>=2  # why\n", files)
    limits = imported(tmp_path / "a", "constraints.txt", "flask<3\n")
    alone = imported(tmp_path / "b", "constraints.txt", "flask<3\n")

    assert plain.steps == {"requirements": [["-r deps/requirements.txt"]]}
    assert plain.pythons == {"requirements": "3.12.1"}
    assert limits.steps == {"constraints": [[".", "-c constraints.txt"]]}
    assert alone.steps == {"constraints": [["-r constraints.txt"]]}


def test_a_requirements_file_with_lines_that_a_matrix_cannot_have_is_written_out(tmp_path: Path) -> None:
    text = "--extra-index-url https://download.pytorch.org/whl/cpu\ntorch==2.1.2+cpu\n-r more.txt\nsix\n"
    good = imported(tmp_path / "a", "requirements.txt", text, {"more.txt": "jinja2\n"})
    bad = imported(
        tmp_path / "b",
        "requirements.txt",
        "--index-url https://user:secret@example.org/simple\nsix=1\nflask\n-r more.txt\n${TOOL}\n",
        {"more.txt": "jinja2\n"},
    )

    assert good.steps == {"requirements": [["-r requirements.txt"]]}
    assert good.matrix.indexes[0].packages == ("torch",)
    assert bad.steps == {"requirements": [["flask", "-r more.txt"]]}
    whole = "\n".join(what for _, what in bad.remarks)
    assert "line 2" in whole and "line 5" in whole and "user name or password" in whole


def test_requirements_files_that_name_each_other_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        imported(tmp_path, "requirements.txt", "-r other.txt\n", {"other.txt": "-r requirements.txt\n"})

    assert "includes itself" in error.value.cause


def test_a_lock_is_installed_before_its_project(tmp_path: Path) -> None:
    package = '[[package]]\nname = "six"\nversion = "1.16.0"\nsource = { registry = "x" }\n'
    lock = f'version = 1\nrequires-python = ">=3.13"\n{package}'
    result = imported(tmp_path, "uv.lock", lock, {"pyproject.toml": PROJECT})

    assert result.steps == {"locked": [["six==1.16.0"], ["."]]}
    assert result.pythons == {"locked": "3.13"}


@pytest.mark.parametrize("text", ["[tool", "x = 1\n", "a = " + "[" * 3000])
def test_a_pyproject_that_declares_nothing_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        imported(tmp_path, "pyproject.toml", text)
