"""``knowngood cache`` as a user sees it: what is known, listed, shown, cleared and handed on, and what goes wrong."""

import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from support.index import Index
from support.project import Project

Knowngood = Callable[..., "subprocess.CompletedProcess[str]"]


def matrix(index: Index) -> str:
    probe = '[[probe]]\nid = "imports"\nsource = "import tiny"\n'
    combos = '[[combo]]\nid = "one"\nsteps = [["tiny==1.0"]]\n[[combo]]\nid = "two"\nsteps = [["tiny==2.0"]]\n'
    return f'[matrix]\n[index.local]\nurl = "{index.url}"\n{probe}{combos}'


@pytest.fixture
def cache(project: Project) -> Path:
    """A folder for caches that holds nothing."""
    return project.folder / "cache"


@pytest.fixture
def knowngood(project: Project, index: Index, cache: Path) -> Knowngood:
    """Run ``knowngood`` with a cache of the test's own."""
    project.write(matrix(index))

    def run(*arguments: str, home: Path = cache) -> "subprocess.CompletedProcess[str]":
        return project.run(*arguments, XDG_CACHE_HOME=str(home))

    return run


@pytest.fixture
def known(knowngood: Knowngood) -> Knowngood:
    """The same, after a run."""
    result = knowngood("run")
    assert result.returncode == 0, result.stdout + result.stderr
    return knowngood


def entries(cache: Path) -> list[Path]:
    return sorted(cache.glob("knowngood/verdicts/??/*.jsonl"))


def test_an_empty_cache_says_that_nothing_is_known(knowngood: Knowngood, cache: Path) -> None:
    result = knowngood("cache", "ls")

    assert result.returncode == 0
    assert result.stdout.startswith("0 known, ")
    assert str(cache / "knowngood" / "verdicts") in result.stdout


def test_ls_tells_of_each_verdict_its_key_day_matrix_combo_and_status(known: Knowngood, cache: Path) -> None:
    lines = known("cache", "ls").stdout.splitlines()

    assert len(lines) == 3
    keys = {path.stem[:12] for path in entries(cache)}
    assert {line.split("  ")[0] for line in lines[:2]} == keys
    assert sorted(line.split("  ")[2:] for line in lines[:2]) == [["m/one", "imports pass"], ["m/two", "imports pass"]]
    assert lines[2].startswith("2 known, ")


def test_what_cannot_be_read_is_not_listed(known: Knowngood, cache: Path) -> None:
    entries(cache)[0].write_bytes(b"\xff\x00 garbage")

    assert known("cache", "ls").stdout.splitlines()[-1].startswith("1 known, ")


def test_show_tells_all_that_a_verdict_depends_on_for_the_beginning_of_its_key(known: Knowngood, cache: Path) -> None:
    path = entries(cache)[0]

    result = known("cache", "show", path.stem[:10])

    assert result.returncode == 0, result.stderr
    shown = json.loads(result.stdout)
    assert (shown["key"], shown["matrix"], shown["verdicts"]) == (path.stem, "m", {"imports": "pass"})
    assert shown["combo"] in ("one", "two")
    assert {"steps", "python", "probes", "timeout", "environment", "machine"} <= set(shown["depends on"])


@pytest.mark.parametrize(("key", "cause"), [("zz", "no entry begins with 'zz'"), ("", "no entry begins with ''")])
def test_show_of_what_is_not_there_says_where_to_look(known: Knowngood, key: str, cause: str) -> None:
    result = known("cache", "show", key)

    assert result.returncode == 2
    assert cause in result.stderr and "next: see them all with `knowngood cache ls`" in result.stderr


def test_show_of_an_ambiguous_beginning_says_so(known: Knowngood, cache: Path) -> None:
    first = entries(cache)[0]
    twin = first.with_name(f"{first.stem[:20]}{'0' * 44}.jsonl")
    twin.write_bytes(first.read_bytes())

    result = known("cache", "show", first.stem[:8])

    assert result.returncode == 2
    assert "2 entries begin with" in result.stderr


def test_show_of_what_cannot_be_read_tells_how_to_be_rid_of_it(known: Knowngood, cache: Path) -> None:
    path = entries(cache)[0]
    path.write_bytes(b"garbage")

    result = known("cache", "show", path.stem)

    assert result.returncode == 2
    assert "cannot be read" in result.stderr and "next: remove it" in result.stderr


def test_prune_leaves_what_is_small_and_young(known: Knowngood, cache: Path) -> None:
    result = known("cache", "prune")

    assert (result.returncode, len(entries(cache))) == (0, 2)
    assert result.stdout.startswith("removed 0 verdicts")


def test_prune_removes_what_was_not_used_for_so_many_days(known: Knowngood, cache: Path) -> None:
    old, young = entries(cache)
    os.utime(old, (1_600_000_000, 1_600_000_000))

    result = known("cache", "prune", "--older-than", "30")

    assert entries(cache) == [young]
    assert result.stdout.startswith("removed 1 verdict,")


def test_prune_all_removes_all_and_the_next_run_probes_again(known: Knowngood, cache: Path, project: Project) -> None:
    assert known("cache", "prune", "--all").stdout.startswith("removed 2 verdicts")

    assert entries(cache) == []
    assert not (cache / "knowngood" / "bytecode").exists()
    assert known("run").returncode == 0
    assert project.events("facts-reused") == []


@pytest.mark.parametrize("days", ["-1", "soon"])
def test_prune_of_no_number_of_days_is_an_error(knowngood: Knowngood, days: str) -> None:
    assert knowngood("cache", "prune", "--older-than", days).returncode == 2


def test_what_is_exported_is_known_on_another_machine(known: Knowngood, project: Project) -> None:
    elsewhere = project.folder / "elsewhere"

    exported = known("cache", "export", "out/known.zip")
    imported = known("cache", "import", "out/known.zip", home=elsewhere)
    result = known("run", home=elsewhere)

    assert exported.stdout == "exported 2 verdicts to out/known.zip\n"
    assert imported.stdout == "imported 2 verdicts from out/known.zip\n"
    assert result.returncode == 0
    assert len(project.events("facts-reused")) == 2
    assert known("cache", "import", "out/known.zip", "out/known.zip", home=elsewhere).returncode == 0


def test_what_does_not_fit_is_left_out_of_an_import_and_told(known: Knowngood, project: Project) -> None:
    known("cache", "export", "known.zip")
    with zipfile.ZipFile(project.folder / "known.zip", "a") as archive:
        archive.writestr("../../escaped.jsonl", "garbage")

    result = known("cache", "import", "known.zip", home=project.folder / "elsewhere")

    assert result.returncode == 0
    assert result.stdout == "imported 2 verdicts from known.zip, left out 1 that do not fit\n"
    assert list(project.folder.parent.rglob("escaped*")) == []


@pytest.mark.parametrize("kind", ["absent", "text", "folder"])
def test_a_file_that_is_no_export_is_an_error_with_a_next_step(
    knowngood: Knowngood, project: Project, kind: str
) -> None:
    target = project.folder / "known.zip"
    if kind == "text":
        target.write_text("no archive", encoding="utf-8")
    elif kind == "folder":
        target.mkdir()

    result = knowngood("cache", "import", "known.zip")

    assert result.returncode == 2
    assert "error: known.zip is no exported cache" in result.stderr
    assert "next: name a file that `knowngood cache export` wrote" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_export_to_where_nothing_can_be_written_is_an_error_with_a_next_step(
    known: Knowngood, project: Project
) -> None:
    (project.folder / "out").mkdir()

    result = known("cache", "export", "out")

    assert result.returncode == 2
    assert "error: out cannot be written" in result.stderr and "next: name another file" in result.stderr
    assert not [path for path in project.folder.iterdir() if path.name.startswith("out.")]


def test_a_key_from_somebody_elses_hand_cannot_move_the_terminal(knowngood: Knowngood) -> None:
    result = knowngood("cache", "show", "\x1b[2J\x1b]0;owned\x07")

    assert result.returncode == 2
    assert "\x1b" not in result.stdout + result.stderr
