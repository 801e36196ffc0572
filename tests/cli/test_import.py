"""``knowngood import``: what it prints runs as it is, and what it cannot read it names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.index import Index
from support.project import Project

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
DOCKERFILE = f"FROM python:{MINOR}-slim\nRUN pip install tiny==1.0\nRUN pip install 'mover>=1'\nRUN pip install $X\n"
PYLOCK = """lock-version = "1.0"
created-by = "hand"
[[packages]]
name = "tiny"
version = "1.0"
[[packages.wheels]]
url = "https://example.org/tiny-1.0-py3-none-any.whl"
hashes = { sha256 = "00" }
"""
UV_LOCK = """version = 1
[[package]]
name = "app"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "tiny" }]
[[package]]
name = "tiny"
version = "2.0"
source = { registry = "https://example.org/simple" }
"""
FILES = {
    "Dockerfile": f"FROM python:{MINOR}\nRUN uv pip install tiny==1.0\n",
    "requirements.txt": "tiny>=1\n",
    "constraints.txt": "tiny==1.0\n",
    "pylock.toml": PYLOCK,
    "uv.lock": UV_LOCK,
    "pyproject.toml": '[dependency-groups]\ntools = ["tiny<2"]\n',
    "tox.ini": "[tox]\nenvlist = tiny{1,2}\n[testenv]\ndeps =\n  tiny1: tiny==1.0\n  tiny2: tiny==2.0\n"
    "commands = python -c 'import tiny'\n",
    "hatch.toml": '[envs.test]\ndetached = true\ndependencies = ["tiny=={matrix:tiny}"]\n'
    '[[envs.test.matrix]]\ntiny = ["1.0", "2.0"]\n[envs.test.scripts]\ntest = "python -c \'import tiny\'"\n',
    "riotfile.py": "from riot import Venv\n"
    f'venv = Venv(name="web", pys="{MINOR}", command="python -m tiny", pkgs={{"tiny": ["==1.0", "==2.0"]}})\n',
    "noxfile.py": 'import nox\n@nox.session\n@nox.parametrize("tiny", ["1.0", "2.0"])\n'
    'def tests(session, tiny):\n    session.install(f"tiny=={tiny}")\n    session.run("python", "-c", "import tiny")\n',
    "script.py": '# /// script\n# dependencies = ["tiny"]\n# ///\nimport nothing_like_this\n',
    "install.sh": "#!/bin/sh\nTINY=1.0\npip install tiny==$TINY\n",
    ".github/workflows/ci.yml": "jobs:\n  test:\n    runs-on: ubuntu-latest\n    strategy:\n      matrix:\n"
    '        tiny: ["1.0", "2.0"]\n    steps:\n      - run: pip install tiny==${{ matrix.tiny }}\n',
}
"""A small file of each kind."""
PER_FILE = {"tox.ini": 2, "hatch.toml": 2, "riotfile.py": 2, "noxfile.py": 2, ".github/workflows/ci.yml": 2}
"""How many combos they are, if not one."""


def put(project: Project, name: str, text: str) -> None:
    path = project.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def run(project: Project, index: Index) -> "subprocess.CompletedProcess[str]":
    """Run the matrix with packages from ``index``, whichever installer it names."""
    words = ("run", "matrices/m.toml", "--report-dir", "report")
    return project.run(*words, UV_DEFAULT_INDEX=index.url, PIP_INDEX_URL=index.url)


@pytest.mark.parametrize("name", FILES)
def test_what_was_imported_runs_as_it_is(name: str, project: Project, index: Index) -> None:
    put(project, name, FILES[name])

    written = project.run("import", name, "--write", "--name", "m")
    done = run(project, index)

    assert written.returncode == 0, written.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert [cell["verdict"]["status"] for cell in project.cells().values()] == ["pass"] * PER_FILE.get(name, 1)


def test_the_steps_of_a_dockerfile_are_installed_by_pip_in_their_order(project: Project, index: Index) -> None:
    put(project, "Dockerfile", DOCKERFILE)

    printed = project.run("import", "Dockerfile")
    project.write(printed.stdout)
    done = run(project, index)

    assert printed.returncode == 0
    assert printed.stderr == ("not imported: Dockerfile:4: 'pip install $X' is not read: $X has no value in the file\n")
    assert 'installer = "pip"' in printed.stdout
    # The second step moves what the first one pinned.
    assert done.returncode == 1, done.stdout + done.stderr
    assert "tiny" in done.stdout


def test_a_matrix_is_written_once_and_never_again(project: Project) -> None:
    put(project, "deps/tools.sh", FILES["install.sh"])

    first = project.run("import", "deps/tools.sh", "--write")
    file = project.folder / "matrices" / "tools.toml"
    file.write_text("# mine\n", encoding="utf-8")
    second = project.run("import", "deps/tools.sh", "--write")
    other = project.run("import", "deps/tools.sh", "--write", "--name", "other")

    assert first.returncode == 0, first.stderr
    assert first.stderr.splitlines()[-2:] == ["wrote matrices/tools.toml", "next: knowngood run tools"]
    assert second.returncode == 2 and "exists already" in second.stderr and "--name" in second.stderr
    assert file.read_text(encoding="utf-8") == "# mine\n"
    assert other.returncode == 0 and (project.folder / "matrices" / "other.toml").is_file()


def test_a_file_of_another_folder_is_relative_to_that_folder(project: Project, tmp_path: Path) -> None:
    put(project, "there/requirements.txt", "tiny\n")
    here = tmp_path / "here"
    here.mkdir()

    done = project.run("import", "../there/requirements.txt", folder=here)

    assert done.returncode == 0, done.stderr
    assert 'steps = [["-r requirements.txt"]]' in done.stdout


def test_a_pipe_is_not_waited_for(project: Project) -> None:
    os.mkfifo(project.folder / "requirements.txt")

    done = project.run("import", "requirements.txt")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: requirements.txt is a pipe or a device",
        "next: copy its content into a file",
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("Dockerfile", b"\x00\x01\xff", "not UTF-8"),
        ("Dockerfile", b"FROM x\x00", "binary"),
        ("Dockerfile", b"", "nothing that could be imported"),
        ("Dockerfile", b"RUN pip install x\n" * 600_000, "larger than 8 MiB"),
        ("tox.ini", "caf\u00e9".encode("latin-1"), "not UTF-8"),
        ("environment.yml", b"dependencies: [numpy=2, pip: [six]]\n", "is a conda environment"),
        (".gitlab.yml", b"test:\n  script: [pip install x]\n", "not a workflow"),
        ("notes.md", b"# Notes\n", "not a file that can be imported"),
        ("pylock.toml", b"[", "cannot be read"),
        ("requirements.txt", b"-r requirements.txt\n", "includes itself"),
        ("requirements.txt", b"-r gone.txt\n", "gone.txt"),
        ("script.py", b"# /// script\n# dependencies = 'six'\n# ///\n", "is not an array of strings"),
        ("script.py", b"# /// script\n# dependencies = [1]\n# ///\n", "is not an array of strings"),
        (
            "hatch.toml",
            b"[envs.test]\nscripts = 1\n[[envs.test.matrix]]\nx = ['1']\n",
            "envs.test.scripts is not a table",
        ),
        ("hatch.toml", b"[envs.test]\noverrides.matrix.x = 1\n", "envs.test.overrides.matrix.x is not a table"),
        ("hatch.toml", b"[envs.test]\ntemplate = 1\n", "envs.test.template is not a string"),
        ("setup.sh", b"pip install " + b"${A:-" * 3000 + b"six" + b"}" * 3000, "are nested too deeply"),
        (
            "tox.toml",
            b"env_list = ['a']\n[env_run_base]\ndeps = ["
            + b"{ replace = 'ref', of = ['env_run_base', 'deps'] }, " * 9
            + b"]\n",
            "'{replace = ref}' is not read",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_is_an_error_with_exit_code_2(
    project: Project, name: str, content: bytes, words: str
) -> None:
    (project.folder / name).write_bytes(content)

    done = project.run("import", name)

    assert done.returncode == 2, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr and done.stdout == ""


def test_a_folder_is_an_error_that_names_the_files_in_it(project: Project) -> None:
    put(project, "tox.ini", FILES["tox.ini"])
    put(project, ".github/workflows/ci.yml", FILES[".github/workflows/ci.yml"])

    folder, gone, long = (project.run("import", name) for name in (".", "gone.ini", "x" * 300))

    assert folder.returncode == gone.returncode == long.returncode == 2
    assert "cannot be read" in long.stderr and "Traceback" not in long.stderr
    assert "tox.ini, .github/workflows/ci.yml" in folder.stderr and "knowngood import tox.ini" in folder.stderr
    assert "gone.ini cannot be read" in gone.stderr


def test_a_password_in_what_is_imported_is_printed_and_written_nowhere(project: Project) -> None:
    lines = "--extra-index-url https://me:canary-a@host.example/simple\ntiny @ git+https://t0ken-canary-b@host.example/t.git\n"
    (project.folder / "requirements.txt").write_text(f"{lines}tiny==1.0\n")
    (project.folder / "Dockerfile").write_text(
        "FROM python:3.11\nRUN pip install --index-url https://me:canary-c@h/simple tiny\nRUN curl https://h/?token=canary-d\n"
    )

    printed = [
        project.run("import", name, "--write", "--name", slug)
        for name, slug in [("requirements.txt", "a"), ("Dockerfile", "b")]
    ]

    texts = [file.read_text() for file in (project.folder / "matrices").glob("*.toml")]
    texts += [result.stdout + result.stderr for result in printed]
    assert len(texts) == 4 and not [text for text in texts if "canary" in text]
