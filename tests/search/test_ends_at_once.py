"""Searches that end before they begin say that they are undecided, and crash at nothing."""

from typing import TYPE_CHECKING

import pytest

from search.test_fix import plant

if TYPE_CHECKING:
    from search.conftest import Universe


@pytest.mark.parametrize(
    "arguments",
    [
        ("fix", "c"),
        ("frontier", "c", "lib"),
        ("frontier", "c", "lib", "app"),
        ("timeline", "c"),
        ("upgrade", "c"),
        ("forecast", "c"),
        ("confluence", "c"),
    ],
)
def test_a_budget_that_is_spent_at_once_leaves_everything_unknown(
    universe: "Universe", arguments: tuple[str, ...]
) -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "c"\nsteps = [["app"], ["lib"]]\n', "import app")

    result = universe.run(*arguments, "--budget", "0.0001s")

    assert result.returncode in (0, 3) if arguments[0] == "forecast" else result.returncode == 3, result.stderr
    assert "crashed" not in result.stderr


def test_what_was_never_resolved_has_no_past(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "none"\nsteps = [["lib==9"]]\n', "import lib")

    result = universe.run("timeline", "none")

    assert result.returncode == 1
    assert "none fails today, and no earlier set of versions can be resolved." in result.stdout


def test_a_search_for_the_release_that_ends_early_blames_none(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import app")

    document = universe.searched("timeline", "loose", "--cells", "2")
    shown = universe.run("timeline", "loose", "--cells", "1")

    assert (document["course"], document["culprits"], document["ended"]) == ("undecided", [], "budget")
    assert shown.returncode == 3, shown.stdout
    assert "it broke on 2024-06-01; the search ended before the cause was known" in " ".join(shown.stdout.split())
    assert "does not work without" not in shown.stdout


def test_what_cannot_be_resolved_is_not_unreachable(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "old"\nsteps = [["lib==1.0"]]\n', "import lib")
    missing = (universe.project.folder / "lib-9.0-py3-none-any.whl").as_uri()

    result = universe.run("upgrade", "old", "--to", f"lib @ {missing}")

    assert result.returncode == 3, result.stdout
    assert "nobody can say which versions meet it: " in result.stdout
