"""``knowngood run`` as a user sees it: real environments, tiny wheels, a real index, exit codes and files."""

import json
from pathlib import Path

import jsonschema
import pytest

import knowngood
from support.index import Index, serve
from support.project import Project
from support.wheels import build_wheel

SCHEMA = Path(knowngood.__file__).parent / "report" / "matrix.schema.json"

IMPORTS = """
[[probe]]
id = "imports"
source = '''
import tiny
assert tiny.__version__ == "1.0", tiny.__version__
'''
"""


def combo(name: str, steps: str, more: str = "") -> str:
    return f'\n[[combo]]\nid = "{name}"\nsteps = {steps}\n{more}\n'


def matrix(index: Index, *combos: str, head: str = "") -> str:
    return f'[matrix]\n{head}\n[index.local]\nurl = "{index.url}"\n{IMPORTS}' + "".join(combos)


def test_a_run_with_every_cell_as_expected_exits_0_and_its_report_matches_the_schema(
    project: Project, index: Index
) -> None:
    good = combo("good", '[["tiny==1.0"]]')
    bad = combo("bad", '[["tiny==2.0"]]', 'expect = { status = "fail", reason = "tiny 2", match = "2\\\\.0" }')
    none = combo("none", '[["tiny==3.0"]]', 'expect = "unsolvable"')
    project.write(matrix(index, good, bad, none))

    result = project.run_matrix()

    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads((project.report / "matrix.json").read_text())
    jsonschema.validate(report, json.loads(SCHEMA.read_text()))
    verdicts = {cell["combo"]: cell["verdict"] for cell in report["cells"]}
    assert verdicts == {
        "good": {"status": "pass", "phase": "probe", "reason": "all-passed"},
        "bad": {"status": "fail", "phase": "probe", "reason": "check-failed"},
        "none": {"status": "unsolvable", "phase": "resolve", "reason": "version-not-found"},
    }
    assert project.cells()["good"]["installed"] == {"tiny": "1.0"}
    assert "AssertionError: 2.0" in project.cells()["bad"]["message"]
    assert "good" in result.stdout and "pass" in result.stdout
    assert (project.report / "matrix.md").read_text().startswith("# ")


def test_pip_and_uv_record_the_same_facts_for_the_same_combo(project: Project, index: Index) -> None:
    steps = '[["tiny==1.0"], ["mover"]]'
    project.write(matrix(index, combo("by-uv", steps), combo("by-pip", steps, 'installer = "pip"')))

    result = project.run_matrix()

    assert result.returncode == 1, result.stdout + result.stderr
    by_uv, by_pip = project.cells()["by-uv"], project.cells()["by-pip"]
    assert by_pip["installed"].pop("pip")
    for key in ("verdict", "installed", "drift", "check", "python"):
        assert by_uv[key] == by_pip[key], key
    assert by_uv["drift"] == [{"package": "tiny", "step": 2, "before": "1.0", "after": "2.0", "violates": "tiny==1.0"}]
    assert by_uv["verdict"] == {"status": "fail", "phase": "drift", "reason": "pin-violated"}


@pytest.mark.parametrize(
    ("more", "steps", "code"),
    [
        ('expect = "fail"', '[["tiny==1.0"]]', 1),
        ("", '[["tiny==2.0"]]', 1),
        ('expect = { status = "fail", reason = "r", match = "another error" }', '[["tiny==2.0"]]', 1),
        ('python = "3.99"', '[["tiny==1.0"]]', 3),
    ],
    ids=["passes unexpectedly", "fails unexpectedly", "fails otherwise than expected", "no such Python"],
)
def test_an_unexpected_cell_exits_1_and_an_undecided_cell_exits_3(
    project: Project, index: Index, more: str, steps: str, code: int
) -> None:
    project.write(matrix(index, combo("one", steps, more)))

    result = project.run_matrix()

    assert result.returncode == code, result.stdout + result.stderr
    assert project.cells()["one"]["as_expected"] is (False if code == 1 else None)


def test_a_failing_reference_exits_5(project: Project, index: Index) -> None:
    project.write(
        matrix(index, combo("ref", '[["tiny==2.0"]]'), combo("other", '[["tiny==1.0"]]'), head='reference = "ref"')
    )

    assert project.run_matrix().returncode == 5


def test_an_index_that_is_down_is_infrastructure_trouble_and_not_a_failure(project: Project, index: Index) -> None:
    text = matrix(index, combo("by-uv", '[["tiny==1.0"]]'), combo("by-pip", '[["tiny==1.0"]]', 'installer = "pip"'))
    project.write(text.replace(index.url, "http://127.0.0.1:9/simple"))

    result = project.run_matrix()

    assert result.returncode == 3, result.stdout + result.stderr
    for cell in project.cells().values():
        assert cell["verdict"] == {"status": "infra", "phase": "resolve", "reason": "index-unreachable"}
        assert "refused" in cell["message"]


def test_an_empty_selection_is_an_error(project: Project, index: Index) -> None:
    project.write(matrix(index, combo("one", '[["tiny==1.0"]]')))

    result = project.run_matrix("--only", "two")

    assert result.returncode == 4
    assert "no combo matches 'two'" in result.stderr
    assert not project.logs()


def test_all_problems_of_a_matrix_file_are_reported_at_once_and_nothing_is_run(project: Project, index: Index) -> None:
    project.write(
        matrix(
            index,
            combo("one", '[["tiny==1.0"]]', "python = 3.11"),
            combo("two", '[["tiny=1"]]', 'instaler = "pip"'),
            combo("One", "[]", 'probes = ["absent"]'),
            head='reference = "tow"\ntimeout = "soon"',
        )
    )

    result = project.run_matrix()

    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    for text in ("3.11", "tiny=1", "instaler", "absent", "did you mean 'two'?", "soon"):
        assert text in result.stderr
    assert "error: matrices/m.toml: " in result.stderr and str(project.folder) not in result.stderr
    assert not project.logs()


def test_a_run_writes_its_report_below_its_own_folder_and_leaves_the_project_as_it_was(
    project: Project, index: Index
) -> None:
    project.write(matrix(index, combo("one", '[["tiny==1.0"]]')))

    result = project.run("run")

    assert result.returncode == 0, result.stdout + result.stderr
    report = project.logs()[0].parent / "report"
    assert {"index.html", "matrix.json", "matrix.md", "locks"} <= {path.name for path in report.iterdir()}
    assert f"report  {report.relative_to(project.folder)}/index.html" in result.stdout
    assert {path.name for path in project.folder.iterdir()} == {"matrices", ".knowngood", "cache"}


def test_a_log_rendered_again_gives_the_same_report_byte_for_byte(project: Project, index: Index) -> None:
    project.write(matrix(index, combo("one", '[["tiny==1.0"]]')))
    project.run_matrix()

    again = project.run("report", str(project.logs()[0]), "--format", "json")

    assert again.stdout == (project.report / "matrix.json").read_text()


def test_two_runs_of_one_matrix_at_once_do_not_disturb_each_other(project: Project, index: Index) -> None:
    project.write(matrix(index, combo("one", '[["tiny==1.0"]]'), combo("two", '[["tiny==1.0"]]')))

    running = [project.start("run", "--report-dir", f"report{number}") for number in range(3)]
    codes = [process.wait(timeout=60) for process in running]
    for process in running:
        process.communicate()

    assert codes == [0, 0, 0]
    assert len(project.logs()) == 3


def test_a_secret_in_the_environment_reaches_neither_probe_nor_log(project: Project, index: Index) -> None:
    leak = """
[[probe]]
id = "leak"
source = '''
import os
print(dict(os.environ))
assert "canary" not in str(os.environ)
'''
"""
    project.write(matrix(index, combo("one", '[["tiny==1.0"]]', 'probes = ["leak"]')) + leak)

    result = project.run("run", MY_TOKEN="canary-0123456789", KG_HINT="passed on")

    assert result.returncode == 0, result.stdout
    everything = b"".join(path.read_bytes() for path in project.folder.rglob("*") if path.is_file())
    assert b"canary-0123456789" not in everything
    assert b"passed on" in everything


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_a_table_fits_the_terminal_and_has_no_color_in_a_pipe(project: Project, index: Index, columns: str) -> None:
    project.write(matrix(index, combo("a-rather-long-name-for-a-combo", '[["tiny==1.0"]]')))

    result = project.run("run", COLUMNS=columns)

    table = result.stdout[result.stdout.index("\ncombo") :].split("\n\n")[0]
    assert max(map(len, table.splitlines())) <= int(columns)
    assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_package_routed_to_its_own_index_is_never_taken_from_the_default_index(
    project: Project, index: Index, tmp_path_factory: pytest.TempPathFactory, installer: str
) -> None:
    strangers = tmp_path_factory.mktemp("strangers")
    build_wheel(strangers, "tiny", "99.0")
    build_wheel(strangers, "user-of-tiny", "1.0", requires=("tiny",))
    with serve(strangers) as default:
        project.write(
            f'[index.own]\nurl = "{index.url}"\npackages = ["tiny"]\n[index.default]\nurl = "{default.url}"\n'
            '[[probe]]\nid = "p"\nsource = "import tiny"\n'
            f'[[combo]]\nid = "one"\ninstaller = "{installer}"\nsteps = [["user-of-tiny"]]\n'
        )

        result = project.run_matrix()

    assert result.returncode == 0, result.stdout + result.stderr
    assert project.cells()["one"]["installed"]["tiny"] == "2.0"


@pytest.mark.parametrize("verb", ["list", "diff"])
def test_a_verb_that_takes_one_matrix_says_so(project: Project, verb: str) -> None:
    result = project.run(verb, "one", "the other")

    assert result.returncode == 2
    assert f"error: {verb} takes one matrix, not 2\n" in result.stderr
    assert f"next: knowngood {verb} one; knowngood {verb} 'the other'\n" in result.stderr


def test_an_invalid_file_of_signatures_is_found_before_the_run(project: Project, index: Index) -> None:
    project.write(matrix(index, combo("good", '[["tiny==1.0"]]')))
    (project.folder / "signatures.toml").write_text("[[signature]]\nid = 'mine'\npriority = '1'\n", encoding="utf-8")

    result = project.run("run")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "error: signatures.toml is not a valid signatures file",
        "cause: line 1: signature[0] lacks the key 'family'; line 3: signature[0].priority must be a number, not a "
        "string; line 1: signature[0] lacks the key 'match', and 2 more",
        "next: fix it; knowngood's own signatures.toml shows the format",
    ]
    assert not [*project.folder.glob(".knowngood/runs/*/*/events.jsonl")]


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        (("--report-dir", "taken"), "taken"),
        (("--publish",), "reports/m"),
        (("--accept",), "reports/m"),
    ],
)
def test_a_folder_that_no_report_can_be_written_into_is_found_before_the_run(
    project: Project, index: Index, options: tuple[str, ...], folder: str
) -> None:
    project.write(matrix(index, combo("good", '[["tiny==1.0"]]')))
    (project.folder / folder).parent.mkdir(exist_ok=True)
    (project.folder / folder).write_text("", encoding="utf-8")

    result = project.run("run", *options)

    assert (result.returncode, project.logs()) == (2, [])
    assert f"error: nothing can be written into {folder}\ncause: {folder} is a file\nnext: " in result.stderr
