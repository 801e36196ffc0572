"""Selectors become exact versions when a run starts, and the run keeps them."""

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from packaging.version import Version

from knowngood.declare.selectors import read_selector
from knowngood.model import Combo, Wanted
from knowngood.model.questions import Files, Release
from knowngood.project.project import Project
from knowngood.run.engine import execute, plan
from knowngood.run.request import RunRequest
from knowngood.run.selection import NoTimesError, choose, select
from support.declared import lines
from support.index import Index, closed_url
from support.runs import machine
from support.wheels import build_wheel
from support.workshop import MINOR

NOW = datetime(2026, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)
VERSIONS = ("1.0.0", "1.9.9", "2.0.0", "2.0.1", "2.1.0", "2.1.3", "3.0.0", "3.1.0rc1")


def releases(*versions: str, files: Files = Files.WHEEL, dated: bool = True) -> tuple[Release, ...]:
    """Return releases, the last uploaded today and each of the others 200 days before the next."""
    return tuple(
        Release(
            version=Version(version),
            uploaded=NOW - 200 * DAY * (len(versions) - 1 - number) if dated else None,
            files=files,
        )
        for number, version in enumerate(versions)
    )


def chosen(
    text: str, known: tuple[Release, ...], *, bound: str = "", until: datetime | None = None
) -> tuple[tuple[str, str], ...]:
    selector = read_selector(text)
    assert selector is not None
    return choose(selector, known, Wanted(package="lib", selector=text, bound=bound), until, NOW)


@pytest.mark.parametrize(
    ("selector", "versions"),
    [
        ("latest", (("", "3.0.0"),)),
        ("pre", (("", "3.1.0rc1"),)),
        ("oldest", (("", "2.0.0"),)),
        ("minors:>=1.5,<3", (("1.9", "1.9.9"), ("2.0", "2.0.1"), ("2.1", "2.1.3"))),
        ("majors:>=1", (("1", "1.9.9"), ("2", "2.1.3"), ("3", "3.0.0"))),
        ("last:2", (("2.1", "2.1.3"), ("3.0", "3.0.0"))),
        # 2.1.0 was uploaded 600 days ago, 2.0.0 a thousand.
        ("spec0", (("2.1", "2.1.3"), ("3.0", "3.0.0"))),
        ("minors:>=9", ()),
    ],
)
def test_a_selector_stands_for_releases_by_their_line(selector: str, versions: tuple[tuple[str, str], ...]) -> None:
    assert chosen(selector, releases(*VERSIONS), bound=">=1.9.10,<4") == versions


def test_without_a_final_release_the_latest_is_a_pre_release() -> None:
    assert chosen("latest", releases("1.0a1", "1.0b1")) == (("", "1.0b1"),)


def test_the_newest_line_is_in_the_window_of_spec_0_however_old_it_is() -> None:
    old = tuple(
        Release(version=Version(version), uploaded=NOW - 2000 * DAY, files=Files.WHEEL) for version in ("1.0", "1.1")
    )
    assert chosen("spec0", old) == (("1.1", "1.1"),)


def test_a_release_without_a_file_for_the_python_is_not_chosen() -> None:
    known = (*releases("1.0", "1.1"), *releases("2.0", files=Files.NONE))
    assert chosen("latest", known) == (("", "1.1"),)
    assert chosen("last:2", known) == (("1.0", "1.0"), ("1.1", "1.1"))


def test_the_local_part_of_a_version_is_left_to_the_index() -> None:
    assert chosen("latest", releases("2.1.2+cpu")) == (("", "2.1.2"),)


def test_a_release_after_the_day_does_not_count_and_without_a_date_nobody_can_say() -> None:
    assert chosen("latest", releases(*VERSIONS), until=NOW - 500 * DAY) == (("", "2.1.0"),)
    with pytest.raises(NoTimesError):
        chosen("latest", releases(*VERSIONS, dated=False), until=NOW)
    with pytest.raises(NoTimesError):
        chosen("spec0", releases(*VERSIONS, dated=False))
    assert chosen("latest", releases(*VERSIONS, dated=False)) == (("", "3.0.0"),)


PROBE = '[[probe]]\nid = "works"\nsource = "import lib"\n'
Open = Callable[..., Project]


@pytest.fixture
def open_project(tmp_path: Path) -> Open:
    def opened(text: str, url: str, *, pyproject: str = "", probe: str = PROBE) -> Project:
        file = tmp_path / "matrices" / "m.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'[matrix]\npython = "{MINOR}"\n[index.local]\nurl = "{url}"\n{probe}{text}', encoding="utf-8")
        if pyproject:
            (tmp_path / "pyproject.toml").write_text(pyproject, encoding="utf-8")
        return Project.open("m", start=tmp_path)

    return opened


def table(combos: tuple[Combo, ...]) -> list[tuple[str, str, tuple[tuple[str, ...], ...]]]:
    return [(combo.id, combo.title, lines(combo)) for combo in combos]


GRID = '[[grid]]\naxes.lib = ["minors:>=1,<3", "latest"]\n'


def test_a_grid_has_a_combo_for_each_release_line_and_later_readers_know_them_without_an_index(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    for version in ("1.0", "1.1.0", "1.1.5", "2.0", "3.0"):
        build_wheel(index.folder, "lib", version)
    project = open_project(GRID, index.url)
    assert [combo.id for combo in project.matrix.combos] == ["lib-minors-ge1-lt3", "lib-latest"]

    selected = select(project, machine(environ, tmp_path / "cache"))

    expected = [
        ("lib1.0.x", "lib minors 1.0 (1.0)", (("lib==1.0",),)),
        ("lib1.1.x", "lib minors 1.1 (1.1.5)", (("lib==1.1.5",),)),
        ("lib2.0.x", "lib minors 2.0 (2.0)", (("lib==2.0",),)),
        ("lib-latest", "lib latest (3.0)", (("lib==3.0",),)),
    ]
    assert table(selected.matrix.combos) == expected
    assert [combo.versions for combo in selected.matrix.combos][1] == (("lib", "1.1.5"),)
    # Also for `knowngood list`, `explain` and nox, which ask no index.
    assert table(open_project(GRID, closed_url()).matrix.combos) == expected


def test_the_ids_stay_when_a_patch_comes_out(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "lib", "1.0.0")
    before = select(open_project(GRID, index.url), machine(environ, tmp_path / "cache"))
    build_wheel(index.folder, "lib", "1.0.1")
    after = select(open_project(GRID, index.url), machine(environ, tmp_path / "cache"))

    assert [combo.id for combo in before.matrix.combos] == [combo.id for combo in after.matrix.combos]
    assert [combo.versions for combo in after.matrix.combos] == [(("lib", "1.0.1"),), (("lib", "1.0.1"),)]


def test_oldest_is_the_lowest_that_the_project_allows(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    for version in ("1.0", "1.4", "1.5", "2.0"):
        build_wheel(index.folder, "lib", version)
    pyproject = '[project]\nname = "mine"\nversion = "1"\ndependencies = ["lib>1.0,!=1.4"]\n'
    project = open_project('[[grid]]\naxes.lib = ["oldest"]\n', index.url, pyproject=pyproject)

    (combo,) = select(project, machine(environ, tmp_path / "cache")).matrix.combos

    assert (combo.id, combo.title) == ("lib-oldest", "lib oldest (1.5)")


def test_a_line_without_a_release_for_a_python_is_left_out_for_it(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "lib", "1.0")
    build_wheel(index.folder, "lib", "2.0", requires_python=">=3.12")
    text = '[[grid]]\naxes.lib = ["minors:>=1"]\naxes.python = ["3.11", "3.12", "3.13t", "pypy3.10"]\n'

    selected = select(open_project(text, index.url), machine(environ, tmp_path / "cache"))

    assert [combo.id for combo in selected.matrix.combos] == [
        *("lib1.0.x-py3.11", "lib1.0.x-py3.12", "lib1.0.x-py3.13t", "lib1.0.x-pypy3.10"),
        *("lib2.0.x-py3.12", "lib2.0.x-py3.13t"),
    ]


def run(project: Project, environ: Mapping[str, str], folder: Path) -> dict[str, tuple[str, str, str]]:
    """Execute a matrix and return the status, reason and message of each combo."""
    here = machine(environ, folder / "cache")
    selected = select(project, here)
    judged = selected.judge(execute(RunRequest(project=selected, combos=selected.matrix.combos, machine=here)))
    return {
        cell.combo.id: (cell.verdict.status.value, cell.verdict.reason.value, cell.message) for cell in judged.cells
    }


def test_an_index_that_is_down_makes_only_the_combos_undecided_that_it_would_choose_for(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "other", "1.0")
    text = (
        f'[index.down]\nurl = "{closed_url()}"\npackages = ["lib"]\n[[grid]]\naxes.lib = ["minors:>=1", "latest"]\n'
        '[[combo]]\nid = "fine"\nsteps = [["other"]]\nprobes = ["other"]\n'
        '[[probe]]\nid = "other"\nsource = "import other"\n'
    )
    results = run(open_project(text.replace("axes.lib", 'probes = ["works"]\naxes.lib'), index.url), environ, tmp_path)

    assert {name: result[:2] for name, result in results.items()} == {
        "fine": ("pass", "all-passed"),
        "lib-minors-ge1": ("infra", "index-unreachable"),
        "lib-latest": ("infra", "index-unreachable"),
    }
    assert results["lib-latest"][2].startswith("latest of lib cannot be chosen: index down (http://127.0.0.1:")
    assert "cannot be reached" in results["lib-latest"][2]


def test_a_package_that_no_index_has_is_unsolvable(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "other", "1.0")
    results = run(open_project('[[grid]]\naxes.lib = ["latest"]\n', index.url), environ, tmp_path)
    assert results["lib-latest"][:2] == ("unsolvable", "package-not-found")


def test_a_range_without_a_release_is_unsolvable_under_the_id_of_its_text(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "lib", "1.0")
    results = run(open_project('[[grid]]\naxes.lib = ["minors:>=2"]\n', index.url), environ, tmp_path)
    assert results["lib-minors-ge2"][0] == "unsolvable"


def test_the_window_of_spec_0_needs_upload_times(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "lib", "1.0")
    results = run(open_project('[[grid]]\naxes.lib = ["spec0"]\n', index.url), environ, tmp_path)
    assert results["lib-spec0"][:2] == ("infra", "no-upload-times")
    assert "does not say when it was uploaded" in results["lib-spec0"][2]


def test_an_unfinished_run_is_resumed_with_the_versions_that_it_chose(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "lib", "1.0.0")
    here = machine(environ, tmp_path / "cache")
    text = '[[grid]]\naxes.lib = ["latest"]\n'
    selected = select(open_project(text, index.url), here)
    execute(RunRequest(project=selected, combos=selected.matrix.combos, machine=here))
    (log,) = (tmp_path / ".knowngood" / "runs" / "m").glob("*/events.jsonl")
    build_wheel(index.folder, "lib", "1.0.1")

    # A run that ended is not resumed.
    assert select(open_project(text, index.url), here).matrix.combos[0].versions == (("lib", "1.0.1"),)
    written = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join(line for line in written if json.loads(line)["event"] != "run-finished"), encoding="utf-8")
    assert select(open_project(text, index.url), here).matrix.combos[0].versions == (("lib", "1.0.0"),)
    assert select(open_project(text, index.url), here, resume=False).matrix.combos[0].versions == (("lib", "1.0.1"),)


def test_offline_the_versions_of_the_last_run_count(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "lib", "1.0.0")
    here = machine(environ, tmp_path / "cache")
    (never,) = select(open_project('[[grid]]\naxes.lib = ["latest"]\n', index.url), here, offline=True).matrix.combos
    assert never.unselected is not None and never.unselected[0] == "offline"

    select(open_project('[[grid]]\naxes.lib = ["latest"]\n', index.url), here)
    build_wheel(index.folder, "lib", "1.0.1")
    (known,) = select(open_project('[[grid]]\naxes.lib = ["latest"]\n', index.url), here, offline=True).matrix.combos
    assert (known.versions, known.unselected) == ((("lib", "1.0.0"),), None)


def flask_and_werkzeug(folder: Path) -> None:
    """Write wheels with the names, versions and requirements of the real ones."""
    for version, requires in (("2.0.3", ">=2.0"), ("2.3.3", ">=2.3.7"), ("3.0.3", ">=3.0.0")):
        build_wheel(folder, "flask", version, requires=(f"Werkzeug{requires}",))
    for version in ("2.0.3", "2.2.3", "3.0.0"):
        build_wheel(folder, "werkzeug", version)


WEB = """
[[grid]]
axes.flask = ["2.0.3", "2.3.3", "3.0.3"]
axes.werkzeug = ["2.0.3", "2.2.3", "3.0.0"]
"""
WEB_PROBE = '[[probe]]\nid = "web"\nsource = "import flask, werkzeug"\n'
NO_RESOLVER_CHOOSES = [
    "flask2.3.3-werkzeug2.0.3",
    "flask2.3.3-werkzeug2.2.3",
    "flask3.0.3-werkzeug2.0.3",
    "flask3.0.3-werkzeug2.2.3",
]


def unsolvable(results: Mapping[str, tuple[str, str, str]]) -> list[str]:
    return sorted(name for name, (status, _, _) in results.items() if status == "unsolvable")


def test_a_grid_installs_together_so_a_set_that_no_resolver_chooses_is_unsolvable(
    open_project: Open, index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    flask_and_werkzeug(index.folder)

    together = run(open_project(WEB, index.url, probe=WEB_PROBE), environ, tmp_path)

    assert unsolvable(together) == NO_RESOLVER_CHOOSES
    assert [status for status, _, _ in together.values()].count("pass") == 5
    # One after the other, nothing keeps the second from violating what the first requires.
    apart = run(open_project(WEB + 'axes.order = ["as-given"]\n', index.url, probe=WEB_PROBE), environ, tmp_path)
    assert not unsolvable(apart)


@pytest.mark.network
def test_the_real_flask_and_werkzeug_have_the_same_four_sets_without_a_solution(
    open_project: Open, tmp_path: Path
) -> None:
    text = WEB.replace("[[grid]]", '[[grid]]\nsteps = [["flask", "werkzeug"]]')
    project = open_project(text, "https://pypi.org/simple", probe=WEB_PROBE)
    here = machine(dict(os.environ), tmp_path / "cache")
    foreseen = plan(RunRequest(project=project, combos=project.matrix.combos, machine=here))
    assert sorted(item.facts.combo.id for item in foreseen if not item.possible) == NO_RESOLVER_CHOOSES
