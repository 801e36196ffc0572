"""What users write by mistake into a grid, and what they read then: the line, what is wrong, and the right word."""

import pytest

from declare.conftest import ProblemsOf, Read

HEAD = '[[probe]]\nid = "p"\nsource = "1"\n[[grid]]\n'
FILES = {
    "pyproject.toml": '[project]\nname = "mine"\nversion = "1"\ndependencies = ["numpy", "attrs>=20"]\n'
    '[project.optional-dependencies]\ns3 = ["boto3"]\n[build-system]\nrequires = ["hatchling"]\n'
}


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ('axes.python-version = ["3.11"]', 5, "unknown axis 'python-version'", "did you mean python?"),
        ('axes = { six = ["1.0"], python_version = ["3.11"] }', 5, "unknown axis 'python_version'", "mean python?"),
        ('axes.py = ["3.11", "3.12"]', 5, "unknown axis 'py'", 'A package is "package:py"'),
        ('axes.DB = ["sqlite"]', 5, "unknown axis 'DB'", "the variable env.DB?"),
        ('axes.env = ["A"]', 5, "unknown axis 'env'", "did you mean env.NAME?"),
        ('axes.os = ["linux"]', 5, "'os' is not an axis", "the machine that it runs on"),
        ('axes.exclude-newer = ["2024-01-01"]', 5, "unknown axis 'exclude-newer'", "did you mean as-of?"),
        ('axes.extra = ["s3"]', 5, "unknown axis 'extra'", "did you mean extras?"),
        ('axes.six = ["1.0"]\naxes.exclude = [{ six = "1.0" }]', 6, "'exclude' is not an axis", "beside axes"),
        ('six = ["1.16.0"]\naxes.attrs = ["24.1"]', 5, "unknown key 'six'", "axes = { six = [...] }"),
        ('python = ["3.11"]\naxes.attrs = ["24.1"]', 5, "unknown key 'python'", "axes = { python = [...] }"),
        ('axes.six = ["latest", "newest"]', 5, "invalid version 'newest'", "write 'latest'"),
        ('axes.six = ["minimum"]', 5, "invalid version 'minimum'", "write 'oldest'"),
        ('axes = { six = ["1.0"], pyhton = ["3.11", "3.13t"] }', 5, "unknown axis 'pyhton'", "did you mean python?"),
        ('axes = { six = ["1.0"], phyton = ["pypy3.10"] }', 5, "unknown axis 'phyton'", 'is "package:phyton"'),
        ('axes = { six = ["1.0"], instaler = ["uv", "pip"] }', 5, "unknown axis 'instaler'", "did you mean installer?"),
        ('axes = { six = ["1.0"], oder = ["together"] }', 5, "unknown axis 'oder'", "did you mean order?"),
        ('axes = { six = ["1.0"], resolutoin = ["lowest-direct"] }', 5, "unknown axis", "did you mean resolution?"),
        ('axes = { six = ["1.0"], asof = ["7d"] }', 5, "unknown axis 'asof'", "did you mean as-of?"),
        ('axes = [{ six = ["1.0"] }]', 5, "must be a table, not an array", "write axes = { numpy"),
        ('axes.six = ["none"]', 5, "invalid version 'none'", "write 'absent'"),
        ('axes.six = ["minor:>=1"]', 5, "unknown selector 'minor:>=1'", "'minors:>=1.26,<3'"),
        ('axes.six = ["minors:1.26"]', 5, "invalid range in 'minors:1.26'", "write 'minors:>=1.26,<3'"),
        ('axes.six = ["minors:"]', 5, "'minors:' has no range", "write 'minors:>=1.26,<3'"),
        ('axes.six = ["last-3"]', 5, "invalid version 'last-3'", 'write "last:3"'),
        ('axes.six = ["last:0"]', 5, "invalid number of release lines", "from 1 to 100"),
        ('axes.six = ["^1.2"]', 5, "invalid version '^1.2': pip has no carets", 'write ">=1.2,<2"'),
        ('axes.six = ["six==1.16.0"]', 5, "names the package again", "write '1.16.0'"),
        ('axes.six = ["1.0", 1.10]', 5, "a version must be a string, not a number", 'write "1.10"'),
        ('axes.six = ["1.16", "1.16.0"]', 5, "duplicate value '1.16.0'", "means the same"),
        ("axes.six = []", 5, "the axis has no values", "remove the axis"),
        ('axes.six = "1.0"', 5, "must be an array, not a string", 'write it as ["1.0"]'),
        ("axes = {}", 5, "must name at least one axis", "axes = {"),
        ('steps = [["six"]]', 4, "missing key 'axes'", "axes = {"),
        ('axes.python = ["3.13-freethreading"]\nsteps = [["six"]]', 5, "invalid Python version", 'write "3.13t"'),
        ('axes.python = ["pypy-3.10"]\nsteps = [["six"]]', 5, "invalid Python version", 'write "pypy3.10"'),
        ('axes.python = ["py311"]\nsteps = [["six"]]', 5, "invalid Python version", 'write "3.11"'),
        ('axes.python = ["3.14.0rc1"]\nsteps = [["six"]]', 5, "invalid Python version", 'write "3.14"'),
        ('axes.python = ["3.12t"]\nsteps = [["six"]]', 5, "there is no free-threaded Python 3.12", "since 3.13"),
        ('axes.six = ["1.0"]\naxes.resolution = ["lowest-dircet"]', 6, "invalid value", "'lowest-direct'?"),
        ('axes.six = ["1.0"]\naxes.as-of = ["last week"]', 6, "invalid day 'last week'", '"7d"'),
        ('axes.six = ["1.0"]\naxes.extras = ["s3"]', 6, "the project, which is not installed", "add [project]"),
        ('steps = [["."]]\naxes.extras = ["s4"]', 6, "mine has no extra 's4'", "use one of: 's3'"),
        ('axes.six = ["1.0"]\naxes.with = ["pandas>=2"]', 6, "must be a table of lists", "none = []"),
        ('axes.six = ["1.0"]\naxes.with = { a = "pandas>=2" }', 6, "must be an array of requirements", "none = []"),
        ('axes.six = ["1.0"]\naxes.with = { a = ["pandas=2"] }', 6, "invalid requirement 'pandas=2'", "=="),
        ('axes.numpy = ["oldest"]', 5, "requires numpy without a lower bound", "numpy>=VERSION"),
        ('axes.six = ["oldest"]', 5, "pyproject.toml does not require six", "declare it there"),
        ('axes.six = ["1.0"]\naxes.env.A = [1]', 6, "the value of a variable must be a string", 'write "1"'),
        ('axes.python = ["3.11"]', 5, "nothing to install", "add a package to axes"),
        ('axes.six = ["1.0"]\n[[grid]]\naxes.six = ["1.0"]', 6, "duplicate id 'six1.0'", 'id = "db"'),
        ('axes.six = ["latest:>=2"]', 5, "invalid selector 'latest:>=2'", "write 'latest', which takes no argument"),
        ('steps = [["."]]\naxes.extras = [["s3"], ["s3"]]', 6, "duplicate value 's3'", "means the same"),
        ('steps = [["six"]]\naxes.env.A = ["a b", "a-b"]', 4, "duplicate id 'a-a-b'", "differ in letters or digits"),
        ('axes.six = ["1.0"]\ninclude = [{ with = "new" }]', 6, "unknown list 'new'", "add it to axes: with = {"),
        (
            f'axes.six = ["1.0"]\ninclude = [{{ env.A = {list(map(str, range(101)))}, env.B = {list("0123456789")}, '
            f"env.C = {list('0123456789')} }}]",
            6,
            "stands for 10,100 combos; the limit is 10,000",
            "shorten its arrays",
        ),
    ],
)
def test_a_mistake_has_its_line_and_the_right_word(
    problems_of: ProblemsOf, text: str, line: int, what: str, hint: str
) -> None:
    (problem,) = problems_of(HEAD + text, FILES)
    assert problem.line == line
    assert what in problem.what
    assert hint in problem.hint


def test_oldest_without_a_project_says_that_there_is_none(problems_of: ProblemsOf) -> None:
    (problem,) = problems_of(HEAD + 'axes.six = ["oldest"]', {})
    assert "no project declares the versions of six" in problem.what


def test_a_package_that_is_called_like_an_axis_is_quoted(read: Read) -> None:
    (combo,) = read(HEAD + 'axes = { "package:installer" = ["1.0"], "package:DB" = ["2.0"] }', FILES).combos
    assert combo.steps[0].requirements == ("installer==1.0", "db==2.0")


def test_absent_keeps_a_package_out_of_every_step(read: Read) -> None:
    (combo,) = read(HEAD + 'steps = [["six"], ["attrs"]]\naxes.six = ["absent"]', FILES).combos
    assert [step.constraints for step in combo.steps] == [("six<0",), ("six<0",)]
    assert [step.requirements for step in combo.steps] == [(), ("attrs",)]


def test_a_value_joins_the_step_that_names_its_package_and_limits_all_others(read: Read) -> None:
    text = 'steps = [["six"], ["attrs[x]"]]\naxes = { attrs = ["24.1"], numpy = ["2.0"] }'
    (combo,) = read(HEAD + text, FILES).combos
    assert [step.requirements for step in combo.steps] == [("six", "numpy==2.0"), ("attrs[x]", "attrs==24.1")]
    assert [step.constraints for step in combo.steps] == [("attrs==24.1",), ("numpy==2.0",)]


def test_an_included_combo_has_the_first_value_of_what_it_does_not_name_and_names_only_what_is_new(read: Read) -> None:
    text = 'include = [{ six = "pre", python = "3.14" }]\naxes = { six = ["1.0", "2.0"], env.DB = ["a", "b"] }'
    combos = read(HEAD + text, FILES).combos
    assert [(combo.id, combo.python, combo.env) for combo in combos][-2:] == [
        ("six2.0-db-b", "3.11", (("DB", "b"),)),
        ("six-pre-db-a-py3.14", "3.14", (("DB", "a"),)),
    ]


def test_exclude_takes_lists_and_the_contract_of_the_docs_is_read(read: Read) -> None:
    text = """
steps = [["."], ["-r requirements.txt"]]
axes = { numpy = ["1.24", "minors:>=1.26,<3", "latest"], python = ["3.10", "3.13t"], env.DB = ["sqlite", "postgres"], resolution = ["highest", "lowest-direct"] }
include = [{ numpy = "pre", python = "3.14" }]
exclude = [{ numpy = ["1.26", "1.24"], python = ["3.13t", "3.14"] }]
"""  # noqa: E501
    combos = read(HEAD + text, FILES | {"requirements.txt": "six\n"}).combos
    assert not [combo.id for combo in combos if combo.id.startswith("numpy1.24") and combo.python == "3.13t"]
    assert len(combos) == 3 * 2 * 2 * 2 - 4 + 1


def test_expect_of_a_grid_is_that_of_each_of_its_combos(read: Read) -> None:
    text = 'expect = "unsolvable"\nprobes = ["p"]\naxes.six = ["1.0", "2.0"]'
    assert [combo.expect.status for combo in read(HEAD + text, FILES).combos] == ["unsolvable", "unsolvable"]


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ('[[project]]\npath = "."\n', "project", "single brackets"),
        ('[index.x]\nurl = "dist"\nfallback = "True"\n', "index.x.fallback", "write true, without quotes"),
    ],
)
def test_a_table_or_a_boolean_of_the_wrong_form_has_a_hint(
    problems_of: ProblemsOf, text: str, where: str, hint: str
) -> None:
    (problem,) = problems_of(HEAD.replace("[[grid]]", "") + text + '[[combo]]\nid = "a"\nsteps = [["six"]]\n', FILES)
    assert problem.where == where and hint in problem.hint
