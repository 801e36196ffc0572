"""What stands in the way of an installer, brought about for real, and whose fault it is said to be."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from knowngood.install.index import Routes
from knowngood.install.registry import OUTPUTS
from knowngood.model import InstallerName, Reason, Status
from support.index import Index, closed_url, serve
from support.wheels import build_sdist, build_wheel
from support.workshop import Workshop, failed

WHEEL = "solid-2.0-py3-none-any.whl"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is switched on, what is asked for, and what is to be said about it."""

    asked: tuple[str, ...]
    status: Status
    reason: Reason
    says: str
    """What the message of either installer must hold, as a regular expression."""
    switch: Callable[[Index], object] = lambda index: None


def _infra(reason: Reason, says: str, switch: Callable[[Index], object], asked: str = "solid") -> Fault:
    return Fault(asked=(asked,), status=Status.INFRA, reason=reason, says=says, switch=switch)


def _unsolvable(reason: Reason, says: str, *asked: str) -> Fault:
    return Fault(asked=asked, status=Status.UNSOLVABLE, reason=reason, says=says)


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
    "the page of what a build needs answers 500": _infra(
        Reason.INDEX_ERROR, "500.*", lambda index: index.page_status.update(setuptools=500), asked="old-style"
    ),
    "no such project": _unsolvable(Reason.PACKAGE_NOT_FOUND, "ghost", "ghost"),
    "a dependency that does not exist": _unsolvable(Reason.PACKAGE_NOT_FOUND, "ghost", "needs-ghost"),
    "no such version": _unsolvable(Reason.VERSION_NOT_FOUND, r"solid==9\.9", "solid==9.9"),
    "only for another Python": _unsolvable(Reason.NO_MATCHING_FILE, "future", "future"),
    "a version for another Python": _unsolvable(Reason.NO_MATCHING_FILE, r"solid==3\.0", "solid==3.0"),
    "only for another platform": _unsolvable(Reason.NO_MATCHING_FILE, "alien", "alien"),
    "two packages that exclude each other": _unsolvable(
        Reason.CONFLICT, "(?s)wants-old.*solid<2|wants-new.*solid>=2", "wants-old", "wants-new"
    ),
    "a pin that a package excludes": _unsolvable(Reason.CONFLICT, "solid==2.0", "wants-old", "solid==2.0"),
    "a build that fails": Fault(
        asked=("broken-build",),
        status=Status.BUILD_FAIL,
        reason=Reason.BUILD_ERROR,
        says="^RuntimeError: no compiler of this kind$",
    ),
    "a build that needs what does not exist": Fault(
        asked=("old-style",), status=Status.BUILD_FAIL, reason=Reason.BUILD_ERROR, says="setuptools"
    ),
}  # fmt: skip

BACKEND = """
def build_wheel(*arguments, **options):
    raise RuntimeError("no compiler of this kind")
"""


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what every index of these tests holds."""
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
    return folder


@pytest.fixture
def stocked(goods: Path) -> Iterator[Index]:
    with serve(goods) as running:
        yield running


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, environ: Mapping[str, str]) -> Workshop:
    """One for all: no fault leaves anything in the environment that it met."""
    return Workshop(folder=tmp_path_factory.mktemp("faults"), environ=environ)


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_blamed_on_whom_it_belongs_to_and_told_in_one_line(
    name: str, installer: InstallerName, stocked: Index, workshop: Workshop
) -> None:
    fault = FAULTS[name]
    fault.switch(stocked)

    facts = workshop.carry_out(installer, (fault.asked,), Routes(default=stocked.url), environment=installer)
    action = failed(facts)
    status, reason = OUTPUTS[installer].classify(action)
    message = OUTPUTS[installer].message(action, status)

    assert (status, reason) == (fault.status, fault.reason), action.output
    assert re.search(fault.says, message), message
    assert "\n" not in message and 10 < len(message) < 500


@pytest.mark.parametrize("installer", InstallerName)
def test_an_index_where_nobody_listens_is_unreachable(installer: InstallerName, workshop: Workshop) -> None:
    facts = workshop.carry_out(installer, (("solid",),), Routes(default=closed_url()), environment=installer)

    action = failed(facts)
    assert OUTPUTS[installer].classify(action) == (Status.INFRA, Reason.INDEX_UNREACHABLE)
    assert re.search("/simple/solid/.*[Rr]efused", OUTPUTS[installer].message(action, Status.INFRA))


@pytest.mark.parametrize("installer", InstallerName)
def test_the_page_of_one_packages_own_index_that_fails_is_no_fault_of_the_package(
    installer: InstallerName, stocked: Index, workshop: Workshop, tmp_path: Path
) -> None:
    # The project is there in the default index, but the page that was declared for it is not.
    with serve(tmp_path) as own:
        own.page_status["solid"] = 500
        routes = Routes(default=stocked.url, pages=(f"{own.url}/solid/",))
        facts = workshop.carry_out(installer, (("solid==9.9",),), routes, environment=installer)

    action = failed(facts)
    assert OUTPUTS[installer].classify(action)[0] is Status.INFRA, action.output


@pytest.mark.parametrize("installer", InstallerName)
def test_a_second_index_without_the_project_is_not_blamed_for_a_version_that_is_missing(
    installer: InstallerName, stocked: Index, workshop: Workshop, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    with serve(tmp_path) as second:
        both = {**environ, "UV_DEFAULT_INDEX": stocked.url, "UV_INDEX": second.url, "PIP_CONFIG_FILE": "/dev/null"}
        both |= {"PIP_INDEX_URL": stocked.url, "PIP_EXTRA_INDEX_URL": second.url}
        facts = Workshop(folder=tmp_path, environ=both).carry_out(installer, (("solid==9.9",),), Routes())

    action = failed(facts)
    assert OUTPUTS[installer].classify(action) == (Status.UNSOLVABLE, Reason.VERSION_NOT_FOUND)
    assert "solid==9.9" in OUTPUTS[installer].message(action, Status.UNSOLVABLE)
