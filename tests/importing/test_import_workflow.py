from pathlib import Path

import pytest

from knowngood.errors import UsageError
from support.importing import PROJECT, imported, line_with

NAME = ".github/workflows/ci.yml"
WORKFLOW = """
name: CI
on: [push]
env:
  SHOP_MODE: fast
jobs:
  test:
    runs-on: ${{ matrix.os }}
    strategy:
      matrix:
        os: [ubuntu-latest, windows-latest]
        python-version: [3.10, "3.13"]
        flask: ["2.3", "3.0"]
        exclude:
          - python-version: "3.13"
            flask: "2.3"
        include:
          - os: ubuntu-latest
            python-version: "3.14"
            flask: "3.1"
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: ${{ matrix.python-version }}
      - name: Install
        run: |
          python -m pip install --upgrade pip
          pip install -e ".[test]" "flask==${{ matrix.flask }}"
      - if: runner.os == 'Windows'
        run: pip install pywin32
      - if: github.event_name == 'schedule'
        run: pip install nightly-tool
      - if: matrix.flask == '3.1'
        run: pip install --pre werkzeug
      - run: pytest tests -q
      - run: pip install ${{ secrets.TOOL }}
  lint:
    runs-on: ubuntu-latest
    steps:
      - run: pip install tox
      - run: tox -e lint
"""


def test_the_rows_of_a_workflow_matrix_are_combos(tmp_path: Path) -> None:
    result = imported(tmp_path, NAME, WORKFLOW, {"pyproject.toml": PROJECT})

    rows = {(combo.python, tuple(step.lines for step in combo.steps)) for combo in result.matrix.combos}
    assert rows == {
        ("3.10", (("-e .[test]", "flask==2.3"),)),
        ("3.10", (("-e .[test]", "flask==3.0"),)),
        ("3.13", (("-e .[test]", "flask==3.0"),)),
        ("3.14", (("-e .[test]", "flask==3.1"), ("--pre", "werkzeug"))),
    }
    assert {tuple(combo.env) for combo in result.matrix.combos} == {(("SHOP_MODE", "fast"),)}
    assert [probe.arguments for probe in result.matrix.probes] == [("tests", "-q")]
    assert "github.event_name" in result.remark(line_with(WORKFLOW, "== 'schedule'"))
    assert "secrets.TOOL" in result.remark(line_with(WORKFLOW, "secrets.TOOL"))
    assert "tox.ini" in result.remark(line_with(WORKFLOW, "tox -e lint"))
    assert any("windows" in what for _, what in result.remarks)


TESTED = """
jobs:
  test:
    runs-on: ubuntu-latest
    container: python:3.12
    env: { DB: sqlite, LEVEL: "1" }
    services:
      redis: { image: redis }
    steps:
      - run: pip install six pytest
      - run: echo ready
        env: { UNUSED: "1" }
      - env: { DB: postgres }
        run: |
          export MODE=fast
          LEVEL=2 pytest tests
      - env: { DB: mysql }
        run: pytest more
  check:
    runs-on: ubuntu-latest
    container: python:3.12
    steps:
      - run: pip install six && docker compose up -d
      - run: sudo apt-get install -y jq
      - run: poe check
"""


def test_tests_have_the_variables_of_their_steps_and_what_may_be_a_test_is_named(tmp_path: Path) -> None:
    result = imported(tmp_path, NAME, TESTED, {"pyproject.toml": PROJECT})

    tested, checked = result.matrix.combos
    assert dict(tested.env) == {"DB": "postgres", "LEVEL": "2", "MODE": "fast"}
    assert dict(checked.env) == {}
    assert "another test has postgres" in result.remark(line_with(TESTED, "pytest more"))
    assert "setup" in result.remark(line_with(TESTED, "image: redis"))
    assert "setup" in result.remark(line_with(TESTED, "docker compose"))
    assert "command probe" in result.remark(line_with(TESTED, "poe check"))
    assert line_with(TESTED, "apt-get") not in dict(result.remarks)


PLAIN = """
jobs:
  test:
    runs-on: ubuntu-latest
    container: python:3.12
    strategy:
      matrix:
        numpy: ["1.26.4", "2.0.2"]
        db: [sqlite, postgres]
    env: { DB: "${{ matrix.db }}" }
    steps:
      - run: pip install numpy==${{ matrix.numpy }} pytest && python -m pytest
"""


def test_a_product_of_a_package_and_a_variable_becomes_a_grid(tmp_path: Path) -> None:
    result = imported(tmp_path, NAME, PLAIN)

    assert 'axes.numpy = ["1.26.4", "2.0.2"]' in result.text
    assert 'axes.env.DB = ["sqlite", "postgres"]' in result.text
    assert {(combo.steps[0].lines, dict(combo.env)["DB"], combo.python) for combo in result.matrix.combos} == {
        (("pytest", f"numpy=={numpy}"), db, "3.12") for numpy in ("1.26.4", "2.0.2") for db in ("sqlite", "postgres")
    }


SCRIPTED = """
jobs:
  test:
    runs-on: ubuntu-latest
    strategy: { matrix: { pre: ["false", "true"] } }
    env: { PRE: "${{ matrix.pre }}" }
    defaults: { run: { working-directory: tools } }
    steps:
      - run: source install.sh
"""
SCRIPT = """
function setup() {
  OPTIONS="${OPTIONS:-}"
  if [ "$PRE" == "true" ]; then
    OPTIONS+=" --pre"
  elif [ -f special ]; then
    pip install special
  fi
  pip install ${OPTIONS} flask
}
setup
"""


def test_a_script_of_the_project_that_a_step_runs_is_followed(tmp_path: Path) -> None:
    result = imported(tmp_path, NAME, SCRIPTED, {"tools/install.sh": SCRIPT})

    assert sorted([list(step.lines) for step in combo.steps] for combo in result.matrix.combos) == [
        [["--pre", "flask"]],
        [["flask"]],
    ]
    assert "special" in result.remark(9)


@pytest.mark.parametrize(
    "text",
    [
        "a: [1, 2",
        "- just\n- a list\n",
        "jobs: {}\n",
        "jobs: " + "[" * 5000,
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9))
        + "jobs: {t: {steps: [{run: pip install six}]}}\n",
        "jobs: &a\n  t: *a\n",
        "x" * 700_000,
    ],
    ids=["broken", "list", "empty", "deep", "bomb of aliases", "cycle", "large"],
)
def test_hostile_yaml_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        imported(tmp_path, NAME, text)


CALLS = """
jobs:
  tests:
    strategy:
      matrix:
        flask: ["2", "3"]
        include:
          - flask: "3"
            pre: "--pre"
    uses: ./.github/workflows/_one.yml
    with:
      python-version: 3.12
      flask: ${{ matrix.flask }}
      flags: ${{ matrix.pre }}
  elsewhere:
    uses: other/repository/.github/workflows/x.yml@main
"""
CALLED = """
on:
  workflow_call:
    inputs:
      python-version: { type: string }
      flask: { type: string }
      extra: { type: string, default: redis }
      sdist: { type: string, default: 0 }
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/setup-python@v5
        with:
          python-version: ${{ inputs.python-version }}
      - run: pip install ${{ inputs.flags }} "flask~=${{ inputs.flask }}.0" ${{ inputs.extra }}
      - if: ${{ inputs.sdist == 1 }}
        run: pip install build-of-an-sdist
      - run: pip install $GONE
      - run: pytest tests
"""


def test_a_workflow_that_a_job_calls_is_read_with_its_inputs(tmp_path: Path) -> None:
    result = imported(tmp_path, ".github/workflows/ci.yml", CALLS, {".github/workflows/_one.yml": CALLED})

    assert sorted((combo.python, sorted(combo.steps[0].lines)) for combo in result.matrix.combos) == [
        ("3.12", ["--pre", "flask~=3.0", "redis"]),
        ("3.12", ["flask~=2.0", "redis"]),
    ]
    assert {probe.arguments for probe in result.matrix.probes} == {("tests",)}
    remark = result.remark(line_with(CALLS, "  tests:"))
    assert f"_one.yml, line {line_with(CALLED, '$GONE')}: 'pip install $GONE' is not read" in remark
    assert "other/repository" in result.remark(line_with(CALLS, "elsewhere"))


def test_workflows_that_call_each_other_end(tmp_path: Path) -> None:
    job = "uses: ./.github/workflows/ci.yml"
    text = f"jobs:\n  again:\n    {job}\n  test:\n    runs-on: linux\n    steps:\n      - run: pip install six\n"

    result = imported(tmp_path, ".github/workflows/ci.yml", text)

    assert {combo.steps[0].lines for combo in result.matrix.combos} == {("six",)}
