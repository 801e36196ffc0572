"""The CI files: what their schemas and an auditor say of them, and every step of ours carried out on loopback."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.index import Index, serve
from support.wheels import build_wheel
from support.workshop import UV

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "matrix.yml"
RECIPE = ROOT / "docs" / "recipes" / "gitlab-ci.yml"
TOOLS = Path(sys.executable).parent
SESSIONS = ("plan", "matrix", "report", "diff", "cache")

PROBE = """
[[probe]]
id = "imports"
source = '''
from probe_api import check

@check
def tiny_is_old():
    import tiny
    assert tiny.__version__ == "1.0", "@octocat ::error::tiny is " + tiny.__version__
'''
"""
COMBOS = {"old": "tiny==1.0", "loose": "tiny", "bounded": "tiny<2", "none": "tiny==9"}

GH = """#!{python}
import json, os, sys
from pathlib import Path
home = Path({home!r})
with (home / "gh.jsonl").open("a") as log:
    print(json.dumps([*sys.argv[1:], os.environ["GH_TOKEN"], os.environ["GH_REPO"]]), file=log)
body = home / "body.md"
if sys.argv[1:3] == ["issue", "list"] and body.exists() and body.read_text().startswith(os.environ["MARK"]):
    print(7)
if sys.argv[1:3] == ["issue", "view"]:
    print(body.read_text())
if "--body-file" in sys.argv:
    body.write_text(Path(sys.argv[sys.argv.index("--body-file") + 1]).read_text())
"""


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def jobs() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(WORKFLOW)["jobs"]
    return found


def tool(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(TOOLS / command[0]), *map(str, command[1:])], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("schema", "path"), [("vendor.github-workflows", WORKFLOW), ("vendor.gitlab-ci", RECIPE)], ids=["github", "gitlab"]
)
def test_the_files_fit_the_schema_of_their_ci(schema: str, path: Path) -> None:
    checked = tool("check-jsonschema", "--builtin-schema", schema, path)

    assert checked.returncode == 0, checked.stdout


def test_an_auditor_finds_nothing_in_the_workflow() -> None:
    audited = tool("zizmor", "--offline", "--no-config", "--persona", "pedantic", WORKFLOW)

    assert audited.returncode == 0, audited.stdout
    assert "No findings to report" in audited.stdout


def test_every_action_is_pinned_by_a_whole_commit_with_its_version_beside_it() -> None:
    used = re.findall(r"uses: (.+)", WORKFLOW.read_text(encoding="utf-8"))

    assert used
    assert all(re.fullmatch(r"actions/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in used)


def test_no_job_that_runs_packages_under_test_may_write_and_none_that_may_write_runs_code() -> None:
    for name, job in jobs().items():
        may_write = "write" in job["permissions"].values()
        runs = " ".join(step.get("run", "") for step in job["steps"])
        checks_out = any("checkout" in step.get("uses", "") for step in job["steps"])
        assert may_write == (name == "publish"), name
        assert not may_write or not (checks_out or re.search(r"\b(nox|pipx?|python)\b", runs)), name
        assert "timeout-minutes" in job, name
    assert load(WORKFLOW)["permissions"] == {}


def test_nothing_is_pasted_into_a_script_and_no_token_is_left_in_a_checkout() -> None:
    steps = [step for job in jobs().values() for step in job["steps"]]

    assert not [step["run"] for step in steps if "${{" in step.get("run", "")]
    assert all(step["with"]["persist-credentials"] is False for step in steps if "checkout" in step.get("uses", ""))


@dataclass
class Github:
    """As much of GitHub as the workflow needs: jobs on machines of their own, artifacts, caches, outputs, summaries."""

    folder: Path
    project: Path
    artifacts: dict[str, Path] = field(default_factory=dict)
    caches: dict[str, Path] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    """``needs.JOB.outputs.NAME`` and, within a job, ``steps.ID.outputs.NAME``."""
    said: dict[str, str] = field(default_factory=dict)
    """Name of a step -> its output."""
    summary: str = ""
    failed: list[str] = field(default_factory=list)

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call of ``gh``, then the token and the repository that it had."""
        log = self.folder / "gh.jsonl"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def run_job(self, name: str, more: Mapping[str, str] | None = None) -> None:
        """Run a job on a new machine: every step of ours for real, what actions do as far as files go."""
        job = jobs()[name]
        machine = self.folder / f"{name}-{len(list(self.folder.glob(f'{name}-*')))}"
        shutil.copytree(self.project, machine, symlinks=True)
        context = {"github.repository": "o/r", "github.token": "T", "github.run_id": "77", "github.run_attempt": "1"}
        context |= {"github.server_url": "https://ci.example"}
        context |= {"(inputs.all || github.event.schedule == '17 3 * * 0') && '1' || ''": ""}
        context |= self.outputs | dict(more or {})
        ok = True
        for step in job["steps"]:
            if ok or step.get("if") == "always()":
                done = self._action(step, machine, context) if "uses" in step else self._ours(step, machine, context)
                ok = ok and (done or step.get("continue-on-error", False))
        if not ok:
            self.failed.append(name)
        for output, value in job.get("outputs", {}).items():
            self.outputs[f"needs.{name}.outputs.{output}"] = filled(value, context)

    def _ours(self, step: Mapping[str, Any], machine: Path, context: dict[str, str]) -> bool:
        output, summary = machine / "output", machine / "summary"
        output.write_text("")
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_", "XDG_"))}
        environ |= {"HOME": str(machine / "home"), "PATH": f"{self.folder / 'bin'}:{TOOLS}:{os.environ['PATH']}"}
        environ |= {"CI": "true", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        environ |= {"PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))}
        given = load(WORKFLOW)["env"] | step.get("env", {})
        environ |= {key: filled(str(value), context) for key, value in given.items()}
        ran = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=machine,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.said[step["name"]] = self.said.get(step["name"], "") + ran.stdout
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            context[f"steps.{step['id']}.outputs.{name}"] = value
        if summary.exists():
            self.summary = summary.read_text(encoding="utf-8")
        return ran.returncode == 0

    def _action(self, step: Mapping[str, Any], machine: Path, context: Mapping[str, str]) -> bool:
        action = step["uses"].split("@")[0]
        given = {key: filled(str(value), context) for key, value in step.get("with", {}).items()}
        match action:
            case "actions/upload-artifact":
                self.artifacts[given["name"]] = kept(machine / given["path"], self.folder / "store" / given["name"])
            case "actions/download-artifact" if "name" in given:
                shutil.copytree(self.artifacts[given["name"]], machine / given["path"])
            case "actions/download-artifact":
                for name, path in self.artifacts.items():
                    if Path(name).match(given["pattern"]):
                        shutil.copytree(path, machine / given["path"] / name)
            case "actions/cache/save":
                self.caches[given["key"]] = kept(machine / given["path"], self.folder / "store" / given["key"])
            case "actions/cache/restore":
                fitting = [key for key in self.caches if key.startswith(given["restore-keys"])]
                for key in fitting[-1:]:
                    shutil.copy(self.caches[key], machine / given["path"])
            case "actions/upload-pages-artifact":
                assert (machine / given["path"] / "index.html").is_file()
            case _:  # what it does shows in nothing that is looked at here
                pass
        return True


def filled(text: str, context: Mapping[str, str]) -> str:
    """Fill in the expressions in ``text``; one that nobody thought of is an error."""
    return re.sub(r"\$\{\{ (.+?) \}\}", lambda match: context[match[1]], text)


def kept(path: Path, store: Path) -> Path:
    """Copy what an action was given, without hidden files, as the real one does."""
    store.parent.mkdir(exist_ok=True)
    if path.is_file():
        shutil.copy(path, store)
    else:
        shutil.copytree(path, store, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    return store


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Github]:
    """A project like this one: a tiny matrix, an index on loopback, the sessions made, and a published report."""
    packages, project = tmp_path / "index", tmp_path / "project"
    build_wheel(packages, "tiny", "1.0")
    project.mkdir()
    for name in ("noxfile.py", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    (project / "src").symlink_to(ROOT / "src")
    stamp = sha256((project / "pyproject.toml").read_bytes() + repr(()).encode()).hexdigest()
    for session in SESSIONS:
        place = project / ".nox" / session
        subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, place], check=True, timeout=60)
        (site,) = place.glob("lib/*/site-packages")
        ours = [path for path in sys.path if path.endswith("site-packages")]
        (site / "ours.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in ours))
        (place / "knowngood-installed").write_text(stamp, encoding="utf-8")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gh").write_text(GH.format(python=sys.executable, home=str(tmp_path)), encoding="utf-8")
    (programs / "pipx").write_text("#!/bin/sh\necho pipx $*\n", encoding="utf-8")
    for program in programs.iterdir():
        program.chmod(0o755)
    with serve(packages) as index:
        write_matrix(project, index)
        published(project)
        yield Github(folder=tmp_path, project=project)


def write_matrix(project: Path, index: Index) -> None:
    combos = "".join(
        f'\n[[combo]]\nid = "{name}"\nsteps = [["{asked}"]]\n' + ('expect = "unsolvable"\n' if name == "none" else "")
        for name, asked in COMBOS.items()
    )
    (project / "matrices").mkdir()
    text = f'[matrix]\nreference = "old"\n[index.local]\nurl = "{index.url}"\n{PROBE}{combos}'
    (project / "matrices" / "embedding.toml").write_text(text, encoding="utf-8")


def published(project: Path) -> None:
    """Run the matrix as it is, and publish the report: the baseline of what follows."""
    command = [sys.executable, "-m", "knowngood", "run", "embedding", "--state-dir", str(project.parent / "before")]
    environ = dict(os.environ) | {"XDG_CACHE_HOME": str(project.parent / "before-cache")}
    ran = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (project / "reports" / "embedding" / "matrix.json").is_file()


def test_the_whole_workflow_plans_runs_shards_merges_publishes_and_opens_one_issue(github: Github) -> None:
    build_wheel(github.folder / "index", "tiny", "2.0")  # what `loose` gets from now on

    github.run_job("plan")
    shards = json.loads(github.outputs["needs.plan.outputs.matrix"])["include"]
    for number, shard in enumerate(shards):
        more = {f"matrix.{name}": str(value) for name, value in shard.items()}
        github.run_job("matrix", {**more, "strategy.job-index": str(number)})
    github.run_job("report")
    github.run_job("publish")

    told = json.dumps(github.said, indent=1)
    assert [shard["shard"] for shard in shards] == ["1/3", "2/3", "3/3"], told
    assert github.failed == ["report"], told
    report = github.artifacts["report"]
    cells = {cell["combo"]: cell for cell in json.loads((report / "matrix.json").read_text())["cells"]}
    assert {name: cell["verdict"]["status"] for name, cell in cells.items()} == {
        "old": "pass",
        "loose": "fail",
        "bounded": "pass",
        "none": "unsolvable",
    }, told
    assert {"index.html", "junit.xml", "badge.json", "issue.md"} < {path.name for path in report.iterdir()}
    assert github.summary.startswith("# ") and "## loose: FAIL" in github.summary
    (annotation,) = github.said["Annotate"].splitlines()
    assert annotation.startswith("::error title=loose%3A FAIL")
    assert "1 regressed" in github.said["Compare with the published report"]
    gate = github.said["Fail when something is not as expected"].splitlines()
    assert gate[0].startswith("::stop-commands::") and len(gate[0]) > 40
    assert github.outputs["needs.report.outputs.diff"] == "1"
    (listed, created) = github.calls
    assert listed[:2] == ["issue", "list"] and created[-2:] == ["T", "o/r"]
    assert created[:4] == ["issue", "create", "--title", "embedding: 1 regressed, 3 unchanged"]
    body = (github.folder / "body.md").read_text(encoding="utf-8")
    assert "| tiny | 1.0 | 2.0 |" in body and "https://ci.example/o/r/actions/runs/77" in body
    assert "verdicts-77-1" in github.caches

    github.run_job("plan")

    assert re.search(r"imported [1-9]\d* verdict", github.said["Take in what is known"])
    assert len(json.loads(github.outputs["needs.plan.outputs.matrix"])["include"]) == 1, "nothing is left to run"


def on_gitlab(machine: Path, job: Mapping[str, Any], **more: str) -> "subprocess.CompletedProcess[str]":
    """Run the scripts of a job as a GitLab runner does, its own one and then the one after it."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_", "XDG_"))}
    environ |= {"PATH": f"{TOOLS}:{environ['PATH']}", "CI_PROJECT_DIR": str(machine), "CI_PIPELINE_URL": "https://ci/1"}
    given = {key: value.replace("$CI_PROJECT_DIR", str(machine)) for key, value in load(RECIPE)["variables"].items()}

    def run(lines: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", "\n".join(lines)],
            cwd=machine,
            env=environ | given | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    ran = run(job["script"])
    after = run(job.get("after_script", ["true"]))
    assert after.returncode == 0, after.stderr
    return ran


def test_the_recipe_for_gitlab_plans_runs_shards_and_merges_them(github: Github) -> None:
    build_wheel(github.folder / "index", "tiny", "2.0")
    recipe = load(RECIPE)
    machines = iter(github.folder / f"machine-{number}" for number in range(9))

    def machine() -> Path:
        return Path(shutil.copytree(github.project, next(machines), symlinks=True))

    planning = machine()
    planned = on_gitlab(planning, recipe["plan"])
    assert planned.returncode == 0, planned.stderr
    shards = load(planning / "shards.yml")
    assert list(shards) == ["matrix 1/3", "matrix 2/3", "matrix 3/3"]
    reporting = machine()
    for number, shard in enumerate(shards.values()):
        assert shard["extends"] == ".knowngood-shard"
        running = machine()
        on_gitlab(running, recipe[".knowngood-shard"], CI_JOB_ID=str(number), **shard["variables"])
        shutil.copytree(running / "shards", reporting / "shards", dirs_exist_ok=True)
    merged = on_gitlab(reporting, recipe["report"])

    assert merged.returncode == 1, merged.stdout + merged.stderr
    assert (reporting / "report" / "diff.txt").read_text() == "1\n"
    assert (reporting / "report" / "issue-title.txt").read_text() == "embedding: 1 regressed, 3 unchanged\n"
    assert "missing" not in merged.stderr


@pytest.fixture
def told(tmp_path: Path) -> Github:
    """A report that is to be published, and a recording ``gh``; no project."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "project").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(GH.format(python=sys.executable, home=str(tmp_path)), encoding="utf-8")
    gh.chmod(0o755)
    return Github(folder=tmp_path, project=tmp_path / "project")


def publish(github: Github, *, diff: str, changes: str = "a", title: str = "Embeddings: 1 regressed") -> list[str]:
    """Publish a report and return what was done to issues; ``diff`` is the exit code of the comparison."""
    report = github.folder / "report"
    report.mkdir(exist_ok=True)
    body = f"<!-- knowngood:issue:embedding -->\n<!-- knowngood:changes:{changes} -->\n\nIt regressed.\n"
    (report / "issue.md").write_text(body, encoding="utf-8")
    (report / "issue-title.txt").write_text(f"{title}\n", encoding="utf-8")
    github.artifacts["report"] = report
    github.outputs["needs.report.outputs.diff"] = diff
    github.run_job("publish")
    assert github.failed == [], github.said
    return [" ".join(call[1:3] if call[1] != "create" else call[1:4]) for call in github.calls if call[1] != "list"]


def test_one_issue_is_opened_kept_up_to_date_and_closed(told: Github) -> None:
    assert publish(told, diff="0") == []
    assert publish(told, diff="3") == []
    assert publish(told, diff="1") == ["create --title Embeddings: 1 regressed"]
    assert publish(told, diff="1") == ["view 7", "edit 7"], "the same again is not worth a comment"
    assert publish(told, diff="1", changes="b") == ["view 7", "edit 7", "comment 7"]
    assert publish(told, diff="3") == [], "an outage neither opens nor closes"
    assert publish(told, diff="0") == ["close 7"]


def test_a_title_is_no_command(told: Github) -> None:
    title = "$(touch hacked) `touch hacked` \"; touch hacked; '"

    assert publish(told, diff="1", title=title) == [f"create --title {title}"]
    assert not list(told.folder.rglob("hacked"))
