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
    said = " ".join(shown.stdout.split())
    assert f"loose breaks on {day}: lib 1.0 -> 2.0 (lib-2.0-py3-none-any.whl), admitted on {day}" in said
    assert later["combos"][0]["weather"] == "broken", "a cooldown of two days let it in already"
    assert (nonsense.returncode, "error: invalid cooldown 'soon'" in nonsense.stderr) == (2, True)


def test_the_first_of_several_held_back_releases_that_breaks_a_combo_is_named_with_its_own_day(
    universe: "Universe",
) -> None:
    release(universe, "app", "1.0", 100, "import lib\nlib.call()\n", ("lib", "other"))
    for version, days, text in (("1.0", 90, "call"), ("1.1", 6, "call"), ("1.2", 4, "renamed"), ("1.3", 2, "renamed")):
        release(universe, "lib", version, days, f"def {text}(): pass\n")
    for version, days in (("1.0", 90), ("1.1", 5), ("1.2", 1)):
        release(universe, "other", version, days, "")
    universe.matrix('[[combo]]\nid = "c"\nsteps = [["app"]]\n', "import app")

    (combo,) = universe.searched("forecast")["combos"]

    day = f"{TODAY + timedelta(days=3):%Y-%m-%d}"
    assert combo["waiting"] == [
        {"package": "lib", "from": "1.0", "to": "1.3"},
        {"package": "other", "from": "1.0", "to": "1.2"},
    ]
    (alarm,) = combo["alarms"]
    assert (alarm["from"], alarm["to"], alarm["gets_in"]) == ("1.1", "1.2", day)
    assert (combo["breaks"], combo["confirmed"]) == (day, True)


def test_a_combo_that_is_broken_already_names_the_release_that_did_it_and_its_day(universe: "Universe") -> None:
    release(universe, "app", "1.0", 100, "import lib\nlib.call()\n", ("lib",))
    release(universe, "lib", "1.0", 90, "def call(): pass\n")
    release(universe, "lib", "1.1", 60, "def call(): pass\n")
    release(universe, "lib", "2.0", 20, "def renamed(): pass\n")
    universe.matrix('[[combo]]\nid = "c"\nsteps = [["app"]]\n', "import app")
    before = universe.searched("forecast")
    universe.run("run", "--progress", "none")

    after = universe.searched("forecast")
    shown = universe.run("forecast")
    body = universe.run("forecast", "--cooldown", "30d", "--format", "markdown")
    release(universe, "lib", "2.1", 1, "def call(): pass\n")
    soon = universe.searched("forecast")

    assert before["combos"][0]["weather"] == "same", "nobody has seen it fail"
    (broken,) = after["combos"]
    day = f"{TODAY - timedelta(days=13):%Y-%m-%d}"
    (alarm,) = broken["alarms"]
    assert (broken["weather"], broken["breaks"], broken["works_later"]) == ("broken", day, False)
    assert (alarm["from"], alarm["to"], alarm["gets_in"], broken["confirmed"]) == ("1.1", "2.0", day, True)
    assert "no attribute 'call'" in broken["cause"]
    said = " ".join(shown.stdout.split())
    assert f"broken: c broke on {day}: lib 1.1 -> 2.0 (lib-2.0-py3-none-any.whl), admitted on {day}" in said
    assert body.returncode == 1, body.stderr
    later = f"{TODAY + timedelta(days=10):%Y-%m-%d}"
    assert f"| c | breaks | {later} | lib 1.1 -&#62; 2.0 | lib-2.0-py3-none-any.whl | {later} |" in body.stdout
    assert (soon["combos"][0]["weather"], soon["combos"][0]["works_later"]) == ("broken", True)


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
