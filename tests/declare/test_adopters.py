"""Matrices in the shape of those that projects have today, in other tools, read as grids and combos."""

import pytest

from declare.conftest import Read

HEAD = '[[probe]]\nid = "tests"\npytest = ["tests"]\n'
FILES = {
    "pyproject.toml": '[project]\nname = "mine"\nversion = "1"\n'
    'dependencies = ["numpy>=1.26", "pandas>=2", "pydantic>=1.8"]\n'
    '[project.optional-dependencies]\nall = ["scipy"]\ndev = ["ruff"]\n'
    '[dependency-groups]\ntest = ["pytest"]\ndjango52 = ["django~=5.2.0"]\n'
    '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
    "requirements.txt": "pillow\n",
    "minver.txt": "numpy==1.26.0\n",
}
PROJECT = '[project]\ngroups = ["test"]\n'

MATRICES = {
    "a riot file: leaves with packages, Pythons, variables and a command of their own": (
        '[project]\n[[grid]]\nid = "falcon"\nprobes = ["tests"]\nenv = { DD_TRACE = "1" }\n'
        'axes = { falcon = ["~=3.0.0", "~=3.0", "latest"], python = ["3.8", "3.12"] }\n'
        '[[grid]]\nid = "flask"\naxes = { flask = ["~=2.0", "latest"], python = ["3.9"], with = { no-blinker = [], '
        'blinker = ["blinker"] } }\n',
        6 + 4,
    ),
    "old pytests with mypy and sphinx": (
        '[project]\n[[grid]]\naxes = { pytest = ["==4.*", "==6.*", "latest"], python = ["3.8", "3.10", "3.13"] }\n',
        9,
    ),
    "a framework x Pythons x databases, its main branch, and warnings shown": (
        '[project]\n[[grid]]\naxes.env.DB = ["sqlite", "postgresql", "mysql"]\naxes.python = ["3.9", "3.12"]\n'
        'axes.with = { dj42 = ["django~=4.2.0"], dj52 = ["django~=5.2.0"], djmain = '
        '["django @ git+https://github.com/django/django"] }\n'
        'exclude = [{ with = ["dj52", "djmain"], python = "3.9" }]\n',
        3 * (2 * 3 - 2),
    ),
    "groups for each version": (
        PROJECT + '[[grid]]\naxes.python = ["3.10", "3.14"]\naxes.with = { dj52 = ["--group django52"], dj61 = '
        '["django~=6.1.0"] }\nexclude = [{ with = "dj61", python = ["3.10"] }]\n',
        3,
    ),
    "ranges of one package, pre-releases": (
        PROJECT + '[[grid]]\naxes.pydantic = ["<1.9", "<1.10", "<2", ">=2", "pre"]\n',
        5,
    ),
    "free-threaded Python, lower bounds, a dependency from its repository": (
        PROJECT + '[[grid]]\naxes.python = ["3.10", "3.14", "3.14t"]\naxes.resolution = ["highest", "lowest-direct"]\n'
        '[[combo]]\nid = "pytest-main"\nsteps = [[".", "git+https://github.com/pytest-dev/pytest"]]\n',
        3 * 2 + 1,
    ),
    "pins of a lock, then versions of one package": (
        '[[grid]]\nsteps = [[".", "-c minver.txt"]]\naxes.pydantic = ["1.9.2", "1.10.2"]\n'
        'axes.python = ["3.10", "3.11"]\n',
        4,
    ),
    "two packages and the project": (
        '[project]\n[[grid]]\naxes = { sqlalchemy = ["1.4", "2.0"], alembic = ["1.8", "latest"], python = ["3.10", '
        '"3.12"] }\n',
        8,
    ),
    "one dependency after the other upgraded past its bound": (
        '[[combo]]\nid = "pandas"\nsteps = [[".[all]"], ["--upgrade pandas"]]\n',
        1,
    ),
    "latest x pre-releases on and off": (
        '[project]\n[[grid]]\naxes = { sqlalchemy = ["latest", "pre"], python = ["3.10", "3.14"] }\n'
        'include = [{ python = "pypy3.11" }]\n',
        5,
    ),
    "oldest, each minor and development versions of a dependency": (
        '[project]\nextras = ["all"]\n[[grid]]\naxes.numpy = ["oldest", "minors:>=1.26,<3", "latest", "pre"]\n'
        'axes.extras = ["none", "dev"]\n',
        8,
    ),
    "forty frameworks in one file": (
        "[project]\n"
        + "".join(f'[[grid]]\nid = "f{n}"\naxes = {{ framework-{n} = ["1.0", "2.0"] }}\n' for n in range(40)),
        80,
    ),
    "minimum versions, a PyPy, a locale and warnings as errors": (
        '[project]\n[[grid]]\naxes.python = ["3.11", "pypy3.10"]\naxes.env.LANG = ["C.UTF-8", "it_IT.UTF-8"]\n'
        '[[combo]]\nid = "minver"\nresolution = "lowest-direct"\n',
        5,
    ),
    "optional packages that are there or not": (
        '[project]\n[[grid]]\naxes = { numexpr = ["latest", "absent"], tables = ["latest", "absent"] }\n',
        4,
    ),
    "a constraints file, no build isolation, nightlies by an index": (
        '[index.nightly]\nurl = "https://example.org/simple"\npackages = ["numpy"]\n'
        '[[combo]]\nid = "minver"\nsteps = [["-e .[dev]", "-c minver.txt", "--no-build-isolation"]]\n'
        '[[grid]]\nid = "night"\nsteps = [["."]]\naxes = { numpy = ["pre"], python = ["3.13t"] }\n',
        2,
    ),
    "wheel or sdist, extensions or none": (
        '[[grid]]\nid = "wheel"\nsteps = [["."]]\naxes.env.NO_EXTENSIONS = ["", "1"]\n'
        'axes.python = ["3.13", "3.13t", "pypy3.10"]\n'
        '[[combo]]\nid = "sdist"\nsteps = [["multidict", "--no-binary multidict"]]\n',
        7,
    ),
    "the window of SPEC 0": (
        '[project]\n[[grid]]\naxes = { numpy = ["spec0"], pandas = ["spec0"] }\n',
        1,
    ),
    "minimum requirements, pre-releases and a source build": (
        '[[grid]]\nsteps = [[".", "-r requirements.txt"]]\naxes.python = ["3.12", "3.14t"]\n'
        'axes.resolution = ["highest", "lowest"]\n[[combo]]\nid = "pre"\nsteps = [[".", "--pre"]]\n',
        5,
    ),
    "minimum, old and nightly as extremes": (
        '[project]\n[[combo]]\nid = "minimum"\nresolution = "lowest"\n[[combo]]\nid = "old"\nas-of = 2024-01-31\n'
        '[[grid]]\naxes = { pandas = ["pre"], polars = ["pre"], python = ["3.14"] }\n',
        3,
    ),
    "the lines of a Dockerfile": (
        '[index.cpu]\nurl = "https://download.pytorch.org/whl/cpu"\npackages = ["torch"]\n'
        '[[combo]]\nid = "image"\ninstaller = "pip"\nsteps = [["torch==2.1.2"], ["-r requirements.txt"], '
        '["ml_dtypes==0.5.0"], ["--no-deps ."]]\n',
        1,
    ),
}


@pytest.mark.parametrize("shape", MATRICES)
def test_the_shape_of_a_matrix_that_a_project_has_can_be_written(read: Read, shape: str) -> None:
    text, combos = MATRICES[shape]
    assert len(read(HEAD + text, FILES).combos) == combos
