"""What an index tells about the releases of a package, and what the files of those show."""

import base64
import io
import os
import ssl
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from knowngood.install import registry
from knowngood.install.index import decide
from knowngood.install.pages import HTML, JSON, File, Page, parse, render
from knowngood.install.releases import ReleaseIndex, read_page
from knowngood.install.routing import routing
from knowngood.install.upstream import RemoteIndex
from knowngood.model import FirstWith, LastWith, NearestWithout
from knowngood.model import Index as Declared
from knowngood.model.questions import Files, release
from knowngood.process import Processes
from support.index import Index, closed_url, serve
from support.wheels import build_wheel
from support.workshop import PYTHON, UV, outside


def file(name: str, day: str | None = "2021-01-01T00:00:00Z", **more: Any) -> File:
    return File(name=name, url=name, upload_time=day, **more)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([file("a-1.0-py3-none-any.whl"), file("a-1.0.tar.gz")], Files.WHEEL),
        ([file("a-1.0-cp312-cp312-manylinux2014_x86_64.whl"), file("a-1.0-py3-none-any.whl")], Files.OWN_WHEEL),
        ([file("a-1.0-cp38-abi3-manylinux2014_x86_64.whl")], Files.WHEEL),
        ([file("a-1.0.tar.gz")], Files.SOURCE),
        ([file("a-1.0-cp39-cp39-manylinux2014_x86_64.whl"), file("a-1.0.tar.gz")], Files.ELSEWHERE),
        ([file("a-1.0-cp39-cp39-manylinux2014_x86_64.whl")], Files.NONE),
        ([file("a-1.0-py3-none-any.whl", requires_python=">=3.13")], Files.NONE),
        ([file("a-1.0-py3-none-any.whl", requires_python="<3.12")], Files.NONE),
        ([file("a-1.0-py3-none-any.whl", yanked="broken")], Files.NONE),
    ],
)
def test_a_release_is_as_good_as_its_best_file_for_the_python(files: list[File], expected: Files) -> None:
    assert [each.files for each in read_page(Page(files=tuple(files)), "3.12.1")] == [expected]


@pytest.mark.parametrize(
    ("wheel", "size"), [("a-1.0-py3-none-any.whl", 2), ("a-1.0-cp39-cp39-manylinux2014_x86_64.whl", 30)]
)
def test_the_size_of_a_release_is_that_of_what_would_be_downloaded(wheel: str, size: int) -> None:
    (only,) = read_page(Page(files=(file(wheel, size=2), file("a-1.0.tar.gz", size=30))), "3.12.1")

    assert only.size == size


def test_a_release_came_out_with_its_first_file_and_releases_are_sorted_by_version() -> None:
    files = [
        file("a-1.10-py3-none-any.whl", "2022-03-02T00:00:00Z"),
        file("a-1.10.tar.gz", "2022-03-01T00:00:00Z"),
        file("a-1.9.tar.gz", None),
        file("not a file of a package"),
    ]

    listed = read_page(Page(files=tuple(files)), "3.11.7")

    assert list(map(str, listed)) == ["1.9 - source", "1.10 2022-03-01T00:00:00+00:00 wheel"]
    assert [release(str(each)) for each in listed] == list(listed)


def test_only_final_releases_with_a_wheel_install_at_once() -> None:
    lines = ("1.0 - wheel", "1.0 - own-wheel", "1.0 - source", "1.0rc1 - wheel", "1.0 - none")

    listed = [each for line in lines if (each := release(line)) is not None]
    assert [each.installs for each in listed] == [True, True, False, False, False]


@pytest.mark.parametrize("line", ["", "1.0", "x - wheel", "1.0 - paper", "1.0 yesterday wheel"])
def test_what_was_not_written_by_us_is_not_read(line: str) -> None:
    assert release(line) is None


VERSIONS = ("1.0", "1.1", "1.1.1", "1.1.2", "1.2", "2.0", "2.1")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """Yield an index with ``lib``: 1.0 to 1.1.1 have ``name``, 2.1 has it again, and 1.x calls ``helper``."""
    for version in VERSIONS:
        source = "def name(): ...\n" if version in ("1.0", "1.1", "1.1.1", "2.1") else "other = 1\n"
        if version in ("1.1.2", "1.2"):
            source += "import helper\n"
        wheel = build_wheel(tmp_path / "files", "lib", version, files={"lib/__init__.py": source})
        assert wheel.name == f"lib-{version}-py3-none-any.whl"
    with serve(tmp_path / "files") as index:
        index.dates = {f"lib-{version}-py3-none-any.whl": "2021-01-01T00:00:00Z" for version in VERSIONS}
        yield index


def release_index(index: Index, folder: Path) -> ReleaseIndex:
    environ = outside(folder / "home") | {"UV_DEFAULT_INDEX": index.url, "PATH": os.environ["PATH"]}
    return ReleaseIndex(
        processes=Processes(folder / "run"),
        uv=UV,
        environ=environ,
        python=PYTHON,
        folder=folder / "run" / "lookups",
        review=lambda action, installer: action,
        page=lambda package: RemoteIndex(index.url, registry.access({})).page(package),
        contents=lambda file: bytes(registry.access({}).get(file.url).data),
    )


def test_the_last_release_that_has_a_name_is_found_to_the_patch(index: Index, tmp_path: Path) -> None:
    question = LastWith(package="lib", installed="2.0", module="lib", name="name")

    assert release_index(index, tmp_path).nearest_with(question, "3.11.7") == "1.1.1"


def test_the_first_newer_release_that_has_a_name_is_found(index: Index, tmp_path: Path) -> None:
    question = FirstWith(package="lib", installed="1.2", module="lib", name="name")

    assert release_index(index, tmp_path).nearest_with(question, "3.11.7") == "2.1"


@pytest.mark.parametrize(("installed", "newer", "expected"), [("1.2", True, "2.0"), ("1.2", False, "1.1.1")])
def test_the_nearest_release_that_does_not_mention_a_word_is_found(
    index: Index, tmp_path: Path, installed: str, newer: bool, expected: str
) -> None:
    question = NearestWithout(package="lib", installed=installed, word="helper", newer=newer)

    assert release_index(index, tmp_path).nearest_without(question, "3.11.7") == expected


@pytest.mark.parametrize(("module", "expected"), [("lib", "1.1.1"), ("lib.elsewhere", None)])
def test_the_nearest_release_whose_module_lacks_a_name_is_found(
    index: Index, tmp_path: Path, module: str, expected: str | None
) -> None:
    # Releases of 1.x mention "name" or "other"; only those with "other" define it.
    question = NearestWithout(package="lib", installed="2.0", word="other", newer=False, module=module)

    assert release_index(index, tmp_path).nearest_without(question, "3.11.7") == expected


def test_a_name_that_came_and_went_with_one_major_version_is_found(tmp_path: Path) -> None:
    lines = {9: 1, 8: 5, 7: 3, 6: 2, 5: 4}
    versions = [f"{major}.{minor}" for major, minors in lines.items() for minor in range(minors)]
    for version in versions:
        source = "name = 1\n" if version.startswith("6.") else "other = 1\n"
        build_wheel(tmp_path / "files", "lib", version, files={"lib/__init__.py": source})

    with serve(tmp_path / "files") as index:
        index.dates = {f"lib-{version}-py3-none-any.whl": "2021-01-01T00:00:00Z" for version in versions}
        question = LastWith(package="lib", installed="9.0", module="lib", name="name")

        assert release_index(index, tmp_path).nearest_with(question, "3.11.7") == "6.1"


def archive(folder: Path, version: str, source: str) -> None:
    """Write a source distribution of ``lib`` whose build would fail."""
    files = {
        "setup.py": "raise SystemExit('built')",
        "src/lib/__init__.py": source,
        "tests/test_lib.py": "import helper\n",
    }
    with tarfile.open(folder / f"lib-{version}.tar.gz", "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"lib-{version}/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (LastWith(package="lib", installed="2.0", module="lib", name="name"), "1.9"),
        (LastWith(package="lib", installed="2.0", module="lib", name="never"), None),
    ],
)
def test_a_release_without_a_wheel_is_read_and_not_built(
    index: Index, tmp_path: Path, question: LastWith, expected: str | None
) -> None:
    archive(tmp_path / "files", "1.9", "def name(): ...\n")

    assert release_index(index, tmp_path).nearest_with(question, "3.11.7") == expected


def test_an_archive_that_is_broken_shows_nothing(index: Index, tmp_path: Path) -> None:
    (tmp_path / "files" / "lib-1.9.tar.gz").write_bytes(b"no archive")
    question = LastWith(package="lib", installed="2.0", module="lib", name="name")

    assert release_index(index, tmp_path).nearest_with(question, "3.11.7") == "1.1.1"


def test_files_that_contradict_what_was_seen_tell_nothing(index: Index, tmp_path: Path) -> None:
    # The installed release is known to lack the name; its source says otherwise, so sources do not tell.
    question = LastWith(package="lib", installed="2.1", module="lib", name="name")

    assert release_index(index, tmp_path).nearest_with(question, "3.11.7") is None


def test_an_index_without_dates_still_lists_its_releases(index: Index, tmp_path: Path) -> None:
    index.dates = {}
    found = release_index(index, tmp_path)

    assert found.listed("lib", "3.11.7") == tuple(f"{version} - wheel" for version in VERSIONS)
    assert found.nearest_with(LastWith(package="lib", installed="2.0", module="lib", name="name"), "3.11.7") == "1.1.1"


@pytest.mark.parametrize("dated", [False, True], ids=["HTML", "JSON"])
@pytest.mark.parametrize(
    ("stated", "status"),
    [
        (("archived", ""), "archived"),
        (("quarantined", "it <steals>\n keys"), "quarantined: it <steals> keys"),
        (None, None),
    ],
)
def test_the_status_of_a_project_is_what_its_page_says(
    stated: tuple[str, str] | None, status: str | None, dated: bool, index: Index, tmp_path: Path
) -> None:
    index.dates = index.dates if dated else {}
    index.status = {"lib": stated} if stated else {}

    assert release_index(index, tmp_path).status("lib") == status
    assert release_index(index, tmp_path).status("other") is None


@pytest.mark.parametrize("accept", [JSON, HTML])
def test_a_page_that_is_passed_on_keeps_the_status_of_its_project(accept: str) -> None:
    page = Page(files=(), marked=True, status="archived", status_reason='use "x"')

    kind, body = render(page, "lib", accept)

    assert parse(body, kind, "https://index.test/lib/", "lib") == page


def test_a_package_that_the_index_lacks_tells_nothing(index: Index, tmp_path: Path) -> None:
    found = release_index(index, tmp_path)

    assert found.listed("gone", "3.11.7") is None
    assert found.nearest_with(LastWith(package="gone", installed="2.0", module="lib", name="name"), "3.11.7") is None


def listed(declared: list[Declared], outside: dict[str, str], folder: Path, *, offline: bool = False) -> list[str]:
    """Return the versions of ``lib`` that a run with these indexes and this environment knows of."""
    routes = decide(declared, access=registry.access(outside), offline=offline)
    with routing(routes, outside, folder / "cache") as routed:
        page = routed.page("lib")
    return [str(each.version) for each in read_page(page, "3.11.7")] if page is not None else []


def test_the_index_of_the_user_is_asked_before_the_default_one(index: Index, tmp_path: Path) -> None:
    environ = {"UV_INDEX": f"mine={index.url}", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "HOME": str(tmp_path)}

    assert listed([], environ, tmp_path) == list(VERSIONS)


def test_releases_are_listed_from_the_index_that_the_package_comes_from(index: Index, tmp_path: Path) -> None:
    build_wheel(tmp_path / "own", "lib", "9.0")
    environ = {"UV_DEFAULT_INDEX": index.url, "HOME": str(tmp_path)}

    with serve(tmp_path / "own") as own:
        declared = [Declared(name="own", url=own.url, packages=("lib",))]
        assert listed(declared, environ, tmp_path) == ["9.0"]
        assert listed([Declared(name="mirror", url=own.url)], environ, tmp_path) == ["9.0"]
        assert listed([Declared(name="own", url=closed_url(), packages=("lib",))], environ, tmp_path) == []
        asked = len(own.requests)
        assert listed(declared, environ, tmp_path, offline=True) == []
        assert len(own.requests) == asked


def test_releases_are_listed_with_the_password_and_the_authority_of_the_user(tmp_path: Path) -> None:
    build_wheel(tmp_path / "own", "lib", "1.0")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")

    with serve(tmp_path / "own", context) as own:
        own.login = "Basic " + base64.b64encode(b"me:secret").decode()
        environ = {
            "UV_DEFAULT_INDEX": own.url,
            "HOME": str(tmp_path),
            "SSL_CERT_FILE": str(tmp_path / "authority.pem"),
        }
        assert listed([], environ, tmp_path) == ["1.0"]
