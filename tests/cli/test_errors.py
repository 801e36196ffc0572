"""Check how a wrong matrix file is reported on the terminal."""

from support.project import Project


def error_lines(project: Project) -> list[str]:
    """Return what ``knowngood list`` prints to standard error, with paths relative to the project."""
    result = project.run("list")
    assert result.returncode == 2
    return result.stderr.replace(f"{project.folder.resolve()}/", "").splitlines()


VALID = """
[[probe]]
id = "works"
source = "pass"

[[combo]]
id = "one"
steps = [["numpy"]]
"""


def test_a_problem_is_printed_with_file_line_path_and_hint(project: Project) -> None:
    project.write(f"{VALID}pyton = '3.11'")

    assert error_lines(project) == [
        "error: matrices/m.toml: 1 problem, nothing was run",
        "  matrices/m.toml:9: combo[0].pyton: unknown key 'pyton'",
        "    hint: did you mean 'python'?",
        "next: fix the file and run again",
    ]


def test_a_problem_without_a_path_has_no_empty_field(project: Project) -> None:
    project.write(f"{VALID}id = 'two'")

    assert error_lines(project)[1:] == [
        "  matrices/m.toml:9: not valid TOML: Cannot overwrite a value (column 11)",
        "    hint: write each key only once in a table",
        "next: fix the file and run again",
    ]
