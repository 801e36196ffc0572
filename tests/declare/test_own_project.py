"""Check what ``[project]`` adds to a matrix, for projects of every kind and for several in one repository."""

from collections.abc import Mapping

import pytest

from declare.conftest import ProblemsOf, Read
from knowngood.model import Combo, Source, Step

PYPROJECT = """
[build-system]
requires = ["hatchling"]
[project]
name = "mine"
version = "1.0"
[project.optional-dependencies]
s3 = ["boto3"]
[dependency-groups]
test = ["pytest>=8"]
"""
FILES = {"pyproject.toml": PYPROJECT, "probes/works.py": "pass", "requirements.txt": "mine==1.0\n"}
HERE = Source(path=".")


def combos(read: Read, text: str, files: Mapping[str, str] = FILES) -> dict[str, Combo]:
    matrix = read(f'[[probe]]\nid = "works"\nsource = "pass"\n{text}', files)
    return {combo.id: combo for combo in matrix.combos}


def only(read: Read, text: str, files: Mapping[str, str] = FILES) -> tuple[Step, ...]:
    (combo,) = combos(read, text, files).values()
    return combo.steps


def combo(steps: str) -> str:
    return f'[[combo]]\nid = "a"\nsteps = {steps}\n'


def test_the_project_joins_the_first_step(read: Read) -> None:
    text = '[project]\nextras = ["S3"]\ngroups = ["test"]\n' + combo('[["numpy<2"], ["six"]]')
    assert only(read, text) == (
        Step(
            lines=(".[s3]", "--group test", "numpy<2"),
            requirements=("pytest>=8", "numpy<2"),
            sources=(Source(path=".", extras=("s3",)),),
        ),
        Step(lines=("six",), requirements=("six",)),
    )


def test_the_project_joins_every_combo_of_a_grid(read: Read) -> None:
    text = '[project]\neditable = true\n[[grid]]\n[grid.axes]\nnumpy = ["1.26.4", "2.0.2"]\nsix = ["1.16.0"]\n'
    made = combos(read, text)
    assert [(name, one.steps[0].lines, one.steps[0].sources) for name, one in made.items()] == [
        ("numpy1.26.4", ("-e .", "numpy==1.26.4", "six==1.16.0"), (Source(path=".", editable=True),)),
        ("numpy2.0.2", ("-e .", "numpy==2.0.2", "six==1.16.0"), (Source(path=".", editable=True),)),
    ]


def test_a_combo_may_have_no_step_but_the_project(read: Read) -> None:
    made = combos(read, '[project]\n[[combo]]\nid = "a"\npython = ["3.11", "3.12"]\n[[combo]]\nid = "b"\nsteps = []\n')
    assert {name: one.steps for name, one in made.items()} == dict.fromkeys(
        ("a-py3.11", "a-py3.12", "b"), (Step(lines=(".",), requirements=(), sources=(HERE,)),)
    )


def test_beside_a_step_without_dependencies_the_project_and_its_groups_have_theirs(read: Read) -> None:
    project = '[project]\nextras = ["s3"]\ngroups = ["test"]\n'

    first, second = only(read, project + combo('[["numpy==1.26.0", "--no-deps"]]'))
    assert (first.lines, first.options) == ((".[s3]", "--group test"), ())
    assert (second.lines, second.options) == (("numpy==1.26.0", "--no-deps"), ("--no-deps",))

    first, second = only(read, project + combo('[["-e .", "--no-deps"]]'))
    assert (first.lines, first.options) == (("-e .", "--no-deps"), ("--no-deps",))
    assert (second.lines, second.options) == (("--group test",), ())


@pytest.mark.parametrize("step", [".", "./", "-e .", "mine @ file:.", "mine==1.0", "-r requirements.txt", "./[s3]"])
def test_the_project_does_not_join_a_combo_that_names_it_but_its_groups_do(read: Read, step: str) -> None:
    first, second = only(read, f'[project]\nextras = ["s3"]\ngroups = ["test"]\n{combo(f"""[["six"], ["{step}"]]""")}')
    assert (first.lines, first.sources) == (("six",), ())
    assert second.lines == (step, "--group test")
    assert "pytest>=8" in second.requirements


def test_groups_that_a_step_names_take_the_place_of_those_of_the_project_table(read: Read) -> None:
    files = FILES | {"pyproject.toml": FILES["pyproject.toml"].replace("test = ", 'lint = ["ruff"]\ntest = ')}
    (step,) = only(read, f'[project]\ngroups = ["test"]\n{combo("""[[".", "--group lint"]]""")}', files)
    assert (step.lines, step.requirements) == ((".", "--group lint"), ("ruff",))


def test_without_a_project_table_nothing_joins(read: Read) -> None:
    assert only(read, combo('[["six"]]')) == (Step(lines=("six",), requirements=("six",)),)


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": ""},
        {"setup.py": "", "setup.cfg": "[metadata]\nname = mine\n", "pyproject.toml": "[tool.ruff]\n"},
        {"pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n', "setup.cfg": "[metadata]\nname = mine\n"},
        {"pyproject.toml": '[tool.poetry]\nname = "mine"\n'},
        {"pyproject.toml": '[project]\nname = "mine"\nversion = "1"\n'},
    ],
    ids=["setup.py", "setup.cfg", "build-system", "poetry", "no build-system"],
)
def test_a_project_of_any_kind_is_installed(read: Read, files: Mapping[str, str]) -> None:
    (step,) = only(read, "[project]\n" + combo('[["six"]]'), files)
    assert (step.lines, step.sources) == ((".", "six"), (HERE,))


def test_the_project_is_looked_for_above_the_matrix_up_to_its_repository(read: Read, problems_of: ProblemsOf) -> None:
    above = {"../pyproject.toml": PYPROJECT, "../.git/HEAD": ""}
    (step,) = only(read, '[project]\ngroups = ["test"]\n' + combo('[["six"]]'), above)
    assert (step.lines, step.sources) == (("..", "--group test", "six"), (Source(path=".."),))

    outside = {"../pyproject.toml": PYPROJECT, ".git/HEAD": ""}
    (problem,) = problems_of(f'[[probe]]\nid = "w"\nsource = "1"\n[project]\n{combo("[]")}', outside)
    assert problem.what == "nothing to build: '.' has neither pyproject.toml nor setup.py"


def test_path_names_one_of_several_projects(read: Read) -> None:
    files = {"packages/a/pyproject.toml": PYPROJECT.replace("mine", "a"), "packages/b/setup.py": ""}
    text = '[project]\npath = "packages/a"\ngroups = ["test"]\n' + combo('[["./packages/b"], ["--group test"]]')
    assert [step.lines for step in only(read, text, files)] == [
        ("./packages/a", "--group test", "./packages/b"),
        ("--group test",),
    ]
    assert only(read, text, files)[0].sources == (Source(path="packages/a"), Source(path="packages/b"))
    assert only(read, text, files)[1].requirements == ("pytest>=8",)


@pytest.mark.parametrize(
    ("table", "where", "what", "hint"),
    [
        ('extras = ["s4"]', "project", "mine has no extra 's4'", "'s3'"),
        ('groups = ["tests"]', "project", "pyproject.toml has no group 'tests'", "did you mean 'test'?"),
        ('extras = ["test"]', "project", "mine has no extra 'test'", "it is a group of [dependency-groups]"),
        ('groups = ["s3"]', "project", "pyproject.toml has no group 's3'", "it is an extra: write .[s3]"),
        ('path = "lib"', "project", "nothing to build: there is no folder 'lib'", "pyproject.toml"),
        ('path = "~/x"', "project.path", "invalid path '~/x'", "relative"),
        ('path = "C:\\\\x"', "project.path", "invalid path", "forward slashes"),
        ('extras = "s3"', "project.extras", "must be an array", "['s3']"),
        ("extras = []", "project.extras", "must not be empty", "remove the key"),
        ('editable = "yes"', "project.editable", "must be true or false", ""),
        ("tool_uv = false", "project.tool_uv", "unknown key 'tool_uv'", "did you mean 'tool-uv'?"),
        ('extra = ["s3"]', "project.extra", "unknown key 'extra'", "did you mean 'extras'?"),
    ],
)
def test_a_wrong_project_table_is_reported_once(
    problems_of: ProblemsOf, table: str, where: str, what: str, hint: str
) -> None:
    (problem,) = problems_of(f'[[probe]]\nid = "w"\nsource = "1"\n[project]\n{table}\n{combo("[]")}', FILES)
    assert problem.where == where
    assert what in problem.what
    assert hint in problem.hint
    grid = '[[grid]]\naxes.python = ["3.11"]\n'
    (again,) = problems_of(f'[[probe]]\nid = "w"\nsource = "1"\n[project]\n{table}\n{grid}', FILES)
    assert again == problem, "a grid that installs the project has no problem of its own"


def test_a_pyproject_that_is_not_toml_is_reported_with_its_line(problems_of: ProblemsOf) -> None:
    text = f'[[probe]]\nid = "w"\nsource = "1"\n[project]\n{combo("[]")}'
    (problem,) = problems_of(text, {"pyproject.toml": "[project]\nname =\n"})
    assert "pyproject.toml is not valid TOML" in problem.what
    assert "line 2" in problem.what


WORKSPACE = {
    "pyproject.toml": """
[project]
name = "app"
version = "1"
dependencies = ["core[fast]", "numpy", "tool>=1", "fork ; python_version < '3.12'", "wheel-of-x"]
[build-system]
requires = ["hatchling"]
[dependency-groups]
test = ["plugin", "pytest"]
[tool.uv]
constraint-dependencies = ["numpy<2"]
override-dependencies = ["six==1.16.0"]
[tool.uv.workspace]
members = ["packages/*"]
exclude = ["packages/old"]
[tool.uv.sources]
core = { workspace = true }
plugin = { workspace = true }
tool = { git = "https://example.org/tool", tag = "v1", subdirectory = "py" }
fork = [
  { url = "https://example.org/fork.zip", marker = "sys_platform != 'win32'" },
  { path = "x", marker = "sys_platform == 'win32'" },
]
wheel-of-x = { path = "dist/wheel_of_x-1.0-py3-none-any.whl" }
""",
    "x/setup.py": "",
    "dist/wheel_of_x-1.0-py3-none-any.whl": "",
    "packages/core/pyproject.toml": """
[project]
name = "Core"
version = "1"
dependencies = ["base"]
[project.optional-dependencies]
fast = ["helper"]
[build-system]
requires = ["hatchling"]
[tool.uv.sources]
base = { workspace = true }
helper = { path = "../../helper", editable = true }
""",
    "packages/base/pyproject.toml": '[project]\nname = "base"\nversion = "1"\ndependencies = ["core"]\n'
    "[build-system]\nrequires = []\n[tool.uv.sources]\ncore = { workspace = true }\n",
    "packages/plugin/pyproject.toml": '[project]\nname = "plugin"\nversion = "1"\ndependencies = ["app"]\n'
    "[build-system]\nrequires = []\n[tool.uv.sources]\napp = { workspace = true }\n",
    "packages/old/pyproject.toml": '[project]\nname = "old"\nversion = "1"\n',
    "helper/setup.py": "",
}


def test_members_of_a_workspace_and_sources_come_along(read: Read) -> None:
    (step,) = only(read, "[project]\n" + combo("[]"), WORKSPACE)
    assert step == Step(
        lines=(".",),
        requirements=(
            "tool @ git+https://example.org/tool@v1#subdirectory=py",
            'fork @ https://example.org/fork.zip ; (python_version < "3.12") and (sys_platform != "win32")',
        ),
        sources=(
            HERE,
            Source(path="packages/core", extras=("fast",)),
            Source(path="packages/base"),
            Source(path="helper", editable=True),
            Source(path="dist/wheel_of_x-1.0-py3-none-any.whl"),
        ),
        constraints=("numpy<2",),
        overrides=("six==1.16.0",),
    )


def test_a_group_may_need_a_member_of_the_workspace(read: Read) -> None:
    (step,) = only(read, combo('[["--group test"]]'), WORKSPACE)
    assert step.requirements[:1] == ("pytest",) or "pytest" in step.requirements
    assert step.sources[0] == Source(path="packages/plugin")
    assert HERE in step.sources


def test_a_member_follows_the_root_of_its_workspace(read: Read) -> None:
    (step,) = only(read, combo('[["./packages/base"]]'), WORKSPACE)
    assert step.sources == (Source(path="packages/base"), Source(path="packages/core"))
    assert (step.constraints, step.overrides) == (("numpy<2",), ("six==1.16.0",))


def test_tool_uv_can_be_ignored(read: Read) -> None:
    (step,) = only(read, "[project]\ntool-uv = false\n" + combo("[]"), WORKSPACE)
    assert step == Step(lines=(".",), requirements=(), sources=(HERE,))


def test_the_root_of_a_workspace_without_a_project_names_its_members(problems_of: ProblemsOf) -> None:
    files = {path: text for path, text in WORKSPACE.items() if path != "pyproject.toml"}
    files["pyproject.toml"] = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'
    (problem,) = problems_of(f'[[probe]]\nid = "w"\nsource = "1"\n[project]\n{combo("[]")}', files)
    assert problem.what == "pyproject.toml is only the root of a workspace"
    assert problem.hint == 'name a member: path = "packages/base"'


def virtual(uv: str) -> dict[str, str]:
    project = '[project]\nname = "app"\nversion = "1"\ndependencies = ["numpy"]\n[project.optional-dependencies]\n'
    return {"pyproject.toml": f'{project}s3 = ["boto3"]\n{uv}'}


@pytest.mark.parametrize(
    ("uv", "more", "built"),
    [
        ("[tool.uv]\npackage = false\n", {}, False),
        ("[tool.uv]\npackage = false\n[build-system]\nrequires = []\n", {}, False),
        ("", {"uv.lock": ""}, False),
        ("[tool.uv]\npackage = true\n", {"uv.lock": ""}, True),
        ("", {}, True),
        ("[build-system]\nrequires = []\n", {"uv.lock": ""}, True),
    ],
)
def test_a_virtual_project_brings_only_its_dependencies(read: Read, uv: str, more: dict[str, str], built: bool) -> None:
    (step,) = only(read, '[project]\nextras = ["s3"]\n' + combo("[]"), virtual(uv) | more)
    assert bool(step.sources) is built
    assert step.requirements == (() if built else ("numpy", "boto3"))
