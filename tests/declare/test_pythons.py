"""Check what is refused because no Python could carry it out."""

import sys

import pytest

from declare.conftest import ProblemsOf, Read

NEWER = f"{sys.version_info.major}.{sys.version_info.minor + 1}"
COMBO = '[[combo]]\nid = "a"\nsteps = [["six"]]\n'
FILES = {
    "probes/broken.py": "import six\n\nif six\n    pass\n",
    "probes/works.py": "import six\n",
    "probes/warns.py": "import re\nre.compile('\\d')\n",
    "probes/latin.py": "# \udce9\n",
}


def inline(source: str) -> str:
    return f'[[probe]]\nid = "p"\nsource = {source}\n'


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('"""\nimport six\n\nif six\n"""', 6),
        ('"""import six\n\nif six\n"""', 5),
        ("'''\nif six\n'''", 4),
        ('"import six; if"', 3),
        ('"import six\\nif six"', 3),
    ],
)
def test_an_error_of_syntax_in_an_inline_script_has_its_line_of_the_matrix(
    problems_of: ProblemsOf, source: str, line: int
) -> None:
    (problem,) = problems_of(inline(source) + COMBO, FILES)
    assert (problem.where, problem.line) == ("probe[0].source", line)
    assert problem.what.startswith("the script has a syntax error: ")


@pytest.mark.parametrize(
    ("text", "where", "line"),
    [
        ('[[probe]]\nid = "p"\npath = "probes/broken.py"\n' + COMBO, "probe[0].path", 3),
        ('[matrix]\nprobes = ["works", "broken"]\n' + COMBO, "matrix.probes[1]", 2),
        (COMBO + 'probes = ["probes/broken.py"]\n', "combo[0].probes[0]", 4),
    ],
)
def test_an_error_of_syntax_in_a_file_has_its_line_there(
    problems_of: ProblemsOf, text: str, where: str, line: int
) -> None:
    (problem,) = problems_of(text, FILES)
    assert (problem.where, problem.line) == (where, line)
    assert problem.what == "probes/broken.py, line 3: expected ':'"
    assert problem.hint == "the line is: 'if six'"


def test_a_script_that_is_not_utf_8_is_refused(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of('[matrix]\nprobes = ["latin"]\n' + COMBO, FILES)
    assert problem.what == "probes/latin.py, line 1: it is not UTF-8 text"


def test_what_python_only_warns_of_is_accepted(read: Read) -> None:
    assert read('[matrix]\nprobes = ["warns"]\n' + COMBO, FILES).combos


def test_a_script_for_a_newer_python_may_have_syntax_that_this_one_does_not_know(read: Read) -> None:
    matrix = read(f'[matrix]\npython = "{NEWER}"\nprobes = ["broken"]\n{COMBO}', FILES)
    assert [probe.id for probe in matrix.probes] == ["broken"]


@pytest.mark.parametrize("version", ["2.7", "2.7.18", "3.6", "3.0.1"])
@pytest.mark.parametrize("where", ["matrix.python", "grid[0].axes.python[0]"])
def test_an_old_python_is_refused_as_such(problems_of: ProblemsOf, version: str, where: str) -> None:
    text = inline('"1"')
    text += f'[matrix]\npython = "{version}"\n{COMBO}' if where == "matrix.python" else ""
    text += f'[[grid]]\n[grid.axes]\nsix = ["1.16.0"]\npython = ["{version}"]\n' if where != "matrix.python" else ""
    (problem,) = problems_of(text, FILES)
    assert (problem.where, problem.what) == (where, f"Python {version} is not supported")
    assert problem.hint == "use 3.7 or newer: what runs probes inside an environment needs it"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f'[matrix]\ninstaller = "pip"\npython = ["3.7", "3.12"]\n{COMBO}', "matrix.python"),
        (f'{COMBO}python = "3.7"\ninstaller = "pip"\n', "combo[0].python"),
        (
            '[[grid]]\n[grid.axes]\nsix = ["1.16.0"]\npython = ["3.7"]\ninstaller = ["uv", "pip"]\n',
            "grid[0].axes.python",
        ),
        (
            '[matrix]\npython = ["3.7", "3.12"]\n[[grid]]\n[grid.axes]\nsix = ["1.16.0"]\ninstaller = ["pip"]\n',
            "matrix.python",
        ),
    ],
)
def test_pip_with_a_python_that_virtualenv_cannot_seed_is_refused(
    problems_of: ProblemsOf, text: str, where: str
) -> None:
    (problem,) = problems_of(inline('"1"') + text, FILES)
    assert problem.where == where
    assert problem.what == "pip cannot be used with Python 3.7: virtualenv no longer provides it"
    assert problem.hint.startswith('write installer = "uv", or Python 3.')


def test_uv_may_have_an_old_python_and_pip_one_that_virtualenv_can_seed(read: Read) -> None:
    combos = (
        f'{COMBO}python = ["3.7", "3.8"]\n[[combo]]\nid = "b"\nsteps = [["six"]]\npython = "3.10"\ninstaller = "pip"\n'
    )
    assert len(read(inline('"1"') + combos, FILES).combos) == 3


@pytest.mark.parametrize(
    ("text", "where", "options"),
    [
        (f'[matrix]\nenv = {{ PYTHONOPTIMIZE = "1" }}\n{COMBO}', "matrix.env.PYTHONOPTIMIZE", '["-O"]'),
        (f'{COMBO}env = {{ A = "1", PYTHONWARNINGS = "error" }}\n', "combo[0].env.PYTHONWARNINGS", '["-W", "error"]'),
        (f'{COMBO}env = {{ PYTHONPATH = "src" }}\n', "combo[0].env.PYTHONPATH", 'command = ["python"'),
        (f'{COMBO}env = {{ PYTHONHASHSEED = "0" }}\n', "combo[0].env.PYTHONHASHSEED", 'command = ["python"'),
        (f'{COMBO}env = {{ PYTHONHOME = "/usr" }}\n', "combo[0].env.PYTHONHOME", "choose the Python with python"),
    ],
)
def test_a_variable_of_python_that_reaches_only_scripts_is_refused(
    problems_of: ProblemsOf, text: str, where: str, options: str
) -> None:
    (problem,) = problems_of(inline('"1"') + text, FILES)
    assert problem.where == where
    assert problem.what == f"{where.rpartition('.')[2]} has no effect on a script: it runs with python -I"
    assert options in problem.hint


@pytest.mark.parametrize("probe", ['pytest = ["tests"]', 'command = ["mytool"]'])
def test_a_variable_of_python_that_reaches_tests_or_a_command_is_accepted(read: Read, probe: str) -> None:
    text = f'{inline(chr(34) + "1" + chr(34))}[[probe]]\nid = "q"\n{probe}\n'
    assert read(f'{text}[matrix]\nenv = {{ PYTHONDEVMODE = "1" }}\n{COMBO}', FILES).combos
    assert read(f'{text}{COMBO}env = {{ PYTHONDEVMODE = "1" }}\n', FILES).combos


@pytest.mark.parametrize("probe", ['pytest = ["tests"]', 'command = ["mytool"]'])
@pytest.mark.parametrize("name", ["PYTHONHOME", "PYTHONPLATLIBDIR"])
def test_a_variable_that_keeps_python_from_its_library_is_refused(
    problems_of: ProblemsOf, probe: str, name: str
) -> None:
    text = f'{inline(chr(34) + "1" + chr(34))}[[probe]]\nid = "q"\n{probe}\n'
    for declared, where in (
        (f'[matrix]\nenv = {{ {name} = "/usr" }}\n{COMBO}', "matrix"),
        (f'{COMBO}env = {{ {name} = "/usr" }}\n', "combo[0]"),
    ):
        (problem,) = problems_of(text + declared, FILES)
        assert problem.where == f"{where}.env.{name}"
        assert problem.what.startswith(f"{name} cannot be set for a probe")
        assert problem.hint == "remove it, and choose the Python with python"


PATHS = f'{inline(chr(34) + "1" + chr(34))}[[probe]]\nid = "q"\npytest = ["tests"]\n'


@pytest.mark.parametrize("value", ["tests", "tests/lib:src", ".", "", "tests:"])
def test_a_search_path_in_the_project_is_accepted(read: Read, value: str) -> None:
    assert read(f'{PATHS}[matrix]\nenv = {{ PYTHONPATH = "{value}" }}\n{COMBO}', FILES).combos
    grid = f'[[grid]]\nsteps = [["six"]]\naxes = {{ env.PYTHONPATH = ["{value}"] }}\n'
    assert read(PATHS + grid, FILES).combos


@pytest.mark.parametrize("value", ["/srv/lib", "tests:../other", "~/lib", "/srv/lib:tests"])
@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[matrix]\nenv = {{ PYTHONPATH = "{}" }}\n' + COMBO, "matrix.env.PYTHONPATH"),
        (COMBO + 'env = {{ PYTHONPATH = "{}" }}\n', "combo[0].env.PYTHONPATH"),
        (
            '[[grid]]\nsteps = [["six"]]\naxes = {{ python = ["3.11"] }}\nenv = {{ PYTHONPATH = "{}" }}\n',
            "grid[0].env.PYTHONPATH",
        ),
        ('[[grid]]\nsteps = [["six"]]\naxes = {{ env.PYTHONPATH = ["{}"] }}\n', "grid[0].axes.env.PYTHONPATH[0]"),
    ],
)
def test_a_search_path_that_leaves_the_project_is_refused(
    problems_of: ProblemsOf, text: str, where: str, value: str
) -> None:
    (problem,) = problems_of(PATHS + text.format(value), FILES)
    assert (problem.where, problem.what.partition(" of ")[2]) == (where, "PYTHONPATH is not in the project")
    assert problem.hint.startswith("name a folder of the project")


def test_two_values_of_an_axis_that_are_the_same_version_are_refused(problems_of: ProblemsOf) -> None:
    axes = 'six = ["1.16.0", "1.16", "==1.16.0", "<2", "<2.0", "latest"]\n'
    problems = problems_of(f"{inline(chr(34) + '1' + chr(34))}[[grid]]\n[grid.axes]\n{axes}", FILES)
    assert [(problem.where, problem.what) for problem in problems] == [
        ("grid[0].axes.six[1]", "duplicate value '1.16'"),
        ("grid[0].axes.six[2]", "duplicate value '==1.16.0'"),
        ("grid[0].axes.six[4]", "duplicate value '<2.0'"),
    ]
    assert problems[0].hint == "remove one of them: an earlier value of the axis means the same"
