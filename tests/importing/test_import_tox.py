import tomllib
from pathlib import Path

import pytest

from knowngood.errors import UsageError
from knowngood.project.importing.entry import import_file
from support.importing import PROJECT, imported, line_with

FACTORS = """
[tox]
envlist =
    py3{11,12}-jinja{2,3}-{plain,redis}
    py{312}-lint
    docs

[common]
deps = six

[testenv]
usedevelop = true
extras = test
dependency_groups = dev
setenv =
    MODE = {env:MODE:fast}
    redis: BACKEND = redis
deps =
    {[common]deps}
    -r{toxinidir}/requirements.txt
    jinja2: jinja2>=2,<3
    jinja3: jinja2>=3,<4  # the current one
    py311, lint: typing-extensions
    !plain: redis
    {env:MORE}
commands =
    plain: coverage run -m pytest {posargs:tests} -m "not redis"
    redis: python -W error -m pytest tests
    lint: flake8 shop
    coverage report

[testenv:docs]
skip_install = true
basepython = python3.12
deps = sphinx
commands = sphinx-build docs {unknown_folder}
"""


def test_the_environments_of_tox_have_the_lines_of_their_factors(tmp_path: Path) -> None:
    result = imported(tmp_path, "tox.ini", FACTORS, {"requirements.txt": "flask\n", "pyproject.toml": PROJECT})

    project = ["-e .[test]"]
    first = ["six", "-r requirements.txt"]
    assert result.steps["jinja3-plain-py3.12"] == [[*first, "jinja2>=3,<4", "--group dev"], project]
    assert result.steps["jinja2-redis-py3.11"] == [
        [*first, "jinja2>=2,<3", "typing-extensions", "redis", "--group dev"],
        project,
    ]
    assert result.steps["lint"] == [[*first, "typing-extensions", "redis", "--group dev"], project]
    assert result.steps["docs"] == [["sphinx", "--group dev"]]
    assert result.pythons["docs"] == "3.12"
    assert dict(result.combos["jinja2-redis-py3.11"].env) == {"MODE": "fast", "BACKEND": "redis"}
    probes = {probe.id: (probe.arguments, probe.python_options) for probe in result.matrix.probes}
    assert probes[result.combos["jinja3-plain-py3.12"].probes[0]] == (("tests", "-m", "not redis"), ())
    assert probes[result.combos["jinja2-redis-py3.11"].probes[0]] == (("tests",), ("-W", "error"))
    assert probes[result.combos["lint"].probes[0]] == (("flake8", "shop"), ())
    assert "{unknown_folder}" in result.remark(line_with(FACTORS, "{unknown"))
    assert len(result.combos) == 10


PRODUCT = """
[tox]
skipsdist = true
envlist = py{310,311,312}-flask{2,3}
[testenv]
deps =
    flask2: flask~=2.3
    flask3: flask>=3
    pytest
commands = pytest tests
"""


def test_environments_that_are_a_product_become_a_grid(tmp_path: Path) -> None:
    result = imported(tmp_path, "tox.ini", PRODUCT)

    assert "[[grid]]" in result.text and "[[combo]]" not in result.text
    assert 'axes.flask = ["~=2.3", ">=3"]' in result.text
    assert len(result.combos) == 6
    assert sorted({(*combo.steps[0].lines, combo.python) for combo in result.matrix.combos}) == sorted(
        {("pytest", f"flask{version}", python) for version in ("~=2.3", ">=3") for python in ("3.10", "3.11", "3.12")}
    )


def test_a_grid_leaves_out_the_combinations_that_tox_does_not_have(tmp_path: Path) -> None:
    text = PRODUCT.replace("flask{2,3}", "flask2, py{311,312,313}-flask3")
    result = imported(tmp_path, "tox.ini", text)

    assert "[[grid]]" in result.text
    assert sorted((combo.steps[0].lines[-1], combo.python) for combo in result.matrix.combos) == [
        ("flask>=3", "3.11"),
        ("flask>=3", "3.12"),
        ("flask>=3", "3.13"),
        ("flask~=2.3", "3.10"),
        ("flask~=2.3", "3.11"),
        ("flask~=2.3", "3.12"),
    ]


def test_requirements_that_only_some_environments_have_become_the_lists_of_a_grid(tmp_path: Path) -> None:
    text = PRODUCT.replace("flask{2,3}", "{plain,cached}").replace("flask2: flask~=2.3", "cached: redis[hiredis]")
    result = imported(tmp_path, "tox.ini", text.replace("    flask3: flask>=3\n", ""))

    assert 'axes.with = { none = [], redis = ["redis[hiredis]"] }' in result.text
    assert sorted({combo.steps[0].lines for combo in result.matrix.combos}) == [
        ("pytest",),
        ("pytest", "redis[hiredis]"),
    ]


PATHS = """
[tox]
skipsdist = true
env_list =
    py{311,312}-flask
    py312-redis
[testenv]
deps =
    pytest
    flask: flask
    redis: redis
setenv =
    flask: TESTPATH = tests/flask
    redis: TESTPATH = tests/redis
commands = python -m pytest {env:GIVEN:{env:TESTPATH}} -o junit_suite_name={envname} --junitxml=.junit-{envname} -x
"""


def test_a_variable_in_a_command_has_the_value_that_its_environment_sets(tmp_path: Path) -> None:
    result = imported(tmp_path, "tox.ini", PATHS)

    probes = {probe.id: probe.arguments for probe in result.matrix.probes}
    assert {combo.id: probes[combo.probes[0]] for combo in result.matrix.combos} == {
        "flask-py3.11": ("tests/flask", "-x"),
        "flask-py3.12": ("tests/flask", "-x"),
        "redis": ("tests/redis", "-x"),
    }


SETTINGS = """
[tox]
env_list = py{311,312}-{old,new}, docs
[testenv]
pass_env =
    DB_*, HOME, PIP_PROXY
    new: TOKEN
set_env =
    PYTHONPATH = {toxinidir}/src
    CORE = sysmon; python_version >= '3.12'
    QUERY = a;b
    old: UV_EXCLUDE_NEWER = P7D
    new: PIP_PRE = 1
    new: UV_INDEX = https://nightly.example.org/simple
deps = six
commands =
    sphinx-build \\
    new: -W \\
    . out
[testenv:docs]
deps = sphinx
pass_env = *
commands = {envpython} -Im sphinx -b html . out
"""


def test_variables_of_the_shell_and_of_installers_and_lines_with_a_condition_mean_what_they_mean_to_tox(
    tmp_path: Path,
) -> None:
    result = imported(tmp_path, "tox.ini", SETTINGS)

    combos = {combo.id: combo for combo in result.matrix.combos}
    probes = {probe.id: probe for probe in result.matrix.probes}
    commands = {name: probes[combo.probes[0]] for name, combo in combos.items()}
    assert dict(combos["old-py3.11"].env) == {"PYTHONPATH": "src", "QUERY": "a;b"}
    assert dict(combos["new-py3.12"].env) == {"PYTHONPATH": "src", "QUERY": "a;b", "CORE": "sysmon"}
    assert result.steps["old-py3.12"] == [["six", "--exclude-newer P7D"]]
    assert result.steps["new-py3.12"] == [["six", "--pre"]]
    assert commands["old-py3.11"].arguments == ("sphinx-build", ".", "out")
    assert commands["new-py3.11"].arguments == ("sphinx-build", "-W", ".", "out")
    assert commands["docs"].arguments == ("python", "-Im", "sphinx", "-b", "html", ".", "out")
    assert commands["old-py3.11"].pass_env == ("DB_*",)
    assert commands["new-py3.11"].pass_env == ("DB_*", "TOKEN")
    assert "[index.NAME]" in result.remark(line_with(SETTINGS, "UV_INDEX"))
    assert "pass-env" in result.remark(line_with(SETTINGS, "pass_env = *"))


OF_TOX = """
[tox]
env_list = py{312,311}
[testenv]
extras = test
set_env =
    COVERAGE_FILE = {env:COVERAGE_FILE:{toxworkdir}/.coverage.{envname}}
    {tty:FORCE_COLOR = 1}
    SOURCES = {envsitepackagesdir}/shop
commands =
    pytest {tty:--color=yes:--color=no} {posargs: --junitxml {toxworkdir}/junit.{envname}.xml \
        --cov {envsitepackagesdir}/shop --cov=tests --cov-report html:{envtmpdir}/htmlcov.{envname} tests}
    diff-cover --compare-branch origin/main {toxworkdir}/coverage.{envname}.xml
    mypy {envsitepackagesdir}/shop
"""


def test_of_folders_that_only_tox_knows_the_tests_lose_no_more_than_their_reports(tmp_path: Path) -> None:
    result = imported(tmp_path, "tox.ini", OF_TOX, {"pyproject.toml": PROJECT})

    (probe,) = result.matrix.probes
    assert probe.arguments == ("--color=no", "--cov=tests", "tests")
    assert [combo.python for combo in result.matrix.combos] == ["3.11", "3.12"]
    assert result.matrix.combos[0].env == ()
    assert list(result.remarks) == [
        (line_with(OF_TOX, "SOURCES"), "'SOURCES = {envsitepackagesdir}/shop' is not read"),
        (
            line_with(OF_TOX, "pytest"),
            "'--cov {envsitepackagesdir}/shop' is left out: only tox can replace what is in braces",
        ),
        (
            line_with(OF_TOX, "mypy"),
            "'mypy {envsitepackagesdir}/shop' is not read: only tox can replace what is in braces",
        ),
    ]


INSTALLS = """
[tox]
env_list = py312, min, docs
[testenv]
extras = test
install_command = python -m pip install --requirement req/all.txt --constraint req/pins.txt {opts} {packages}
commands = pytest
[testenv:min]
install_command = python -m pip install --no-deps -c req/pins.txt {opts} {packages}
[testenv:docs]
deps =
    --requirement req/docs.txt
    --constraint req/pins.txt
"""


def test_files_and_options_in_the_command_that_installs_count(tmp_path: Path) -> None:
    files = dict.fromkeys(("req/all.txt", "req/docs.txt"), "six\n")
    more = {"pyproject.toml": PROJECT, "req/pins.txt": "six<2\n", **files}
    result = imported(tmp_path, "tox.ini", INSTALLS, more)

    combos = tomllib.loads(result.text)["combo"]
    assert {combo["id"]: combo["steps"] for combo in combos} == {
        "tests": [[".[test]", "-r req/all.txt", "-c req/pins.txt"]],
        "min": [[".[test]", "--no-deps", "-c req/pins.txt"]],
        "docs": [
            ["-r req/docs.txt", "-c req/pins.txt", "-r req/all.txt"],
            [".[test]", "-c req/pins.txt"],
        ],
    }


def test_a_file_with_a_thousand_environments_is_read_in_seconds(tmp_path: Path) -> None:
    names = [f"lib{number}-v{version}" for number in range(40) for version in range(6)]
    pythons = ("3.10", "3.11", "3.12")
    lines = [f"    py{python}-{name}: need{at}=={python}" for name in names for python in pythons for at in range(9)]
    listed = [f"    {{py3.10,py3.11,py3.12}}-{name}" for name in names]
    text = "\n".join(["[tox]", "skipsdist = 1", "envlist =", *listed, "[testenv]", "deps =", *lines, ""])
    (tmp_path / "tox.ini").write_text(text, encoding="utf-8")

    cells = import_file(tmp_path / "tox.ini", tmp_path).cells

    assert len(cells) == 3 * len(names)
    assert all(
        [line.text for line in cell.steps[0]] == [f"need{at}=={cell.python}" for at in range(9)] for cell in cells
    )


def test_environments_with_many_pins_of_their_own_become_combos_at_once(tmp_path: Path) -> None:
    lines = [f"    v{version}: need{at}=={version}.0" for version in range(20) for at in range(12)]
    text = "\n".join(["[tox]", "skipsdist = 1", "envlist = py311-v{0-19}", "[testenv]", "deps =", *lines, ""])

    result = imported(tmp_path, "tox.ini", text)

    assert len(result.combos) == 20
    assert result.steps["v7"] == [[f"need{at}==7.0" for at in range(12)]]


TOML = """
env_list = [
    "lint",
    { product = [{ prefix = "py3", start = 12, stop = 13 }, ["django42", "django50"]], exclude = ["py312-django50"] },
]

[env_run_base]
dependency_groups = ["dev"]
extras = ["test"]
set_env = { MODE = "fast", TESTPATH = "tests" }
deps = [
    "pytest",
    "-r more.txt",
    { replace = "if", condition = "factor.django42", then = ["django>=4.2,<4.3"] },
    { replace = "if", condition = "factor.django50 and not factor.lint", then = ["django>=5.0,<5.1"], else = [] },
    { replace = "glob", pattern = "*.whl" },
]
commands = [
    ["pytest", "-W", "error", { replace = "posargs", default = ["{env:TESTPATH}"], extend = true }],
]

[env.lint]
base_python = ["3.12"]
skip_install = true
deps = [{ replace = "ref", of = ["common", "tools"], extend = true }, "mypy"]
set_env = { replace = "ref", of = ["env_run_base", "set_env"] }
commands = [
    ["ruff", "check", "shop"],
    { replace = "if", condition = "env.CI == '1'", then = [["mypy"]], else = [["mypy", "shop"]] },
]

[common]
tools = ["ruff"]
"""


@pytest.mark.parametrize("name", ["tox.toml", "pyproject.toml"])
def test_the_toml_of_tox_has_products_conditions_and_references(tmp_path: Path, name: str) -> None:
    text, files = TOML, {"pyproject.toml": PROJECT, "more.txt": "six\n"}
    if name == "pyproject.toml":
        tables = TOML.replace("[env", "[tool.tox.env").replace("[common]", "[tool.tox.common]")
        text = f"{PROJECT}[tool.tox]{tables}"
    result = imported(tmp_path, name, text, files)

    lint = result.combos["lint"]
    django = {combo.python + combo.title: combo for combo in result.matrix.combos if combo.id != "lint"}
    common = {"pytest", "-r more.txt", "--group dev"}
    assert result.steps["lint"] == [["ruff", "mypy", "--group dev"]] and lint.python == "3.12"
    assert sorted((combo.python, *sorted({*combo.steps[0].lines} - common)) for combo in django.values()) == [
        ("3.12", "django<4.3,>=4.2"),
        ("3.13", "django<4.3,>=4.2"),
        ("3.13", "django<5.1,>=5.0"),
    ]
    assert all(common < {*combo.steps[0].lines} for combo in django.values())
    assert {combo.steps[1].lines for combo in django.values()} == {(".[test]",)}
    assert {dict(combo.env)["MODE"] for combo in result.matrix.combos} == {"fast"}
    probes = {probe.id: probe.arguments for probe in result.matrix.probes}
    assert {probes[combo.probes[0]] for combo in django.values()} == {("-W", "error", "tests")}
    assert [probes[probe] for probe in lint.probes] == [("ruff", "check", "shop"), ("mypy", "shop")]
    assert "replace = glob" in result.remark(line_with(text, "glob"))


def test_environments_of_toml_are_those_of_its_tables_and_templates(tmp_path: Path) -> None:
    text = 'no_package = true\n[env.py311]\ndeps = ["six"]\n[env_base.web]\nfactors = [["a", "b"], ["py312"]]\n'
    result = imported(tmp_path, "tox.toml", text + 'deps = ["flask"]\n')

    assert result.steps == {"tests": [["six"]], "web-a": [["flask"]], "web-b": [["flask"]]}


@pytest.mark.parametrize(
    "text",
    ["env_list = 1", "env_list = [{ product = 1 }]", "env_run_base = 1", '[env]\na = 1', "[",
     '[env.a]\ndeps = { replace = "ref", of = ["env", "a", "deps"] }'],
)  # fmt: skip
def test_toml_that_tox_could_not_read_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        imported(tmp_path, "tox.toml", text)


def test_pypy_without_a_version_is_the_newest_and_a_folder_for_temporary_files_is_one_of_the_probe(
    tmp_path: Path,
) -> None:
    text = "[tox]\nenvlist = pypy3\n[testenv]\ndeps = pytest\ncommands = pytest --basetemp={envtmpdir} tests\n"
    result = imported(tmp_path, "tox.ini", text)

    assert result.pythons == {"tests": "pypy3.11"}
    assert result.matrix.probes[0].arguments == ("--basetemp=.tmp", "tests")


def test_old_pythons_are_left_out_and_named(tmp_path: Path) -> None:
    result = imported(tmp_path, "tox.ini", PRODUCT.replace("310,311", "27,36"))

    assert set(result.pythons.values()) == {"3.12"}
    assert any("Python 2.7" in what for _, what in result.remarks)


def test_tox_in_setup_cfg_and_in_pyproject_is_read(tmp_path: Path) -> None:
    cfg = PRODUCT.replace("[tox]", "[tox:tox]")
    toml = f'[tool.tox]\nlegacy_tox_ini = """{PRODUCT}"""\n'

    assert len(imported(tmp_path / "a", "setup.cfg", cfg).combos) == 6
    assert len(imported(tmp_path / "b", "pyproject.toml", toml).combos) == 6


def test_the_project_is_installed_as_tox_does(tmp_path: Path) -> None:
    command = "install_command = pip install --no-deps {opts} {packages}"
    text = f"[tox]\nenvlist = py311\n[testenv]\ndeps = six\npip_pre = true\n{command}\n"
    result = imported(tmp_path, "tox.ini", text, {"pyproject.toml": PROJECT})

    assert result.steps == {"tests": [["six", "--pre", "--no-deps"], ["."]]}


@pytest.mark.parametrize("text", ["[tox\nenvlist = py3", "no section", "[tox]\nenvlist = py3\n[testenv]\n  deps"])
def test_a_file_that_tox_could_not_read_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        imported(tmp_path, "tox.ini", text)
