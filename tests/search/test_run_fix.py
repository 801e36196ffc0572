"""``run --fix`` searches for the fixes of what failed, and reports say which fixes were verified."""

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import jsonschema

from report.test_matrix_json import SCHEMA
from search.test_fix import plant
from support.project import wait_for

if TYPE_CHECKING:
    from search.conftest import Universe

BOTH = """
[[combo]]
id = "loose"
steps = [["app"]]
[[combo]]
id = "pinned"
steps = [["app", "lib==2.1"]]
expect = { status = "fail" }
"""


def diagnoses(universe: "Universe", run: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the diagnosis of each failing combo of the newest run, or of the one whose id is given."""
    result = universe.run("report", *([run] if run else []), "--format", "json")
    document = json.loads(result.stdout)
    jsonschema.validate(document, SCHEMA)
    return {cell["combo"]: cell["diagnosis"] for cell in document["cells"] if cell["diagnosis"]}


def test_a_run_finds_and_verifies_the_fix_of_every_unexpected_failure(universe: "Universe") -> None:
    plant(universe)
    universe.matrix(BOTH, "import app")

    result = universe.run("run", "--fix", "m")
    found = diagnoses(universe)

    assert result.returncode == 1, result.stderr
    assert "fix lib<2 (verified)" in result.stdout
    assert "fix     loose: lib<2 (verified, minimal)" in result.stdout
    assert (found["loose"]["fix"], found["loose"]["fix_state"]) == (["lib<2"], "verified")
    assert found["loose"]["verified"]["steps"] == [["app", "lib<2"]]
    assert found["loose"]["verified"]["bounds"] == [["lib", "1.2", "2.0"]]
    assert found["pinned"]["verified"] is None
    assert found["pinned"]["fix_state"] in ("offered", None)


def test_what_was_verified_comes_back_with_a_verdict_that_is_reused(universe: "Universe") -> None:
    plant(universe)
    universe.matrix(BOTH, "import app")
    assert "(verified)" not in universe.run("run").stdout

    fixed = universe.fix("loose")
    again = universe.run("run", "--fix=all")
    third = universe.run("run")

    assert "fix lib<2 (verified)" in fixed.stdout
    assert "fix     pinned: lib<2 (verified" in again.stdout
    assert "fix     loose" not in again.stdout, "it came with the verdict"
    assert third.stdout.count("fix lib<2 (verified)") >= 2
    assert {each["fix_state"] for each in diagnoses(universe).values()} == {"verified"}


def test_every_report_says_which_fixes_were_verified(universe: "Universe") -> None:
    plant(universe)
    universe.matrix(BOTH, "import app")
    universe.run("run", "--fix")

    for form in ("table", "markdown", "html", "junit", "ctrf"):
        result = universe.run("report", "--format", form)
        assert result.returncode == 0, (form, result.stderr)
        text = result.stdout.replace("&lt;", "<").replace("`", "").replace("</code>", "").replace("<code>", "")
        assert "verified" in text, form
    explained = universe.run("explain", "loose").stdout

    assert "lib<2" in explained
    assert "verified in " in explained
    assert "lib 1.2 works, 2.0 does not" in explained


def test_an_export_of_a_failing_combo_names_the_fix_that_was_verified(universe: "Universe") -> None:
    plant(universe)
    universe.matrix(BOTH, "import app")
    universe.run("run", "--fix")

    refused = universe.run("export", "loose")
    files = [
        universe.run("export", "loose", "--anyway", "--format", format_)
        for format_ in ("requirements", "dockerfile", "pylock")
    ]

    assert refused.returncode == 2
    assert "it passes with lib<2 (verified): `knowngood fix loose --write` adds that combo" in refused.stderr
    assert all("# FIX        lib<2 (verified)" in file.stdout for file in files), [file.stderr for file in files]
    assert "FIX" not in universe.run("export", "pinned", "--anyway").stdout, "nobody searched for its fix"


def test_a_fix_without_a_search_is_only_offered(universe: "Universe") -> None:
    plant(universe)
    universe.matrix(BOTH, "import app")

    result = universe.run("run")

    assert "(offered)" in result.stdout
    assert {each["fix_state"] for each in diagnoses(universe).values()} == {"offered"}


def test_the_budget_of_a_run_ends_the_searches_and_the_run_keeps_its_verdicts(universe: "Universe") -> None:
    plant(universe)
    universe.matrix(BOTH, "import app, time\nif hasattr(__import__('lib'), 'old'): time.sleep(60)")

    result = universe.run("run", "--fix", "--budget", "15s")

    assert result.returncode == 1, result.stdout + result.stderr
    assert "fix     loose: none found: " in result.stdout
    assert diagnoses(universe)["loose"]["verified"] is None


def test_a_run_whose_searches_the_user_stopped_is_complete_and_is_not_published(universe: "Universe") -> None:
    plant(universe)
    universe.matrix('[[combo]]\nid = "loose"\nsteps = [["app"]]\n', "import time; time.sleep(0.5)\nimport app")
    project = universe.project
    process = subprocess.Popen(
        project.command("run", "--fix", "--publish"),
        cwd=project.folder,
        env=project.environment(**universe.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    searches = project.folder / ".knowngood" / "searches"
    wait_for(lambda: any(searches.glob("*/*/events.jsonl")), seconds=120)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    published = project.folder / "reports" / "m" / "matrix.json"

    assert process.returncode == 130, errors
    assert "the run is not published" in errors
    assert "SIGINT ended the searches for fixes" in errors
    assert not published.exists()
    assert universe.run("publish").returncode == 0
    assert published.exists()
