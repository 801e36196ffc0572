"""``knowngood publish`` and ``run --publish``: what is written into ``reports/``, and when."""

import json
import re
from pathlib import Path

import pytest

from support.index import Index
from support.project import Project

MATRIX = """
[matrix]
[index.local]
url = "{url}"

[[probe]]
id = "imports"
source = '''
import tiny
assert tiny.__version__ == "1.0", tiny.__version__
'''

[[combo]]
id = "one"
steps = [["tiny=={one}"]]

[[combo]]
id = "two"
steps = [["tiny==1.0"]]
"""
DAY = re.compile(rb"\d{4}-\d\d-\d\d")


def write(project: Project, index: Index, *, one: str = "1.0") -> None:
    project.write(MATRIX.format(url=index.url, one=one))


def published(project: Project) -> dict[str, bytes]:
    """Return the files of the published report by path, without the baseline."""
    folder = project.folder / "reports" / "m"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files.pop("baseline.json", None)
    return files


def statuses(file: Path) -> dict[str, str]:
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return {cell["combo"]: cell["verdict"]["status"] for cell in cells}


def test_a_red_run_is_published_on_request_with_its_history_and_the_baseline_stays(
    project: Project, index: Index
) -> None:
    write(project, index)
    assert project.run("run", "--accept").returncode == 0
    write(project, index, one="2.0")

    result = project.run("run", "--publish")

    reports = project.folder / "reports" / "m"
    assert result.returncode == 1, result.stdout + result.stderr
    assert "published  reports/m" in result.stdout
    assert statuses(reports / "matrix.json") == {"one": "fail", "two": "pass"}
    assert statuses(reports / "baseline.json") == {"one": "pass", "two": "pass"}
    assert set(published(project)) == {
        *("badge.json", "badge.svg", "feed.xml", "history.json", "index.html", "matrix.json", "matrix.md"),
        "locks/two.txt",
    }
    [state] = json.loads((reports / "history.json").read_text(encoding="utf-8"))["states"]
    assert {cell["combo"]: cell["status"] for cell in state["cells"]} == {"one": "fail", "two": "pass"}
    assert len({cell["lock"] for cell in state["cells"]}) == 2 and all(cell["lock"] for cell in state["cells"])

    (reports / "history.json").write_text("{", encoding="utf-8")
    before = published(project)
    refused = project.run("run", "--publish", "--fresh")

    assert refused.returncode == 2 and len(project.logs()) == 2
    assert "error: reports/m/history.json cannot be read as a history, and it was left as it is" in refused.stderr
    assert published(project) == before


def test_accept_alone_writes_only_the_baseline(project: Project, index: Index) -> None:
    write(project, index)

    result = project.run("run", "--accept")

    assert "baseline   reports/m/baseline.json" in result.stdout
    assert published(project) == {}


def test_two_runs_with_the_same_verdicts_and_versions_publish_the_same_bytes_but_for_the_day(
    project: Project, index: Index
) -> None:
    write(project, index, one="2.0")
    assert project.run("run", "--publish", "--accept").returncode == 1
    fresh = published(project)
    project.run("run", "--publish", "--fresh")
    assert {name: DAY.sub(b"DAY", text) for name, text in published(project).items()} == {
        name: DAY.sub(b"DAY", text) for name, text in fresh.items()
    }
    baseline = (project.folder / "reports" / "m" / "baseline.json").read_bytes()

    project.run("run", "--publish", "--accept")

    assert len(project.logs()) == 3 and len(project.events("facts-reused")) == 2
    again = published(project)
    assert {name: DAY.sub(b"DAY", text) for name, text in again.items()} == {
        name: DAY.sub(b"DAY", text) for name, text in fresh.items()
    }
    accepted = (project.folder / "reports" / "m" / "baseline.json").read_bytes()
    assert DAY.sub(b"DAY", accepted) == DAY.sub(b"DAY", baseline)
    assert not [name for name, text in again.items() if str(project.folder).encode() in text]


def test_publish_takes_the_newest_complete_run_by_default(project: Project, index: Index) -> None:
    write(project, index)
    project.run("run")
    complete = project.logs()[0].parent.name
    project.run("run", "--only", "two")

    result = project.run("publish")

    assert result.returncode == 0, result.stderr
    assert result.stdout == "published  reports/m\n"
    document = json.loads(published(project)["matrix.json"])
    assert document["run"]["id"].replace("-", "") == complete[:8]
    assert statuses(project.folder / "reports" / "m" / "matrix.json") == {"one": "pass", "two": "pass"}


def test_publish_with_accept_makes_a_named_run_the_baseline_too(project: Project, index: Index) -> None:
    write(project, index, one="2.0")
    project.run("run")
    (log,) = project.logs()

    result = project.run("publish", log.parent.name[:-2], "--accept")

    assert result.returncode == 0, result.stderr
    assert result.stdout == "baseline   reports/m/baseline.json\npublished  reports/m\n"
    assert statuses(project.folder / "reports" / "m" / "baseline.json") == {"one": "fail", "two": "pass"}
    assert project.run("diff").returncode == 0


@pytest.mark.parametrize("name", [(), ("RUN",)], ids=["by default", "by its id"])
def test_an_incomplete_run_is_not_published(project: Project, index: Index, name: tuple[str, ...]) -> None:
    write(project, index)
    project.run("run", "--only", "one")
    (log,) = project.logs()

    result = project.run("publish", *(log.parent.name for _ in name))

    assert result.returncode == 2
    assert "it ran only some combos; it is missing two" in result.stderr and "next: run all combos" in result.stderr
    assert not (project.folder / "reports").exists()


def test_a_matrix_json_cannot_be_published_because_it_has_no_locks(project: Project, index: Index) -> None:
    write(project, index)
    project.run("run", "--report-dir", "elsewhere")

    result = project.run("publish", "elsewhere", "--matrix", "m")

    assert result.returncode == 2
    assert "error: elsewhere/matrix.json holds verdicts only" in result.stderr
    assert "next: name the run by its id or by its events.jsonl" in result.stderr


def test_the_shards_of_a_matrix_are_published_as_one_run(project: Project, index: Index) -> None:
    write(project, index)
    for number in (1, 2):
        project.run("run", "--shard", f"{number}/2", "--state-dir", f"machine-{number}")

    alone = project.run("publish", "machine-1")
    both = project.run("publish", "machine-1", "machine-2", "--accept")

    assert alone.returncode == 2 and "missing: shard 2/2" in alone.stderr and "it is missing two" in alone.stderr
    assert both.returncode == 0, both.stderr
    assert statuses(project.folder / "reports" / "m" / "baseline.json") == {"one": "pass", "two": "pass"}
    assert {"locks/one.txt", "locks/two.txt"} < set(published(project))


def test_verbs_that_show_results_say_that_they_are_older_than_promised(project: Project, index: Index) -> None:
    write(project, index)
    project.matrix.write_text(project.matrix.read_text().replace("[matrix]", '[matrix]\nstale-after = "7d"'))
    assert project.run("run", "--quiet").returncode == 0
    [log] = project.logs()
    log.write_text(re.sub(r'("started": ?")\d{4}', r"\g<1>2025", log.read_text()))
    (project.folder / "page.md").write_text("<!-- knowngood:begin m -->\n<!-- knowngood:end -->\n")
    line = re.compile(
        r"^stale   of the results in (\S+), the oldest is from 2025-\d\d-\d\d, and the matrix ", re.MULTILINE
    )

    published_late, shown, embedded = (
        project.run("publish"),
        project.run("report"),
        project.run("docs"),
    )
    rerun = project.run("run", "--fresh")

    folders = [line.search(result.stderr) for result in (published_late, shown, embedded, rerun)]
    assert [found and found[1] for found in folders] == [
        "reports/m",
        str(log.parent.relative_to(project.folder)),
        "reports/m",
        "reports/m",
    ]
    assert published_late.stderr.endswith("the last 7 days; run it again: knowngood run m --fresh --publish\n")
    reports = project.folder / "reports" / "m"
    assert '<p id="stale" class="cautions" data-oldest="2025' in (reports / "index.html").read_text(encoding="utf-8")
    assert "out of date" in (reports / "matrix.md").read_text(encoding="utf-8")
    assert re.search(r"tested \d+ days ago", (reports / "badge.json").read_text(encoding="utf-8"))

    assert "stale" not in project.run("publish").stderr
    assert '<p id="stale" class="cautions" hidden' in (reports / "index.html").read_text(encoding="utf-8")
