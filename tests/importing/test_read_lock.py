import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from knowngood.errors import UsageError
from knowngood.install.uv.installer import binary
from knowngood.project.importing.locks import read_lock, requires_python
from support.index import Index
from support.wheels import build_wheel

PYPROJECT = """
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["basket", "paint; sys_platform == 'win32'"]

[project.optional-dependencies]
fast = ["engine"]

[dependency-groups]
dev = ["checker"]

[tool.uv]
package = false
index = [{ url = "INDEX", default = true }]
"""


@pytest.fixture
def locked(tmp_path: Path, index: Index, environ: Mapping[str, str]) -> Path:
    """Return a project that real uv has locked."""
    build_wheel(index.folder, "basket", "2.0", requires=("handle>=1", "paint; sys_platform == 'darwin'"))
    build_wheel(index.folder, "handle", "1.5")
    build_wheel(index.folder, "paint", "3.1", requires=("brush",))
    build_wheel(index.folder, "brush", "0.2")
    build_wheel(index.folder, "engine", "4.0", requires=("basket",))
    build_wheel(index.folder, "checker", "9.0")
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT.replace("INDEX", index.url), encoding="utf-8")
    command: list[str | Path] = [binary(), "--quiet", "lock", "--project", folder]
    subprocess.run(command, env=dict(environ), check=True, timeout=60)
    return folder


def test_a_lock_of_uv_gives_each_version_with_the_marker_under_which_the_project_needs_it(locked: Path) -> None:
    lines = read_lock("uv.lock", (locked / "uv.lock").read_text(encoding="utf-8"))

    parsed = {Requirement(line).name: Requirement(line) for line in lines}
    assert {name: str(parsed[name].specifier) for name in parsed} == {
        "basket": "==2.0",
        "brush": "==0.2",
        "checker": "==9.0",
        "engine": "==4.0",
        "handle": "==1.5",
        "paint": "==3.1",
    }
    for name in ("paint", "brush"):
        marker = parsed[name].marker
        assert marker is not None
        assert [system for system in ("linux", "darwin", "win32") if marker.evaluate({"sys_platform": system})] == [
            "darwin",
            "win32",
        ]
    assert parsed["handle"].marker is None


def test_a_lock_of_uv_can_be_limited_to_extras_and_groups(locked: Path) -> None:
    text = (locked / "uv.lock").read_text(encoding="utf-8")

    lines = read_lock("shop/uv.lock", text, extras=(), groups=("dev",))

    assert {Requirement(line).name for line in lines} == {"basket", "brush", "checker", "handle", "paint"}


def test_a_pylock_of_uv_gives_the_same_versions(locked: Path, environ: Mapping[str, str]) -> None:
    export: list[str | Path] = [
        binary(),
        "--quiet",
        "export",
        "--project",
        locked,
        "--no-dev",
        "--format",
        "pylock.toml",
        "-o",
    ]
    subprocess.run([*export, locked / "pylock.toml"], env=dict(environ), check=True, timeout=60)

    lines = read_lock("pylock.toml", (locked / "pylock.toml").read_text(encoding="utf-8"))

    assert {str(Requirement(line).name) + str(Requirement(line).specifier) for line in lines} == {
        "basket==2.0",
        "brush==0.2",
        "handle==1.5",
        "paint==3.1",
    }


FORKED = """
version = 1
requires-python = ">=3.10"

[[package]]
name = "shop"
version = "1"
source = { editable = "." }
dependencies = [
    { name = "engine", version = "1.0", source = { registry = "x" }, marker = "python_full_version < '3.12'" },
    { name = "engine", version = "2.0", source = { registry = "x" }, marker = "python_full_version >= '3.12'" },
    { name = "tool" },
]

[[package]]
name = "engine"
version = "1.0"
source = { registry = "x" }
resolution-markers = ["python_full_version < '3.12'"]

[[package]]
name = "engine"
version = "2.0"
source = { registry = "x" }
resolution-markers = ["python_full_version >= '3.12'"]

[[package]]
name = "tool"
version = "0.1"
source = { git = "https://example.org/tool?subdirectory=python&rev=main#abc123" }
"""


def test_a_fork_of_a_lock_keeps_both_versions_and_a_commit_is_pinned() -> None:
    assert read_lock("uv.lock", FORKED) == (
        "engine==1.0 ; python_full_version < '3.12'",
        "engine==2.0 ; python_full_version >= '3.12'",
        "tool @ git+https://example.org/tool@abc123#subdirectory=python",
    )
    assert requires_python("uv.lock", FORKED) == ">=3.10"


def test_the_locks_of_poetry_pdm_and_pipenv_are_read() -> None:
    poetry = """
[[package]]
name = "Engine_X"
version = "1.0"
markers = "python_version < '3.12'"
[[package]]
name = "shop"
version = "1.0"
source = { type = "directory", url = "." }
[metadata]
python-versions = ">=3.9"
"""
    pdm = '[[package]]\nname = "engine"\nversion = "1.0"\nmarker = "os_name == \'nt\'"\n'
    pipfile = '{"default": {"engine": {"version": "==1.0"}}, "develop": {"checker": {"version": "==2"}}}'

    assert read_lock("poetry.lock", poetry) == ("engine-x==1.0 ; python_version < '3.12'",)
    assert requires_python("poetry.lock", poetry) == ">=3.9"
    assert read_lock("pdm.lock", pdm) == ("engine==1.0 ; os_name == 'nt'",)
    assert read_lock("Pipfile.lock", pipfile) == ("engine==1.0", "checker==2")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", "[[package"),
        ("uv.lock", 'package = "x"'),
        ("uv.lock", "package = [1]"),
        ("pylock.toml", 'lock-version = "1.0"'),
        ("poetry.lock", '[[package]]\nname = "x"'),
        ("Pipfile.lock", "[]"),
        ("Pipfile.lock", "[" * 100_000),
        ("setup.lock", ""),
    ],
)
def test_what_is_not_a_lock_is_an_error_that_names_the_file(name: str, text: str) -> None:
    with pytest.raises(UsageError) as error:
        read_lock(name, text)

    assert name in error.value.what
