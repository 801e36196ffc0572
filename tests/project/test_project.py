"""Which matrix a name stands for, and which project a run belongs to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowngood.errors import MatrixFileError, NothingSelectedError, UsageError
from knowngood.events import ComboFinished, ComboStarted, Event, RunStarted, encode
from knowngood.project.files import check_writable
from knowngood.project.project import FIRST, Project
from support.facts import combo, info

MATRIX = '[[probe]]\nid = "p"\nsource = "1"\n[[combo]]\nid = "{combo}"\nsteps = [["tiny"]]\n'
SIGNATURE = """
[[signature]]
id = "mine"
family = "api-removed"
priority = 50
match = { message = "x" }
culprit = "tiny"
cause = "c"
"""


def write(folder: Path, *names: str) -> Path:
    """Make a project with a matrix of each name, and return its folder."""
    (folder / "matrices").mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / "matrices" / f"{name}.toml").write_text(MATRIX.format(combo="one"), encoding="utf-8")
    return folder


def record(project: Project, run_id: str, events: Sequence[Event] = ()) -> Path:
    """Record a run of the combo ``one`` of the matrix ``embedding``, and return its log."""
    log = project.runs.new(run_id).log
    log.parent.mkdir(parents=True, exist_ok=True)
    every = (RunStarted(info=info(run=run_id), combos=(combo("one"),)), *events)
    lines = (encode(event, seq=seq, at=datetime.now(UTC), elapsed=0.0) for seq, event in enumerate(every, start=1))
    log.write_bytes(b"".join(lines))
    return log


def ids(project: Project) -> set[str]:
    return {signature.id for signature in project.rules.signatures}


def test_a_matrix_is_opened_by_its_name_by_its_path_or_as_the_only_one(tmp_path: Path) -> None:
    folder = write(tmp_path, "embedding")
    file = folder / "matrices" / "embedding.toml"

    for name in ("embedding", "matrices/embedding.toml", str(file), file, None):
        project = Project.open(name, start=folder)
        assert (project.matrix.path, project.matrix.id, project.folder) == (file, "embedding", folder)


def test_a_matrix_file_outside_a_folder_of_matrices_makes_its_own_folder_the_project(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(MATRIX.format(combo="one"), encoding="utf-8")

    assert Project.open("m.toml", start=tmp_path).folder == tmp_path


@pytest.mark.parametrize(
    ("name", "message", "cause"),
    [
        (None, "which matrix?", "matrices/ holds: a, b"),
        ("c", "no matrix 'c'", "matrices/ holds: a, b"),
        ("matrices", "no matrix 'matrices'", "it is a folder"),
    ],
)
def test_a_matrix_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path, name: str | None, message: str, cause: str
) -> None:
    write(tmp_path, "a", "b")

    with pytest.raises(UsageError) as caught:
        Project.open(name, start=tmp_path)

    assert caught.value.what == message
    assert cause in caught.value.cause and caught.value.next_step


@pytest.mark.parametrize(
    ("name", "message", "cause"),
    [
        (None, "there is no matrix here", "there is no folder {here}/matrices"),
        ("a", "no matrix 'a'", "there is no file {here}/a, and there is no folder {here}/matrices"),
    ],
)
def test_without_any_matrix_the_message_says_where_it_looked_and_how_to_begin(
    tmp_path: Path, name: str | None, message: str, cause: str
) -> None:
    with pytest.raises(UsageError) as caught:
        Project.open(name, start=tmp_path)

    assert (caught.value.what, caught.value.cause) == (message, cause.format(here=tmp_path))
    assert "in the folder of a project: knowngood init; elsewhere" in caught.value.next_step
    assert "write the first one, matrices/first.toml, with two lines: `combo = " in caught.value.next_step


def test_the_first_matrix_that_is_suggested_is_a_valid_one(tmp_path: Path) -> None:
    (tmp_path / "matrices").mkdir()
    (tmp_path / "matrices" / "first.toml").write_text("\n".join(FIRST), encoding="utf-8")

    assert Project.open(start=tmp_path).combo_ids == ("today",)


def test_below_a_project_the_message_names_the_folder_of_the_project(tmp_path: Path) -> None:
    folder = write(tmp_path / "my project", "a")
    below = folder / "src" / "package"
    below.mkdir(parents=True)

    with pytest.raises(UsageError) as caught:
        Project.open(start=below)

    assert caught.value.next_step == f"run it in the folder of the project: cd '{folder}'"


def test_a_folder_that_cannot_be_written_to_is_refused_and_one_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError) as caught:
            check_writable(folder, next_step="name another")
        assert "is a file" in caught.value.cause
    check_writable(tmp_path / "new" / "folder", next_step="name another")
    assert not (tmp_path / "new").exists()


def test_a_broken_matrix_file_is_refused_when_the_project_is_opened(tmp_path: Path) -> None:
    (write(tmp_path, "m") / "matrices" / "m.toml").write_text("[[combo]]\n", encoding="utf-8")

    with pytest.raises(MatrixFileError):
        Project.open("m", start=tmp_path)


def test_runs_are_kept_in_the_project_where_git_ignores_them(tmp_path: Path) -> None:
    project = Project.open(start=write(tmp_path, "m"))

    assert project.runs.folder == tmp_path / ".knowngood" / "runs" / "m"
    assert (tmp_path / ".knowngood" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_runs_are_kept_in_another_folder_on_request(tmp_path: Path) -> None:
    project = Project.open(start=write(tmp_path / "p", "m"), state_dir=tmp_path / "state")

    assert project.runs.folder == tmp_path / "state" / "runs" / "m"


def test_signatures_are_those_of_the_project_unless_a_file_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, "m")
    (folder / "signatures.toml").write_text(SIGNATURE, encoding="utf-8")
    (folder / "other.toml").write_text(SIGNATURE.replace("mine", "other"), encoding="utf-8")

    assert "mine" in ids(Project.open(start=folder))
    named = Project.open(start=folder, signatures=folder / "other.toml")
    assert "other" in ids(named) and "mine" not in ids(named)


@pytest.mark.parametrize("state", [None, "state"], ids=["in the project", "in a state folder"])
def test_a_run_named_by_its_path_belongs_to_the_project_that_keeps_it(tmp_path: Path, state: str | None) -> None:
    folder, elsewhere = write(tmp_path / "p", "embedding"), write(tmp_path / "elsewhere", "embedding")
    (folder / "signatures.toml").write_text(SIGNATURE, encoding="utf-8")
    log = record(Project.open(start=folder, state_dir=tmp_path / state if state else None), "20260101-000000-aaaa")

    for run in (log, log.parent, log.parent.parent):
        project = Project.of_run(str(run), start=elsewhere)
        assert project.folder == folder
        assert project.matrix.path == folder / "matrices" / "embedding.toml"
        assert "mine" in ids(project)


def test_a_named_matrix_decides_whose_run_it_is(tmp_path: Path) -> None:
    folder, elsewhere = write(tmp_path / "p", "embedding"), write(tmp_path / "elsewhere", "embedding")
    log = record(Project.open(start=folder), "20260101-000000-aaaa")

    assert Project.of_run(str(log), matrix="embedding", start=elsewhere).folder == elsewhere


def test_a_downloaded_run_belongs_to_the_current_folder_even_below_a_state_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", "embedding")
    kept = record(Project.open(start=folder), "20260101-000000-aaaa")
    log = folder / "shard-1" / ".knowngood" / "runs" / "embedding" / "20260101-000000-aaaa" / "events.jsonl"
    log.parent.mkdir(parents=True)
    kept.rename(log)

    assert Project.of_run(str(log), start=folder).folder == folder


def test_a_downloaded_run_can_be_read_where_its_matrix_is_not(tmp_path: Path) -> None:
    log = record(Project.open(start=write(tmp_path / "p", "embedding")), "20260101-000000-aaaa")
    moved = tmp_path / "events.jsonl"
    log.rename(moved)

    project = Project.of_run(str(moved), start=tmp_path)

    assert project.runs.find(str(moved)).read().info.id == "20260101-000000-aaaa"
    with pytest.raises(UsageError, match="the matrix of this run is not here: embedding"):
        _ = project.matrix


def test_a_combo_is_looked_up_in_the_newest_run_that_finished_it(tmp_path: Path) -> None:
    project = Project.open(start=write(tmp_path, "embedding"))
    record(project, "20260101-000000-aaaa", (ComboStarted(combo="one"), ComboFinished(combo="one")))
    record(project, "20260102-000000-aaaa")

    assert project.run_of("one", None).id == "20260101-000000-aaaa"
    assert project.run_of("one", "20260102").id == "20260102-000000-aaaa"


def test_a_combo_that_no_run_finished_is_looked_up_in_the_newest_that_selected_it(tmp_path: Path) -> None:
    project = Project.open(start=write(tmp_path, "embedding"))
    record(project, "20260101-000000-aaaa")

    assert project.run_of("*", None).id == "20260101-000000-aaaa"


def test_a_combo_that_does_not_exist_is_refused_as_such(tmp_path: Path) -> None:
    project = Project.open(start=write(tmp_path, "embedding"))
    record(project, "20260101-000000-aaaa")

    with pytest.raises(NothingSelectedError, match="no combo matches 'absent'"):
        project.run_of("absent", None)


def test_a_project_without_matrices_leads_to_init_and_says_where_it_looked(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()

    with pytest.raises(UsageError, match="there is no matrix here") as caught:
        Project.open(start=tmp_path)

    assert caught.value.cause == f"there is no folder {tmp_path / 'matrices'}"
    assert caught.value.next_step.endswith("write the first one: knowngood init")


@pytest.mark.parametrize("name", ["Größe", "groesse"])
def test_a_matrix_with_umlauts_is_found_by_its_name_and_by_its_id(tmp_path: Path, name: str) -> None:
    (tmp_path / "matrices").mkdir()
    for stem in ("Größe", "other"):
        (tmp_path / "matrices" / f"{stem}.toml").write_text("\n".join(FIRST), encoding="utf-8")

    assert Project.open(name, start=tmp_path).matrix.id == "groesse"


def test_a_misspelt_matrix_is_answered_with_the_list_and_the_closest_name(tmp_path: Path) -> None:
    (tmp_path / "matrices").mkdir()
    for stem in ("shop", "web"):
        (tmp_path / "matrices" / f"{stem}.toml").write_text("\n".join(FIRST), encoding="utf-8")

    with pytest.raises(UsageError, match="no matrix 'shp'") as caught:
        Project.open("shp", start=tmp_path)

    assert "matrices/ holds: shop, web" in caught.value.cause
    assert caught.value.next_step == "did you mean shop?"
