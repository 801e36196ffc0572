"""Provoke real faults of indexes, packages and builds, and test what each installer's output is classified as."""

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from knowngood.install.index import Route, Routes, decide
from knowngood.install.registry import OUTPUTS
from knowngood.model import InstallerName, Reason, Status
from support.index import Index, closed_url, serve
from support.repositories import repository
from support.wheels import build_sdist, build_wheel
from support.workshop import Workshop, failed

WHEEL = "solid-2.0-py3-none-any.whl"
WHEELS_ONLY = "--only-binary=:all:"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault to provoke, the requirements to install then, and what must be reported."""

    requirements: tuple[str, ...]
    status: Status
    reason: Reason
    message: str
    """A regular expression that the message of every installer matches."""
    provoke: Callable[[Index], object] = lambda index: None


def _infra(reason: Reason, message: str, provoke: Callable[[Index], object], requirement: str = "solid") -> Fault:
    return Fault(requirements=(requirement,), status=Status.INFRA, reason=reason, message=message, provoke=provoke)


def _unsolvable(reason: Reason, message: str, *requirements: str) -> Fault:
    return Fault(requirements=requirements, status=Status.UNSOLVABLE, reason=reason, message=message)


FAULTS = {
    "a page answers 500": _infra(Reason.INDEX_ERROR, "500.*", lambda index: index.page_status.update(solid=500)),
    "a page answers 503": _infra(Reason.INDEX_ERROR, "503", lambda index: index.page_status.update(solid=503)),
    "a page answers 401": _infra(Reason.INDEX_REFUSED, "401", lambda index: index.page_status.update(solid=401)),
    "a page answers 403": _infra(Reason.INDEX_REFUSED, "403", lambda index: index.page_status.update(solid=403)),
    "a file answers 404": _infra(
        Reason.FILE_MISSING, f"404.*{WHEEL}", lambda index: index.file_status.update({WHEEL: 404})
    ),
    "a file answers 403": _infra(
        Reason.INDEX_REFUSED, f"403.*{WHEEL}", lambda index: index.file_status.update({WHEEL: 403})
    ),
    "a file answers 500": _infra(
        Reason.INDEX_ERROR, f"{WHEEL}.*500|500.*{WHEEL}", lambda index: index.file_status.update({WHEEL: 500})
    ),
    "a file has another hash": _infra(
        Reason.HASH_MISMATCH, "(?i)hash", lambda index: index.wrong_hash.add(WHEEL)
    ),
    "a file is cut short": _infra(
        Reason.CORRUPT_DOWNLOAD,
        "before message length|not enough bytes",
        lambda index: index.truncated.add(WHEEL),
    ),
    "the page of a build requirement answers 500": _infra(
        Reason.INDEX_ERROR, "500.*", lambda index: index.page_status.update(setuptools=500), requirement="old-style"
    ),
    "a package that does not exist": _unsolvable(Reason.PACKAGE_NOT_FOUND, "ghost", "ghost"),
    "a dependency that does not exist": _unsolvable(Reason.PACKAGE_NOT_FOUND, "ghost", "needs-ghost"),
    "a version that does not exist": _unsolvable(Reason.VERSION_NOT_FOUND, r"solid==9\.9", "solid==9.9"),
    "a package for another Python": _unsolvable(Reason.NO_MATCHING_FILE, "future", "future"),
    "a version for another Python": _unsolvable(Reason.NO_MATCHING_FILE, r"solid==3\.0", "solid==3.0"),
    "only a source distribution, and none may be built": _unsolvable(
        Reason.ONLY_SDIST, "old-style.*(building from source is disabled|may not be built)", "old-style", WHEELS_ONLY
    ),
    "an older version has a wheel, and the asked one may not be built": _unsolvable(
        Reason.ONLY_SDIST, "mixed.*(building from source is disabled|may not be built)", "mixed==2.0", WHEELS_ONLY
    ),
    "a version that nobody has, where none may be built": _unsolvable(
        Reason.VERSION_NOT_FOUND, "mixed==3", "mixed==3", WHEELS_ONLY
    ),
    "a package for another platform": _unsolvable(Reason.NO_MATCHING_FILE, "alien", "alien"),
    "two packages that exclude each other": _unsolvable(
        Reason.CONFLICT, "(?s)wants-old.*solid<2|wants-new.*solid>=2", "wants-old", "wants-new"
    ),
    "a pin that a package excludes": _unsolvable(Reason.CONFLICT, "solid==2.0", "wants-old", "solid==2.0"),
    "a build that fails": Fault(
        requirements=("broken-build",),
        status=Status.BUILD_FAIL,
        reason=Reason.BUILD_ERROR,
        message="^RuntimeError: no compiler of this kind$",
    ),
    "a build requirement that does not exist": Fault(
        requirements=("old-style",), status=Status.BUILD_FAIL, reason=Reason.BUILD_ERROR, message="setuptools"
    ),
}  # fmt: skip

HEAD = b"Metadata-Version: 2.1\nName: solid\nVersion: 1.0\n"
METADATA = {
    "garbage": (b"\x00\xff garbage \x01" * 50, Status.INFRA),
    "empty": (b"", Status.INFRA),
    "those of another package": (HEAD.replace(b"solid", b"other"), Status.INFRA),
    "those of another version": (HEAD.replace(b"1.0", b"9.9"), Status.INFRA),
    # Releases with such requirements exist, and no installer can do anything with them.
    "those of a release with an odd requirement": (HEAD + b"Requires-Dist: six>dev\n", Status.UNSOLVABLE),
}


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("what", METADATA)
def test_a_file_whose_metadata_are_not_its_own_is_not_held_against_the_versions(
    what: str, installer: InstallerName, tmp_path: Path, workshop: Workshop
) -> None:
    metadata, expected = METADATA[what]
    wheel = build_wheel(tmp_path / "whole", "solid", "1.0")
    (tmp_path / "spoiled").mkdir()
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(tmp_path / "spoiled" / wheel.name, "w") as spoiled:
        for name in whole.namelist():
            spoiled.writestr(name, metadata if name.endswith("METADATA") else whole.read(name))
    with serve(tmp_path / "spoiled") as index:
        facts = workshop.carry_out(installer, (("solid==1.0",),), Routes(default=index.url), environment=installer)
    action = failed(facts)
    status, _ = OUTPUTS[installer].classify(action)

    assert status is expected, action.output
    message = OUTPUTS[installer].message(action, status)
    assert "\n" not in message and len(message) > 5, message


WAYS_OF_GIT = {
    "no repository": ("git+file://{folder}/nothing", "does not appear to be a git repository"),
    "no such tag": ("git+file://{folder}/repository@v9", "v9"),
    "no such commit": ("git+file://{folder}/repository@0123456789abcdef0123456789abcdef01234567", "0123456"),
    "a server that is down": ("git+http://127.0.0.1:9/x.git", "unable to access 'http://127.0.0.1:9/x.git/'"),
}


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("way", WAYS_OF_GIT)
def test_what_git_does_not_get_is_not_held_against_the_versions(
    way: str, installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    url, message = WAYS_OF_GIT[way]
    repository(tmp_path / "repository", {"a.txt": "a"})
    workshop = Workshop(folder=tmp_path / "work", environ=environ)

    action = failed(workshop.carry_out(installer, ((f"tool @ {url.format(folder=tmp_path)}",),), decide([])))

    output = OUTPUTS[installer]
    assert output.classify(action) == (Status.INFRA, Reason.GIT_FAILED), action.output
    sentence = output.message(action, Status.INFRA)
    assert message in sentence, sentence
    assert url.format(folder=tmp_path).removeprefix("git+").partition("@")[0] in sentence, sentence


BACKEND = """
def build_wheel(*arguments, **options):
    raise RuntimeError("no compiler of this kind")
"""


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the packages that every index of these tests holds."""
    folder = tmp_path_factory.mktemp("goods")
    for version in ("1.0", "2.0"):
        build_wheel(folder, "solid", version)
    build_wheel(folder, "solid", "3.0", requires_python=">=4")
    build_wheel(folder, "wants-old", "1.0", requires=("solid<2",))
    build_wheel(folder, "wants-new", "1.0", requires=("solid>=2",))
    build_wheel(folder, "needs-ghost", "1.0", requires=("ghost",))
    build_wheel(folder, "future", "1.0", requires_python=">=4")
    build_wheel(folder, "alien", "1.0").rename(folder / "alien-1.0-cp27-cp27m-win32.whl")
    build_sdist(folder, "broken-build", "1.0", backend=BACKEND)
    build_sdist(folder, "old-style", "1.0")
    build_wheel(folder, "mixed", "1.0")
    build_sdist(folder, "mixed", "2.0")
    return folder


@pytest.fixture
def stocked(goods: Path) -> Iterator[Index]:
    with serve(goods) as running:
        yield running


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, environ: Mapping[str, str]) -> Workshop:
    """Return one workshop for all tests: no fault leaves anything in an environment."""
    return Workshop(folder=tmp_path_factory.mktemp("faults"), environ=environ)


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_classified_by_its_cause_and_summed_up_in_one_line(
    name: str, installer: InstallerName, stocked: Index, workshop: Workshop
) -> None:
    fault = FAULTS[name]
    fault.provoke(stocked)

    facts = workshop.carry_out(installer, (fault.requirements,), Routes(default=stocked.url), environment=installer)
    action = failed(facts)
    status, reason = OUTPUTS[installer].classify(action)
    message = OUTPUTS[installer].message(action, status)

    assert (status, reason) == (fault.status, fault.reason), action.output
    assert re.search(fault.message, message), message
    assert "\n" not in message and 10 < len(message) < 500


@pytest.mark.parametrize("installer", InstallerName)
def test_an_index_that_refuses_connections_is_unreachable(installer: InstallerName, workshop: Workshop) -> None:
    facts = workshop.carry_out(installer, (("solid",),), Routes(default=closed_url()), environment=installer)

    action = failed(facts)
    assert OUTPUTS[installer].classify(action) == (Status.INFRA, Reason.INDEX_UNREACHABLE)
    assert re.search("/simple/solid/.*[Rr]efused", OUTPUTS[installer].message(action, Status.INFRA))


@pytest.mark.parametrize("installer", InstallerName)
def test_an_index_declared_for_one_package_that_fails_is_not_held_against_the_package(
    installer: InstallerName, stocked: Index, workshop: Workshop, tmp_path: Path
) -> None:
    # The default index has the package, but the page of the index declared for it fails.
    with serve(tmp_path) as own:
        own.page_status["solid"] = 500
        routes = Routes(default=stocked.url, own=(Route(url=own.url, packages=("solid",)),))
        facts = workshop.carry_out(installer, (("solid==9.9",),), routes, environment=installer)

    action = failed(facts)
    assert OUTPUTS[installer].classify(action)[0] is Status.INFRA, action.output


@pytest.mark.parametrize("installer", InstallerName)
def test_a_missing_version_is_reported_even_when_a_second_index_lacks_the_package(
    installer: InstallerName, stocked: Index, workshop: Workshop, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    with serve(tmp_path) as second:
        both = {**environ, "UV_DEFAULT_INDEX": stocked.url, "UV_INDEX": second.url, "PIP_CONFIG_FILE": "/dev/null"}
        both |= {"PIP_INDEX_URL": stocked.url, "PIP_EXTRA_INDEX_URL": second.url}
        facts = Workshop(folder=tmp_path, environ=both).carry_out(installer, (("solid==9.9",),), Routes())

    action = failed(facts)
    assert OUTPUTS[installer].classify(action) == (Status.UNSOLVABLE, Reason.VERSION_NOT_FOUND)
    assert "solid==9.9" in OUTPUTS[installer].message(action, Status.UNSOLVABLE)
