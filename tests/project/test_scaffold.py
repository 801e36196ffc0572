"""Say what init makes of the files of a project: its Pythons, its tests, its locks and its modules."""

import tomllib
from collections.abc import Mapping
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest

from knowngood.errors import UsageError
from knowngood.project.files import FolderFiles
from knowngood.project.scaffold import noxfile, propose, smoke, survey
from knowngood.project.scaffold.folder import poetry_bounds
from knowngood.project.scaffold.machine import Origin, origin_of
from knowngood.project.scaffold.survey import Kind, Survey
from knowngood.sessions import SESSIONS
from support.repositories import write

HERE = ("3.10", "3.11", "3.12", "3.13")
"""The Pythons of the machine of these tests."""
FROM_INDEX = Origin(requirement="knowngood==1.0", why="an index")
HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SHOP = HATCH + '[project]\nname = "shop"\nversion = "1.0"\n'
TEST = {"tests/test_it.py": "def test_it(): ...\n"}
FLAT = {"shop/__init__.py": ""}
SRC = {"src/shop/__init__.py": ""}


def look(folder: Path, files: Mapping[str, str], *, installed: tuple[str, ...] = HERE) -> Survey:
    write(folder, files)
    return survey.look(folder, lambda version: version if version in installed else None, lambda versions: None)


def matrix(folder: Path, files: Mapping[str, str], *, installed: tuple[str, ...] = HERE) -> dict[str, Any]:
    """Return the matrix that is proposed for a project with ``files``."""
    seen = look(folder, files, installed=installed)
    proposal = propose.propose(seen, name="m", origin=FROM_INDEX, files=FolderFiles(folder))
    assert proposal.problems == ()
    return tomllib.loads(proposal.files[0].text)


def combos(made: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {combo["id"]: combo for combo in made["combo"]}


def test_a_project_with_bounds_tries_the_highest_on_each_python_and_the_lowest_on_the_oldest(tmp_path: Path) -> None:
    made = matrix(
        tmp_path, {"pyproject.toml": SHOP + 'requires-python = ">=3.11"\ndependencies = ["six>=1.15"]\n', **SRC, **TEST}
    )

    assert combos(made) == {
        "highest": {
            "id": "highest",
            "title": "The newest versions that the project allows",
            "steps": [["pytest"]],
            "python": ["3.11", "3.12", "3.13"],
        },
        "lowest": {
            "id": "lowest",
            "title": "The oldest versions that the project declares",
            "steps": [["pytest"]],
            "resolution": "lowest-direct",
            "python": "3.11",
        },
    }
    assert made["probe"] == [{"id": "tests", "pytest": ["tests"]}]
    assert made["project"] == {}


@pytest.mark.parametrize(
    ("dependencies", "tried"),
    [("[]", False), ('["six"]', False), ('["six<2"]', False), ('["six~=1.15"]', True), ('["six==1.15"]', True)],
)
def test_lowest_is_left_out_when_no_dependency_states_a_lower_bound(
    tmp_path: Path, dependencies: str, *, tried: bool
) -> None:
    made = matrix(tmp_path, {"pyproject.toml": f"{SHOP}dependencies = {dependencies}\n", **SRC})

    assert ("lowest" in combos(made)) == tried


UV_LOCK = """
version = 1
requires-python = ">=3.10"
[[package]]
name = "shop"
source = { editable = "." }
dependencies = [{ name = "six" }]
[[package]]
name = "six"
version = "1.16.0"
source = { registry = "https://example.org/simple" }
"""
PYLOCK = """
lock-version = "1.0"
created-by = "x"
[[packages]]
name = "six"
version = "1.16.0"
wheels = [{ url = "https://example.org/six-1.16.0-py3-none-any.whl", hashes = { sha256 = "00" } }]
"""
POETRY_LOCK = '[[package]]\nname = "six"\nversion = "1.16.0"\noptional = false\ngroups = ["main"]\n'


@pytest.mark.parametrize(
    ("name", "text"), [("uv.lock", UV_LOCK), ("pylock.toml", PYLOCK), ("poetry.lock", POETRY_LOCK)]
)
def test_todays_versions_are_those_of_the_lock_itself_and_follow_it(tmp_path: Path, name: str, text: str) -> None:
    files = {"pyproject.toml": SHOP + 'dependencies = ["six"]\n', name: text, ".python-version": "3.12\n", **SRC}

    made = matrix(tmp_path, files)
    read = FolderFiles(tmp_path).read(name)

    assert combos(made)["today"]["steps"] == [[f"-c {name}"]]
    assert combos(made)["today"]["python"] == "3.12"
    assert read == "six==1.16.0\n"


def test_a_lock_that_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    seen = look(tmp_path, {"pyproject.toml": SHOP, "uv.lock": "x = [", **SRC})

    proposal = propose.propose(seen, name="m", origin=FROM_INDEX, files=FolderFiles(tmp_path))

    (problem,) = proposal.problems
    assert problem.startswith("uv.lock is not used: cannot read 'uv.lock'")
    assert "today" not in combos(tomllib.loads(proposal.files[0].text))


PYTHONS = [
    (
        'classifiers = ["Programming Language :: Python :: 3.11", "Programming Language :: Python :: 3.12"]',
        {},
        "3.11 3.12",
    ),
    ('requires-python = ">=3.11"', {}, "3.11 3.12 3.13"),
    ("", {"tox.ini": "[tox]\nenvlist = py311,py312\n"}, "3.11 3.12"),
    ("", {"tox.ini": "[tox]\nenv_list =\n    py{310,312}-{a,b}\n    lint\n"}, "3.10 3.12"),
    ("", {"tox.ini": "[tox]\nenv_list =\n    py3.{10,13}\n"}, "3.10 3.13"),
    ("", {"noxfile.py": '@nox.session(python=["3.10", "3.12"])\ndef tests(session): ...\n'}, "3.10 3.12"),
    ("", {".github/workflows/x.yml": 'matrix:\n  python-version: ["3.11", "3.12"]\n'}, "3.11 3.12"),
    ("", {".github/workflows/x.yml": 'matrix:\n  python:\n    - "3.11"\n    - "3.13"\n  os: [x]\n'}, "3.11 3.13"),
    ('requires-python = ">=3.12"', {"tox.ini": "[tox]\nenvlist = py310,py312\n"}, "3.12"),
    ("", {".python-version": "3.11.4\n"}, "3.11"),
    ("", {"Dockerfile": "FROM python:3.12-slim\n"}, "3.12"),
    ("", {"Dockerfile": "FROM python:3.6-alpine\n"}, "3.13"),
    ("", {}, "3.13"),
]


@pytest.mark.parametrize(("line", "files", "expected"), PYTHONS)
def test_pythons_are_those_that_the_project_declares(
    tmp_path: Path, line: str, files: Mapping[str, str], expected: str
) -> None:
    seen = look(tmp_path, {"pyproject.toml": f"{SHOP}{line}\n", **SRC, **files}, installed=(*HERE, "3.6"))

    assert " ".join(seen.pythons.chosen) == expected


def test_free_threaded_pythons_and_pypy_are_tried_where_they_are_installed(tmp_path: Path) -> None:
    files = {
        "tox.ini": "[tox]\nenvlist = py{311,312}, py313t, pypy310  # not py314t\n",
        ".github/workflows/x.yml": 'matrix:\n  python-version: ["3.12", "3.14t", "pypy-3.11"]\n',
    }

    seen = look(tmp_path, {"pyproject.toml": SHOP, **SRC, **files}, installed=(*HERE, "3.13t", "pypy3.11"))

    assert seen.pythons.chosen == ("3.11", "3.12", "3.13t", "pypy3.11")
    assert seen.pythons.missing == ("3.14t", "pypy3.10")
    assert seen.pythons.today == "3.12"


def test_a_declared_python_that_is_neither_installed_nor_obtained_is_named_and_left_out(tmp_path: Path) -> None:
    classifiers = ", ".join(f'"Programming Language :: Python :: 3.{minor}"' for minor in (9, 10, 14))
    write(tmp_path, {"pyproject.toml": f"{SHOP}classifiers = [{classifiers}]\n", **SRC})
    machine = {*HERE}

    def obtain(versions: tuple[str, ...]) -> None:
        assert versions == ("3.9", "3.14")
        machine.add("3.9")

    seen = survey.look(tmp_path, lambda version: version if version in machine else None, obtain)

    assert (seen.pythons.chosen, seen.pythons.missing) == (("3.9", "3.10"), ("3.14",))


POETRY = """
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
[tool.poetry]
name = "shop"
version = "1.0"
[tool.poetry.dependencies]
python = "^3.11"
six = "^1.15"
[tool.poetry.group.dev.dependencies]
pytest = "^8.1"
black = "*"
yaml = { version = ">=6", extras = ["c"], markers = "os_name == 'posix'" }
"""
SETUP = (
    'from setuptools import setup\nsetup(name="shop", python_requires=">=3.12", extras_require={"test": ["pytest"]})\n'
)
SETUP_PY = """
import re
from setuptools import find_packages, setup

FRAMEWORKS = ["bottle>=0.12"]
EXTRAS = {"frameworks": FRAMEWORKS, "lint": ["mypy"]}
EXTRAS["tests"] = ["pytest"] + FRAMEWORKS
DEPENDENCIES = ["attrs>=21", "six"]
setup(
    name="shop",
    version=re.search("[0-9.]+", open("version.txt").read())[0],
    packages=find_packages("src"),
    install_requires=DEPENDENCIES,
    extras_require=EXTRAS,
)
"""
SETUP_CFG = (
    "[metadata]\nname = shop\n[options]\npackages = shop\n[options.extras_require]\ntests =\n    pytest\n    attrs\n"
)
NEEDS = [
    (
        {"pyproject.toml": SHOP + '[dependency-groups]\ndev = ["pytest", "x"]\ntest = ["pytest"]\n'},
        {"groups": ["test"]},
        None,
    ),
    (
        {"pyproject.toml": SHOP + '[dependency-groups]\na = [{include-group = "b"}]\nb = ["pytest"]\n'},
        {"groups": ["a"]},
        None,
    ),
    ({"pyproject.toml": SHOP + '[project.optional-dependencies]\ntests = ["pytest"]\n'}, {"extras": ["tests"]}, None),
    (
        {"pyproject.toml": SHOP + "[tool.pdm.dev-dependencies]\nt = ['pytest>=7', 'hypothesis']\n"},
        {},
        ["pytest>=7", "hypothesis"],
    ),
    (
        {"pyproject.toml": SHOP + "[tool.hatch.envs.default]\ndependencies = ['pytest', 'coverage[toml]']\n"},
        {},
        ["pytest", "coverage[toml]"],
    ),
    ({"pyproject.toml": POETRY}, {}, ["pytest>=8.1,<9", "yaml[c]>=6 ; os_name == 'posix'"]),
    (
        {
            "pyproject.toml": SHOP,
            "requirements-dev.txt": "-r requirements-test.txt\n",
            "requirements-test.txt": "pytest\n",
        },
        {},
        ["-r requirements-test.txt"],
    ),
    ({"pyproject.toml": SHOP, "tests/requirements.txt": "pytest\n"}, {}, ["-r tests/requirements.txt"]),
    ({"pyproject.toml": SHOP, "tox.ini": "[testenv]\ndeps =\n    pytest>=7\n    py311: x\n"}, {}, ["pytest>=7", "x"]),
    ({"setup.py": SETUP}, {"extras": ["test"]}, None),
    ({"setup.py": SETUP_PY}, {"extras": ["tests"]}, None),
    ({"setup.py": "from setuptools import setup\nsetup(name='shop', tests_require=['pytest'])\n"}, {}, ["pytest"]),
    ({"setup.cfg": SETUP_CFG, "setup.py": "import setuptools\nsetuptools.setup()\n"}, {"extras": ["tests"]}, None),
    ({"pyproject.toml": SHOP + "[tool.pytest.ini_options]\naddopts = '--cov=shop'\n"}, {}, ["pytest", "pytest-cov"]),
    (
        {
            "pyproject.toml": SHOP
            + '[project.optional-dependencies]\ns3 = ["boto3"]\n[dependency-groups]\ntest = ["pytest"]\n',
            "tox.ini": "[testenv]\ncommands = pip install .[s3]\n",
        },
        {"groups": ["test"], "extras": ["s3"]},
        None,
    ),
]


STATED = {
    "what it computes from its text": (SETUP_PY, (("attrs>=21",), ("six",))),
    "lines": ("import setuptools\nsetuptools.setup(install_requires='six>=1\\nattrs')\n", (("six>=1",), ("attrs",))),
    "nothing": ("from setuptools import setup\nsetup(name='shop')\n", ((), ())),
    "what it reads from a file": ("import setuptools\nsetuptools.setup(install_requires=open('r.txt').read())\n", None),
    "anything": ("from setuptools import setup\nsetup(**settings())\n", None),
    "no call": ("import somewhere\nsomewhere.build()\n", None),
    "no Python": ("setup(", None),
}
"""What a ``setup.py`` says -> what it requires with a lower bound, and without; None: only a build knows."""


@pytest.mark.parametrize("case", STATED)
def test_what_a_setup_py_requires_is_read_from_its_text(tmp_path: Path, case: str) -> None:
    text, expected = STATED[case]

    survey = look(tmp_path, {**SRC, **TEST, "setup.py": text})

    assert ((survey.bounded, survey.unbounded) if survey.known else None) == expected


def test_a_setup_py_that_says_nothing_leaves_it_to_setup_cfg(tmp_path: Path) -> None:
    setup_cfg = "[metadata]\nname = shop\n[options]\ninstall_requires =\n    six>=1\n    attrs\n"

    seen = look(tmp_path, {**SRC, "setup.py": "from setuptools import setup\nsetup()\n", "setup.cfg": setup_cfg})

    assert (seen.known, seen.bounded, seen.unbounded) == (True, ("six>=1",), ("attrs",))


def test_settings_of_uv_that_cannot_be_used_are_left_out_unless_they_say_where_packages_come_from(
    tmp_path: Path,
) -> None:
    text = SHOP + "[tool.uv]\nexclude-dependencies = ['six']\n"
    files = FolderFiles(tmp_path)

    proposal = propose.propose(
        look(tmp_path, {"pyproject.toml": text, **SRC}), name="m", origin=FROM_INDEX, files=files
    )

    assert tomllib.loads(proposal.files[0].text)["project"] == {"tool-uv": False}
    assert proposal.problems[0].startswith("[tool.uv] is not used: [tool.uv] exclude-dependencies")
    sources = "[tool.uv.sources]\nsix = { path = '.' }\n"
    with pytest.raises(UsageError, match="no matrix could be made") as caught:
        propose.propose(look(tmp_path, {"pyproject.toml": text + sources}), name="m", origin=FROM_INDEX, files=files)
    assert "tool-uv = false" in caught.value.next_step


def test_the_files_that_tox_installs_with_pytest_are_needed_together(tmp_path: Path) -> None:
    deps = [
        "-r requirements/heads.txt",
        "3.12: -r{toxinidir}/requirements/test.txt",
        "3.12: -rrequirements/test-ci.txt",
    ]
    listed = "\n    ".join(["", *deps, "docs: -r requirements/docs.txt"])
    tox = f"[tox]\nenvlist = docs, 3.12-unit\n[testenv]\ndeps ={listed}\ncommands = unit: pytest\n"
    head = "https://x.org/six/zipball/main\n"
    lists = {"test": "pytest\n", "test-ci": "boto3\n", "docs": "sphinx\n", "heads": head}
    needs = {f"requirements/{name}.txt": text for name, text in lists.items()}

    made = matrix(tmp_path, {"pyproject.toml": SHOP, **SRC, **TEST, **needs, "tox.ini": tox})

    assert combos(made)["highest"]["steps"] == [["-r requirements/test.txt", "-r requirements/test-ci.txt"]]


def test_a_submodule_that_is_not_checked_out_is_named(tmp_path: Path) -> None:
    modules = '[submodule "a"]\n\tpath = tests/data\n[submodule "b"]\n\tpath = tests/there\n'
    (tmp_path / "tests" / "data").mkdir(parents=True)

    seen = look(tmp_path, {"pyproject.toml": SHOP, **SRC, ".gitmodules": modules, "tests/there/x": ""})

    assert seen.absent == ("tests/data",)


@pytest.mark.parametrize(("files", "project", "lines"), NEEDS)
def test_what_brings_pytest_is_found(
    tmp_path: Path, files: Mapping[str, str], project: Mapping[str, Any], lines: list[str] | None
) -> None:
    made = matrix(tmp_path, {**SRC, **TEST, **files})

    assert made["project"] == project
    assert combos(made)["highest"].get("steps") == ([lines] if lines else None)


PYTEST = [
    ({**SRC, **TEST}, {}, ["tests"], False),
    ({**SRC, **TEST, "Makefile": "x:\n\tpytest perf/test_speed.py\n", "perf/test_speed.py": ""}, {}, ["tests"], False),
    (
        {**SRC, **TEST, "checks/test_a.py": "", "tox.ini": "[testenv]\ncommands = pytest -q {posargs:checks/}\n"},
        {},
        ["checks"],
        False,
    ),
    ({**FLAT, **TEST}, {}, ["tests"], True),
    ({**FLAT, **TEST, "tests/__init__.py": ""}, {}, ["tests"], True),
    ({**FLAT, **TEST, "conftest.py": ""}, {}, ["tests"], True),
    ({**SRC, **TEST, "conftest.py": ""}, {}, ["tests"], False),
    ({**FLAT, "shop/tests/test_a.py": ""}, {}, ["shop/tests"], True),
    (
        {**FLAT, **TEST, "conftest.py": ""},
        {"pytest.ini": "[pytest]\naddopts = --import-mode=importlib"},
        ["tests"],
        False,
    ),
    ({**FLAT, **TEST}, {"pytest.ini": "[pytest]\npythonpath = .\n"}, ["tests"], True),
    ({**SRC, "checks/test_a.py": ""}, {"pytest.ini": "[pytest]\ntestpaths = checks\n"}, ["checks"], False),
    (
        {**SRC, **TEST},
        {"tox.ini": "[testenv]\ncommands = pytest -v --cov=x {posargs} -m 'not slow' tests/\n"},
        None,
        False,
    ),
    ({**SRC, "test_a.py": ""}, {}, ["test_a.py"], False),
]


@pytest.mark.parametrize(("files", "more", "arguments", "editable"), PYTEST)
def test_pytest_runs_as_the_layout_of_the_project_needs(
    tmp_path: Path, files: Mapping[str, str], more: Mapping[str, str], arguments: list[str] | None, *, editable: bool
) -> None:
    made = matrix(tmp_path, {"pyproject.toml": SHOP, **files, **more})

    assert made["probe"][0]["pytest"] == (arguments or ["tests", "-m", "not slow"])
    assert made["project"].get("editable", False) == editable


def test_an_application_with_pins_tries_them_and_an_upgrade_of_everything(tmp_path: Path) -> None:
    files = {"requirements.txt": "Six==1.15.0  # why\nx[a]==1 ; os_name == 'posix'\n", "app.py": "import six\n"}
    made = matrix(tmp_path, files)

    assert {name: combo["steps"] for name, combo in combos(made).items()} == {
        "today": [["-r requirements.txt"]],
        "highest": [["Six", 'x[a] ; os_name == "posix"']],
    }
    assert "project" not in made
    assert made["probe"] == [{"id": "smoke", "path": "probes/smoke.py"}]


def test_an_application_with_ranges_tries_their_ends(tmp_path: Path) -> None:
    made = matrix(tmp_path, {"requirements.txt": "six>=1.15\n", "app.py": "import six\n", **TEST})

    assert {name: (combo["steps"], combo.get("resolution")) for name, combo in combos(made).items()} == {
        "highest": ([["-r requirements.txt", "pytest"]], None),
        "lowest": ([["-r requirements.txt", "pytest"]], "lowest-direct"),
    }
    assert made["probe"][0]["pytest"] == ["tests", "-o", "pythonpath=."]


def test_an_application_with_a_compiled_list_tries_its_source_too(tmp_path: Path) -> None:
    made = matrix(tmp_path, {"requirements.txt": "six==1.15.0\n", "requirements.in": "six\n"})

    assert combos(made)["highest"]["steps"] == [["-r requirements.in"]]


def test_an_image_is_tried_as_its_dockerfile_installs_it(tmp_path: Path) -> None:
    text = "FROM python:3.12\nRUN pip install 'six<2'\nRUN pip install --index-url https://example.org/cpu torch==2\n"
    made = matrix(tmp_path, {"Dockerfile": text})

    assert combos(made)["today"]["steps"][0] == ["six<2"]
    assert combos(made)["today"]["python"] == "3.12"
    assert combos(made)["highest"]["steps"] == [["six", "torch"]]
    assert [index["url"] for index in made["index"].values()] == ["https://example.org/cpu"]


def test_a_project_that_uv_does_not_build_has_what_it_lists(tmp_path: Path) -> None:
    text = '[project]\nname = "app"\nversion = "1"\ndependencies = ["six>=1"]\n[tool.uv]\npackage = false\n'
    seen = look(tmp_path, {"pyproject.toml": text, "main.py": "import six\n"})
    proposal = propose.propose(seen, name="m", origin=FROM_INDEX, files=FolderFiles(tmp_path))

    assert seen.kind is Kind.NEEDS
    assert '"six": ()' in proposal.files[1].text


MODULES = [
    ({"pyproject.toml": SHOP + 'import-names = ["store", "store.x"]\n'}, ("store", "store.x")),
    ({"pyproject.toml": SHOP, **SRC, "setup.py": ""}, ("shop",)),
    ({"pyproject.toml": SHOP, **FLAT, "docs/__init__.py": "", "other/__init__.py": ""}, ("shop",)),
    ({"pyproject.toml": SHOP, "shop.py": "", "noxfile.py": ""}, ("shop",)),
    ({"pyproject.toml": SHOP + "[tool.flit.module]\nname = 'store'\n"}, ("store",)),
    ({"pyproject.toml": SHOP + "[tool.hatch.build.targets.wheel]\npackages = ['src/store']\n"}, ("store",)),
    ({"pyproject.toml": SHOP.replace("shop", "my-shop")}, ("my_shop",)),
    ({"pyproject.toml": SHOP, "src/acme/shop/__init__.py": ""}, ("acme",)),
]


@pytest.mark.parametrize(("files", "names"), MODULES)
def test_modules_are_as_declared_or_as_the_folders_show(
    tmp_path: Path, files: Mapping[str, str], names: tuple[str, ...]
) -> None:
    assert look(tmp_path, files).modules.names == names


def test_the_smoke_probe_of_an_application_takes_what_its_code_takes(tmp_path: Path) -> None:
    code = "import json\nimport flask.views\nfrom flask import Flask\nimport helper\n"
    code += "try:\n    import orjson\nexcept ImportError: pass\n"
    seen = look(tmp_path, {"requirements.txt": "flask\n", "app.py": code, "helper.py": "", "bad.py": "def("})

    text = smoke.text(seen)

    assert '"flask": ("Flask",),' in text and '"flask.views": ()' in text
    assert "json" not in text and "helper" not in text


@pytest.mark.parametrize(
    ("files", "what", "next_step"),
    [
        ({}, "there is no project in", "knowngood init FOLDER"),
        ({"README.md": ""}, "there is no project in", "knowngood init FOLDER"),
        ({"pyproject.toml": "x = ["}, "is not valid TOML", "fix it"),
        ({"pyproject.toml": "project = 1"}, "cannot be used", "fix it"),
        ({"pyproject.toml": "[project]\ndependencies = 'six'"}, "cannot be used", "fix it"),
        ({"pyproject.toml": "[project]\nname = 1"}, "cannot be used", "fix it"),
        (
            {"pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages/*']", "packages/a/pyproject.toml": SHOP},
            "is not a project itself",
            "knowngood init packages/a",
        ),
        ({"a/pyproject.toml": SHOP}, "is not a project itself", "knowngood init a"),
    ],
)
def test_what_is_not_a_project_is_an_error_with_a_next_step(
    tmp_path: Path, files: Mapping[str, str], what: str, next_step: str
) -> None:
    with pytest.raises(UsageError) as caught:
        look(tmp_path, files)

    assert what in caught.value.what
    assert next_step in caught.value.next_step


@pytest.mark.parametrize(
    ("pyproject", "paths"),
    [
        ("testpaths = ['../other', '/etc', 'tests']", ["tests"]),
        ("testpaths = ['**x', 'tests']", ["tests"]),
        ("testpaths = ['.']", ["."]),
    ],
)
def test_paths_outside_of_the_project_and_wrong_patterns_are_left_out(
    tmp_path: Path, pyproject: str, paths: list[str]
) -> None:
    write(tmp_path / "other", {"test_other.py": "def test_it(): ...\n"})
    text = f"{SHOP}[tool.pytest.ini_options]\n{pyproject}\n"

    made = matrix(tmp_path / "shop", {"pyproject.toml": text, **SRC, **TEST})

    assert made["probe"] == [{"id": "tests", "pytest": paths}]


def test_a_name_with_control_characters_makes_a_title_that_can_be_read(tmp_path: Path) -> None:
    text = HATCH + '[project]\nname = "sh\\u001bop"\nversion = "1.0"\n'

    assert matrix(tmp_path, {"pyproject.toml": text, **FLAT, **TEST})["matrix"]["title"] == "shop"


def test_members_of_a_workspace_with_a_wrong_pattern_are_left_out(tmp_path: Path) -> None:
    text = "[tool.uv.workspace]\nmembers = ['/', '**x', 'packages/*']"

    with pytest.raises(UsageError) as caught:
        look(tmp_path, {"pyproject.toml": text, "packages/a/pyproject.toml": SHOP})

    assert "knowngood init packages/a" in caught.value.next_step


def test_a_pyproject_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b'[project]\nname = "\xfc"\n')

    with pytest.raises(UsageError, match="cannot be read") as caught:
        look(tmp_path, {})

    assert "not UTF-8" in caught.value.cause


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("1.2", "==1.2"),
        ("*", ""),
        (">=1,<3", ">=1,<3"),
        (">=1 <3", ">=1,<3"),
        ("^1.2 || ^2", ">=1.2,<2"),
    ],
)
def test_constraints_of_poetry_are_translated(text: str, expected: str) -> None:
    assert poetry_bounds(text) == expected


class Installed(Distribution):
    """A distribution as ``importlib.metadata`` finds one."""

    def __init__(self, direct_url: str | None) -> None:
        self._direct_url = direct_url

    def read_text(self, filename: str) -> str | None:
        metadata = "Metadata-Version: 2.1\nName: knowngood\nVersion: 1.2\n"
        return self._direct_url if filename == "direct_url.json" else metadata

    def locate_file(self, path: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("direct_url", "requirement"),
    [
        (None, "knowngood==1.2"),
        ("{", "knowngood==1.2"),
        ('{"url": "file:///a/b", "dir_info": {"editable": true}}', "knowngood @ file:///a/b"),
        (
            '{"url": "https://x.org/r.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
            "knowngood @ git+https://x.org/r.git@abc",
        ),
        (
            '{"url": "https://x.org/k.whl", "archive_info": {"hashes": {"sha256": "00"}}}',
            "knowngood @ https://x.org/k.whl#sha256=00",
        ),
    ],
)
def test_knowngood_is_installed_elsewhere_as_it_was_here(direct_url: str | None, requirement: str) -> None:
    assert origin_of(Installed(direct_url)).requirement == requirement


def test_the_prefix_keeps_clear_of_the_sessions_that_a_noxfile_has() -> None:
    assert {"matrix", "combo", "init", "fix"} < SESSIONS
    assert {noxfile.prefix(f"@nox.session\ndef {name}(session): ...") for name in SESSIONS} == {"kg-"}
    assert noxfile.prefix("@nox.session\ndef docs(session): ...") == "kg-"
    assert noxfile.prefix('@nox.session(name="plan")\ndef x(session): ...') == "kg-"
    assert noxfile.prefix("@nox.session\ndef tests(session): ...") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import nox\n", ["at its beginning:", "at its end:"]),
        ("# /// script\n# dependencies = ['nox']\n# ///\n", ["in its header, in `dependencies`:", "at its end:"]),
        ("from knowngood.nox import sessions\n", []),
    ],
)
def test_a_noxfile_that_exists_gets_the_lines_that_it_lacks(text: str, expected: list[str]) -> None:
    lines = noxfile.lines_for(text, FROM_INDEX)

    assert [line for line in lines if not line.startswith(" ") and line] == expected
