"""The reference agrees with the code, and the pages name only what the code knows."""

import re

import click
import pytest
from markdown_it import MarkdownIt

import knowngood
from docs import commands
from docs.blocks import DOCS, PAGES, ROOT, split
from docs.conftest import Site
from knowngood.cli.main import main
from knowngood.declare.probe_table import ProbeTable
from knowngood.declare.schema import (
    AssetTable,
    ComboTable,
    ExpectTable,
    IndexTable,
    KnownTable,
    MatrixTable,
    Table,
)
from knowngood.errors import ExitCode
from knowngood.model import Reason, Status
from knowngood.report.formats import FORMATS

SOURCE = ROOT / "src" / "knowngood"
TABLES = {
    "## `[matrix]`": MatrixTable,
    "## `[[combo]]`": ComboTable,
    "## `[[probe]]`": ProbeTable,
    "## `[index.NAME]`": IndexTable,
    "## `[asset.NAME]`": AssetTable,
    "## `expect`": ExpectTable,
    "## `[[known]]`": KnownTable,
}
OF_OTHERS = {
    "--doctest-modules",
    "--help",
    *("--config-settings", "--exclude-newer", "--extra-index-url", "--find-links", "--group", "--index-url"),
    *("--no-binary", "--no-build-isolation", "--no-cache-dir", "--no-deps", "--only-binary", "--pre", "--prerelease"),
    *("--require-hashes", "--resolution", "--upgrade"),
    *("--lifetime", "--memory-limit", "--nthreads", "--protocol"),
}
"""Options on our pages that no verb declares: click adds the first to every verb, others belong to pip, uv and Dask."""


def verbs(group: click.Group = main, path: str = "knowngood") -> dict[str, click.Command]:
    """Return every verb, including those of groups, by what a user types."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if not command.hidden:
            found[f"{path} {name}"] = command
            if isinstance(command, click.Group):
                found |= verbs(command, f"{path} {name}")
    return found


def codes(page: str) -> list[str]:
    """Return the code spans of a page."""
    tokens = MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text(encoding="utf-8"))
    inline = [child for token in tokens if token.type == "inline" for child in token.children or ()]
    return [child.content for child in inline if child.type == "code_inline"]


def test_every_verb_and_every_option_is_in_the_reference_with_its_default(site: Site) -> None:
    page, text = site.pages["reference/cli.html"], site.text("reference/cli.html")

    for path, command in verbs().items():
        assert page.find(id=path.replace("knowngood", "cli").replace(" ", "-")), path
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                label = f"cmdoption-{path}-{option.opts[0].lstrip('-')}".replace(" ", "-")
                assert page.find(id=label), f"{path} {option.opts[0]}"
                default = re.search(r"\[default: (.+)\]", option.help or "")
                assert default is None or f"Default: {default[1]}." in text


def test_every_exit_code_status_and_reason_is_in_the_reference(site: Site) -> None:
    codes = {cell.get_text() for cell in site.pages["reference/exit-codes.html"].select("td:first-child code")}
    statuses = {cell.get_text() for cell in site.pages["verdicts.html"].select("td:first-child code")}
    reasons = site.pages["reference/reasons.html"]

    assert {str(int(code)) for code in ExitCode} == codes
    assert set(Status) <= statuses
    assert [term.get_text().split()[0] for term in reasons.select("dt")] == [str(reason) for reason in Reason]
    assert all(reasons.find(id=f"reason-{reason}") for reason in Reason)


def test_a_reason_is_listed_with_every_status_that_the_rules_give_it(site: Site) -> None:
    terms = [re.findall(r"[\w-]+", term.get_text()) for term in site.pages["reference/reasons.html"].select("dt")]
    statuses = {reason: listed for reason, *listed in terms}
    rules = [path for room in ("judge", "install") for path in sorted((SOURCE / room).rglob("*.py"))]
    source = "\n".join(path.read_text(encoding="utf-8") for path in rules)
    pairs = set(re.findall(r"Status\.([A-Z_]+),\s+Reason\.([A-Z_]+)", source))

    assert len(pairs) > 20
    for status, reason in pairs:
        assert str(Status[status]) in statuses[Reason[reason]], f"{reason} as {status}"


def test_every_format_is_in_the_reference(site: Site) -> None:
    text = site.text("reference/formats.html")

    assert [name for name in FORMATS if name not in text] == []


def _keys(table: type[Table]) -> list[str]:
    return [field.alias or name for name, field in table.model_fields.items()]


@pytest.mark.parametrize(("heading", "table"), TABLES.items(), ids=str)
def test_every_key_of_a_matrix_file_is_explained_under_its_table(heading: str, table: type[Table]) -> None:
    page = (DOCS / "write-a-matrix.md").read_text(encoding="utf-8")
    section = page.split(f"\n{heading}\n")[1].split("\n## ")[0]

    assert [key for key in _keys(table) if f"`{key}`" not in section] == []


def test_every_status_has_a_section_that_says_what_to_do() -> None:
    page = (DOCS / "verdicts.md").read_text(encoding="utf-8")
    titles = " ".join(re.findall(r"^### (.+)$", page, re.MULTILINE))

    assert [status for status in Status if f"`{status}`" not in titles] == []


def test_everything_in_probe_api_is_explained() -> None:
    source = (SOURCE / "probe" / "in_env" / "probe_api.py").read_text(encoding="utf-8")
    public = re.findall(r'"(\w+)"', next(line for line in source.splitlines() if line.startswith("__all__")))
    page = (DOCS / "write-a-probe.md").read_text(encoding="utf-8")

    assert public
    assert [name for name in public if not re.search(rf"^`{name}\b", page, re.MULTILINE)] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_only_verbs_sessions_and_options_that_exist(page: str) -> None:
    taken = [option for verb in verbs().values() for option in verb.params]
    options = {name for option in taken for name in (*option.opts, *option.secondary_opts)} | OF_OTHERS
    for code in codes(page):
        words = code.split()
        ours = words[:1] == ["knowngood"] and len(words) > 1 and words[1].islower()
        if ours or words[:2] == ["nox", "-s"]:
            commands.check(split(code)[0])
        elif words and words[0].startswith("--") and words[0] != "--":
            assert words[0].partition("=")[0] in options, f"{page}: {code}"


def test_the_version_of_the_site_is_that_of_the_package(site: Site) -> None:
    options = (site.folder / "_static" / "documentation_options.js").read_text(encoding="utf-8")

    assert f"VERSION: '{knowngood.__version__}'" in options
