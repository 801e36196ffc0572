"""The CI files fit their schemas, an auditor accepts them, and their steps work when they are run on loopback."""

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
SERVER = "https://ci.example"
SESSIONS = ("plan", "matrix", "report", "diff", "publish", "cache")

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
    loaded: dict[str, dict[str, Any]] = load(WORKFLOW)["jobs"]
    return loaded


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


def test_an_auditor_accepts_the_workflow() -> None:
    audited = tool("zizmor", "--offline", "--no-config", "--persona", "pedantic", WORKFLOW)

    assert audited.returncode == 0, audited.stdout
    assert "No findings to report" in audited.stdout


def test_every_action_is_pinned_by_its_commit_with_the_version_as_a_comment() -> None:
    used = re.findall(r"uses: (.+)", WORKFLOW.read_text(encoding="utf-8"))

    assert used
    assert all(re.fullmatch(r"actions/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used)


def test_a_job_that_may_write_runs_no_package_and_no_code_of_the_repository() -> None:
    for name, job in jobs().items():
        may_write = "write" in job["permissions"].values()
        runs = " ".join(step.get("run", "") for step in job["steps"])
        checks_out = any("checkout" in step.get("uses", "") for step in job["steps"])
        assert may_write == (name in ("publish", "store")), name
        assert not may_write or not (checks_out or re.search(r"\b(nox|pipx?|python)\b", runs)), name
        assert "timeout-minutes" in job, name
    assert jobs()["store"]["permissions"] == {"contents": "write"}
    assert load(WORKFLOW)["permissions"] == {}


def test_no_expression_is_pasted_into_a_script_and_no_checkout_keeps_a_token() -> None:
    steps = [step for job in jobs().values() for step in job["steps"]]

    assert not [step["run"] for step in steps if "${{" in step.get("run", "")]
    assert all(step["with"]["persist-credentials"] is False for step in steps if "checkout" in step.get("uses", ""))


@pytest.mark.parametrize(
    ("event", "branch", "stores"),
    [
        ("schedule", "main", True),
        ("workflow_dispatch", "main", True),
        ("push", "main", True),
        ("workflow_dispatch", "topic", False),
        ("pull_request", "main", False),
    ],
)
def test_only_a_run_of_the_default_branch_is_stored(event: str, branch: str, *, stores: bool) -> None:
    context = {
        "github.event_name": event,
        "github.ref_name": branch,
        "github.event.repository.default_branch": "main",
        "needs.report.outputs.published": "1",
    }

    assert holds(jobs()["store"]["if"], context) == stores
    assert not holds(jobs()["store"]["if"], context | {"needs.report.outputs.published": ""})


def holds(condition: str, context: Mapping[str, str]) -> bool:
    """Return the value of an ``if`` of a workflow; a name that ``context`` does not have is empty."""

    def translate(token: re.Match[str]) -> str:
        text = token[0]
        operators = {"&&": " and ", "||": " or ", "!": " not ", "always()": "True", "cancelled()": "False"}
        if text in operators:
            return operators[text]
        return text if text[0] in "'!=" else repr(context.get(text, ""))

    expression = condition.replace("${{", "").replace("}}", "")
    python = re.sub(r"'[^']*'|&&|\|\||[!=]=|!|[A-Za-z_][\w.-]*(?:\(\))?", translate, expression)
    return bool(eval(python.strip(), {"__builtins__": {}}))


@dataclass
class Github:
    """The parts of GitHub that the workflow needs: a machine for each job, artifacts, caches, outputs, summaries."""

    folder: Path
    project: Path
    artifacts: dict[str, Path] = field(default_factory=dict)
    caches: dict[str, Path] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    """``needs.JOB.outputs.NAME`` and, within a job, ``steps.ID.outputs.NAME``."""
    printed: dict[str, str] = field(default_factory=dict)
    """Name of a step -> its output."""
    summary: str = ""
    accept: bool = False
    """The input of that name of a run that was started by hand."""
    failed: list[str] = field(default_factory=list)

    @property
    def remote(self) -> Path:
        """The repository on the server, a folder that git uses for the address of the server."""
        return self.folder / "remotes" / "o" / "r"

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call of ``gh``, followed by its token and its repository."""
        log = self.folder / "gh.jsonl"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def run_job(self, name: str, more: Mapping[str, str] | None = None) -> None:
        """Run a job on a new machine: run its scripts for real, and do with files what its actions do."""
        job = jobs()[name]
        machine = self.folder / f"{name}-{len(list(self.folder.glob(f'{name}-*')))}"
        machine.mkdir()
        context = {"github.repository": "o/r", "github.token": "T", "github.run_id": "77", "github.run_attempt": "1"}
        context |= {"github.server_url": SERVER, "github.event_name": "schedule"}
        context |= {"(inputs.all || github.event.schedule == '17 3 * * 0') && '1' || ''": ""}
        context |= {"inputs.accept && '1' || ''": "1" if self.accept else ""}
        context |= self.outputs | dict(more or {})
        ok = True
        for step in job["steps"]:
            condition = step.get("if", "true")
            if (ok or condition == "always()") and (condition == "true" or holds(condition, context)):
                done = self._action(step, machine, context) if "uses" in step else self._script(step, machine, context)
                ok = ok and (done or step.get("continue-on-error", False))
        if not ok:
            self.failed.append(name)
        for output, value in job.get("outputs", {}).items():
            self.outputs[f"needs.{name}.outputs.{output}"] = filled(value, context)

    def _script(self, step: Mapping[str, Any], machine: Path, context: dict[str, str]) -> bool:
        output, summary = machine / "output", machine / "summary"
        output.write_text("")
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_", "XDG_"))}
        environ |= {"HOME": str(machine / "home"), "PATH": f"{self.folder / 'bin'}:{TOOLS}:{os.environ['PATH']}"}
        config = self.folder / "gitconfig"
        config.write_text(f'[url "{(self.folder / "remotes").as_uri()}/"]\n    insteadOf = {SERVER}/\n')
        environ |= {"GIT_CONFIG_GLOBAL": str(config), "GIT_TERMINAL_PROMPT": "0"}
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
        self.printed[step["name"]] = self.printed.get(step["name"], "") + ran.stdout
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
            case "actions/checkout":
                shutil.copytree(self.project, machine, symlinks=True, dirs_exist_ok=True)
                if given.get("fetch-depth") == "0":
                    git(machine, "fetch", "--quiet", "origin")
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
            case _:  # no test looks at what it does
                pass
        return True


def filled(text: str, context: Mapping[str, str]) -> str:
    """Return ``text`` with its expressions replaced; raise KeyError for one that ``context`` does not have."""
    return re.sub(r"\$\{\{ (.+?) \}\}", lambda match: context[match[1]], text)


def kept(path: Path, store: Path) -> Path:
    """Copy what an action uploads, without hidden files, as the real one does."""
    store.parent.mkdir(exist_ok=True)
    if path.is_file():
        shutil.copy(path, store)
    else:
        shutil.copytree(path, store, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    return store


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Github]:
    """A project like this one: a tiny matrix, an index on loopback, prepared sessions, and a baseline on a branch."""
    packages, project = tmp_path / "index", tmp_path / "project"
    build_wheel(packages, "tiny", "1.0")
    project.mkdir()
    for name in ("noxfile.py", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    (project / "src").symlink_to(ROOT / "src")
    stamp = sha256((project / "pyproject.toml").read_bytes() + repr(()).encode()).hexdigest()
    for session in SESSIONS:
        environment = project / ".nox" / session
        subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True, timeout=60)
        (site,) = environment.glob("lib/*/site-packages")
        shared = [path for path in sys.path if path.endswith("site-packages")]
        (site / "shared.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in shared))
        (environment / "knowngood-installed").write_text(stamp, encoding="utf-8")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gh").write_text(GH.format(python=sys.executable, home=str(tmp_path)), encoding="utf-8")
    (programs / "pipx").write_text("#!/bin/sh\necho pipx $*\n", encoding="utf-8")
    for program in programs.iterdir():
        program.chmod(0o755)
    with serve(packages) as index:
        write_matrix(project, index)
        running = Github(folder=tmp_path, project=project)
        commit(project, running.remote)
        accept(project)
        push_reports(project)
        yield running


def git(folder: Path, *arguments: str) -> str:
    """Run git in ``folder`` without the user's configuration, and return its output."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    environ = dict(os.environ) | {"GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True).stdout


def commit(project: Path, remote: Path) -> None:
    """Commit the project, without its environments, and push it to a new repository."""
    remote.mkdir(parents=True)
    git(remote, "init", "--quiet", "--bare", "--initial-branch", "main")
    git(project, "init", "--quiet", "--initial-branch", "main")
    (project / ".git" / "info" / "exclude").write_text(".nox\nsrc\nhome\n", encoding="utf-8")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "The project")
    git(project, "remote", "add", "origin", remote.as_uri())
    git(project, "push", "--quiet", "origin", "main")


def push_reports(project: Path) -> None:
    """Move the reports of the project to the branch ``matrix``."""
    git(project, "switch", "--quiet", "--orphan", "matrix")
    git(project, "add", "reports")
    git(project, "commit", "--quiet", "--message", "The baseline")
    git(project, "push", "--quiet", "origin", "matrix")
    git(project, "switch", "--quiet", "main")
    assert not (project / "reports").exists()


def show(remote: Path, path: str) -> str:
    """Return a file of the branch ``matrix`` of a repository."""
    return git(remote, "show", f"matrix:{path}")


def write_matrix(project: Path, index: Index) -> None:
    combos = "".join(
        f'\n[[combo]]\nid = "{name}"\nsteps = [["{asked}"]]\n' + ('expect = "unsolvable"\n' if name == "none" else "")
        for name, asked in COMBOS.items()
    )
    (project / "matrices").mkdir()
    text = f'[matrix]\nreference = "old"\n[index.local]\nurl = "{index.url}"\n{PROBE}{combos}'
    (project / "matrices" / "embedding.toml").write_text(text, encoding="utf-8")


def accept(project: Path) -> None:
    """Run the matrix and make the run the baseline."""
    command = [sys.executable, "-m", "knowngood", "run", "embedding", "--accept", "--state-dir"]
    command.append(str(project.parent / "before"))
    environ = dict(os.environ) | {"XDG_CACHE_HOME": str(project.parent / "before-cache")}
    ran = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (project / "reports" / "embedding" / "baseline.json").is_file()


def test_the_whole_workflow_plans_runs_shards_merges_publishes_stores_and_opens_one_issue(github: Github) -> None:
    build_wheel(github.folder / "index", "tiny", "2.0")  # from now on `loose` resolves to it

    github.run_job("plan")
    shards = json.loads(github.outputs["needs.plan.outputs.matrix"])["include"]
    for number, shard in enumerate(shards):
        more = {f"matrix.{name}": str(value) for name, value in shard.items()}
        github.run_job("matrix", {**more, "strategy.job-index": str(number)})
    baseline = show(github.remote, "reports/embedding/baseline.json")
    github.run_job("report")
    github.run_job("store")
    github.run_job("publish")

    printed = json.dumps(github.printed, indent=1)
    assert [shard["shard"] for shard in shards] == ["1/3", "2/3", "3/3"], printed
    assert github.failed == ["report"], printed
    report = github.artifacts["report"]
    cells = {cell["combo"]: cell for cell in json.loads((report / "matrix.json").read_text())["cells"]}
    assert {name: cell["verdict"]["status"] for name, cell in cells.items()} == {
        "old": "pass",
        "loose": "fail",
        "bounded": "pass",
        "none": "unsolvable",
    }, printed
    assert {"index.html", "junit.xml", "badge.json", "issue.md"} < {path.name for path in report.iterdir()}
    assert github.summary.startswith("# ") and "## loose: FAIL" in github.summary
    (annotation,) = github.printed["Annotate"].splitlines()
    assert annotation.startswith("::error title=loose%3A FAIL")
    assert "1 regressed" in github.printed["Compare with the baseline"]
    gate = github.printed["Fail when something is not as expected"].splitlines()
    assert gate[0].startswith("::stop-commands::") and len(gate[0]) > 40
    assert github.outputs["needs.report.outputs.diff"] == "1"
    published = json.loads(show(github.remote, "reports/embedding/matrix.json"))
    assert [cell["verdict"]["status"] for cell in published["cells"]].count("fail") == 1, "a red run is published"
    assert show(github.remote, "reports/embedding/baseline.json") == baseline
    assert git(github.remote, "log", "--format=%s", "matrix").startswith(f"Publish {SERVER}/o/r/actions/runs/77\n")
    assert git(github.remote, "ls-tree", "--name-only", "matrix") == "reports\n"
    (listed, created) = github.calls
    assert listed[:2] == ["issue", "list"] and created[-2:] == ["T", "o/r"]
    assert created[:4] == ["issue", "create", "--title", "embedding: 1 regressed, 3 unchanged"]
    body = (github.folder / "body.md").read_text(encoding="utf-8")
    assert "| tiny | 1.0 | 2.0 |" in body and f"{SERVER}/o/r/actions/runs/77" in body
    assert "verdicts-77-1" in github.caches

    github.run_job("plan")

    assert re.search(r"imported [1-9]\d* verdict", github.printed["Import cached verdicts"])
    assert len(json.loads(github.outputs["needs.plan.outputs.matrix"])["include"]) == 1, "there is nothing to run"


@pytest.fixture
def server(tmp_path: Path) -> Github:
    """A repository on a server, with a branch ``main`` and no branch ``matrix``."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "README").write_text("", encoding="utf-8")
    (tmp_path / "bin").mkdir()
    github = Github(folder=tmp_path, project=project)
    commit(project, github.remote)
    return github


def store(github: Github, **files: str) -> None:
    """Store the files of a matrix named ``m`` as its published report."""
    shutil.rmtree(github.folder / "reports", ignore_errors=True)
    (github.folder / "reports" / "m").mkdir(parents=True)
    for name, text in files.items():
        (github.folder / "reports" / "m" / name).write_text(text, encoding="utf-8")
    github.artifacts["reports"] = github.folder / "reports"
    github.run_job("store")


def test_the_first_report_starts_the_branch_and_the_next_one_replaces_it(server: Github) -> None:
    store(server, matrix="1", gone="1")
    store(server, matrix="2")
    store(server, matrix="2")

    assert server.failed == [], server.printed
    assert show(server.remote, "reports/m/matrix") == "2"
    assert git(server.remote, "ls-tree", "-r", "--name-only", "matrix") == "reports/m/matrix\n"
    assert len(git(server.remote, "log", "--format=%h", "matrix").splitlines()) == 2, "an equal report makes no commit"
    assert git(server.remote, "log", "--format=%s", "main") == "The project\n"


def test_an_unreachable_server_fails_the_job_and_replaces_nothing(server: Github) -> None:
    store(server, matrix="1")
    server.remote.rename(server.folder / "away")
    store(server, matrix="2")

    assert server.failed == ["store"]
    assert show(server.folder / "away", "reports/m/matrix") == "1"


def on_gitlab(machine: Path, job: Mapping[str, Any], **more: str) -> "subprocess.CompletedProcess[str]":
    """Run the script of a job as a GitLab runner does, and then its ``after_script``."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_", "XDG_"))}
    environ |= {"PATH": f"{TOOLS}:{environ['PATH']}", "CI_PROJECT_DIR": str(machine), "CI_PIPELINE_URL": "https://ci/1"}
    environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "CI_SERVER_HOST": "ci"}
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


def test_the_recipe_for_gitlab_plans_runs_shards_merges_and_stores_them(github: Github) -> None:
    build_wheel(github.folder / "index", "tiny", "2.0")
    recipe = load(RECIPE)
    machines = iter(github.folder / f"machine-{number}" for number in range(9))

    def machine() -> Path:
        return Path(shutil.copytree(github.project, next(machines), symlinks=True))

    planning = machine()
    planned = on_gitlab(planning, recipe["plan"])
    assert planned.returncode == 0, planned.stderr
    shards = load(planning / "shards.yml")
    assert list(shards) == ["embedding 1/3", "embedding 2/3", "embedding 3/3"]
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
    assert (reporting / "report" / "published" / "embedding" / "baseline.json").is_file()
    storing = github.folder / "storing"
    shutil.copytree(reporting / "report", storing / "report")
    bare = github.remote.rename(github.remote.with_name("r.git"))
    stored = on_gitlab(storing, recipe["store"], CI_PROJECT_URL=(bare.with_suffix("")).as_uri())
    assert stored.returncode == 0, stored.stderr
    assert json.loads(show(bare, "reports/embedding/matrix.json"))["cells"]
    assert git(bare, "log", "-1", "--format=%s", "matrix") == "Publish https://ci/1 [skip ci]\n"


@pytest.fixture
def recorder(tmp_path: Path) -> Github:
    """A stand-in for ``gh`` that records its calls, and no project."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "project").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(GH.format(python=sys.executable, home=str(tmp_path)), encoding="utf-8")
    gh.chmod(0o755)
    return Github(folder=tmp_path, project=tmp_path / "project")


def publish(github: Github, *, diff: str, changes: str = "a", title: str = "Embeddings: 1 regressed") -> list[str]:
    """Publish a report and return the actions on issues; ``diff`` is the exit code of the comparison."""
    report = github.folder / "report"
    report.mkdir(exist_ok=True)
    body = f"<!-- knowngood:issue:embedding -->\n<!-- knowngood:changes:{changes} -->\n\nIt regressed.\n"
    (report / "issue.md").write_text(body, encoding="utf-8")
    (report / "issue-title.txt").write_text(f"{title}\n", encoding="utf-8")
    github.artifacts["report"] = report
    github.outputs["needs.report.outputs.diff"] = diff
    github.run_job("publish")
    assert github.failed == [], github.printed
    return [" ".join(call[1:3] if call[1] != "create" else call[1:4]) for call in github.calls if call[1] != "list"]


def test_one_issue_is_opened_kept_up_to_date_and_closed(recorder: Github) -> None:
    assert publish(recorder, diff="0") == []
    assert publish(recorder, diff="3") == []
    assert publish(recorder, diff="1") == ["create --title Embeddings: 1 regressed"]
    assert publish(recorder, diff="1") == ["view 7", "edit 7"], "equal changes need no comment"
    assert publish(recorder, diff="1", changes="b") == ["view 7", "edit 7", "comment 7"]
    assert publish(recorder, diff="3") == [], "an outage neither opens nor closes"
    assert publish(recorder, diff="0") == ["close 7"]


def test_a_title_is_not_run_as_a_command(recorder: Github) -> None:
    title = "$(touch hacked) `touch hacked` \"; touch hacked; '"

    assert publish(recorder, diff="1", title=title) == [f"create --title {title}"]
    assert not list(recorder.folder.rglob("hacked"))
