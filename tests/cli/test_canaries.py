"""Secrets of the user, laid out where programs find them, are in no file and in no stream afterwards."""

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from support.index import Index
from support.project import Project

CANARIES = {
    "AWS_SECRET_ACCESS_KEY": "canary/aws+key=0123456789",
    "GITHUB_TOKEN": "ghp_" + "c4nary" * 6,
    "SERVICE_PASSWORD": "canary pass wörd",
    "UV_INDEX_LOCAL_PASSWORD": "canary-index-password",
    "KG_API_TOKEN": "canary-passed-to-probes",
}
QUERY = "c7"
"""A token in the address of an index, as short as they get."""
PROBE = """
import json, os, sys, urllib.parse
from probe_api import check, record

def environ(pid):
    return open(f"/proc/{pid}/environ", "rb").read().decode("utf-8", "replace")

def parent(pid):
    return [line for line in open(f"/proc/{pid}/status") if line.startswith("PPid")][0].split()[1]

def ancestors():
    pid = parent(os.getpid())
    while pid not in ("0", "1"):
        yield pid
        pid = parent(pid)

def canaries(pid):
    return [line for line in environ(pid).split(chr(0)) if "c4nary" in line or "=canary" in line]

# Other processes stand between the harness and a probe, and have fewer variables.
found = max(map(canaries, ancestors()), key=len)
print(len(found), "CANARIES FOUND")
text = chr(10).join(found)
print(text, urllib.parse.quote(text), json.dumps(text), repr(text))

@check
def leaks():
    record(environ=text)
    raise RuntimeError(text + "?" + urllib.parse.quote(text, safe=""))
"""


def forms(secret: str) -> set[bytes]:
    return {form.encode() for form in (secret, quote(secret), quote(secret, safe=""), quote(secret, safe="").lower())}


def everything_below(*folders: Path) -> "list[tuple[Path, bytes]]":
    paths = (Path(where) / name for folder in folders for where, _, names in os.walk(folder) for name in names)
    return [(path, path.read_bytes()) for path in paths if path.is_file() and not path.is_symlink()]


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_no_canary_is_in_any_file_or_stream(project: Project, index: Index, installer: str) -> None:
    project.write(
        f'[matrix]\nisolation = "none"\n[index.local]\nurl = "{index.url}?token={QUERY}"\n'
        f"[[probe]]\nid = \"p\"\nnetwork = true\nsource = '''{PROBE}'''\n"
        f'[[combo]]\nid = "c"\ninstaller = "{installer}"\nsteps = [["tiny==1.0"]]\n'
        f'[[combo]]\nid = "none"\ninstaller = "{installer}"\nsteps = [["tiny==99"]]\n'
        f'[[combo]]\nid = "gone"\ninstaller = "{installer}"\nsteps = [["absent-of-all"]]\n'
    )
    streams = []
    for arguments in (
        ("run", "--report-dir", "report", "--keep"),
        ("run", "--publish", "--accept"),
        ("plan",),
        ("explain", "c"),
        ("report", "--format", "json"),
        ("report", "--format", "junit"),
        ("export", "c"),
        ("cache", "export", "out.zip"),
        ("list", "--no-such-option", CANARIES["GITHUB_TOKEN"]),
    ):
        # The probe reads the variables with which the process of the harness was started.
        result = project.run_from_the_start(*arguments, folder=None, **CANARIES)
        streams.append((" ".join(arguments), (result.stdout + result.stderr).encode()))

    written = everything_below(project.folder / ".knowngood", project.folder / "report", project.folder / "reports")
    written += everything_below(project.folder / "cache" / "knowngood")
    assert len(written) > 20
    leaks = {
        (str(place), name)
        for place, data in [*written, *streams]
        for name, secret in CANARIES.items()
        if any(form in data for form in forms(secret))
    }
    assert not leaks
    assert any(b"5 CANARIES FOUND" in data for _, data in written), "the probe must be able to leak them"
    assert not [str(place) for place, data in [*written, *streams] if f"token={QUERY}".encode() in data]


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_build_gets_no_secret_but_those_of_indexes(project: Project, installer: str) -> None:
    source = project.folder / "mine"
    source.mkdir()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    )
    (source / "setup.py").write_text(
        "import os, setuptools\n"
        "seen = [name for name in os.environ if 'canary' in os.environ[name] or 'c4nary' in os.environ[name]]\n"
        "assert not seen, seen\n"
        "assert os.environ.get('CFLAGS') == '-O1', 'what a build needs is passed on'\n"
        "setuptools.setup(name='mine', version='1', py_modules=[])\n"
    )
    project.write(
        "[[probe]]\nid = \"p\"\nsource = 'pass'\n"
        f'[[combo]]\nid = "c"\ninstaller = "{installer}"\nsteps = [["./mine"]]\n'
    )

    # Installers need the passwords of indexes themselves.
    others = {name: value for name, value in CANARIES.items() if not name.startswith("UV_INDEX")}
    result = project.run("run", folder=None, CFLAGS="-O1", POETRY_PYPI_TOKEN_X="canary-1", **others)

    assert result.returncode == 0, result.stdout + result.stderr


COMMON = {"A_PASSWORD": "123", "B_TOKEN": "tiny", "C_SECRET": "true", "D_KEY": "kind", "E_TOKEN": "1.0", "F_PWD": "ab"}
"""Secrets that are words and numbers which records, reports of pip, hashes and locks are full of."""


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_secret_that_is_a_common_word_breaks_neither_a_run_nor_its_lock(
    project: Project, index: Index, installer: str
) -> None:
    names = ", ".join(f'"{name}"' for name in COMMON)
    project.write(
        f'[index.local]\nurl = "{index.url}"\n'
        f'[[probe]]\nid = "p"\npass-env = [{names}]\nsource = """\nfrom probe_api import check, record\n'
        '@check\ndef kind():\n    record(true=True, said="true", size=123123)\n"""\n'
        f'[[combo]]\nid = "tiny"\ninstaller = "{installer}"\nsteps = [["tiny==1.0"]]\n'
    )

    result = project.run("run", "--report-dir", "report", folder=None, **COMMON)
    exported = project.run("export", "tiny", folder=None, **COMMON)
    again = project.run("run", "--report-dir", "report", folder=None, **COMMON)

    assert result.returncode == 0, result.stdout + result.stderr
    assert exported.returncode == 0 and "tiny==1.0" in exported.stdout, exported.stdout + exported.stderr
    assert again.returncode == 0 and "reused" in again.stdout, again.stdout + again.stderr
    [attempt] = list(project.events("probe-finished"))
    assert attempt["transcript"]["bad_lines"] == 0
    [check] = attempt["transcript"]["checks"]
    assert check["outcome"] == "passed" and check["metrics"] == {"***": True, "said": "***", "size": 123123}
