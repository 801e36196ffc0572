"""Check what the lines of a step ask for: people's own install lines, and the files and groups that they name."""

import json
from collections.abc import Mapping

import pytest

from declare.conftest import ProblemsOf, Read
from knowngood.model import Source, Step

A, B = "a" * 64, "b" * 64
PROJECT = """
[build-system]
requires = ["hatchling"]
[project]
name = "Mine"
version = "1.0"
dependencies = ["numpy"]
[project.optional-dependencies]
s3 = ["boto3"]
all = ["mine[s3]", "rich"]
[dependency-groups]
test = ["pytest>=8", { include-group = "Typing" }]
typing = ["mypy; python_version > '3.8'"]
self = ["mine[s3]"]
round = [{ include-group = "round" }]
"""
FILES = {
    "probes/works.py": "pass",
    "pyproject.toml": PROJECT,
    "lib/setup.py": "",
    "lib/setup.cfg": "[metadata]\nname = other_lib\n",
    "tools/pyproject.toml": "[tool.ruff]\n",
    "poetic/pyproject.toml": '[tool.poetry]\nname = "poetic"\n[tool.poetry.group.dev.dependencies]\npytest = "*"\n'
    '[tool.poetry.extras]\nfast = ["orjson"]\n',
    "dist/mine-1.0-py3-none-any.whl": "",
    "dist/other-2.0.tar.gz": "",
    "old/one-1.0-py3-none-any.whl": "",
    "old/two-1.0-py3-none-any.whl": "",
    "requirements.txt": "\ufeff# all of it\n-r requirements/base.txt\nrich>=13  # tables\n\n--pre\n",
    "requirements/base.txt": f"numpy==1.26.4 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\n"
    "-c limits.txt\n-e .\n../lib\n",
    "requirements/limits.txt": "scipy<2\n",
    "no-limits.txt": "numpy<2\n./lib\n",
    "limits.txt": "numpy<2\n-c requirements/limits.txt\n",
    "round.txt": "-r round.txt\n",
    "wrong.txt": "numpy\n\npandas=1\nscipy=1\n",
    "outside.txt": "numpy\n--extra-index-url https://example.org/simple\n",
    "variable.txt": "numpy==${VERSION}\n",
    "notes.md": "",
}


def step(read: Read, *lines: str, python: str = "3.11", files: Mapping[str, str] = FILES) -> Step:
    head = '[[probe]]\nid = "works"\npath = "probes/works.py"\n[[combo]]\nid = "a"\n'
    (combo,) = read(f'{head}python = "{python}"\nsteps = [{json.dumps(lines)}]', files).combos
    (made,) = combo.steps
    assert made.lines == lines
    return made


HERE = Source(path=".")


@pytest.mark.parametrize(
    ("line", "source"),
    [
        (".", HERE),
        ("./", HERE),
        (".[s3]", Source(path=".", extras=("s3",))),
        (".[S3,all]", Source(path=".", extras=("s3", "all"))),
        ("./[s3]", Source(path=".", extras=("s3",))),
        ("-e .", Source(path=".", editable=True)),
        ("-e.", Source(path=".", editable=True)),
        ("--editable=.[s3]", Source(path=".", extras=("s3",), editable=True)),
        ("lib/", Source(path="lib")),
        ("./lib", Source(path="lib")),
        ("/project/lib", Source(path="lib")),
        ("file:lib", Source(path="lib")),
        ("file:./lib", Source(path="lib")),
        ("file:///project/lib", Source(path="lib")),
        ("other-lib @ file:lib", Source(path="lib")),
        ("Other_Lib @ file:///project/lib", Source(path="lib")),
        ("mine[s3] @ file:.", Source(path=".", extras=("s3",))),
        ("mine [s3] @ file:///project ; python_version > '3'", Source(path=".", extras=("s3",))),
        ("dist/mine-1.0-py3-none-any.whl", Source(path="dist/mine-1.0-py3-none-any.whl")),
        ("dist/mine-1.0-py3-none-any.whl[s3]", Source(path="dist/mine-1.0-py3-none-any.whl", extras=("s3",))),
        ("dist/*.whl", Source(path="dist/mine-1.0-py3-none-any.whl")),
        ("./dist/other-2.0.tar.gz", Source(path="dist/other-2.0.tar.gz")),
        ("poetic/[fast]", Source(path="poetic", extras=("fast",))),
    ],
)
def test_a_path_is_a_source(read: Read, line: str, source: Source) -> None:
    assert step(read, line) == Step(lines=(line.strip(),), requirements=(), sources=(source,))


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        ("mine @ git+https://example.org/mine.git@v1", "mine @ git+https://example.org/mine.git@v1"),
        ("mine[s3] @ git+https://example.org/mine", "mine[s3] @ git+https://example.org/mine"),
        ("git+https://example.org/mine@main", "git+https://example.org/mine@main"),
        (
            "git+https://example.org/mine#egg=Mine[s3]&subdirectory=a",
            "mine[s3] @ git+https://example.org/mine#subdirectory=a",
        ),
        ("-e git+https://example.org/mine#egg=mine", "mine @ git+https://example.org/mine"),
        ("git+ssh://git@example.org/mine", "git+ssh://git@example.org/mine"),
        ("git+file:///srv/mine@v1", "git+file:///srv/mine@v1"),
        ("git+file:lib", "git+file:///project/lib"),
        ("https://example.org/x-1.0-py3-none-any.whl", "https://example.org/x-1.0-py3-none-any.whl"),
        (
            "x @ https://example.org/x.zip ; python_version < '4'",
            'x @ https://example.org/x.zip ; python_version < "4"',
        ),
        ("numpy[a] >=1 ; python_version < '4'", "numpy[a] >=1 ; python_version < '4'"),
    ],
)
def test_a_url_or_a_name_is_a_requirement(read: Read, line: str, requirement: str) -> None:
    made = step(read, line)
    assert (made.requirements, made.sources) == ((requirement,), ())


def test_a_file_that_is_included_on_many_ways_is_read_once(read: Read) -> None:
    files = {f"r{number}.txt": f"-r r{number + 1}.txt\n-r r{number + 1}.txt\nsix\n" for number in range(18)}
    last = "numpy<2\nsix\n"
    text = (
        '[[probe]]\nid = "w"\nsource = "1"\n[[combo]]\nid = "a"\nsteps = [["-r r0.txt"], ["-r r17.txt", "-c r0.txt"]]'
    )

    combo = read(text, files | {"r18.txt": last}).combos[0]

    assert [made.requirements for made in combo.steps] == [("numpy<2", "six")] * 2
    assert [made.constraints for made in combo.steps] == [(), ("numpy<2", "six")]


def test_a_source_with_a_marker_is_installed_only_where_it_holds(read: Read) -> None:
    line = "./lib ; python_version < '3.12'"
    assert step(read, line).sources == (Source(path="lib"),)
    assert step(read, "numpy", line, python="3.12").sources == ()


def test_one_string_may_hold_a_whole_line(read: Read) -> None:
    made = step(
        read,
        ". --no-deps -U --no-binary numpy,Sci_Py --only-binary=:all: --no-build-isolation -c limits.txt --group test",
        f"numpy==1.26.4 --hash=sha256:{A} --hash sha256:{B}",
        "--no-cache-dir -q --config-settings='--build-option=--fast x' --no-build",
    )
    assert made.sources == (HERE,)
    assert made.requirements == ("pytest>=8", 'mypy; python_version > "3.8"', "numpy==1.26.4")
    assert made.constraints == ("numpy<2", "scipy<2")
    assert made.hashes == (("numpy==1.26.4", (f"sha256:{A}", f"sha256:{B}")),)
    assert made.options == (
        "--no-deps",
        "--upgrade",
        "--no-binary=numpy",
        "--no-binary=sci-py",
        "--only-binary=:all:",
        "--no-build-isolation",
        "--config-settings=--build-option=--fast x",
    )


def test_a_requirements_file_is_read_as_pip_reads_it(read: Read) -> None:
    for line in (
        "-r requirements.txt",
        "-rrequirements.txt",
        "--requirement=requirements.txt",
        "--requirement requirements.txt",
    ):
        made = step(read, line)
        assert made == Step(
            lines=(line,),
            requirements=("numpy==1.26.4", "rich>=13"),
            sources=(Source(path=".", editable=True), Source(path="lib")),
            constraints=("scipy<2",),
            hashes=(("numpy==1.26.4", (f"sha256:{A}", f"sha256:{B}")),),
            options=("--pre",),
        )


@pytest.mark.parametrize(
    ("line", "requirements"),
    [
        ("--group test", ("pytest>=8", 'mypy; python_version > "3.8"')),
        ("--group=Typing", ('mypy; python_version > "3.8"',)),
        ("--group pyproject.toml:typing", ('mypy; python_version > "3.8"',)),
    ],
)
def test_a_group_is_expanded(read: Read, line: str, requirements: tuple[str, ...]) -> None:
    assert step(read, line) == Step(lines=(line,), requirements=requirements)


def test_a_group_that_names_its_own_project_installs_it_from_here(read: Read) -> None:
    assert step(read, "--group self").sources == (Source(path=".", extras=("s3",)),)


def test_a_change_of_a_named_file_changes_the_digest(read: Read) -> None:
    text = '[[probe]]\nid = "works"\nsource = "pass"\n[[combo]]\nid = "a"\nsteps = [["-r requirements.txt"], ["."]]'
    digest = read(text, FILES).digest
    for path in ("requirements.txt", "requirements/base.txt", "requirements/limits.txt", "pyproject.toml"):
        assert read(text, FILES | {path: FILES[path] + "\n# more\n"}).digest != digest, path
    assert read(text, FILES | {"notes.md": "more", "round.txt": ""}).digest == digest


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        (".[s4]", "mine has no extra 's4'", "use one of: 's3', 'all'"),
        (".[s3", "the project has no folder '.[s3'", ""),
        (".[s3;]", "invalid extras '[s3;]'", ".[s3,test]"),
        ("poetic/[slow]", "poetic has no extra 'slow'", "'fast'"),
        ("./tools", "nothing to build: tools/pyproject.toml declares no project", "[build-system]"),
        ("./requirements", "nothing to build: 'requirements' has neither pyproject.toml nor setup.py", ""),
        ("./missing", "the project has no folder './missing'", "relative to the project"),
        ("./notes.md", "is neither a project nor a wheel nor an archive", "name a folder"),
        ("./requirements.txt", "is neither a project", '"-r ./requirements.txt"'),
        ("~/lib", "the path '~/lib' is not expanded", "relative to the project"),
        ("old/*.whl", "matches 2 files", "name the file"),
        ("new/*.whl", "matches nothing", ""),
        ("-e dist/mine-1.0-py3-none-any.whl", "cannot be editable: it is not a folder", "without -e"),
        ("-e numpy", "cannot be editable: it is not the path of a project", '"-e ."'),
        ("-e lib", "cannot be editable: it is not the path of a project", '"-e ./lib"'),
        ("theirs @ file:.", "the project in '.' is called mine, not theirs", "mine @ file:."),
        ("theirs @ file:dist/mine-1.0-py3-none-any.whl", "is mine, not theirs", ""),
        ("mine @ file://host/x", "names another machine", "file:///"),
        ("mine @ hg+https://x/y", "cannot be installed", "git+https"),
        ("git+https://me:pw@x/y", "contains a user name or password", "~/.netrc"),
        ("git+https://x/y[s3]", "has extras but no name", "name[extra] @ URL"),
        ("./lib ; python_version", "invalid marker 'python_version'", ""),
        ("-r missing.txt", "there is no file 'missing.txt'", ""),
        ("-r pyproject.toml", "is not a file of requirements", "--group NAME"),
        ("-r https://x/r.txt", "is on another machine", "download it"),
        ("-r", "-r lacks its value", "in one string"),
        ("-r round.txt", "round.txt, line 1: 'round.txt' includes itself", ""),
        ("-r wrong.txt", "wrong.txt, line 3: invalid requirement 'pandas=1'", "=="),
        ("-r wrong.txt", "(and 1 more lines of it are wrong)", ""),
        ("-r variable.txt", "variable.txt, line 1: ${VERSION} is not expanded", ""),
        ("-r outside.txt", "outside.txt, line 2: --extra-index-url is not supported in a step", "[index.NAME]"),
        ("numpy -f ./wheels", "-f is not supported in a step", "[index.NAME]"),
        ("numpy --trusted-host x", "--trusted-host is not supported in a step", "[index.NAME]"),
        ("-c no-limits.txt", "no-limits.txt, line 2: './lib' is not a constraint", "-r instead of -c"),
        ("--hash=sha256:" + A, "--hash must follow a requirement", ""),
        ("numpy --hash=sha256:" + A, "has a hash, but no exact version", "numpy==VERSION"),
        ("numpy==1 --hash=md5:1", "invalid hash 'md5:1'", "sha256"),
        ("--require-hashes numpy==1", "--require-hashes: 'six' has no hash", ""),
        ("--group tests", "pyproject.toml has no group 'tests'", "did you mean 'test'?"),
        ("--group round", "invalid group 'round'", "PEP 735"),
        ("--group poetic/pyproject.toml:dev", "in [tool.poetry.group] only", "[dependency-groups]"),
        ("--group lib/pyproject.toml:dev", "there is no 'lib/pyproject.toml'", ""),
        ("--group lib:dev", "'lib' is not a pyproject.toml", "path/pyproject.toml:dev"),
        ("--no-bin numpy", "unknown option '--no-bin'", "did you mean '--no-binary'?"),
        ("--no-binary numpy>1", "invalid package name 'numpy>1'", ":all:"),
        ("--pre=yes numpy", "--pre takes no value", "write --pre"),
        ("--user numpy", "--user is not supported in a step", "into the environment of its combo"),
        ("--force-reinstall numpy", "--force-reinstall is not supported in a step", "a new one"),
        ("--config-settings='a=b", "lacks a quotation mark", ""),
        ("python -m pip install .", "is a whole command", "leave out"),
        ("uv pip install .", "is a whole command", "leave out"),
        ("numpy --prefer-binary", "uv has no option '--prefer-binary'", 'installer = "pip"'),
    ],
)
def test_a_wrong_line_names_the_cause_and_what_to_write(
    problems_of: ProblemsOf, line: str, what: str, hint: str
) -> None:
    text = f'[[probe]]\nid = "w"\nsource = "1"\n[[combo]]\nid = "a"\nsteps = [["six", {json.dumps(line)}]]'
    (problem,) = problems_of(text, FILES)
    assert problem.line == 6
    assert problem.where.startswith("combo[0].steps")
    assert what in problem.what
    assert hint in problem.hint


def test_an_index_that_the_matrix_declares_may_be_in_a_requirements_file(read: Read) -> None:
    text = '[[probe]]\nid = "w"\nsource = "1"\n[[combo]]\nid = "a"\nsteps = [["-r outside.txt"]]\n'
    index = '[index.own]\nurl = "https://example.org/simple/"\npackages = ["numpy"]\n'
    (combo,) = read(text + index, FILES).combos
    assert combo.steps[0].requirements == ("numpy",)


def test_an_option_that_only_uv_has_is_refused_for_pip(read: Read, problems_of: ProblemsOf) -> None:
    assert step(read, "numpy --exclude-newer 2024-01-01").options == ("--exclude-newer=2024-01-01",)
    head = '[matrix]\ninstaller = "pip"\n[[probe]]\nid = "w"\nsource = "1"\n[[combo]]\nid = "a"\n'
    (problem,) = problems_of(head + 'steps = [["x --exclude-newer=2024-01-01"]]', FILES)
    assert problem.what == "pip has no option '--exclude-newer=2024-01-01'"
    assert 'installer = "uv"' in problem.hint
