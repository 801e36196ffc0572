"""``knowngood cache`` as a user sees it: verdicts are listed, shown, removed, exported and imported."""

import json
import os
import shutil
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
    """Return an empty folder for caches."""
    return project.folder / "cache"


@pytest.fixture
def knowngood(project: Project, index: Index, cache: Path) -> Knowngood:
    """Return a function that runs ``knowngood`` with an empty cache."""
    project.write(matrix(index))

    def run(*arguments: str, home: Path = cache) -> "subprocess.CompletedProcess[str]":
        return project.run(*arguments, XDG_CACHE_HOME=str(home))

    return run


@pytest.fixture(scope="module")
def after_a_run(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a project after a run that cached two verdicts."""
    project = Project(folder=tmp_path_factory.mktemp("filled"))
    project.write(matrix(index))
    result = project.run("run", XDG_CACHE_HOME=str(project.folder / "cache"))
    assert result.returncode == 0, result.stdout + result.stderr
    return project.folder


@pytest.fixture
def filled(knowngood: Knowngood, project: Project, after_a_run: Path) -> Knowngood:
    """Return the same function, in a copy of a project after a run that cached two verdicts."""
    shutil.copytree(after_a_run, project.folder, symlinks=True, dirs_exist_ok=True)
    return knowngood


def entries(cache: Path) -> list[Path]:
    return sorted(cache.glob("knowngood/verdicts/??/*.jsonl"))


def test_an_empty_cache_has_no_verdicts_and_says_where_it_is(knowngood: Knowngood, cache: Path) -> None:
    result = knowngood("cache", "ls")

    assert result.returncode == 0
    assert result.stdout.startswith("0 cached verdicts, ")
    assert str(cache / "knowngood" / "verdicts") in result.stdout


def test_ls_prints_key_day_matrix_combo_and_status_of_each_verdict(filled: Knowngood, cache: Path) -> None:
    lines = filled("cache", "ls").stdout.splitlines()

    assert len(lines) == 3
    keys = {path.stem[:12] for path in entries(cache)}
    assert {line.split("  ")[0] for line in lines[:2]} == keys
    assert sorted(line.split("  ")[2:] for line in lines[:2]) == [["m/one", "imports pass"], ["m/two", "imports pass"]]
    assert lines[2].startswith("2 cached verdicts, ")


def test_a_damaged_entry_is_not_listed(filled: Knowngood, cache: Path) -> None:
    entries(cache)[0].write_bytes(b"\xff\x00 garbage")

    assert filled("cache", "ls").stdout.splitlines()[-1].startswith("1 cached verdict, ")


def test_show_prints_what_a_verdict_depends_on_given_a_prefix_of_its_key(filled: Knowngood, cache: Path) -> None:
    path = entries(cache)[0]

    result = filled("cache", "show", path.stem[:10])

    assert result.returncode == 0, result.stderr
    shown = json.loads(result.stdout)
    assert (shown["key"], shown["matrix"], shown["verdicts"]) == (path.stem, "m", {"imports": "pass"})
    assert shown["combo"] in ("one", "two")
    assert {"steps", "python", "probes", "timeout", "environment", "machine"} <= set(shown["depends on"])


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        ("zz", "no cached verdict has a key that begins with 'zz'"),
        ("", "no cached verdict has a key that begins with ''"),
    ],
)
def test_show_with_an_unknown_key_says_how_to_list_them(filled: Knowngood, key: str, cause: str) -> None:
    result = filled("cache", "show", key)

    assert result.returncode == 2
    assert cause in result.stderr and "next: list them: knowngood cache ls" in result.stderr


def test_show_with_an_ambiguous_prefix_is_refused(filled: Knowngood, cache: Path) -> None:
    first = entries(cache)[0]
    twin = first.with_name(f"{first.stem[:20]}{'0' * 44}.jsonl")
    twin.write_bytes(first.read_bytes())

    result = filled("cache", "show", first.stem[:8])

    assert result.returncode == 2
    assert "2 cached verdicts have a key that begins with" in result.stderr


def test_show_of_a_damaged_entry_says_how_to_remove_it(filled: Knowngood, cache: Path) -> None:
    path = entries(cache)[0]
    path.write_bytes(b"garbage")

    result = filled("cache", "show", path.stem)

    assert result.returncode == 2
    assert "cannot be read" in result.stderr and "next: remove it" in result.stderr


def test_prune_removes_nothing_from_a_small_cache(filled: Knowngood, cache: Path) -> None:
    result = filled("cache", "prune")

    assert (result.returncode, len(entries(cache))) == (0, 2)
    assert result.stdout.startswith("removed 0 verdicts")


def test_prune_removes_verdicts_that_were_not_used_for_some_days(filled: Knowngood, cache: Path) -> None:
    old, young = entries(cache)
    os.utime(old, (1_600_000_000, 1_600_000_000))

    result = filled("cache", "prune", "--older-than", "30")

    assert entries(cache) == [young]
    assert result.stdout.startswith("removed 1 verdict,")


def test_prune_all_empties_the_cache_and_the_next_run_probes_again(
    filled: Knowngood, cache: Path, project: Project
) -> None:
    assert filled("cache", "prune", "--all").stdout.startswith("removed 2 verdicts")

    assert entries(cache) == []
    assert not (cache / "knowngood" / "bytecode").exists()
    assert filled("run").returncode == 0
    assert project.events("facts-reused") == []


@pytest.mark.parametrize("days", ["-1", "soon"])
def test_prune_with_an_invalid_number_of_days_is_an_error(knowngood: Knowngood, days: str) -> None:
    assert knowngood("cache", "prune", "--older-than", days).returncode == 2


def test_exported_verdicts_are_reused_on_another_machine(knowngood: Knowngood, project: Project) -> None:
    elsewhere = project.folder / "elsewhere"
    assert knowngood("run").returncode == 0

    exported = knowngood("cache", "export", "out/known.zip")
    imported = knowngood("cache", "import", "out/known.zip", home=elsewhere)
    result = knowngood("run", home=elsewhere)

    assert exported.stdout == "exported 2 verdicts to out/known.zip\n"
    assert imported.stdout == "imported 2 verdicts from out/known.zip\n"
    assert result.returncode == 0
    assert len(project.events("facts-reused")) == 2
    assert knowngood("cache", "import", "out/known.zip", "out/known.zip", home=elsewhere).returncode == 0


def test_an_import_skips_and_counts_entries_that_do_not_match_their_key(filled: Knowngood, project: Project) -> None:
    filled("cache", "export", "known.zip")
    with zipfile.ZipFile(project.folder / "known.zip", "a") as archive:
        archive.writestr("../../escaped.jsonl", "garbage")

    result = filled("cache", "import", "known.zip", home=project.folder / "elsewhere")

    assert result.returncode == 0
    skipped = "skipped 1 that this version cannot read or that do not match their key"
    assert result.stdout == f"imported 2 verdicts from known.zip, {skipped}\n"
    assert list(project.folder.parent.rglob("escaped*")) == []


@pytest.mark.parametrize("kind", ["absent", "text", "folder"])
def test_importing_a_file_that_is_not_an_export_is_an_error_with_a_next_step(
    knowngood: Knowngood, project: Project, kind: str
) -> None:
    target = project.folder / "known.zip"
    if kind == "text":
        target.write_text("no archive", encoding="utf-8")
    elif kind == "folder":
        target.mkdir()

    result = knowngood("cache", "import", "known.zip")

    assert result.returncode == 2
    assert "error: known.zip is not an exported cache" in result.stderr
    assert "next: name a file that `knowngood cache export` wrote" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_export_that_cannot_be_written_is_an_error_with_a_next_step(filled: Knowngood, project: Project) -> None:
    (project.folder / "out").mkdir()

    result = filled("cache", "export", "out")

    assert result.returncode == 2
    assert "error: out cannot be written" in result.stderr and "next: name another file" in result.stderr
    assert not [path for path in project.folder.iterdir() if path.name.startswith("out.")]


def test_control_characters_in_a_key_do_not_reach_the_terminal(knowngood: Knowngood) -> None:
    result = knowngood("cache", "show", "\x1b[2J\x1b]0;owned\x07")

    assert result.returncode == 2
    assert "\x1b" not in result.stdout + result.stderr
