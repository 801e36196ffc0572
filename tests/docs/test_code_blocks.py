"""Every code block of the README and the docs is run, or says why it is not."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from docs import commands, stand_ins
from docs.blocks import PAGES, ROOT, Block, blocks, of, split
from knowngood.declare.matrix_file import parse
from knowngood.install.index import Routes
from knowngood.judge.probes import judge_probe
from knowngood.model import InstallerName, Status
from knowngood.project.signatures import load
from support.files import MemoryFiles
from support.index import Index, serve
from support.project import Project
from support.workshop import MINOR, Workshop, launch

TLS = "DASK_DISTRIBUTED__COMM__TLS__"
NOT_RUN = {
    ("README.md", "pip install nox && nox -s matrix"),
    ("README.md", "nox -s tests"),
    ("README.md", "pip install knowngood"),
    ("README.md", "knowngood init"),
    ("README.md", "knowngood run"),
    ("CONTRIBUTING.md", "pip install nox"),
    ("CONTRIBUTING.md", "nox"),
    ("CONTRIBUTING.md", "nox -s tests -- -m network"),
    ("CONTRIBUTING.md", "nox -s tests -- -m real"),
    ("CONTRIBUTING.md", "nox -s tests -- -m browser"),
    ("CONTRIBUTING.md", "nox -s site"),
    ("CONTRIBUTING.md", "nox -s screenshots"),
    ("CONTRIBUTING.md", "nox -s bench"),
    ("CONTRIBUTING.md", "nox -s fuzz"),
    ("CONTRIBUTING.md", "nox -s soak"),
    ("CONTRIBUTING.md", "nox -s simulate"),
    ("docs/getting-started.md", "pip install knowngood nox"),
    ("docs/getting-started.md", 'nox -s matrix -- --only "old-*"'),
    ("docs/write-a-matrix.md", 'pip download --dest wheelhouse "numpy==2.0.2"'),
    ("docs/ci-recipes.md", "knowngood run shop --shard 1/2 --state-dir shard-1"),
    ("docs/ci-recipes.md", "knowngood run shop --shard 2/2 --state-dir shard-2"),
    ("docs/ci-recipes.md", "knowngood report shard-1 shard-2 --format all --output site --gate"),
    ("docs/clusters.md", "dask scheduler --host 127.0.0.1 --port 0 --scheduler-file scheduler.json"),
    ("docs/clusters.md", "dask worker --scheduler-file scheduler.json --nthreads 1 --memory-limit 0"),
    ("docs/clusters.md", "knowngood run --executor dask --scheduler scheduler.json"),
    ("docs/clusters.md", "dask scheduler --protocol tls --port 8786"),
    ("docs/clusters.md", "dask worker tls://head:8786 --nthreads 1 --memory-limit 0"),
    ("docs/clusters.md", "knowngood run --executor dask --scheduler tls://head:8786"),
    ("docs/clusters.md", f"export {TLS}CA_FILE=ca.pem"),
    ("docs/clusters.md", f"export {TLS}SCHEDULER__CERT=cert.pem {TLS}SCHEDULER__KEY=key.pem"),
    ("docs/clusters.md", f"export {TLS}WORKER__CERT=cert.pem {TLS}WORKER__KEY=key.pem"),
    ("docs/clusters.md", f"export {TLS}CLIENT__CERT=cert.pem {TLS}CLIENT__KEY=key.pem"),
    (
        "docs/clusters.md",
        "sbatch --array=1-64 --cpus-per-task=4 --mem=16G --time=01:00:00 --wrap 'dask worker --scheduler-file "
        "~/knowngood/scheduler.json --nthreads 1 --memory-limit 0 --lifetime 55m --lifetime-stagger 5m'",
    ),
}
"""The commands that no test of the docs runs, because they would install gigabytes or do not end by themselves. Their
verbs and options are checked."""

LANGUAGES = {"console", "docker", "json", "markdown", "python", "text", "toml", "yaml"}

PYPROJECT = '[project]\nname = "shop"\nversion = "1.0"\n[dependency-groups]\ntests = ["pytest"]\n'
"""For matrices on pages that show no pyproject.toml."""

TEXT = {"docs/index.md", "docs/timeline.md"}
"""Pages with a block of plain text; another test compares it with its origin."""

DATED = {"docs/timeline.md"}
"""Pages about time: their index says when files were uploaded."""

STORY = "docs/getting-started.md"
"""The page that creates the project that the other pages use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """The project of the pages, and an index with its packages."""

    project: Project
    index: Index

    def write(self, block: Block) -> None:
        """Write a block to the file that its caption names."""
        path = self.project.folder / block.caption
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            block.text.replace('"3.11"', f'"{MINOR}"').replace("==3.11.*", f"=={MINOR}.*"), encoding="utf-8"
        )

    def run(self, words: list[str]) -> "subprocess.CompletedProcess[str]":
        """Run a knowngood command against this index."""
        return self.project.run(*words, folder=self.project.folder, **self.variables())

    def variables(self) -> dict[str, str]:
        """Return the environment variables that a command needs, to use this index and no cached verdict."""
        cache = str(self.project.folder / ".cache")
        return {"UV_DEFAULT_INDEX": self.index.url, "XDG_CACHE_HOME": cache, "COLUMNS": "110"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("index")
    stand_ins.build(folder)
    with serve(folder) as running:
        yield running


@pytest.fixture(scope="module")
def dated(index: Index) -> Iterator[Index]:
    """Serve the same packages with the days on which the real ones were uploaded."""
    with serve(index.folder) as running:
        running.dates |= stand_ins.DATES
        yield running


@pytest.fixture
def shop(tmp_path: Path, index: Index) -> Shop:
    return Shop(project=Project(folder=tmp_path), index=index)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str], index: Index) -> Path:
    """Return the Python of an environment in which the probes of the pages pass."""
    workshop = Workshop(folder=tmp_path_factory.mktemp("workshop"), environ=environ)
    facts = workshop.carry_out(InstallerName.UV, (("flask==3.0.3", "numpy"),), Routes(default=index.url))
    assert facts.steps[-1].installed, facts
    return workshop.environment().python


def plain(lines: str) -> str:
    """Return output without what differs between runs: times, days, run ids, the patch of Python, column widths."""
    for pattern, replacement in (
        (r"\b\d+(\.\d+)?s\b", "0s"),
        (r"\b\d{8}-\d{6}-\w+", "RUN"),
        (r"\b\d{4}-\d{2}-\d{2}\b", "DAY"),
        (rf"\b({re.escape(MINOR)}|3\.11)\.\d+\b", "PYTHON"),
        (r"-{3,}", "---"),
        (r" {2,}", "  "),
    ):
        lines = re.sub(pattern, replacement, lines)
    return "\n".join(line.rstrip() for line in lines.splitlines())


def assert_shown(shown: tuple[str, ...], output: str) -> None:
    """Fail unless the output consists of the shown lines in order; ``…`` stands for any lines."""
    parts = [part.strip("\n") for part in re.split(r"^…$", plain("\n".join(shown)), flags=re.MULTILINE)]
    pattern = r"[\s\S]*".join(re.escape(part) for part in parts)
    assert re.fullmatch(rf"\s*{pattern}\s*", plain(output)), f"{plain(output)}\n--- is not what is shown:\n{shown}"


@pytest.mark.parametrize("page", PAGES)
def test_every_code_block_has_a_language_that_is_tested(page: str) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES or block.language.startswith("{"), str(block)
        assert block.language != "text" or page in TEXT, f"{block}: no test would notice when it goes stale"


def test_commands_that_no_test_runs_are_marked_and_listed() -> None:
    marked = set()
    for block in of("console"):
        for line, _ in block.commands():
            if block.not_run or not block.page.startswith("docs/"):
                marked.add((block.page, line.partition("  #")[0].partition(" #")[0].strip()))
            else:
                assert line.startswith("knowngood "), f"{block}: {line} needs a comment that says why it is not run"
    assert marked == NOT_RUN
    assert not [str(block) for block in of(*(LANGUAGES - {"console"})) if block.not_run]


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_every_toml_block_is_a_valid_matrix_or_signatures_file(block: Block, tmp_path: Path) -> None:
    if block.caption == "signatures.toml":
        file = tmp_path / block.caption
        file.write_text(block.text, encoding="utf-8")
        assert load(file)
        return
    if block.caption.endswith("pyproject.toml"):
        assert tomllib.loads(block.text)["project"]
        return
    page = [other.text for other in blocks(block.page) if other.language == "toml"]
    whole = next(text for text in page if "[[combo]]" in text or "[[grid]]" in text)
    # A fragment belongs below the first complete matrix of the page.
    text = block.text if "[[combo]]" in block.text or "[[grid]]" in block.text else f"{whole}\n{block.text}"
    files = {other.caption: other.text for other in blocks(block.page) if other.caption}
    files |= {"requirements.txt": "numpy\n", "constraints.txt": "numpy<3\n"}
    files.setdefault("pyproject.toml", PYPROJECT)

    assert parse(text, path=Path("example.toml"), project=ROOT, files=MemoryFiles(files)).combos


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_every_python_block_is_a_passing_probe_or_a_script_that_runs(
    block: Block, request: pytest.FixtureRequest, shop: Shop, tmp_path: Path
) -> None:
    if not block.caption or block.caption.startswith("probes/"):
        facts = launch(block.text, tmp_path, python=request.getfixturevalue("python"))
        verdict, _, message = judge_probe(facts)
        assert verdict.status is Status.PASS, message + facts.action.output
        return
    shop.write(block)
    match block.caption:
        case "noxfile.py":
            command = [sys.executable, "-m", "nox", "--list"]
        case "conf.py":
            extensions = next(node for node in ast.parse(block.text).body if isinstance(node, ast.Assign))
            command = [sys.executable, "-c", f"import {', '.join(ast.literal_eval(extensions.value))}"]
        case _:
            story(shop)
            command = [sys.executable, block.caption]
    env = shop.project.environment(**shop.variables())
    folder = shop.project.folder
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout or block.caption == "conf.py"


def story(shop: Shop) -> None:
    """Create the project as it is at the end of getting-started: run once, published and accepted."""
    for block in blocks(STORY):
        if block.caption:
            shop.write(block)
    done = shop.run(["run", "--publish", "--accept"])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", sorted({block.page for block in of("console") if block.page.startswith("docs/")}))
def test_the_output_shown_on_a_page_is_what_the_command_prints(page: str, shop: Shop, dated: Index) -> None:
    if page in DATED:
        shop = replace(shop, index=dated)
    if page != STORY:
        story(shop)
    for block in blocks(page):
        if block.caption:
            shop.write(block)
        if block.language == "console" and not block.not_run:
            for line, shown in block.commands():
                done = shop.run(split(line)[0][1:])
                assert "Traceback" not in done.stderr and done.returncode in (0, 1), done.stdout + done.stderr
                assert_shown(shown, done.stdout)


@pytest.mark.parametrize("block", of("console"), ids=str)
def test_every_command_on_a_page_uses_existing_verbs_sessions_and_options(block: Block) -> None:
    for line, _ in block.commands():
        for command in split(line):
            commands.check(command)


def test_every_json_and_yaml_block_can_be_parsed() -> None:
    for block in of("json"):
        json.loads(block.text)
    for block in of("yaml"):
        yaml.safe_load(block.text)


@pytest.mark.parametrize("path", [".github/workflows/matrix.yml", "docs/recipes/gitlab-ci.yml"])
def test_a_ci_recipe_uses_only_existing_verbs_sessions_and_options(path: str) -> None:
    recipe = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    lines = [line for script in _scripts(recipe) for line in script.replace("\\\n", " ").splitlines()]
    ours = [command for line in lines for command in _commands(line) if command[0] in ("knowngood", "nox")]

    assert len(ours) > 3
    for command in ours:
        commands.check(command)


def _commands(line: str) -> list[list[str]]:
    """Return the commands of a line of a script, or none if a quotation spans several lines."""
    try:
        return split(line)
    except ValueError:
        return []


def _scripts(value: object) -> Iterator[str]:
    """Yield every string of a recipe."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _scripts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _scripts(item)


def test_the_story_of_the_timeline_is_that_of_the_published_report() -> None:
    story = next(block.text for block in of("text") if block.page == "docs/timeline.md")
    report = json.loads((ROOT / "reports" / "embedding" / "matrix.json").read_text(encoding="utf-8"))
    cell = next(cell for cell in report["cells"] if cell["combo"] == "modern-loose")
    ((package, works, fails),) = cell["diagnosis"]["verified"]["bounds"]
    page = (ROOT / "docs" / "timeline.md").read_text(encoding="utf-8")
    steps = next(
        block.text for block in of("toml") if "modern-loose" in block.text and block.page == "docs/timeline.md"
    )

    (broke,) = [line for line in story.splitlines() if "broke on" in line]
    assert re.fullmatch(rf"modern-loose broke on 20\d\d-\d\d-\d\d: {package} {works} -> {fails}\.", broke)
    assert f"fails with the new {package}, and" in story
    assert f"`{cell['diagnosis']['fix'][0]}`: {works} works and {fails} does not" in page
    assert [list(step) for step in tomllib.loads(steps)["combo"][0]["steps"]] == cell["steps"]


def test_the_table_on_the_first_page_is_the_one_of_getting_started() -> None:
    table = next(block.text for block in of("text") if block.page == "docs/index.md")
    run = next(block.text for block in blocks(STORY) if block.language == "console" and "combo  " in block.text)

    assert table in run
