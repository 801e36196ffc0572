"""Run the tests of small projects that real build backends build: flit, setuptools-scm, a C extension, a workspace."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from support.project import Project
from support.repositories import commit, git, repository, write

pytestmark = pytest.mark.network

MATRIX = """
[matrix]
python = "3.11"
[[probe]]
id = "tests"
pytest = ["tests"]
[[combo]]
id = "as-wheel"
steps = [["{path}", "pytest"]]
[[combo]]
id = "in-place"
steps = [["-e {path}", "pytest"]]
"""
IGNORED = {".gitignore": ".knowngood/\ncache/\nreport/\n*.so\n_version.py\n"}

FLIT = {
    "pyproject.toml": """
        [build-system]
        requires = ["flit_core>=3.4"]
        build-backend = "flit_core.buildapi"
        [project]
        name = "thing"
        dynamic = ["version", "description"]
    """,
    "src/thing/__init__.py": '"""A thing."""\n__version__ = "1.0"\nSAYS = "good"\n',
    "tests/test_it.py": "import thing\ndef test_it():\n    assert thing.SAYS == 'good'\n",
}
SCM = {
    "pyproject.toml": """
        [build-system]
        requires = ["setuptools>=80", "setuptools-scm>=8"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "thing"
        dynamic = ["version"]
        [tool.setuptools_scm]
        version_file = "src/thing/_version.py"
    """,
    "src/thing/__init__.py": "from thing._version import version\nSAYS = 'good'\n",
    "tests/test_it.py": "import thing\ndef test_it():\n    assert thing.version == '4.2' and thing.SAYS == 'good'\n",
}
COMPILED = {
    "pyproject.toml": """
        [build-system]
        requires = ["setuptools>=80"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "thing"
        version = "1.0"
    """,
    "setup.py": """
        from setuptools import Extension, setup
        setup(packages=["thing"], package_dir={"": "src"}, ext_modules=[Extension("thing._fast", ["fast.c"])])
    """,
    "fast.c": """
        #include <Python.h>
        static PyObject *two(PyObject *self, PyObject *args) { return PyLong_FromLong(2); }
        static PyMethodDef methods[] = {{"two", two, METH_NOARGS, ""}, {0}};
        static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fast", 0, -1, methods};
        PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&module); }
    """,
    "src/thing/__init__.py": "from thing._fast import two\nSAYS = 'good'\n",
    "tests/test_it.py": "import thing\ndef test_it():\n    assert thing.two() == 2 and thing.SAYS == 'good'\n",
}
WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
    "packages/thing/pyproject.toml": """
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        [project]
        name = "thing"
        version = "1.0"
        dependencies = ["other-thing"]
        [tool.uv.sources]
        other-thing = { workspace = true }
    """,
    "packages/thing/src/thing/__init__.py": "from other_thing import SAYS\n",
    "packages/thing/tests/test_it.py": "import thing\ndef test_it():\n    assert thing.SAYS == 'good'\n",
    "packages/other/pyproject.toml": """
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        [project]
        name = "other-thing"
        version = "1.0"
    """,
    "packages/other/src/other_thing/__init__.py": "SAYS = 'good'\n",
}
PROJECTS = {
    "flit": (FLIT, ".", "src/thing/__init__.py"),
    "setuptools-scm": (SCM, ".", "src/thing/__init__.py"),
    "a C extension": (COMPILED, ".", "src/thing/__init__.py"),
    "a workspace": (WORKSPACE, "packages/thing", "packages/other/src/other_thing/__init__.py"),
}


def statuses(project: Project) -> dict[str, str]:
    """Run the matrix and return the status of each combo."""
    printed = project.run_matrix()
    assert (project.report / "matrix.json").exists(), printed.stderr
    report = json.loads((project.report / "matrix.json").read_text(encoding="utf-8"))
    return {cell["combo"]: cell["verdict"]["status"] for cell in report["cells"]}


@pytest.mark.parametrize("kind", PROJECTS)
def test_a_project_of_a_real_backend_passes_and_a_broken_module_is_red(kind: str, tmp_path: Path) -> None:
    files, path, module = PROJECTS[kind]
    texts = {place: dedent(text).lstrip("\n") for place, text in files.items()}
    folder = repository(tmp_path / "project", texts | IGNORED)
    git(folder, "tag", "v4.2")
    project = Project(folder=folder)
    project.write(MATRIX.replace("{path}", path))

    passed = statuses(project) if kind != "setuptools-scm" else _at_the_tag(project, folder)
    assert passed == {"as-wheel": "pass", "in-place": "pass"}

    write(folder, {module: (folder / module).read_text(encoding="utf-8").replace("good", "bad") + "SAYS = 'bad'\n"})
    broken = statuses(project)
    assert broken == {"as-wheel": "fail", "in-place": "fail"}


def _at_the_tag(project: Project, folder: Path) -> dict[str, str]:
    """Run with the matrix committed, so that the version is that of the tag."""
    commit(folder)
    git(folder, "tag", "-f", "v4.2")
    return statuses(project)
