"""Every code block of README and docs is run, or says why it is not."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from docs import commands, stand_ins
from docs.blocks import PAGES, ROOT, Block, blocks, of, split
from knowngood.declare.file import parse
from knowngood.install.index import Routes
from knowngood.judge.probes import judge_probe
from knowngood.model import InstallerName, Status
from knowngood.project.signatures import load
from support.index import Index, serve
from support.project import Project
from support.workshop import MINOR, Workshop, launch

NOT_RUN = {
    ("README.md", "pip install nox && nox -s matrix"),
    ("README.md", "nox -s tests"),
    ("CONTRIBUTING.md", "pip install nox"),
    ("CONTRIBUTING.md", "nox"),
    ("CONTRIBUTING.md", "nox -s tests -- -m network"),
    ("CONTRIBUTING.md", "nox -s tests -- -m real"),
    ("CONTRIBUTING.md", "nox -s tests -- -m browser"),
    ("CONTRIBUTING.md", "nox -s site"),
    ("CONTRIBUTING.md", "nox -s bench"),
    ("docs/getting-started.md", "pip install knowngood nox"),
    ("docs/getting-started.md", 'nox -s matrix -- --only "old-*"'),
    ("docs/ci-recipes.md", "knowngood run shop --shard 1/2 --state-dir shard-1"),
    ("docs/ci-recipes.md", "knowngood run shop --shard 2/2 --state-dir shard-2"),
    ("docs/ci-recipes.md", "knowngood report shard-1 shard-2 --format all --output site --gate"),
}
"""The commands that no test runs: they would fill an index's worth of environments. Their words are checked."""

LANGUAGES = {"console", "json", "markdown", "python", "text", "toml", "yaml"}

TEXT = {"docs/index.md"}
"""Pages with a block that is only text; another test tells where it comes from."""

STORY = "docs/getting-started.md"
"""The page that makes the project that other pages go on with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """The project of the pages, and the index that has its packages."""

    project: Project
    index: Index

    def write(self, block: Block) -> None:
        """Write a block with a caption to the file that it names."""
        path = self.project.folder / block.caption
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text.replace('"3.11"', f'"{MINOR}"'), encoding="utf-8")

    def run(self, words: list[str]) -> "subprocess.CompletedProcess[str]":
        """Run a command of ours as a user of this index would."""
        # With a cache of its own: what an earlier test found out must not be taken over.
        cache = str(self.project.folder / ".cache")
        return self.project.run(*words, UV_DEFAULT_INDEX=self.index.url, XDG_CACHE_HOME=cache, COLUMNS="110")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("index")
    stand_ins.build(folder)
    with serve(folder) as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path, index: Index) -> Shop:
    return Shop(project=Project(folder=tmp_path), index=index)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str], index: Index) -> Path:
    """The Python of an environment in which the probes of the pages pass."""
    workshop = Workshop(folder=tmp_path_factory.mktemp("workshop"), environ=environ)
    facts = workshop.carry_out(InstallerName.UV, (("flask==3.0.3", "numpy"),), Routes(default=index.url))
    assert facts.steps[-1].installed, facts
    return workshop.environment().python


def plain(lines: str) -> str:
    """Return output without what differs from run to run: times, days, ids of runs, the patch of Python, columns."""
    for pattern, kept in (
        (r"\b\d+(\.\d+)?s\b", "0s"),
        (r"\b\d{8}-\d{6}-\w+", "RUN"),
        (r"\b\d{4}-\d{2}-\d{2}\b", "DAY"),
        (rf"\b({re.escape(MINOR)}|3\.11)\.\d+\b", "PYTHON"),
        (r"-{3,}", "---"),
        (r" {2,}", "  "),
    ):
        lines = re.sub(pattern, kept, lines)
    return "\n".join(line.rstrip() for line in lines.splitlines())


def assert_shown(shown: tuple[str, ...], output: str) -> None:
    """Fail unless the shown lines are those of the output, in order; ``…`` stands for any lines."""
    parts = [part.strip("\n") for part in re.split(r"^…$", plain("\n".join(shown)), flags=re.MULTILINE)]
    pattern = r"[\s\S]*".join(re.escape(part) for part in parts)
    assert re.fullmatch(rf"\s*{pattern}\s*", plain(output)), f"{plain(output)}\n--- is not what is shown:\n{shown}"


@pytest.mark.parametrize("page", PAGES)
def test_every_block_has_a_language_that_a_test_knows(page: str) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES or block.language.startswith("{"), str(block)
        assert block.language != "text" or page in TEXT, f"{block}: no test would see it go stale"


def test_what_is_not_run_is_marked_and_is_a_short_closed_list() -> None:
    marked = set()
    for block in of("console"):
        for line, _ in block.commands():
            told = block.not_run or not block.page.startswith("docs/")
            if told:
                marked.add((block.page, line.partition("  #")[0].partition(" #")[0].strip()))
            else:
                assert line.startswith("knowngood "), f"{block}: {line} needs a comment that tells why it is not run"
    assert marked == NOT_RUN
    assert not [str(block) for block in of(*(LANGUAGES - {"console"})) if block.not_run]


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_toml_is_a_matrix_or_a_file_of_signatures(block: Block, tmp_path: Path) -> None:
    if block.caption == "signatures.toml":
        file = tmp_path / block.caption
        file.write_text(block.text, encoding="utf-8")
        assert load(file)
        return
    page = [one for one in blocks(block.page) if one.language == "toml"]
    whole = next(one.text for one in page if "[[combo]]" in one.text or "[axes]" in one.text)
    # What is no matrix by itself is meant to stand below the first one of the page.
    text = block.text if "[[combo]]" in block.text or "[axes]" in block.text else f"{whole}\n{block.text}"
    scripts = {one.caption: one.text for one in blocks(block.page) if one.language == "python"}

    assert parse(text, path=Path("example.toml"), project=ROOT, read_probe=scripts.get).combos


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python_is_a_probe_that_passes_or_a_script_that_runs(
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
            listed = [sys.executable, "-m", "nox", "--list"]
        case "conf.py":
            extensions = next(one for one in ast.parse(block.text).body if isinstance(one, ast.Assign))
            listed = [sys.executable, "-c", f"import {', '.join(ast.literal_eval(extensions.value))}"]
        case _:
            story(shop)
            listed = [sys.executable, block.caption]
    done = subprocess.run(listed, cwd=shop.project.folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout or block.caption == "conf.py"


def story(shop: Shop) -> None:
    """Make the project of the pages as it is at the end of the first one, run once."""
    for block in blocks(STORY):
        if block.caption:
            shop.write(block)
    done = shop.run(["run"])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", sorted({block.page for block in of("console") if block.page.startswith("docs/")}))
def test_what_a_page_shows_of_our_commands_is_what_they_print(page: str, shop: Shop) -> None:
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
def test_every_command_names_verbs_sessions_and_options_that_exist(block: Block) -> None:
    for line, _ in block.commands():
        for command in split(line):
            commands.check(command)


def test_json_and_yaml_can_be_read() -> None:
    for block in of("json"):
        json.loads(block.text)
    for block in of("yaml"):
        yaml.safe_load(block.text)


@pytest.mark.parametrize("path", [".github/workflows/matrix.yml", "docs/recipes/gitlab-ci.yml"])
def test_a_recipe_for_ci_calls_only_what_exists(path: str) -> None:
    recipe = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    lines = [line for script in _scripts(recipe) for line in script.replace("\\\n", " ").splitlines()]
    ours = [command for line in lines for command in _commands(line) if command[0] in ("knowngood", "nox")]

    assert len(ours) > 3
    for command in ours:
        commands.check(command)


def _commands(line: str) -> list[list[str]]:
    """Return the commands of a line of a script; of one that quotes across lines, none."""
    try:
        return split(line)
    except ValueError:
        return []


def _scripts(value: object) -> Iterator[str]:
    """Yield every text of a recipe."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _scripts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _scripts(one)


def test_the_table_of_the_first_page_is_that_of_the_story() -> None:
    table = next(block.text for block in of("text") if block.page == "docs/index.md")
    run = next(block.text for block in blocks(STORY) if block.language == "console" and "combo  " in block.text)

    assert table in run
