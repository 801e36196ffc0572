"""How much a run prints, what its last lines are, and how what failed is run again."""

import signal
from pathlib import Path

from support.index import Index
from support.project import Project, wait_for

PROBE = """
[[probe]]
id = "imports"
source = "import tiny; assert tiny.__version__ == '1.0', tiny.__version__"
"""


def write(project: Project, index: Index, **combos: str) -> None:
    """Write a matrix with a combo for each name, with the given version of tiny."""
    text = "".join(f'\n[[combo]]\nid = "{name}"\nsteps = [["tiny=={tiny}"]]\n' for name, tiny in combos.items())
    project.write(f'[index.local]\nurl = "{index.url}"\n{PROBE}{text}')


def combos(project: Project) -> list[str]:
    """Return the combos of the newest run."""
    return [event["combo"] for event in project.events("combo-started")]


def test_the_last_lines_are_the_sum_and_the_next_commands_and_failures_are_just_above(
    project: Project, index: Index
) -> None:
    write(project, index, good="1.0", bad="2.0", worse="2.0")

    result = project.run("run")

    assert result.returncode == 1
    *_, blank, total, following = result.stdout.splitlines()
    assert not blank
    assert total.startswith("3 combos, 3 cells in ")
    assert total.endswith("1 pass; 2 NOT as expected; 1 reused")
    assert following == "next    knowngood explain bad; knowngood fix bad"
    table, failures, report = (result.stdout.index(text) for text in ("\ncombo ", "\nNot as expected:", "\nreport "))
    assert table < failures < report
    assert result.stdout.count("AssertionError: 2.0") == 1, "two combos with one cause are shown once"


def test_a_quiet_run_prints_its_sum_and_nothing_else(project: Project, index: Index) -> None:
    write(project, index, good="1.0")

    result = project.run("run", "-q")

    assert result.returncode == 0
    assert result.stdout.splitlines() == [result.stdout.rstrip()]
    assert result.stdout.startswith("1 combo, 1 cell in ")
    assert result.stderr == ""


def test_a_verbose_run_shows_each_failure_by_itself(project: Project, index: Index) -> None:
    write(project, index, good="1.0", bad="2.0", worse="2.0")

    result = project.run("run", "-v")

    assert result.stdout.count("why            AssertionError: 2.0") == 2
    assert project.run("run", "-qv").returncode == 2


def test_a_table_of_failures_has_no_row_of_what_passed(project: Project, index: Index) -> None:
    write(project, index, good="1.0", bad="2.0")
    project.run("run", "-q")

    rows = [line.split()[0] for line in project.run("report", "--failed").stdout.splitlines() if line.strip()]

    assert "bad" in rows
    assert "good" not in rows


def test_verdicts_and_the_sum_have_colors_where_the_user_wants_them(project: Project, index: Index) -> None:
    write(project, index, good="1.0", bad="2.0")
    project.run("run", "-q")

    colored = project.run("report", FORCE_COLOR="1").stdout
    plain = project.run("report", FORCE_COLOR="1", NO_COLOR="1").stdout

    assert "\x1b[31m\x1b[1mFAIL\x1b[0m" in colored
    assert "\x1b[32mpass\x1b[0m" in colored
    assert colored.splitlines()[-1].startswith("\x1b[31m\x1b[1m2 combos")
    assert "\x1b" not in plain


def test_what_failed_is_run_again_for_real_and_nothing_else_is(project: Project, index: Index) -> None:
    write(project, index, good="1.0", bad="2.0")
    project.run("run", "-q")

    again = project.run("run", "--last-failed")

    assert again.returncode == 1
    assert combos(project) == ["bad"]
    assert "reused" not in again.stdout
    assert project.run("run", "--last-failed", "--accept").returncode == 2
    write(project, index, good="1.0", bad="1.0")
    assert project.run("run", "--last-failed", "-q").returncode == 0
    nothing = project.run("run", "--last-failed")
    assert nothing.returncode == 4
    assert "error: nothing failed in run " in nothing.stderr
    assert "next: run everything: knowngood run m" in nothing.stderr


def test_commands_to_copy_find_the_run_again(project: Project, index: Index, tmp_path: Path) -> None:
    write(project, index, bad="2.0")

    result = project.run("run", "--state-dir", str(tmp_path))

    (rerun,) = (line.split("rerun")[1] for line in result.stdout.splitlines() if line.startswith("    rerun"))
    assert rerun.split()[0] == "knowngood"
    repeated = project.run(*rerun.split()[1:])
    assert repeated.returncode == 1
    assert "reused" not in repeated.stdout.splitlines()[-2]
    explain = result.stdout.splitlines()[-1].split(";")[0].split("knowngood ")[1]
    assert project.run(*explain.split()).returncode == 0


def test_an_early_end_of_what_failed_is_gone_on_with_by_the_same_command(project: Project, index: Index) -> None:
    slow = PROBE.replace("import tiny;", "import os, time, tiny; time.sleep(60 * ('SLOW' in os.environ));")
    text = f'[index.local]\nurl = "{index.url}"\n{slow}[[combo]]\nid = "quick"\nsteps = [["tiny==VERSION"]]\n'
    text += '[[combo]]\nid = "slow"\nsteps = [["tiny==VERSION"]]\nenv = { ENV = "1" }\n'
    project.write(text.replace("VERSION", "2.0"))
    project.run("run", "-q")
    project.write(text.replace("VERSION", "1.0").replace("ENV =", "SLOW ="))

    started = project.start("run", "--last-failed", "--jobs", "2")

    def has_finished_one() -> bool:
        return len(project.logs()) == 2 and bool(project.events("combo-finished"))

    wait_for(has_finished_one, seconds=60)
    started.send_signal(signal.SIGINT)
    printed, errors = started.communicate(timeout=60)

    assert started.returncode == 130, errors
    assert "Re-run the same command within 24 hours to resume." in printed
    project.write(text.replace("VERSION", "1.0"))
    assert project.run("run", "--last-failed", "-q").returncode == 0
    assert combos(project) == ["slow"], "what passed before the end did not fail"


def test_what_a_cover_left_out_did_not_fail(project: Project, index: Index) -> None:
    project.write(
        f'[index.local]\nurl = "{index.url}"\n{PROBE.replace("; assert", "; 0 and")}\n'
        '[[grid]]\naxes.tiny = ["1.0", "2.0"]\naxes.env.A = ["1", "2"]\naxes.env.B = ["1", "2"]\n'
    )
    assert project.run("run", "--cover", "2", "-q").returncode == 0
    assert project.run("run", "--last-failed").returncode == 4
