"""What ``knowngood forecast`` and ``knowngood confluence`` say about packages that were planted on an index."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from support.wheels import build_wheel

if TYPE_CHECKING:
    from search.conftest import Universe

TODAY = datetime.now(UTC)


def release(
    universe: "Universe", name: str, version: str, days: int, text: str, requires: tuple[str, ...] = ()
) -> None:
    """Put a release on the index that was uploaded some days ago."""
    wheel = build_wheel(universe.index.folder, name, version, requires=requires, files={f"{name}.py": text})
    universe.index.dates[wheel.name] = f"{TODAY - timedelta(days=days):%Y-%m-%dT08:00:00Z}"


def test_an_alarm_names_the_release_and_the_day_on_which_it_gets_in(universe: "Universe") -> None:
    release(universe, "app", "1.0", 100, "import lib\nlib.call()\n", ("lib", "other"))
    release(universe, "lib", "1.0", 90, "def call(): pass\n")
    release(universe, "lib", "2.0", 3, "def renamed(): pass\n")
    release(universe, "other", "1.0", 90, "")
    release(universe, "other", "1.1", 1, "")
    combos = (("loose", '"app"'), ("held", '"app", "lib<2", "other<1.1"'), ("fine", '"app", "lib<2"'))
    universe.matrix("".join(f'[[combo]]\nid = "{name}"\nsteps = [[{line}]]\n' for name, line in combos), "import app")

    document = universe.searched("forecast")
    shown = universe.run("forecast", "loose")
    later = universe.searched("forecast", "loose", "--cooldown", "2d")
    nonsense = universe.run("forecast", "--cooldown", "soon")

    assert {each["combo"]: each["weather"] for each in document["combos"]} == {
        "loose": "alarm",
        "held": "same",
        "fine": "good",
    }
    loose, held, _ = document["combos"]
    (alarm,) = loose["alarms"]
    day = f"{TODAY + timedelta(days=4):%Y-%m-%d}"
    assert (alarm["package"], alarm["file"], alarm["gets_in"]) == ("lib", "lib-2.0-py3-none-any.whl", day)
    assert loose["confirmed"]
    assert held["tried"] == [], "equal sets run nothing"
    assert shown.returncode == 1
    assert f"lib 1.0 -> 2.0 (lib-2.0-py3-none-any.whl), gets in on {day}" in " ".join(shown.stdout.split())
    assert later["combos"][0]["weather"] == "broken", "a cooldown of two days let it in already"
    assert (nonsense.returncode, "error: invalid cooldown 'soon'" in nonsense.stderr) == (2, True)


def test_a_combo_that_failed_already_is_broken_and_the_body_of_an_issue_has_alarms(universe: "Universe") -> None:
    release(universe, "app", "1.0", 100, "import lib\nlib.call()\n", ("lib",))
    release(universe, "lib", "1.0", 90, "def call(): pass\n")
    release(universe, "lib", "2.0", 20, "def renamed(): pass\n")
    universe.matrix('[[combo]]\nid = "c"\nsteps = [["app"]]\n', "import app")
    before = universe.searched("forecast")
    universe.run("run", "--progress", "none")

    after = universe.searched("forecast")
    body = universe.run("forecast", "--cooldown", "30d", "--format", "markdown")

    assert before["combos"][0]["weather"] == "same", "nobody has seen it fail"
    (broken,) = after["combos"]
    assert (broken["weather"], broken["tried"]) == ("broken", [])
    assert "no attribute 'call'" in broken["cause"] and "knowngood timeline" in broken["cause"]
    assert body.returncode == 1, body.stderr
    day = f"{TODAY + timedelta(days=10):%Y-%m-%d}"
    assert f"| c | lib 1.0 -&#62; 2.0 | lib-2.0-py3-none-any.whl | {day} |" in body.stdout


def test_orders_of_steps_that_lead_to_other_sets_part_at_a_package(universe: "Universe") -> None:
    release(universe, "lib", "1.0", 90, "number = 1\n")
    release(universe, "lib", "2.0", 80, "number = 2\n")
    release(universe, "old", "1.0", 90, "import lib\nassert lib.number == 1, 'lib is too new'\n", ("lib<2",))
    release(universe, "late", "1.0", 80, "import lib\n", ("lib>=2",))
    release(universe, "new", "1.0", 80, "import lib\n", ("lib",))
    release(universe, "alone", "1.0", 80, "")
    universe.matrix(
        '[[combo]]\nid = "parts"\nsteps = [["old"], ["late"]]\n[[combo]]\nid = "meets"\nsteps = [["new"], ["alone"]]\n'
        '[[combo]]\nid = "one"\nsteps = [["new"]]\n',
        "import lib\nassert lib.number == 1, 'lib is too new'",
    )

    parts = universe.searched("confluence", "parts")
    meets = universe.searched("confluence", "meets")
    shown = universe.run("confluence", "parts")
    one = universe.run("confluence", "one")

    assert (parts["meets"], parts["parting"], parts["orders"]) == (False, ["lib"], 2)
    assert [(each["orders"], each["says"], each["versions"]["lib"]) for each in parts["endings"]] == [
        ([[1, 2]], "fails", "2.0"),
        ([[2, 1]], "works", "1.0"),
    ]
    assert (meets["meets"], len(meets["endings"])) == (True, 1)
    assert shown.returncode == 1
    assert "parts: all 2 orders of its steps lead to 2 different sets; they differ in lib." in shown.stdout
    assert (one.returncode, "error: one has one step" in one.stderr) == (2, True)
