"""Check the errors of a wrong matrix file: all at once, each with line, path, cause and hint."""

import pytest

from declare.conftest import ProblemsOf
from knowngood.errors import ExitCode, MatrixFileError

HEAD = '[matrix]\nprobes = ["imports"]\n'
COMBO = '[[combo]]\nid = "a"\nsteps = [["numpy"]]\n'

MANY_MISTAKES = """
[matrix]
python = 3.10
probes = ["imports"]
referense = "np1.24"
timeout = "2 days"

[index.cpu]
url = "ftp://example.org"

[[combo]]
id = "np1.24"
steps = [
  ["numpy==1.24.3."],
  ["torch",
   "-r requirements.txt"],
]

[[combo]]
id = "np1-24"
stepps = [["numpy"]]
expect = { status = "falied", match = "(" }

[[grid]]
exclude = [
  { nunpy = "1.24.3" },
]
axes.numpy = ["1.24.3", 2.0]
"""


def test_all_mistakes_are_reported_at_once_each_with_its_line(problems_of: ProblemsOf) -> None:
    problems = problems_of(MANY_MISTAKES)
    assert [(problem.line, problem.where) for problem in problems] == [
        (3, "matrix.python"),
        (5, "matrix.referense"),
        (6, "matrix.timeout"),
        (9, "index.cpu.url"),
        (14, "combo[0].steps[0][0]"),
        (16, "combo[0].steps[1][1]"),
        (19, "combo[1].steps"),
        (20, "combo[1].id"),
        (21, "combo[1].stepps"),
        (22, "combo[1].expect.status"),
        (22, "combo[1].expect.match"),
        (26, "grid[0].exclude[0].nunpy"),
        (28, "grid[0].axes.numpy[1]"),
    ]
    by_where = {problem.where: problem for problem in problems}
    assert by_where["matrix.python"].what == "a version must be a string, not a number"
    assert by_where["matrix.python"].hint == 'write "3.10"'
    assert by_where["matrix.referense"].hint == "did you mean 'reference'?"
    assert "collides with 'np1.24' on line 12" in by_where["combo[1].id"].what
    assert by_where["combo[1].stepps"].hint == "did you mean 'steps'?"
    assert by_where["combo[1].expect.status"].hint == "did you mean 'fail'?"


def test_the_error_counts_the_problems_and_has_the_exit_code_of_wrong_usage(problems_of: ProblemsOf) -> None:
    error = MatrixFileError("m.toml", problems_of(MANY_MISTAKES))
    assert error.exit_code is ExitCode.USAGE
    assert "13 problems" in error.what


@pytest.mark.parametrize(
    ("text", "line", "where", "what", "hint"),
    [
        # the top of the file
        (COMBO, 1, "matrix.probes", "no probes", 'probes = ["imports"]'),
        (HEAD, 1, "", "nothing to run: the file has no [[combo]] and no [[grid]]", "[[combo]]"),
        (HEAD + "[[combos]]\n" + COMBO, 3, "combos", "unknown table 'combos'", "did you mean 'combo'?"),
        ('title = "x"\n' + HEAD + COMBO, 1, "title", "unknown key 'title'", "move it into [matrix]"),
        ("steps = []\n" + HEAD + COMBO, 1, "steps", "unknown key 'steps'", "move it into [[combo]]"),
        (HEAD + "[combo]\nid = 'a'", 3, "combo", "must be an array of tables, not a table", "[[combo]]"),
        (HEAD + "[axes]\nnumpy = ['1']", 3, "axes", "[axes] is now a [[grid]]", "[grid.axes] with the same lines"),
        (HEAD + "[grid]\naxes = {}", 3, "grid", "must be an array of tables, not a table", "[[grid]]"),
        ("grid = [3]\n" + HEAD, 1, "grid[0]", "must be a table, not a number", ""),
        ("matrix = 3\n" + COMBO, 1, "matrix", "must be a table, not a number", ""),
        ("combo = [3]\n" + HEAD, 1, "combo[0]", "must be a table, not a number", ""),
        # [matrix]
        ("[matrix]\nprobes = []\n" + COMBO, 2, "matrix.probes", "must not be empty", "at least one"),
        ('[matrix]\nprobes = "imports"\n' + COMBO, 2, "matrix.probes", "an array, not a string", "['imports']"),
        (
            '[matrix]\nprobes = ["imports", "imports"]\n' + COMBO,
            2,
            "matrix.probes",
            "duplicate value 'imports'",
            "remove one",
        ),
        (
            '[matrix]\nprobes = ["nope"]\n' + COMBO,
            2,
            "matrix.probes[0]",
            "no script 'probes/nope.py'",
            "create that file",
        ),
        ('[matrix]\nprobes = ["../x.py"]\n' + COMBO, 2, "matrix.probes[0]", "leaves the folder", ""),
        ('[matrix]\nprobes = ["Imports"]\n' + COMBO, 2, "matrix.probes[0]", "invalid id 'Imports'", 'write "imports"'),
        (HEAD + 'reference = "b"\n' + COMBO, 3, "matrix.reference", "unknown combo 'b'", "id of a combo"),
        (HEAD + 'python = "3"\n' + COMBO, 3, "matrix.python", "invalid Python version '3'", '"3.11"'),
        (HEAD + "python = 3\n" + COMBO, 3, "matrix.python", "must be a string", 'write "3"'),
        (HEAD + 'python = ["3.11", 3.12]\n' + COMBO, 3, "matrix.python[1]", "must be a string", 'write "3.12"'),
        (HEAD + 'python = ["3.11", "3.11"]\n' + COMBO, 3, "matrix.python", "duplicate value '3.11'", ""),
        (HEAD + "timeout = 0\n" + COMBO, 3, "matrix.timeout", "out of range", ""),
        (HEAD + "timeout = -1.5\n" + COMBO, 3, "matrix.timeout", "out of range", ""),
        (HEAD + "timeout = inf\n" + COMBO, 3, "matrix.timeout", "out of range", ""),
        (HEAD + "timeout = nan\n" + COMBO, 3, "matrix.timeout", "", ""),
        (HEAD + f"timeout = 0x{'f' * 5000}\n" + COMBO, 3, "matrix.timeout", "out of range", ""),
        (HEAD + "timeout = true\n" + COMBO, 3, "matrix.timeout", "not a boolean", '"90s"'),
        (HEAD + "stale-after = 30\n" + COMBO, 3, "matrix.stale-after", "not a number", ""),
        (HEAD + 'stale-after = "0d"\n' + COMBO, 3, "matrix.stale-after", "invalid number of days '0d'", '"30d"'),
        (HEAD + 'stale-after = "1w"\n' + COMBO, 3, "matrix.stale-after", "invalid number of days '1w'", '"30d"'),
        (HEAD + 'stale_after = "7d"\n' + COMBO, 3, "matrix.stale_after", "unknown key", "stale-after"),
        (HEAD + 'timeout = "soon"\n' + COMBO, 3, "matrix.timeout", "invalid duration 'soon'", '"2m"'),
        (HEAD + 'installer = "pipp"\n' + COMBO, 3, "matrix.installer", "invalid value 'pipp'", "did you mean 'pip'?"),
        (HEAD + 'env = { "1A" = "x" }\n' + COMBO, 3, "matrix.env.1A", "invalid variable name '1A'", ""),
        (HEAD + "env = { A = 1 }\n" + COMBO, 3, "matrix.env.A", "must be a string", 'write "1"'),
        (HEAD + 'env = { A = "\\u0000" }\n' + COMBO, 3, "matrix.env.A", "NUL", ""),
        (HEAD + 'title = "a\\nb"\n' + COMBO, 3, "matrix.title", "one line", ""),
        # [index.NAME]
        (HEAD + COMBO + '[index]\nurl = "https://x"', 7, "index.url", "must be a table", "[index.NAME]"),
        (HEAD + COMBO + "[index.a]", 6, "index.a.url", "missing key 'url'", "https://"),
        (
            HEAD + COMBO + '[index.a]\nurl = "x/y"',
            7,
            "index.a.url",
            "must be a complete http, https or file URL",
            "./x/y",
        ),
        (HEAD + COMBO + '[index.a]\nurl = "https://["', 7, "index.a.url", "invalid URL 'https://['", ""),
        (HEAD + COMBO + '[index.a]\nurl = "https://u:pw@x"', 7, "index.a.url", "password", "netrc"),
        (HEAD + COMBO + '[index."A b"]\nurl = "https://x"', 6, "index.'A b'", "invalid id 'A b'", 'write "a-b"'),
        (
            HEAD + COMBO + '[index.a]\nurl = "https://x"\n[index.b]\nurl = "https://y"',
            8,
            "index.b",
            "a second index without packages; the first, 'a', is on line 6",
            "only one",
        ),
        (
            HEAD + COMBO + '[index.a]\nurl = "https://x"\npackages = ["Torch_X"]\n'
            '[index.b]\nurl = "https://y"\npackages = [\n"torch-x"]',
            12,
            "index.b.packages[0]",
            "torch-x already comes from the index 'a' (line 6)",
            "",
        ),
        # [asset.NAME]
        (
            HEAD + COMBO + '[asset.a]\nwheel = "x>=1"\npath = "p"',
            7,
            "asset.a.wheel",
            "must name one exact version",
            '"x==1.0"',
        ),
        (
            HEAD + COMBO + '[asset.a]\nwheel = "x==1.*"\npath = "p"',
            7,
            "asset.a.wheel",
            "must name one exact version",
            "",
        ),
        (HEAD + COMBO + '[asset.a]\nwheel = "x==1"\npath = "../p"', 8, "asset.a.path", "leaves the folder", ""),
        (HEAD + COMBO + '[asset.a]\nwheel = "x==1"\npath = "/p"', 8, "asset.a.path", "leaves the folder", ""),
        # [[probe]]
        (COMBO + '[[probe]]\nid = "p"', 4, "probe[0]", "neither source nor path", "probes/imports.py"),
        (COMBO + '[[probe]]\nid = "p"\nsource = ""\npath = "x"', 4, "probe[0]", "both source and path", ""),
        (COMBO + '[[probe]]\nid = "p"\npath = "x.py"', 6, "probe[0].path", "the project has no script 'x.py'", ""),
        (
            COMBO + '[[probe]]\nid = "p"\nsource = ""\n[[probe]]\nid = "p"\nsource = "1"',
            8,
            "probe[1].id",
            "duplicate id 'p': the probe on line 5 also has it",
            "",
        ),
        (
            '[matrix]\nprobes = ["deep/My Probe.py"]\n[[probe]]\nid = "my-probe"\nsource = ""\n' + COMBO,
            2,
            "matrix.probes[0]",
            "deep/My Probe.py and the script in the matrix file have the same id 'my-probe'",
            "rename",
        ),
        # [[combo]]
        (HEAD + '[[combo]]\nsteps = [["x"]]', 3, "combo[0].id", "missing key 'id'", "write id ="),
        (HEAD + '[[combo]]\nid = 7\nsteps = [["x"]]', 4, "combo[0].id", "an id must be a string", ""),
        (
            HEAD + '[[combo]]\nid = "NumPy 2"\nsteps = [["x"]]',
            4,
            "combo[0].id",
            "invalid id 'NumPy 2'",
            'write "numpy-2"',
        ),
        (HEAD + '[[combo]]\nid = "../x"\nsteps = [["x"]]', 4, "combo[0].id", "invalid id '../x'", 'write "x"'),
        (HEAD + '[[combo]]\nid = "CON"\nsteps = [["x"]]', 4, "combo[0].id", "invalid id 'CON'", ""),
        (HEAD + '[[combo]]\nid = "😀"\nsteps = [["x"]]', 4, "combo[0].id", "invalid id '😀'", ""),
        (HEAD + f'[[combo]]\nid = "{"i" * 300}"\nsteps = [["x"]]', 4, "combo[0].id", "at most 100", "i" * 100),
        (
            HEAD + '[[combo]]\nid = "a"\nsteps = []',
            5,
            "combo[0].steps",
            "must have at least one step",
            '[["numpy==1.26.4"]',
        ),
        (
            HEAD + '[[combo]]\nid = "a"\nsteps = [["x"], []]',
            5,
            "combo[0].steps[1]",
            "must have at least one requirement",
            "",
        ),
        (HEAD + '[[combo]]\nid = "a"\nsteps = ["x", "y"]', 5, "combo[0].steps", "must be an array", "[['x', …]]"),
        (HEAD + '[[combo]]\nid = "a"\nsteps = [["x"], "y"]', 5, "combo[0].steps[1]", "must be an array", "['y']"),
        (HEAD + '[[combo]]\nid = "a"\nsteps = "x"', 5, "combo[0].steps", "must be an array of steps", ""),
        (HEAD + '[[combo]]\nid = "a"\nsteps = [["x", 1.0]]', 5, "combo[0].steps[0][1]", "must be a string", ""),
        (HEAD + COMBO + 'probes = ["nope"]', 6, "combo[0].probes[0]", "'probes/nope.py'", ""),
        (HEAD + COMBO + 'expect = "infra"', 6, "combo[0].expect", "invalid value 'infra'", ""),
        (HEAD + COMBO + 'expect = { reason = "x" }', 6, "combo[0].expect.status", "missing key 'status'", ""),
        (
            HEAD + COMBO + 'expect = { status = "fail", match = "a{99999999999999}" }',
            6,
            "combo[0].expect.match",
            "invalid regular expression 'a{99999999999999}'",
            "",
        ),
        (
            HEAD + COMBO + 'expect = ["fail", { status = "fail", probe = "importz" }]',
            6,
            "combo[0].expect[1].probe",
            "unknown probe 'importz'",
            "did you mean 'imports'?",
        ),
        (
            HEAD + COMBO + 'expect = { status = "fail", probe = "a b" }',
            6,
            "combo[0].expect.probe",
            "invalid probe id or glob 'a b'",
            '"test*"',
        ),
        (
            HEAD + COMBO + 'expect = [{ status = "fail", check = "x" }, { status = "crash", check = "x" }]',
            6,
            "combo[0].expect[1]",
            "a second expectation of the same cells",
            "name a probe or a check",
        ),
        (
            HEAD + COMBO + 'expect = [{ status = "fail", chekc = "x" }]',
            6,
            "combo[0].expect[0].chekc",
            "unknown key",
            "'check'",
        ),
        (
            HEAD + COMBO + 'expect = { status = "fail", check = 1 }',
            6,
            "combo[0].expect.check",
            "must be a string",
            '"1"',
        ),
        (HEAD + COMBO + COMBO, 7, "combo[1].id", "duplicate id 'a': the combo on line 4 also has it", "unique"),
    ],
)
def test_a_wrong_value_is_reported_with_line_path_cause_and_hint(
    problems_of: ProblemsOf, text: str, line: int, where: str, what: str, hint: str
) -> None:
    (problem,) = problems_of(text)
    assert (problem.line, problem.where) == (line, where)
    assert what in problem.what
    assert hint in problem.hint


def test_the_error_of_a_misspelled_reference_suggests_the_right_one(problems_of: ProblemsOf) -> None:
    text = HEAD + 'reference = "legcy"\n[[combo]]\nid = "legacy"\nsteps = [["x"]]'
    assert problems_of(text)[0].hint == "did you mean 'legacy'?"


def test_a_combo_with_another_mistake_still_counts_as_the_reference(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(HEAD + 'reference = "a"\n[[combo]]\nid = "a"\nsteps = []')
    assert problem.where == "combo[0].steps"


def test_a_probe_table_with_a_mistake_still_counts_as_declared(problems_of: ProblemsOf) -> None:
    text = '[matrix]\nprobes = ["p"]\n[[probe]]\nid = "p"\nsorce = "x"\n' + COMBO
    assert [problem.where for problem in problems_of(text)] == ["probe[0].sorce"]


def test_ids_that_several_pythons_make_may_collide_too(problems_of: ProblemsOf) -> None:
    text = HEAD + '[[combo]]\nid = "a"\nsteps = [["x"]]\npython = ["3.11", "3.12"]\n[[combo]]\nid = "a-py3-11"\n'
    (problem,) = problems_of(text + 'steps = [["x"]]')
    assert (problem.line, problem.where) == (8, "combo[1].id")
    assert "'a-py3-11' collides with 'a-py3.11' on line 4" in problem.what


@pytest.mark.parametrize(
    ("requirement", "what", "hint"),
    [
        ("-r x", "there is no file 'x'", "relative to the project"),
        ("  -e .", "nothing to build: '.' has neither pyproject.toml nor setup.py", ""),
        ("--index-url=https://evil", "--index-url is not supported in a step", "[index.NAME]"),
        ("numpy\\n--index-url=https://evil", "line break", ""),
        ("numpy\\r-r x", "line break", ""),
        ("numpy\\u2028x", "line break", ""),
        ("\\u0000", "control character", ""),
        ("numpy @ file:///tmp/x.whl", "the project has no file '/tmp/x.whl'", "build it first"),
        ("numpy @ https://me:secret@x/y", "contains a user name or password", "~/.netrc"),
        ("numpy @ svn+https://x/y", "cannot be installed", "git+https"),
        ("../x", "the project has no folder '../x'", ""),
        ("/abs/x", "the project has no folder '/abs/x'", ""),
        ("C:\\\\x", "invalid path", "forward slashes"),
        (".", "nothing to build", "pyproject.toml"),
        ("numpy-1.0-py3-none-any.whl", "the project has no file", "build it first"),
        ("", "must not be empty", ""),
        ("   ", "must not be empty", ""),
        ("a" * 300, "has 300 characters", ""),
        ("a" * 6000, "has 6,000 characters", ""),
        ("😀", "invalid requirement '😀'", ""),
        ("numpy==1.24.3.", "invalid requirement 'numpy==1.24.3.'", ""),
        ("numpy=1.24", "invalid requirement", "=="),
        ("numpy=>1.24", "invalid requirement", "write >="),
        ("numpy~=2", "invalid requirement", "two parts"),
        ("numpy==1.0 # pinned", "invalid requirement", "outside the quotes"),
        ("torch --prerelaese", "unknown option '--prerelaese'", "did you mean '--prerelease'?"),
        ("numpy 1.24", "invalid requirement", 'write it as "numpy==1.26.4"'),
        ("numpy pandas", "invalid requirement", "a string of its own"),
        ("numpy>1.26 <2", "invalid requirement", "a comma is missing"),
        ("numpy==1.26.4 \\\\", "ends with a backslash", "remove it"),
        ("numpy==1.26.4 --hash=sha256:abc", "invalid hash 'sha256:abc'", "64 hexadecimal digits"),
        ("pip install numpy", "is a whole command", "leave out 'pip install'"),
        ("numpy[", "invalid requirement", ""),
        ("numpy; python_version", "invalid requirement", ""),
    ],
)
def test_a_wrong_line_of_a_step_is_reported_with_cause_and_hint(
    problems_of: ProblemsOf, requirement: str, what: str, hint: str
) -> None:
    (problem,) = problems_of(f'{HEAD}[[combo]]\nid = "a"\nsteps = [\n["numpy",\n"{requirement}"]]')
    assert (problem.line, problem.where) == (7, "combo[0].steps[0][1]")
    assert what in problem.what
    assert hint in problem.hint
    assert problem.what.isprintable()
    assert len(problem.what) < 250


def deep(bracket: str, depth: int) -> str:
    closing = {"[": "]", "{a=": "}"}[bracket]
    return f"a = {bracket * depth}1{closing * depth}".replace("[1]", "[]")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a = 1\na = 2", 2, "Cannot overwrite a value"),
        ("[matrix]\n[matrix]", 2, "Cannot declare"),
        ("[[combo]]\n[combo]", 2, "Cannot declare"),
        ("\ufeff[matrix]", 1, "byte order mark"),
        (b"\xef\xbb\xbf[matrix]", 1, "byte order mark"),
        (b"[matrix]\ntitle = 'a'\n# \xff", 3, "byte 0xff is not UTF-8"),
        (b"\xff\xfe[\x00m\x00", 1, "byte 0xff is not UTF-8"),
        ("a = '\ud800'", 1, "byte 0xed is not UTF-8"),
        (b"a = 1\nb = '\xed\xa0\x80'", 2, "byte 0xed is not UTF-8"),
        ("a = \x00", 1, "not valid TOML"),
        ('a = "\x1b"', 1, "not valid TOML"),
        ('\n\na = "\\ud800"', 3, "not valid TOML"),
        ("a = 1\rb = 2", 1, "not valid TOML"),
        ('a = "open', 1, "Unterminated string"),
        ('a = """\n\nopen', 3, "not valid TOML"),
        ("a = [1,\n2", 2, "Unclosed array"),
        ("a = {b = 1", 1, "not valid TOML"),
        ("a", 1, "not valid TOML"),
        ("a = ", 1, "Invalid value"),
        ("a = yes", 1, "Invalid value"),
        ("= 1", 1, "not valid TOML"),
        ("[a", 1, "not valid TOML"),
        ("a = 2024-13-45", 1, "not valid TOML"),
        ("a = 01", 1, "not valid TOML"),
        ("a.b = 1\na = 2", 2, "Cannot overwrite"),
        (f"a = {'9' * 5000}", 0, "limit"),
        (deep("[", 5000), 0, "nested too deeply"),
        (deep("{a=", 5000), 0, "nested too deeply"),
        (".".join("a" * 5000) + " = 1", 0, "nested too deeply"),
        ("[" + ".".join("a" * 5000) + "]", 0, "nested too deeply"),
        (b"#" * (5 * 1024 * 1024), 0, "the file has 5.0 MiB"),
    ],
)
def test_invalid_toml_is_reported_with_its_line(
    problems_of: ProblemsOf, text: str | bytes, line: int, what: str
) -> None:
    (problem,) = problems_of(text)
    assert problem.line == line
    assert what in problem.what
    assert len(problem.what) < 400


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", b""])
def test_an_empty_file_has_nothing_to_run(problems_of: ProblemsOf, text: str | bytes) -> None:
    assert [problem.what.partition(":")[0] for problem in problems_of(text)] == ["nothing to run", "no probes"]


@pytest.mark.parametrize(
    "text",
    [
        "[matrix]\n" + "".join(f"key{n} = {n}\n" for n in range(100_000)),
        HEAD + "".join(f'[[combo]]\nid = "c{n}"\nsteps = [["-x"]]\n' for n in range(9_000)),
        HEAD + f'[[combo]]\nid = "a"\nsteps = [[{"7, " * 100_000}]]',
        "[[grid]]\naxes.numpy = [" + "1.0, " * 100_000 + "]",
        "a = " + "[" * 399 + "]" * 399,
    ],
    ids=["100,000 unknown keys", "9,000 wrong combos", "100,000 wrong requirements", "100,000 floats", "deep"],
)
def test_a_huge_file_of_mistakes_is_cut_short(problems_of: ProblemsOf, text: str) -> None:
    problems = problems_of(text)
    assert len(problems) <= 201
    assert len(problems) < 201 or "more problems" in problems[-1].what
