"""A user runs ``knowngood init`` in projects of many kinds, and then what it wrote."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from knowngood.project.scaffold import ci, noxfile
from knowngood.project.scaffold.machine import Origin
from support import sources
from support.index import Index, serve
from support.project import Project
from support.repositories import repository, state, write
from support.wheels import build_wheel, repack
from support.workshop import MINOR

TOOLS = Path(sys.executable).parent
TOGETHER = ("pytest", "iniconfig", "packaging", "pluggy", "pygments")
"""pytest, and what it needs on the Python of these tests."""
BACKEND = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index with pytest and ``tiny``, whose 1.0 lacks the attribute ``new`` of 2.0."""
    folder = tmp_path_factory.mktemp("index")
    for name in TOGETHER:
        repack(folder, name)
    build_wheel(folder, "tiny", "1.0")
    build_wheel(folder, "tiny", "2.0", files={"tiny.py": "new = 1\n"})
    with serve(folder) as running:
        yield running


def shop(folder: Path, files: Mapping[str, str], *, requires: str = "tiny>=1.0", more: str = "") -> Project:
    """Write a project ``shop`` that builds itself, for the Python of these tests."""
    text = BACKEND + f'[project]\nname = "shop"\nversion = "1.0"\nrequires-python = "=={MINOR}.*"\n'
    text += f'dependencies = ["{requires}"]\n{more}'
    backend = sources.BACKEND.format(name="shop", version="1.0", requires=(requires,), compiled=False)
    write(folder, {"pyproject.toml": text, "backend.py": backend, **files})
    return Project(folder=folder)


def files(folder: Path) -> set[str]:
    """Return the files of a project that git would not ignore, without those of tools."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {name.as_posix() for name in names if name.parts[0] not in (".git", ".knowngood", "cache", "__pycache__")}


def statuses(project: Project) -> dict[str, str]:
    report = max((project.folder / ".knowngood" / "runs").glob("*/*/report/matrix.json"))
    cells = json.loads(report.read_text(encoding="utf-8"))["cells"]
    return {cell["combo"]: cell["verdict"]["status"] for cell in cells}


WRITTEN = {"matrices/shop.toml", "noxfile.py", ".github/workflows/matrix-shop.yml"}


def test_what_init_writes_for_a_project_with_tests_runs_at_once(tmp_path: Path, index: Index) -> None:
    tests = {"tests/test_shop.py": "import shop, tiny\n\ndef test_it():\n    assert shop.tiny is tiny\n"}
    project = shop(tmp_path, {"shop.py": "import tiny\n", **tests})
    before = files(tmp_path)

    done = project.run("init")
    ran = project.run("run", UV_DEFAULT_INDEX=index.url)
    through_nox = subprocess.run(
        [sys.executable, "-m", "nox", "-s", "matrix", "--script-mode", "none"],
        cwd=tmp_path,
        env=project.environment(UV_DEFAULT_INDEX=index.url),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert files(tmp_path) - before == WRITTEN
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert statuses(project) == {"highest": "pass", "lowest": "pass"}
    assert through_nox.returncode == 0, through_nox.stdout + through_nox.stderr
    assert "2 combos, 2 cells" in through_nox.stdout


def test_a_lower_bound_that_does_not_hold_is_reported_as_a_finding(tmp_path: Path, index: Index) -> None:
    project = shop(tmp_path, {"shop.py": "from tiny import new\n"})

    done = project.run("init")
    ran = project.run("run", UV_DEFAULT_INDEX=index.url)

    assert "If `lowest` is red, a lower bound of the project does not hold" in done.stdout
    assert files(tmp_path) >= {*WRITTEN, "probes/smoke.py"}
    assert "expect" not in (tmp_path / "matrices" / "shop.toml").read_text(encoding="utf-8")
    assert ran.returncode == 1
    assert statuses(project) == {"highest": "pass", "lowest": "fail"}
    assert "cannot import name 'new' from 'tiny'" in ran.stdout


def test_todays_lock_decides_what_today_installs(tmp_path: Path, index: Index) -> None:
    lock = f"""version = 1
[[package]]
name = "shop"
source = {{ editable = "." }}
dependencies = [{{ name = "tiny" }}]
[[package]]
name = "tiny"
version = "1.0"
source = {{ registry = "{index.url}" }}
"""
    project = shop(tmp_path, {"shop.py": "from tiny import new\n", "uv.lock": lock})

    project.run("init")
    project.run("run", UV_DEFAULT_INDEX=index.url)

    assert statuses(project) == {"today": "fail", "highest": "pass", "lowest": "fail"}


def test_the_smoke_probe_touches_the_attributes_of_every_module(tmp_path: Path, index: Index) -> None:
    lazy = "def __dir__():\n    return ['old']\n\ndef __getattr__(name):\n    import tiny\n    return tiny.gone\n"
    project = shop(tmp_path, {"shop.py": lazy}, requires="tiny")

    project.run("init")
    ran = project.run("run", UV_DEFAULT_INDEX=index.url)

    assert statuses(project) == {"highest": "fail"}
    assert "module 'tiny' has no attribute 'gone'" in ran.stdout


@pytest.mark.parametrize(
    ("code", "status"),
    [("import optional_thing\n", "fail"), ("import shop_more\n", "fail"), ("import tiny.gone\n", "fail")],
)
def test_the_smoke_probe_fails_when_the_project_itself_cannot_be_imported(
    tmp_path: Path, index: Index, code: str, status: str
) -> None:
    project = shop(tmp_path, {"shop.py": code}, requires="tiny")

    project.run("init")
    project.run("run", UV_DEFAULT_INDEX=index.url)

    assert statuses(project) == {"highest": status}


def test_an_application_with_requirements_alone_runs_at_once(tmp_path: Path, index: Index) -> None:
    app = {"requirements.txt": "tiny==1.0\n", "app.py": "import tiny\n", ".python-version": MINOR}
    project = Project(folder=write(tmp_path / "my app", app))

    done = project.run("init")
    ran = project.run("run", UV_DEFAULT_INDEX=index.url)

    assert (tmp_path / "my app" / "matrices" / "my-app.toml").is_file(), done.stdout + done.stderr
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert statuses(project) == {"today": "pass", "highest": "pass"}


def test_an_image_alone_runs_at_once(tmp_path: Path, index: Index) -> None:
    text = f"FROM python:{MINOR}\nRUN pip install tiny==1.0\nCOPY app.py .\n"
    project = Project(folder=write(tmp_path, {"Dockerfile": text, "app.py": "import tiny\n"}))

    done = project.run("init", "--name", "image")
    ran = project.run("run", UV_DEFAULT_INDEX=index.url)

    assert done.returncode == 0, done.stderr
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert statuses(project) == {"today": "pass", "highest": "pass"}


def test_no_file_that_exists_is_changed_but_for_a_line_of_gitignore(tmp_path: Path) -> None:
    project = shop(
        tmp_path,
        {
            "shop.py": "",
            "noxfile.py": "import nox\n\n@nox.session\ndef docs(session): ...\n",
            "probes/smoke.py": "mine",
            ".github/workflows/matrix-shop.yml": "mine",
            ".gitignore": "*.pyc",
        },
    )
    kept = {name: (tmp_path / name).read_bytes() for name in files(tmp_path) - {".gitignore"}}

    done = project.run("init")

    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "*.pyc\n.knowngood/\n"
    assert files(tmp_path) - kept.keys() == {"matrices/shop.toml", "probes/smoke-shop.py", ".gitignore"}
    assert "noxfile.py exists and stays as it is. Add to it:" in done.stdout
    assert 'sessions("kg-")' in done.stdout
    assert "matrix-shop.yml exists and stays as it is" in done.stdout


def test_a_dry_run_prints_the_matrix_and_writes_nothing(tmp_path: Path) -> None:
    project = shop(tmp_path, {"shop.py": ""})
    before = files(tmp_path)

    done = project.run("init", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert files(tmp_path) == before
    assert "would write" in done.stdout
    assert 'resolution = "lowest-direct"' in done.stdout


def test_a_project_in_a_repository_gets_its_workflow_at_the_top(tmp_path: Path) -> None:
    repository(tmp_path, {"README.md": ""})
    shop(tmp_path / "packages" / "shop", {"shop.py": ""})
    before = state(tmp_path / ".git")

    done = Project(folder=tmp_path).run("init", "packages/shop")

    assert done.returncode == 0, done.stderr
    text = (tmp_path / ".github" / "workflows" / "matrix-shop.yml").read_text(encoding="utf-8")
    assert 'working-directory: "packages/shop"' in text
    assert (tmp_path / "packages" / "shop" / ".gitignore").read_text(encoding="utf-8") == ".knowngood/\n"
    assert "next: cd packages/shop && knowngood run" in done.stdout
    assert state(tmp_path / ".git") == before


def test_a_project_with_matrices_is_left_alone_and_shown_what_to_do(tmp_path: Path) -> None:
    project = shop(tmp_path, {"shop.py": "", "matrices/web.toml": "", "matrices/shop.toml": ""})

    bare, same, other = (project.run("init", *more) for more in ((), ("--name", "web"), ("--name", "new")))

    assert (bare.returncode, same.returncode, other.returncode) == (2, 2, 0)
    assert "matrices holds: shop, web" in bare.stderr
    assert "knowngood run shop, or write another one: knowngood init --name NAME" in bare.stderr
    assert "web.toml exists already" in same.stderr
    assert "next: knowngood run new" in other.stdout


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["nowhere"], "does not exist"),
        (["x" * 300], "cannot be read: File name too long"),
        (["pyproject.toml"], "is a file"),
        (["--name", "Größe"], 'write "groesse"'),
        (["--name", "../x"], "invalid id '../x'"),
    ],
)
def test_a_wrong_argument_is_an_error_with_a_next_step(tmp_path: Path, arguments: list[str], what: str) -> None:
    project = shop(tmp_path, {"shop.py": ""})

    done = project.run("init", *arguments)

    assert done.returncode == 2
    assert what in done.stderr and "next: " in done.stderr and "Traceback" not in done.stderr


def test_a_file_that_cannot_be_written_leaves_the_project_as_it_was(tmp_path: Path) -> None:
    project = shop(tmp_path, {"shop.py": "", "tests/test_it.py": "def test_it(): ...\n", ".gitignore": "*.log\n"})
    (tmp_path / ".github").write_text("a file where a folder belongs\n", encoding="utf-8")
    before = files(tmp_path)

    done = project.run("init")

    assert done.returncode == 2
    assert "matrix-shop.yml cannot be written, so nothing was" in done.stderr
    assert "next: move that away, and run init again" in done.stderr
    assert files(tmp_path) == before and not (tmp_path / "matrices").exists()


def test_a_link_that_leads_nowhere_counts_as_a_file_that_exists(tmp_path: Path) -> None:
    project = shop(tmp_path, {"shop.py": "", "tests/test_it.py": "def test_it(): ...\n"})
    (tmp_path / "noxfile.py").symlink_to("gone.py")

    done = project.run("init")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "noxfile.py").is_symlink() and not (tmp_path / "gone.py").exists()
    assert (tmp_path / "matrices" / "shop.toml").is_file()


def test_a_folder_that_is_not_a_project_leads_to_the_one_above(tmp_path: Path) -> None:
    shop(tmp_path, {"shop.py": "", "docs/index.md": ""})

    done = Project(folder=tmp_path).run("init", folder=tmp_path / "docs")

    assert done.returncode == 2
    assert f"next: name its folder: knowngood init {tmp_path}" in done.stderr


ROOT = '[project]\nname = "root"\nversion = "0"\n{}[tool.uv.workspace]\nmembers = ["packages/*"]\n'
MEMBER = '[project]\nname = "{}"\nversion = "0"\n[build-system]\nrequires = ["hatchling"]\n'


def test_the_root_of_a_workspace_that_needs_nothing_leads_to_its_members(tmp_path: Path) -> None:
    members = {f"packages/{name}/pyproject.toml": MEMBER.format(name) for name in ("shop", "stock")}
    project = Project(folder=write(tmp_path, {"pyproject.toml": ROOT.format(""), **members}))

    done = project.run("init", "--no-download")

    assert done.returncode == 2 and not (tmp_path / "matrices").exists()
    assert "there are projects below it: packages/shop, packages/stock" in done.stderr
    assert "next: name one: knowngood init packages/shop" in done.stderr


def test_the_root_of_a_workspace_with_needs_of_its_own_gets_a_matrix(tmp_path: Path) -> None:
    text = ROOT.format('dependencies = ["six>=1"]\n')
    files = {"pyproject.toml": text, "packages/shop/pyproject.toml": MEMBER.format("shop")}

    done = Project(folder=write(tmp_path, files)).run("init", "--no-download")

    assert done.returncode == 0, done.stderr


def test_a_name_with_umlauts_makes_a_matrix_that_can_be_named(tmp_path: Path) -> None:
    project = Project(folder=write(tmp_path / "Größe", {"requirements.txt": "tiny==1.0\n", ".python-version": MINOR}))

    done = project.run("init", "--no-download")

    assert done.returncode == 0, done.stderr
    assert (project.folder / "matrices" / "groesse.toml").is_file()


def test_a_python_that_cannot_be_obtained_is_named_and_left_out(tmp_path: Path) -> None:
    named = [f"Programming Language :: Python :: {version}" for version in ("3.14", MINOR)]
    more = f"classifiers = {json.dumps(named)}\n"
    project = shop(tmp_path, {"shop.py": ""}, more=more)
    text = (tmp_path / "pyproject.toml").read_text(encoding="utf-8").replace(f"=={MINOR}.*", ">=3.9")
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")

    done = project.run("init", UV_PYTHON_DOWNLOADS="never", UV_PYTHON_INSTALL_DIR=str(tmp_path / "pythons"))

    made = tomllib.loads((tmp_path / "matrices" / "shop.toml").read_text(encoding="utf-8"))
    assert {combo["python"] for combo in made["combo"]} == {MINOR}
    assert "not 3.14: uv could not install them: " in done.stdout


WORKFLOWS = [
    (Origin(requirement="knowngood==1.0", why=""), ""),
    (Origin(requirement="knowngood @ git+https://example.org/k@abc", why=""), "packages/shop"),
    (Origin(requirement="knowngood @ file:///a%20b", why="", path=Path("/a b")), ""),
]


@pytest.mark.parametrize(("origin", "below"), WORKFLOWS)
def test_the_workflow_fits_its_schema_and_an_auditor_accepts_it(tmp_path: Path, origin: Origin, below: str) -> None:
    path = tmp_path / ".github" / "workflows" / "matrix.yml"
    path.parent.mkdir(parents=True)
    path.write_text(
        ci.workflow(matrix="shop", pythons=("3.11", "3.12"), origin=origin, branch="main", below=below),
        encoding="utf-8",
    )

    checks = (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)],
        ["zizmor", "--offline", "--no-config", "--persona", "pedantic", str(path)],
    )
    for command in checks:
        done = subprocess.run(
            [TOOLS / command[0], *command[1:]], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    text = path.read_text(encoding="utf-8")
    assert f"pip install '{origin.elsewhere}'" in text or f"pip install {origin.elsewhere}\n" in text
    assert ("name its repository" in text) == (origin.path is not None)
    assert "file://" not in text


def script(text: str, job: str, step: str) -> tuple[str, dict[str, str]]:
    """Return the script of a step of a workflow and its variables, with expressions as they are on a server."""
    (found,) = (each for each in yaml.safe_load(text)["jobs"][job]["steps"] if each.get("name") == step)
    values = {"github.token": "T", "github.server_url": "https://ci.example", "github.repository": "o/r"}
    values |= {"github.event.pull_request.number": "12"}
    values |= {"github.run_id": "7", "inputs.accept && '1' || ''": "1"}
    return found["run"], {
        name: re.sub(r"\$\{\{ (.+?) \}\}", lambda expression: values[expression[1]], value)
        for name, value in found.get("env", {}).items()
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server with the repository ``o/r``, and machines that run jobs of it on a project in its folder ``my shop``."""

    folder: Path
    index: Index

    @property
    def remote(self) -> Path:
        return self.folder / "remotes" / "o" / "r.git"

    def machine(self, version: str) -> Path:
        """Return a new machine with a checkout, whose matrix asks for a version of ``tiny``."""
        machine = self.folder / f"machine-{version}"
        matrix = machine / "my shop" / "matrices" / "shop.toml"
        matrix.parent.mkdir(parents=True)
        for arguments in (["init", "-q"], ["remote", "add", "origin", self.remote.as_uri()], ["fetch", "-q", "origin"]):
            subprocess.run(["git", *arguments], cwd=machine, check=True)
        matrix.write_text(
            f'[index.local]\nurl = "{self.index.url}"\n[[probe]]\nid = "p"\nsource = "import tiny"\n'
            f'[[combo]]\nid = "c"\nsteps = [["tiny=={version}"]]\n',
            encoding="utf-8",
        )
        return machine

    def run(self, code: str, folder: Path, environ: Mapping[str, str]) -> str:
        """Run a script as CI does; return what it prints."""
        environ = {
            **Project(folder=self.folder).environment(),
            "GIT_CONFIG_GLOBAL": str(self.folder / "gitconfig"),
            "GIT_TERMINAL_PROMPT": "0",
            **environ,
        }
        environ["PATH"] = f"{self.folder / 'bin'}:{environ['PATH']}"
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", code]
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def published(self, name: str) -> dict[str, Any]:
        """Return a file of the published report on the branch."""
        shown = ["git", "show", f"matrix:my shop/reports/shop/{name}"]
        done = subprocess.run(shown, cwd=self.remote, capture_output=True, check=True)
        read: dict[str, Any] = json.loads(done.stdout)
        return read

    def assert_has_two_states(self) -> None:
        """Assert that the branch has what two runs found, and the whole report."""
        history = self.published("history.json")
        assert len(history["states"]) == 2
        assert [each["after"] for each in history["states"][1]["releases"]] == ["2.0"]
        command = ["git", "ls-tree", "-r", "--name-only", "matrix"]
        listed = subprocess.run(command, cwd=self.remote, capture_output=True, text=True, check=True)
        names = {Path(name).name for name in listed.stdout.splitlines()}
        assert names >= {"baseline.json", "history.json", "index.html"}


@pytest.fixture
def server(tmp_path: Path, index: Index) -> Server:
    made = Server(folder=tmp_path, index=index)
    (tmp_path / "bin").mkdir()
    for name, line in {
        "knowngood": f'exec {sys.executable} -m knowngood "$@"',
        "uv": "exit 0",
        "apk": "exit 0",
    }.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    subprocess.run(["git", "init", "--quiet", "--bare", made.remote], check=True)
    (tmp_path / "gitconfig").write_text(
        f'[url "{(tmp_path / "remotes").as_uri()}/"]\n    insteadOf = https://ci.example/\n', encoding="utf-8"
    )
    return made


def test_the_workflow_keeps_report_history_and_baseline_on_a_branch(server: Server) -> None:
    origin = Origin(requirement="knowngood==1.0", why="")
    text = ci.workflow(matrix="shop", pythons=(MINOR,), origin=origin, branch="main", below="my shop")

    def run(job: str, name: str, folder: Path, output: Path) -> None:
        code, variables = script(text, job, name)
        summary = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(output) + ".md"}
        server.run(code, folder, variables | summary)

    for number, version in enumerate(("1.0", "2.0")):
        machine = server.machine(version)
        project = Project(folder=machine / "my shop")
        assert project.run("run").returncode == 0
        for name in (
            "Restore the published report",
            "Write the report",
            "Compare with the baseline",
            "Publish the report",
        ):
            run("matrix", name, project.folder, machine / "output")
        # Only the second run has a baseline: the branch keeps the one of the first.
        compared = "compared=1\n" * number
        assert (machine / "output").read_text(encoding="utf-8") == f"{compared}published=1\n"
        store = server.folder / f"store-{version}"
        shutil.copytree(project.folder / "reports" / "shop", store / "published")
        run("store", "Push it to the branch", store, store / "output")
        assert len(server.published("history.json")["states"]) == number + 1
    server.assert_has_two_states()


def test_the_jobs_for_gitlab_keep_report_history_and_baseline_on_a_branch(server: Server) -> None:
    origin = Origin(requirement="knowngood==1.0", why="")
    jobs = yaml.safe_load(ci.gitlab(matrix="shop", pythons=(MINOR,), origin=origin, below="my shop"))
    run, store = jobs["matrix-shop"], jobs["matrix-shop-store"]
    variables = {"CI_SERVER_HOST": "ci.example", "CI_PROJECT_URL": "https://ci.example/o/r", "CI_PIPELINE_URL": "u"}

    for version, accept in (("1.0", "1"), ("2.0", "")):
        machine = server.machine(version)
        environ = {**variables, **store["variables"], "CI_PROJECT_DIR": str(machine), "ACCEPT": accept}
        server.run("\n".join(["cd 'my shop'", *run["script"]]), machine, environ)
        server.run("\n".join(run["after_script"]), machine, environ)
        server.run("\n".join(store["script"]), machine, {**environ, "PUSH_TOKEN": "T"})
    server.assert_has_two_states()
    assert [cell["installed"] for cell in server.published("baseline.json")["cells"]] == [{"tiny": "1.0"}]
    assert store["environment"]["name"] == "matrix-shop" and "environment" not in run, "the token has one reader"


def test_a_job_for_gitlab_without_a_report_or_a_token_says_so(server: Server) -> None:
    origin = Origin(requirement="knowngood==1.0", why="")
    job = yaml.safe_load(ci.gitlab(matrix="shop", pythons=(MINOR,), origin=origin, below=""))["matrix-shop-store"]
    environ = {"CI_PROJECT_DIR": str(server.folder)}

    assert server.run("\n".join(job["script"]), server.folder, environ) == "No report was published.\n"
    (server.folder / "report" / "published").mkdir(parents=True)
    assert "PUSH_TOKEN is not set" in server.run("\n".join(job["script"]), server.folder, environ)


@pytest.mark.parametrize(("origin", "below"), WORKFLOWS)
def test_the_job_for_gitlab_fits_its_schema(tmp_path: Path, origin: Origin, below: str) -> None:
    path = tmp_path / ".gitlab-ci.yml"
    text = ci.gitlab(matrix="shop", pythons=("3.11", "3.12"), origin=origin, below=below)
    path.write_text(text, encoding="utf-8")

    command = [str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"pip install '{origin.elsewhere}'" in text or f"pip install {origin.elsewhere}\n" in text
    assert ("    - cd packages/shop\n" in text) == bool(below)
    assert "file://" not in text


def test_a_noxfile_that_names_a_folder_says_what_others_write() -> None:
    text = noxfile.noxfile(Origin(requirement="knowngood @ file:///a%20b", why="", path=Path("/a b"), version="7.1"))

    note, more, begin = text.splitlines()[:3]
    assert "knowngood==7.1" in note and "git+https://" in more and begin == "# /// script"
    assert "knowngood==7.1" not in noxfile.noxfile(Origin(requirement="knowngood==7.2", why="", version="7.2"))


def remote(folder: Path, url: str) -> None:
    """Make a folder a repository with a remote."""
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (folder / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {url}\n', encoding="utf-8")


@pytest.mark.parametrize(
    ("url", "files", "written", "says"),
    [
        ("git@gitlab.com:me/shop.git", {}, [".gitlab-ci.yml"], "keep its report; add a schedule"),
        (
            "https://gitlab.example.org/me/shop",
            {".gitlab-ci.yml": "test:\n  script: [pytest]\n"},
            [".gitlab/matrix-shop.yml"],
            "local: .gitlab/matrix-shop.yml",
        ),
        ("https://example.org/shop", {".gitlab-ci.yml": "include: [a.yml]\n"}, [".gitlab/matrix-shop.yml"], "include:"),
        ("https://github.com/me/shop", {}, [".github/workflows/matrix-shop.yml"], "runs the matrix every week"),
    ],
)
def test_ci_is_written_for_where_the_repository_is(
    tmp_path: Path, url: str, files: Mapping[str, str], written: list[str], says: str
) -> None:
    remote(tmp_path, url)
    project = shop(tmp_path, {"shop.py": "", **files})

    done = project.run("init", "--no-download")

    made = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.yml")]
    assert sorted(made) == sorted({*written, *files}), done.stdout + done.stderr
    assert says in done.stdout
    assert all((tmp_path / name).read_text(encoding="utf-8") == text for name, text in files.items())


@pytest.mark.network
def test_nox_without_knowngood_runs_the_noxfile_in_an_environment_that_has_it(tmp_path: Path, index: Index) -> None:
    project = shop(tmp_path, {"shop.py": "import tiny\n"})
    project.run("init")
    subprocess.run([TOOLS / "uv", "venv", "--quiet", tmp_path / "only-nox"], check=True, timeout=60)
    python = tmp_path / "only-nox" / "bin" / "python"
    subprocess.run([TOOLS / "uv", "pip", "install", "--quiet", "--python", python, "nox"], check=True, timeout=120)

    listed = subprocess.run(
        [python, "-m", "nox", "-l"],
        cwd=tmp_path,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert "- combo(lowest) -> " in listed.stdout, listed.stderr
    assert "* matrix -> " in listed.stdout
