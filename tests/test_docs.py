"""README and DESIGN say what is so."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from knowngood.declare.file import parse
from knowngood.report.embed.document import judged
from knowngood.report.embed.markers import Language, Request, replace, slots
from knowngood.report.embed.parts import Show, parts
from knowngood.report.embed.writers import markdown

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)


def committed(path: str) -> str:
    """Return a file as it was committed: whoever runs the matrix has a newer report, and the tests still pass."""
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        pytest.skip("not a checkout with a commit")
    return shown.stdout


def test_the_table_in_the_readme_is_that_of_the_published_report() -> None:
    page = committed("README.md")
    run = judged(json.loads(committed("reports/embedding/matrix.json")))
    asked = [slot.request for slot in slots(page, Language.MARKDOWN)]
    block = markdown(parts(run, Show.TABLE), evidence="reports/embedding/matrix.md")

    assert asked == [Request(matrix="embedding", show=Show.TABLE)]
    assert replace(page, {asked[0]: block}, Language.MARKDOWN) == page


def test_the_published_report_tells_of_every_combo_of_the_matrix() -> None:
    matrix = tomllib.loads(committed("matrices/embedding.toml"))
    report = committed("reports/embedding/matrix.md")

    for combo in matrix["combo"]:
        assert f"\n## {combo['id']}\n" in report


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_matrix_in_the_readme_is_a_matrix(example: str) -> None:
    # What is no matrix by itself is meant to stand below the first one.
    whole = example if "[[combo]]" in example or "[axes]" in example else f"{EXAMPLES[0]}\n{example}"
    matrix = parse(whole, path=Path("example.toml"), project=ROOT, read_probe=lambda path: None)

    assert matrix.combos


def test_the_design_names_every_module_and_no_other() -> None:
    design = (ROOT / "DESIGN.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:\w+/)*(\w+\.py)`", design))
    modules = {path.name for path in (ROOT / "src" / "knowngood").rglob("*.py")} - {"__init__.py", "__main__.py"}

    assert modules <= named
    assert named - modules <= {"noxfile.py"}
