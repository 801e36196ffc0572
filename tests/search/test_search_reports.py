"""What searches found is on the page and in ``matrix.md``, and what keeps it from being about the run is said."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bs4 import BeautifulSoup

if TYPE_CHECKING:
    from search.conftest import Universe

COMBO = '[[combo]]\nid = "c"\nsteps = [["app==1.0", "lib"]]\n'


def plant(universe: "Universe") -> None:
    """Plant ``app`` of three lines and ``lib`` of three: an app works with libs that are not newer than itself."""
    for line in (1, 2, 3):
        universe.release("lib", f"{line}.0", files={"lib.py": f"number = {line}\n"})
        check = f"import lib\nassert lib.number <= {line}, 'too new'\n"
        universe.release("app", f"{line}.0", requires=("lib",), files={"app.py": check})
    universe.matrix(COMBO, "import app")


def page(universe: "Universe") -> tuple[str, str]:
    """Publish a run, and return the text of its searches on the page and in ``matrix.md``."""
    result = universe.run("run", "--progress", "none", "--publish")
    assert result.returncode in (0, 1), result.stderr
    folder = universe.project.folder / "reports" / "m"
    html = BeautifulSoup((folder / "index.html").read_text(encoding="utf-8"), "html.parser").find(id="searches")
    markdown = (folder / "matrix.md").read_text(encoding="utf-8").partition("## Searches")[2]
    return html.get_text() if html is not None else "", markdown


def test_the_answers_of_searches_are_published_with_their_class_their_cost_and_their_day(
    universe: "Universe",
) -> None:
    plant(universe)
    assert page(universe) == ("", ""), "without searches there is no section"
    fix = universe.found("c")
    universe.run("frontier", "c", "lib")
    drawn = universe.run("frontier", "c", "app", "lib").stdout

    html, markdown = page(universe)

    for text in (html, markdown):
        assert "Fix of c" in text and "minimal; " in text, text
        assert "Frontier of lib in c" in text and "Map of app x lib in c" in text
        assert f"searched on {datetime.now(UTC):%Y-%m-%d}" in text
        lines = [line.strip() for line in drawn.splitlines()]
        start = next(at for at, line in enumerate(lines) if line.startswith("1.0 "))
        assert all(line in text for line in lines[start : start + 3]), "the map is drawn as on the terminal"
        assert "measured" in text and "implied" in text
        assert "disagrees" not in text and "older" not in text and "another version" not in text
    assert fix["fix"] == ["lib<2"] and "lib&lt;2" not in html and "lib<2" in html
    report = universe.project.folder / "reports" / "m"
    before = {file.name: file.read_bytes() for file in report.iterdir() if file.is_file()}
    page(universe)
    assert {file.name: file.read_bytes() for file in report.iterdir() if file.is_file()} == before


def test_a_search_that_a_run_disagrees_with_or_that_is_about_another_matrix_says_so(universe: "Universe") -> None:
    plant(universe)
    assert universe.found("c")["class"] == "minimal"
    # The same combo works once lib 4.0 is out, which app 1.0 does not mind.
    universe.release("lib", "4.0", files={"lib.py": "number = 1\n"})

    for text in page(universe):
        assert "this run disagrees: c passes here, and did not work when it was searched" in text
    universe.matrix(COMBO, "import app, lib")
    for text in page(universe):
        assert "it was about another version of the matrix file or of its probes" in text
    universe.matrix(COMBO.replace('"c"', '"d"'), "import app")
    assert page(universe) == ("", ""), "the matrix no longer has the combo"


def test_an_old_search_says_that_it_is_older_and_a_broken_file_is_passed_over(universe: "Universe") -> None:
    plant(universe)
    universe.run("frontier", "c", "lib")
    (file,) = universe.project.folder.glob(".knowngood/searches/m/*/search.json")
    old = file.parent.with_name(file.parent.name.replace(f"{datetime.now(UTC):%Y}", "2020"))
    file.parent.rename(old)
    found = json.loads((old / "search.json").read_text(encoding="utf-8")) | {"run": old.name}
    (old / "search.json").write_text(json.dumps(found), encoding="utf-8")
    broken = old.with_name("20200101-broken")
    broken.mkdir()
    (broken / "search.json").write_text("{", encoding="utf-8")

    for text in page(universe):
        assert "searched on 2020-" in text and "it is older than the verdicts of this run" in text
