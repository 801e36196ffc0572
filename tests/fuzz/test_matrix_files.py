"""Parse random files: the result is always a matrix or a ``MatrixFileError``, never another exception."""

import contextlib
import json
import math
from datetime import datetime
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from knowngood.declare.grids import combo_ids
from knowngood.declare.lines import Lines
from knowngood.declare.matrix_file import parse
from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.problems import WrongValueError
from knowngood.declare.projects import Projects
from knowngood.declare.toml import read
from knowngood.errors import MatrixFileError
from support.files import MemoryFiles
from support.fuzz import fuzzed

FILES = MemoryFiles(
    {
        "probes/imports.py": "pass",
        "pyproject.toml": '[project]\nname = "mine"\nversion = "1"\ndependencies = ["numpy"]\n'
        '[project.optional-dependencies]\ns3 = ["boto3"]\n[dependency-groups]\ntest = ["pytest"]\n',
        "requirements.txt": "numpy\n-c constraints.txt\n",
        "constraints.txt": "numpy<2\n",
        "lib/setup.py": "",
        "dist/mine-1.0-py3-none-any.whl": "",
    }
)
KEYS = st.sampled_from(
    [
        *("matrix", "index", "asset", "probe", "combo", "grid", "axes", "id", "title", "python", "probes", "reference"),
        *("timeout", "installer", "env", "url", "packages", "fallback", "wheel", "path", "source", "steps"),
        *("expect", "status", "reason", "match", "numpy", "order", "exclude", "typo", "[key]", "", "a b"),
        *("project", "extras", "groups", "editable", "tool-uv", "check", "probe", "known", "combo", "expires"),
    ]
)
WORDS = st.sampled_from(
    [
        *("a", "legacy", "imports", "x.py", "3.11", "numpy==1.24.3", "numpy", "latest", ">=2,<3", "uv", "pip", "fail"),
        *("90s", "https://x/y", "reversed", "../x", "-r x", "a @ file:///x", "(", "(?i", "\0", "\x1b[2J", "💥", ""),
        *(".", ".[s3]", "-e .", "./lib", "-r requirements.txt", "--group test", "dist/*.whl", "--pre", "s3", "test"),
    ]
)
PARTS = st.sampled_from(
    [
        *("-r", "-c", "-e", "--group", "--hash", "--pre", "--no-binary", "-i", "--config-settings", "--no-deps", "="),
        *(
            "requirements.txt",
            "constraints.txt",
            "test",
            "sha256:",
            "a" * 64,
            ".",
            "./lib",
            "[s3]",
            "@",
            "git+https://x/y",
        ),
        *(
            "file:",
            "https://x/y.zip",
            "numpy",
            "==1.0",
            ">=1,<2",
            ";",
            "python_version < '3.12'",
            "#egg=x",
            "dist/*.whl",
        ),
        *(" ", "  ", "'", '"', "\\", "\t", "/", "~", "*", "é", "\ud800", "${X}", "#", ",", "C:\\x"),
    ]
)
LINES = st.lists(PARTS | st.text(max_size=3), max_size=8).map("".join) | st.lists(PARTS, max_size=8).map(" ".join)
PYPROJECT = st.recursive(
    st.sampled_from(["mine", "numpy", "numpy>=1", "test", ".", "lib", "https://x/y", "allow", "bad name!", ""])
    | st.booleans()
    | st.integers(0, 3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "project",
                        "tool",
                        "uv",
                        "name",
                        "dependencies",
                        "dynamic",
                        "optional-dependencies",
                        "s3",
                        "sources",
                    ),
                    *(
                        "dependency-groups",
                        "test",
                        "include-group",
                        "workspace",
                        "members",
                        "index",
                        "url",
                        "numpy",
                        "git",
                    ),
                    *("path", "conflicts", "extra", "group", "poetry", "extras", "pip", "resolution", "exclude-newer"),
                    *(
                        "constraint-dependencies",
                        "config-settings",
                        "no-binary-package",
                        "default",
                        "explicit",
                        "marker",
                    ),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
SCALARS = WORDS | st.text(max_size=8) | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.datetimes()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=25
)
STRINGS = st.lists(WORDS, max_size=2)
COMBOS = st.fixed_dictionaries(
    {"id": WORDS, "steps": st.lists(STRINGS, max_size=2)},
    optional={"python": VALUES, "probes": VALUES, "expect": VALUES},
)
AXES = st.sampled_from(
    ["numpy", "Torch", "python", "order", "installer", "resolution", "as-of", "extras", "with", "env", "env.DB", "DB"]
)
CHOICES = st.sampled_from(
    [
        *(
            "1.0",
            "latest",
            "oldest",
            "pre",
            "absent",
            "spec0",
            "minors:>=1,<3",
            "majors:>=1",
            "last:2",
            "last:x",
            "minors:",
        ),
        *("3.13t", "pypy3.10", "3.9", "together", "uv", "lowest", "now", "7d", "2024-01-31", "none", "s3", "a b"),
    ]
)
ENTRIES = st.dictionaries(AXES, CHOICES | st.lists(CHOICES, max_size=2) | VALUES, max_size=3)
GRIDS = st.fixed_dictionaries(
    {"axes": st.dictionaries(AXES, st.lists(CHOICES, min_size=1, max_size=3, unique=True) | VALUES, max_size=4)},
    optional={
        "steps": st.lists(STRINGS, max_size=2),
        "include": st.lists(ENTRIES | VALUES, max_size=2) | VALUES,
        "exclude": st.lists(ENTRIES | VALUES, max_size=2) | VALUES,
        "id": WORDS,
        "expect": VALUES,
    },
)
NEARLY_RIGHT = st.fixed_dictionaries(
    {"matrix": st.dictionaries(KEYS, VALUES, max_size=3), "combo": st.lists(COMBOS | VALUES, max_size=3)},
    optional={
        "grid": st.lists(GRIDS | VALUES, max_size=2),
        "probe": st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=2),
        "index": st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=2),
        "asset": st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=2), max_size=2),
    },
)


def toml(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case datetime():
            return value.isoformat()
        case float():
            return repr(value) if math.isfinite(value) else str(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return json.dumps(value)


def check(text: str | bytes) -> None:
    """Check that ``text`` is parsed or refused, and that ``combo_ids`` agrees with a parsed matrix."""
    try:
        matrix = parse(text, path=Path("m.toml"), project=Path("/project"), files=FILES)
    except MatrixFileError as error:
        assert error.problems
        lines = len(text.splitlines()) + 1
        for problem in error.problems:
            assert 0 <= problem.line <= lines, problem
            assert all(part.isprintable() for part in (problem.where, problem.what, problem.hint)), problem
    else:
        assert combo_ids(read(text, path="m.toml")[1]) == tuple(combo.id for combo in matrix.combos)


@fuzzed(300)
@given(st.text() | st.binary())
@example("\x00")
@example("'" * 1000)
def test_any_text_is_parsed_or_refused(text: str | bytes) -> None:
    check(text)


@fuzzed(300)
@given(st.text(alphabet="[]{}=.,\"'#\n abcombo1\\", max_size=80))
def test_any_scrap_of_toml_is_parsed_or_refused(text: str) -> None:
    check(text)


@fuzzed(300)
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_tables_are_parsed_or_refused(tables: dict[str, object]) -> None:
    check("".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in tables.items()))


@fuzzed(300)
@given(NEARLY_RIGHT)
@example({"matrix": {}, "combo": [], "grid": [{"axes": {"numpy": ["1.0"], "Torch": "\0"}}]})
def test_nearly_valid_tables_are_parsed_or_refused(tables: dict[str, object]) -> None:
    check("".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in tables.items()))


@fuzzed(300)
@given(LINES)
def test_any_line_of_a_step_is_read_or_refused(line: str) -> None:
    lines = Lines(ProjectFiles(FILES, Path("/project")), Projects(ProjectFiles(FILES, Path("/project"))))
    try:
        asked = lines.read(line)
    except WrongValueError as wrong:
        assert wrong.what.isprintable() and wrong.hint.isprintable(), (wrong.what, wrong.hint)
    else:
        step = asked.step((line,), "3.11")
        assert all(requirement.isprintable() for requirement in step.requirements)


@fuzzed(300)
@given(st.dictionaries(st.sampled_from(["project", "tool", "dependency-groups"]), PYPROJECT, max_size=3))
def test_any_pyproject_is_read_or_refused(tables: dict[str, object]) -> None:
    text = "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in tables.items())
    files = MemoryFiles({"pyproject.toml": text, "lib/setup.py": ""})
    rest = '[[probe]]\nid = "p"\nsource = "1"\n[[combo]]\nid = "a"\nsteps = [["./lib"]]'
    matrix = '[project]\nextras = ["s3"]\ngroups = ["test"]\n' + rest
    for source in (matrix, matrix.replace('extras = ["s3"]\ngroups = ["test"]\n', "")):
        try:
            assert parse(source, path=Path("m.toml"), project=Path("/project"), files=files).combos
        except MatrixFileError as error:
            assert all(problem.what.isprintable() and problem.hint.isprintable() for problem in error.problems), error


@fuzzed(300)
@given(st.text(alphabet="abr=<>.1-\\\n #:[]'\";/@", max_size=60))
def test_any_requirements_file_is_read_or_refused(text: str) -> None:
    files = ProjectFiles(MemoryFiles({"r.txt": text}), Path("/project"))
    with contextlib.suppress(WrongValueError):
        Lines(files, Projects(files)).read("-r r.txt")
