"""Check what happens to each setting of ``[tool.uv]``, and that none of those that uv has is forgotten."""

import re
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from declare.conftest import ProblemsOf, Read
from knowngood.declare import uv_settings
from knowngood.declare.uv_settings import SETTINGS, Treatment
from knowngood.model import Index, Step

PROJECT = '[project]\nname = "mine"\nversion = "1"\ndependencies = ["numpy", "torch"]\n[build-system]\nrequires = []\n'
EXTRAS = '[project.optional-dependencies]\ncpu = ["torch"]\ngpu = ["torch"]\n[dependency-groups]\ntest = ["pytest"]\n'
MATRIX = '[[probe]]\nid = "w"\nsource = "1"\n[[combo]]\nid = "a"\nsteps = [["."]]\n'


def step(read: Read, uv: str) -> Step:
    (combo,) = read(MATRIX, {"pyproject.toml": PROJECT + uv}).combos
    return combo.steps[0]


def settings_of_uv(folder: Path, table: str) -> set[str]:
    """Return the settings that the installed uv has in a table: it lists them where it finds an unknown one."""
    (folder / "pyproject.toml").write_text(f"[{table}]\nno-such-setting = 1\n", encoding="utf-8")
    (folder / "none.in").write_text("", encoding="utf-8")
    command = [find_uv_bin(), "pip", "compile", "--offline", "none.in"]
    uv = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "expected one of" in uv.stderr, uv.stderr
    return set(re.findall("`([a-z-]+)`", uv.stderr.partition("expected one of")[2]))


def test_every_setting_of_the_installed_uv_has_a_treatment(tmp_path: Path) -> None:
    settings = settings_of_uv(tmp_path, "tool.uv")
    assert len(settings) > 60
    assert settings <= SETTINGS.keys()


def test_every_setting_of_uv_pip_has_a_treatment(tmp_path: Path) -> None:
    settings = settings_of_uv(tmp_path, "tool.uv.pip")
    assert len(settings) > 40
    assert settings <= SETTINGS.keys() | uv_settings.OF_PIP


@pytest.mark.parametrize(
    ("setting", "options"),
    [
        ('exclude-newer = "2024-11-01"', ("--exclude-newer=2024-11-01",)),
        (
            'exclude-newer-package = { Torch_Vision = "2024-11-01" }',
            ("--exclude-newer-package=torch-vision=2024-11-01",),
        ),
        ('prerelease = "allow"', ("--pre",)),
        ('prerelease = "disallow"', ("--prerelease=disallow",)),
        ('resolution = "lowest-direct"', ("--resolution=lowest-direct",)),
        ("no-binary = true", ("--no-binary=:all:",)),
        ("no-binary = false", ()),
        ('no-binary-package = ["numpy", "SciPy"]', ("--no-binary=numpy", "--no-binary=scipy")),
        ("no-build = true", ("--only-binary=:all:",)),
        ('no-build-package = ["numpy"]', ("--only-binary=numpy",)),
        ("no-build-isolation = true", ("--no-build-isolation",)),
        ('no-build-isolation-package = ["numpy"]', ("--no-build-isolation-package=numpy",)),
        (
            'config-settings = { a = "b", c = ["d", "e"] }',
            ("--config-settings=a=b", "--config-settings=c=d", "--config-settings=c=e"),
        ),
        ('config-settings-package = { numpy = { a = "b" } }', ("--config-settings-package=numpy:a=b",)),
        ('build-constraint-dependencies = ["tool<2"]', ("--build-constraint=tool<2",)),
        ('default-groups = ["test"]\nlink-mode = "copy"', ()),
        ('pip = { only-binary = ["numpy"], no-deps = true, strict = true }', ("--only-binary=numpy", "--no-deps")),
        ('resolution = "highest"\npip = { resolution = "lowest" }', ("--resolution=lowest",)),
    ],
)
def test_a_setting_becomes_an_option(read: Read, setting: str, options: tuple[str, ...]) -> None:
    assert step(read, f"[tool.uv]\n{setting}\n").options == options


def test_constraints_and_overrides_are_those_of_the_step(read: Read) -> None:
    made = step(read, '[tool.uv]\nconstraint-dependencies = ["numpy<2"]\noverride-dependencies = ["six==1.16.0"]\n')
    assert (made.constraints, made.overrides) == (("numpy<2",), ("six==1.16.0",))


@pytest.mark.parametrize("setting", [name for name in SETTINGS if SETTINGS[name] is Treatment.REFUSED])
def test_a_refused_setting_is_named_with_the_way_out(problems_of: ProblemsOf, setting: str) -> None:
    (problem,) = problems_of(MATRIX, {"pyproject.toml": f"{PROJECT}[tool.uv]\n{setting} = []\n"})
    assert problem.what == f"[tool.uv] {setting} in pyproject.toml is not supported"
    assert "tool-uv = false" in problem.hint


@pytest.mark.parametrize(
    ("uv", "what", "hint"),
    [
        ("[tool.uv]\nresolutoin = 1\n", "unknown setting [tool.uv] resolutoin in pyproject.toml", "'resolution'"),
        (
            "[tool.uv.pip]\nfind-links = []\n",
            "[tool.uv.pip] find-links in pyproject.toml is not supported",
            "[index.NAME]",
        ),
        ("[tool.uv]\nresolution = 1\n", "invalid value 1 of [tool.uv] resolution in pyproject.toml", ""),
        ('[tool.uv]\nconstraint-dependencies = ["a=1"]\n', "invalid requirement 'a=1'", ""),
        ("[tool.uv.sources]\nnumpy = { workspace = true }\n", "the workspace has no member 'numpy'", "'mine'"),
        (
            '[tool.uv.sources]\nnumpy = { path = "../x" }\n',
            "[tool.uv.sources] numpy in pyproject.toml: there is no '../x'",
            "",
        ),
        ('[tool.uv.sources]\nnumpy = { tag = "x" }\n', "does not say where it comes from", "git, url, path"),
        ('[tool.uv.sources]\nnumpy = { git = "https://me:pw@x/y" }\n', "contains a user name or password", "~/.netrc"),
        ('[tool.uv.sources]\nnumpy = { index = "cpu" }\n', "unknown index 'cpu'", ""),
        (
            '[[tool.uv.index]]\nname = "cpu"\nurl = "https://x/y"\n',
            "any package may come from the index 'cpu'",
            "explicit = true",
        ),
        (
            '[[tool.uv.index]]\nname = "cpu"\nurl = "https://me:pw@x/y"\ndefault = true\n',
            "[tool.uv] index in pyproject.toml: the URL contains a user name or password",
            "~/.netrc",
        ),
    ],
)
def test_a_setting_that_cannot_be_honored_is_reported(problems_of: ProblemsOf, uv: str, what: str, hint: str) -> None:
    (problem,) = problems_of(MATRIX, {"pyproject.toml": PROJECT + uv})
    assert problem.where == "combo[0].steps[0][0]"
    assert what in problem.what
    assert hint in problem.hint


@pytest.mark.parametrize("uv", ['[tool.uv]\noverride-dependencies = ["six"]\n', '[tool.uv]\nresolution = "lowest"\n'])
def test_what_pip_does_not_have_is_refused_for_pip(problems_of: ProblemsOf, uv: str) -> None:
    (problem,) = problems_of(f'[matrix]\ninstaller = "pip"\n{MATRIX}', {"pyproject.toml": PROJECT + uv})
    assert problem.where == "combo[0].steps"
    assert problem.what.startswith("pip has no ")
    assert problem.hint == 'write installer = "uv", or tool-uv = false into [project] to ignore [tool.uv]'


INDEXES = """
[[tool.uv.index]]
name = "cpu"
url = "https://example.org/cpu"
explicit = true
[[tool.uv.index]]
name = "mirror"
url = "https://example.org/simple"
default = true
[[tool.uv.index]]
name = "unused"
url = "wheels"
format = "flat"
explicit = true
[tool.uv.sources]
torch = [{ index = "cpu", marker = "python_version > '3'" }, { index = "gone", extra = "gpu" }]
"""


def test_indexes_of_uv_become_routes_of_the_matrix_unless_it_declares_its_own(read: Read) -> None:
    files = {"pyproject.toml": PROJECT + EXTRAS + INDEXES}
    assert set(read(MATRIX, files).indexes) == {
        Index(name="cpu", url="https://example.org/cpu", packages=("torch",)),
        Index(name="mirror", url="https://example.org/simple"),
    }
    own = '[index.own]\nurl = "https://example.org/own"\n'
    assert read(MATRIX + own, files).indexes == (Index(name="own", url="https://example.org/own"),)
    assert read(f"{MATRIX}[project]\ntool-uv = false\n", files).indexes == ()


def test_an_index_in_a_folder_becomes_a_file_url(read: Read) -> None:
    files = {"pyproject.toml": PROJECT + INDEXES.replace('index = "cpu"', 'index = "unused"')}
    assert Index(name="unused", url="file:///project/wheels", packages=("torch",)) in read(MATRIX, files).indexes


CONFLICTS = '[tool.uv]\nconflicts = [[{ extra = "cpu" }, { extra = "gpu" }, { group = "test" }]]\n'


@pytest.mark.parametrize(
    ("matrix", "where", "what"),
    [
        (MATRIX.replace('"."', '".[cpu,gpu]"'), "combo[0].steps", "extra 'cpu' and extra 'gpu' conflict"),
        (
            MATRIX.replace('"."', '".[gpu]"], ["--group test"'),
            "combo[0].steps",
            "extra 'gpu' and group 'test' conflict",
        ),
        (
            MATRIX + '[project]\nextras = ["cpu"]\ngroups = ["test"]\n',
            "project",
            "extra 'cpu' and group 'test' conflict",
        ),
    ],
)
def test_extras_and_groups_that_conflict_are_not_chosen_together(
    read: Read, problems_of: ProblemsOf, matrix: str, where: str, what: str
) -> None:
    files = {"pyproject.toml": PROJECT + EXTRAS + CONFLICTS}
    assert read(MATRIX.replace('"."', '".[cpu]"'), files).combos
    (problem,) = problems_of(matrix, files)
    assert problem.where == where
    assert problem.what == f"{what}: [tool.uv] conflicts in pyproject.toml"
    assert problem.hint == "choose one of them in each combo"
