"""Which release ``knowngood timeline`` blames, in histories that were planted on an index."""

from typing import TYPE_CHECKING

from support.wheels import build_sdist, build_wheel

if TYPE_CHECKING:
    from search.conftest import Universe

COMBO = '[[combo]]\nid = "loose"\nsteps = [["app"]]\n'


def release(universe: "Universe", name: str, version: str, day: str, text: str, requires: tuple[str, ...] = ()) -> None:
    wheel = build_wheel(universe.index.folder, name, version, requires=requires, files={f"{name}.py": text})
    universe.index.dates[wheel.name] = f"{day}T08:00:00Z"


def year(universe: "Universe", breaks: str) -> None:
    """Plant an app with two libraries that are released every month; one of them breaks the app with ``breaks``."""
    release(universe, "app", "1.0", "2025-01-01", "import lib, other\nlib.call()\n", ("lib", "other"))
    for month in range(1, 13):
        text = "def call(): pass\n" if f"1.{month}" < breaks or month < 10 else "def renamed(): pass\n"
        release(universe, "lib", f"1.{month}", f"2025-{month:02}-05", text)
        release(universe, "other", f"2.{month}", f"2025-{month:02}-20", "")


def test_the_release_and_the_file_that_broke_it_are_confirmed_both_ways(universe: "Universe") -> None:
    year(universe, "1.10")
    universe.matrix(COMBO, "import app")

    document = universe.searched("timeline", "loose", "--since", "2025-01-30")
    shown = universe.run("timeline", "loose", "--since", "2025-01-30")

    assert (document["course"], document["culprits"], document["confirmed"]) == ("broke", ["lib"], True)
    assert document["bad"]["time"] == "2025-10-05T08:00:01+00:00"
    assert (document["good"]["versions"]["lib"], document["bad"]["versions"]["lib"]) == ("1.9", "1.10")
    (moved,) = document["moved"]
    assert (moved["file"], moved["uploaded"]) == ("lib-1.10-py3-none-any.whl", "2025-10-05T08:00:00Z")
    assert document["cells"] <= 15
    assert "loose broke on 2025-10-05: lib 1.9 -> 1.10." in shown.stdout
    assert "confirmed both ways" in shown.stdout


def test_what_broke_it_last_is_blamed_in_a_history_with_an_island_that_works(universe: "Universe") -> None:
    release(universe, "app", "1.0", "2025-01-01", "import lib\nlib.call()\n", ("lib",))
    works = {"1.0", "1.1", "1.5"}
    for month, version in enumerate(("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"), 1):
        text = "def call(): pass\n" if version in works else "def renamed(): pass\n"
        release(universe, "lib", version, f"2025-{month:02}-05", text)
    universe.matrix(COMBO, "import app")

    document = universe.searched("timeline", "loose")

    assert (document["course"], document["culprits"], document["confirmed"]) == ("broke", ["lib"], True)
    (moved,) = document["moved"]
    assert (moved["from"], moved["to"]) == ("1.5", "1.6"), "1.2 broke it, too, but 1.5 repaired that"


def test_releases_that_break_only_together_are_named_together(universe: "Universe") -> None:
    check = "import lib, other\nassert not (lib.new and other.new), 'both are new'\n"
    release(universe, "app", "1.0", "2025-01-01", check, ("lib", "other", "third"))
    for name in ("lib", "other", "third"):
        release(universe, name, "1.0", "2025-01-01", "new = False\n")
        release(universe, name, "2.0", "2025-06-01", "new = True\n")
    universe.matrix(COMBO, "import app")

    document = universe.searched("timeline", "loose")

    assert (document["course"], document["culprits"], document["confirmed"]) == ("broke", ["lib", "other"], True)
    assert {each["package"]: (each["back"], each["forward"]) for each in document["moved"]} == {
        "lib": ("works", "works"),
        "other": ("works", "works"),
        "third": ("fails", "works"),
    }


def test_the_first_bad_set_shows_its_own_error_and_not_that_of_today(universe: "Universe") -> None:
    release(universe, "app", "1.0", "2025-01-01", "import lib\n", ("lib",))
    release(universe, "lib", "1.0", "2025-01-01", "")
    release(universe, "lib", "2.0", "2025-03-01", "raise ValueError('of the first')\n")
    release(universe, "lib", "3.0", "2025-06-01", "raise ValueError('of today')\n")
    universe.matrix(COMBO, "import app")

    document = universe.searched("timeline", "loose")
    shown = universe.run("timeline", "loose")

    assert document["bad"]["cause"] == "ValueError: of the first"
    assert "ValueError: of the first" in shown.stdout and "of today" not in shown.stdout


def test_what_the_past_cannot_say_is_said(universe: "Universe") -> None:
    year(universe, "1.10")
    for month in range(1, 13):
        del universe.index.dates[f"other-2.{month}-py3-none-any.whl"]
    universe.index.yanked.add("lib-1.2-py3-none-any.whl")
    universe.matrix(COMBO + '[[combo]]\nid = "fine"\nsteps = [["app", "lib<1.9"]]\n', "import app")

    loose = universe.searched("timeline", "loose")
    fine = universe.run("timeline", "fine")
    early = universe.run("timeline", "loose", "--since", "2025-11-01")
    nonsense = universe.run("timeline", "loose", "--since", "yesterday")

    assert loose["culprits"] == ["lib"]
    assert loose["approximate"] == [
        "the index of other has no dates: all of its releases count at any time",
        "releases of lib were yanked, and are left out on every day",
    ]
    assert (fine.returncode, fine.stdout.splitlines()[0]) == (0, "fine works today.")
    assert early.returncode == 1
    assert "loose fails today, and it did not work on 2025-11-02 either." in early.stdout
    assert (nonsense.returncode, "error: invalid date 'yesterday'" in nonsense.stderr) == (2, True)


def unbuildable(universe: "Universe", name: str, version: str, day: str) -> None:
    """Put a release on the index that has to be built and cannot be: with it no set can be resolved."""
    sdist = build_sdist(universe.index.folder, name, version, setup="raise SystemExit('cannot be built')\n")
    universe.index.dates[sdist.name] = f"{day}T08:00:00Z"


def test_days_on_which_there_is_no_set_are_neither_good_nor_bad(universe: "Universe") -> None:
    release(universe, "app", "1.0", "2025-01-01", "import lib\nlib.call()\n", ("lib", "gate"))
    release(universe, "lib", "1.0", "2025-01-01", "def call(): pass\n")
    release(universe, "gate", "1.0", "2025-01-01", "")
    unbuildable(universe, "gate", "2.0", "2025-03-05")
    release(universe, "gate", "3.0", "2025-07-05", "")
    release(universe, "lib", "1.1", "2025-09-05", "def renamed(): pass\n")
    universe.matrix(COMBO, "import app")

    between = universe.searched("timeline", "loose")
    release(universe, "lib", "1.0.5", "2025-05-05", "def renamed(): pass\n")
    inside = universe.searched("timeline", "loose")
    shown = universe.run("timeline", "loose")
    since = universe.run("timeline", "loose", "--since", "2025-04-01")

    (moved,) = between["moved"]
    assert (between["course"], moved["package"], moved["to"]) == ("broke", "lib", "1.1"), "it worked again in July"
    assert between["approximate"] == []
    assert (inside["course"], inside["culprits"], inside["confirmed"]) == ("broke", ["lib"], True)
    assert (inside["good"]["versions"]["gate"], inside["bad"]["versions"]["gate"]) == ("1.0", "3.0")
    gap = "from 2025-03-05 to 2025-05-05 no set of versions can be resolved: whether it was broken then is unknown"
    assert inside["approximate"] == [gap]
    assert f"approximate: {gap}" in " ".join(shown.stdout.split())
    assert since.returncode == 1
    said = " ".join(since.stdout.split())
    assert "it did not work on 2025-07-05 either; from 2025-04-02 to 2025-05-05 no set of versions can be" in said


def test_a_combo_without_a_set_today_names_what_was_uploaded_when_the_last_one_was_gone(universe: "Universe") -> None:
    release(universe, "app", "1.0", "2025-01-01", "import lib\nlib.call()\n", ("lib", "gate"))
    release(universe, "gate", "1.0", "2025-01-01", "")
    release(universe, "lib", "1.0", "2025-01-01", "def call(): pass\n")
    release(universe, "gate", "1.1", "2025-02-05", "")
    unbuildable(universe, "gate", "2.0", "2025-06-05")
    release(universe, "lib", "1.1", "2025-08-05", "def call(): pass\n")
    universe.matrix(COMBO, "import app")

    works_before = universe.searched("timeline", "loose")
    shown = universe.run("timeline", "loose")
    release(universe, "lib", "1.0.5", "2025-04-05", "def renamed(): pass\n")
    broken_before = universe.searched("timeline", "loose")

    assert (works_before["course"], works_before["released"]) == ("broke", ["gate 2.0"])
    assert works_before["bad"]["time"] == "2025-06-05T08:00:01+00:00"
    said = " ".join(shown.stdout.split())
    assert (
        "broke on 2025-06-05: since then no set of versions can be resolved; uploaded at that time: gate 2.0." in said
    )
    assert (broken_before["course"], broken_before["culprits"]) == ("broke", ["lib"])
    assert broken_before["bad"]["time"] == "2025-04-05T08:00:01+00:00"
    assert broken_before["approximate"] == ["today no set of versions can be resolved; it broke before that"]
