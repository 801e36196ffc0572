"""README and DESIGN agree with the code and with the published report."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from knowngood.report import matrix_reader
from knowngood.report.embed.markers import Language, Request, markdown, replace, slots
from knowngood.report.embed.parts import Show, parts

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DESIGN = (ROOT / "DESIGN.md").read_text(encoding="utf-8")
SOURCE = ROOT / "src" / "knowngood"


def committed(path: str) -> str:
    """Return a file as committed, so that the tests also pass in a checkout whose report is newer."""
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        pytest.skip("not a checkout with a commit")
    return shown.stdout


def test_the_table_in_the_readme_is_the_one_of_the_published_report() -> None:
    page = committed("README.md")
    run = matrix_reader.loads(committed("reports/embedding/matrix.json"))
    asked = [slot.request for slot in slots(page, Language.MARKDOWN)]
    block = markdown(parts(run, Show.TABLE), evidence="reports/embedding/matrix.md")

    assert asked == [Request(matrix="embedding", show=Show.TABLE)]
    assert replace(page, {asked[0]: block}, Language.MARKDOWN) == page


def test_the_published_report_includes_every_combo_of_the_matrix() -> None:
    matrix = tomllib.loads(committed("matrices/embedding.toml"))
    report = committed("reports/embedding/matrix.md")

    for combo in matrix["combo"]:
        assert f"\n## {combo['id']}\n" in report


def paths_named_by_the_design() -> set[Path]:
    """Return the folders and modules that DESIGN.md names in code spans; one that does not exist fails the test.

    A path is relative to the repository, to ``src/knowngood``, or to a folder that is named before it in the same
    paragraph, table row or item, or to a parent of that folder.
    """
    paths: set[Path] = set()
    for block in re.split(r"\n(?=\n|\||- |\d+\. )", DESIGN):
        bases = [ROOT, SOURCE]
        for name in re.findall(r"`([\w./-]+(?:/|\.py))`", block):
            if name.startswith(".knowngood/"):
                continue
            places = [base / name for base in bases if (base / name).exists()]
            assert places, f"DESIGN.md names {name}, which does not exist"
            paths.add(places[0])
            folder = places[0] if places[0].is_dir() else places[0].parent
            bases += [base for base in (folder, *folder.parents) if SOURCE in base.parents]
    return paths


def test_the_design_names_every_folder_and_every_top_level_module_by_path() -> None:
    folders = {path.parent for path in SOURCE.rglob("__init__.py")} - {SOURCE}
    modules = set(SOURCE.glob("*.py")) - {SOURCE / "__init__.py", SOURCE / "__main__.py"}

    missing = (folders | modules) - paths_named_by_the_design()

    assert sorted(path.relative_to(SOURCE).as_posix() for path in missing) == []
