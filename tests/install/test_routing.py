"""Test that a package with an index of its own comes from there and from nowhere else, whatever other indexes have."""

import functools
import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from knowngood.install.index import Routes, decide
from knowngood.install.registry import OUTPUTS
from knowngood.model import ComboFacts, InstallerName, Status
from knowngood.model import Index as Declared
from support.index import Index, serve
from support.wheels import build_sdist, build_wheel
from support.workshop import Workshop, failed

VERSIONS = {
    "a lower version": ("1.0", "2.0"),
    "an equal version": ("1.0", "1.0"),
    "a higher version": ("2.0", "1.0"),
    "a local version": ("1.0+cpu", "1.0"),
    "a pre-release where the default has a release": ("2.0rc1", "1.0"),
    "a release where the default has a pre-release": ("1.0", "2.0rc1"),
    "a development version where the default has a release": ("2.0.dev3", "1.0"),
    "a release where the default has a development version": ("1.0", "2.0.dev3"),
}
"""The version on the index that is declared for the package, and the one on the default index."""

OWN, DEFAULT = "ITS OWN INDEX", "THE DEFAULT INDEX"

BACKEND = """
import pathlib, sys, zipfile
import tool

def build_wheel(directory, *arguments, **options):
    name = "built-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w") as wheel:
        wheel.writestr("built.py", f"origin = {tool.origin!r}\\n")
        wheel.writestr("built-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: built\\nVersion: 1.0\\n")
        wheel.writestr("built-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("built-1.0.dist-info/RECORD", "")
    return name
"""


def stock(folder: Path, version: str, origin: str) -> None:
    """Put the package ``tool`` into a folder, with a module that says which index it is from."""
    build_wheel(folder, "tool", version, files={"tool.py": f"origin = {origin!r}\n"})


def origin(workshop: Workshop, module: str = "tool") -> str:
    """Return which index an installed module is from."""
    (site,) = workshop.environment().site_packages()
    return (site / f"{module}.py").read_text().partition("'")[2].partition("'")[0]


def install(
    installer: InstallerName, requirement: str, url: str, default: str, tmp_path: Path, environ: Mapping[str, str]
) -> tuple[ComboFacts, Workshop]:
    """Install a requirement with ``tool`` from ``url`` and everything else from ``default``."""
    routes = decide([
        Declared(name="special", url=url, packages=("tool",)),
        Declared(name="mirror", url=default),
    ])  # fmt: skip
    workshop = Workshop(folder=tmp_path / "work", environ=environ)
    return workshop.carry_out(installer, ((requirement,),), routes), workshop


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("place", ["an index", "a flat folder", "a folder with a folder for each package"])
@pytest.mark.parametrize("how", ["asked for", "needed by another package"])
@pytest.mark.parametrize("case", VERSIONS)
def test_a_package_comes_from_the_index_declared_for_it(
    case: str, how: str, place: str, installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    own_version, default_version = VERSIONS[case]
    own_folder, default_folder = tmp_path / "own", tmp_path / "default"
    stock(own_folder / "tool" if "each" in place else own_folder, own_version, OWN)
    stock(default_folder, default_version, DEFAULT)
    build_wheel(default_folder, "needs-tool", "1.0", requires=("tool",))
    requirement = "tool" if how == "asked for" else "needs-tool"

    with serve(own_folder) as own, serve(default_folder) as default:
        url = own.url if place == "an index" else own_folder.as_uri()
        facts, workshop = install(installer, requirement, url, default.url, tmp_path, environ)

    assert facts.installed.get("tool") == own_version, facts.steps
    assert origin(workshop) == OWN


SOURCES = {
    "lower than both": ("1.0", "2.0", "3.0"),
    "between the others": ("2.0", "1.0", "3.0"),
    "equal to both": ("1.0", "1.0", "1.0"),
    "a pre-release below both": ("1.0rc1", "1.0", "2.0"),
    "a pre-release above both": ("3.0rc1", "1.0", "2.0"),
    "a development version": ("1.0.dev1", "1.0", "1.0rc1"),
    "a release beside a pre-release and a development version": ("1.0", "2.0rc1", "3.0.dev1"),
    "a post-release and a local version": ("1.0", "1.0.post1", "1.0+cpu"),
}
"""The version in the source that a package belongs to, and those in the two others."""

WHERE = ("special", "folder", "default")


@dataclass(frozen=True, kw_only=True)
class Three:
    """Two indexes and a folder: ``tool`` belongs to the first, ``gear`` to the folder, all else to the default."""

    special: Index
    folder: Path
    default: Index

    @property
    def routes(self) -> Routes:
        return decide([
            Declared(name="special", url=self.special.url, packages=("tool",)),
            Declared(name="folder", url=self.folder.as_uri(), packages=("gear",)),
            Declared(name="mirror", url=self.default.url),
        ])  # fmt: skip


@contextmanager
def three_sources(tmp_path: Path, tool: tuple[str, str, str], gear: tuple[str, str, str]) -> Iterator[Three]:
    """Serve three sources that all have both packages; the first version is in the source that the package is from."""
    places = {name: tmp_path / name for name in ("special", "folder", "default")}
    for package, order, versions in (
        ("tool", ("special", "folder", "default"), tool),
        ("gear", ("folder", "special", "default"), gear),
    ):
        for place, version in zip(order, versions, strict=True):
            build_wheel(places[place], package, version, files={f"{package}.py": f"origin = {place!r}\n"})
    build_wheel(places["default"], "needs-both", "1.0", requires=("tool", "gear"))
    with serve(places["special"]) as special, serve(places["default"]) as default:
        yield Three(special=special, folder=places["folder"], default=default)


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize(
    ("case", "step"),
    [
        *((case, ("needs-both",)) for case in SOURCES),
        *((case, ("tool", "gear")) for case in SOURCES if "pre-release" in case),
    ],
)
def test_of_three_sources_each_package_comes_from_the_one_that_it_belongs_to(
    case: str, step: tuple[str, ...], installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    with three_sources(tmp_path, SOURCES[case], SOURCES[case]) as three:
        workshop = Workshop(folder=tmp_path / "work", environ=environ)
        facts = workshop.carry_out(installer, (step,), three.routes)

    own = SOURCES[case][0]
    assert {"tool": own, "gear": own}.items() <= facts.installed.items(), facts.steps
    assert (origin(workshop), origin(workshop, "gear")) == ("special", "folder")


@pytest.mark.parametrize("installer", InstallerName)
def test_the_lock_has_the_hash_of_the_file_that_its_source_has(
    installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    same = ("1.0", "1.0", "1.0")
    with three_sources(tmp_path, same, same) as three:
        workshop = Workshop(folder=tmp_path / "work", environ=environ)
        workshop.carry_out(installer, (("needs-both",),), three.routes)
        text = (tmp_path / "work" / "env.steps" / "step1.lock").read_text(encoding="utf-8")

    for package, place in (("tool", "special"), ("gear", "folder")):
        hashes = {where: sha256(tmp_path / where / f"{package}-1.0-py3-none-any.whl") for where in WHERE}
        assert [where for where in WHERE if hashes[where] in text] == [place], text


@pytest.mark.parametrize("installer", InstallerName)
def test_a_file_of_the_same_name_that_another_matrix_took_from_elsewhere_is_not_used(
    installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    same = ("1.0", "1.0", "1.0")
    with three_sources(tmp_path, same, same) as three:
        everything = decide([Declared(name="mirror", url=three.default.url)])
        other = decide([
            Declared(name="special", url=three.special.url, packages=("gear",)),
            Declared(name="folder", url=three.folder.as_uri(), packages=("tool",)),
            Declared(name="mirror", url=three.default.url),
        ])  # fmt: skip
        origins: list[tuple[str, str]] = []
        for routes in (everything, three.routes, other):
            workshop = Workshop(folder=tmp_path / "work" / str(len(origins)), environ=environ)
            workshop.carry_out(installer, (("needs-both",),), routes)
            origins.append((origin(workshop), origin(workshop, "gear")))

    assert origins == [("default", "default"), ("special", "folder"), ("folder", "special")]


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("step", [("tool==1.0",), ("tool==1.0", "needs-both")], ids=["asked for", "needed as well"])
def test_a_withdrawn_version_is_taken_from_its_source_when_it_is_asked_for_by_name(
    step: tuple[str, ...], installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    with three_sources(tmp_path, ("1.0", "1.0", "1.0"), ("1.0", "1.0", "1.0")) as three:
        three.special.yanked.add("tool-1.0-py3-none-any.whl")
        workshop = Workshop(folder=tmp_path / "work", environ=environ)
        facts = workshop.carry_out(installer, (step,), three.routes)

    assert facts.installed.get("tool") == "1.0", facts.steps
    assert origin(workshop) == "special"


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("requirement", ["tool", "needs-both"])
def test_no_other_source_replaces_a_withdrawn_version(
    requirement: str, installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    with three_sources(tmp_path, ("1.0", "1.0", "2.0"), ("1.0", "1.0", "1.0")) as three:
        three.special.yanked.add("tool-1.0-py3-none-any.whl")
        facts = Workshop(folder=tmp_path / "work", environ=environ).carry_out(
            installer, ((requirement,),), three.routes
        )

    action = failed(facts)
    status, _ = OUTPUTS[installer].classify(action)
    assert status is Status.UNSOLVABLE, action.output
    assert "tool" in OUTPUTS[installer].message(action, status)


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("requirement", ["tool>=2", "tool==2.0"])
def test_no_other_source_has_a_say_when_a_version_is_missing(
    requirement: str, installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    with three_sources(tmp_path, ("1.0", "2.0", "3.0"), ("1.0", "2.0", "3.0")) as three:
        facts = Workshop(folder=tmp_path / "work", environ=environ).carry_out(
            installer, ((requirement,),), three.routes
        )

    action = failed(facts)
    status, _ = OUTPUTS[installer].classify(action)
    assert status is Status.UNSOLVABLE, action.output
    message = OUTPUTS[installer].message(action, status)
    assert "comes from index special (" in message and "and from nowhere else, and that index has" in message


@pytest.mark.parametrize("installer", InstallerName)
def test_what_a_build_needs_comes_from_the_index_declared_for_it(
    installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    stock(tmp_path / "own", "1.0", OWN)
    stock(tmp_path / "default", "2.0", DEFAULT)
    build_sdist(tmp_path / "default", "built", "1.0", backend=BACKEND, requires=("tool",))

    with serve(tmp_path / "own") as own, serve(tmp_path / "default") as default:
        facts, workshop = install(installer, "built", own.url, default.url, tmp_path, environ)

    assert facts.installed == {**facts.installed, "built": "1.0"}
    assert origin(workshop, "built") == OWN


@contextmanager
def links_page(folder: Path) -> Iterator[str]:
    """Serve ``folder`` with a page that links to all of its files, and yield the address of the page."""
    names = [path.name for path in sorted(folder.iterdir())]
    (folder / "links.html").write_text("".join(f'<a href="{name}">{name}</a>' for name in names), encoding="utf-8")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/links.html"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


OTHER = "THE USER'S OWN PLACE"
FILES = {
    "uv.toml, find-links": (".config/uv/uv.toml", 'find-links = ["{links}"]\n'),
    "uv.toml, [pip] find-links": (".config/uv/uv.toml", '[pip]\nfind-links = ["{links}"]\n'),
    "uv.toml, extra-index-url": (".config/uv/uv.toml", 'extra-index-url = ["{index}"]\n'),
    "uv.toml, [pip] extra-index-url": (".config/uv/uv.toml", '[pip]\nextra-index-url = ["{index}"]\n'),
    "uv.toml, [[index]]": (".config/uv/uv.toml", '[[index]]\nname = "more"\nurl = "{index}"\n'),
    "pip.conf, find-links": (".config/pip/pip.conf", "[global]\nfind-links = {links}\n"),
    "pip.conf, extra-index-url": (".config/pip/pip.conf", "[global]\nextra-index-url = {index}\n"),
}
VARIABLES = {
    "UV_FIND_LINKS": "{links}",
    "UV_INDEX": "more={index}",
    "UV_EXTRA_INDEX_URL": "{index}",
    "PIP_FIND_LINKS": "{links}",
    "PIP_EXTRA_INDEX_URL": "{index}",
}
PLACES = [(InstallerName.PIP if "pip" in way.lower()[:4] else InstallerName.UV, way) for way in (*FILES, *VARIABLES)]


@contextmanager
def user_with(way: str, links: str, folder: Path, environ: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield the environment of a user who takes packages from ``folder`` as well; ``links`` is "folder" or "page"."""
    home = folder.parent / "home"
    with serve(folder) as index, links_page(folder) as page:
        values = {"links": page if links == "page" else str(folder), "index": index.url}
        outside = {**environ, "HOME": str(home)}
        if way in VARIABLES:
            outside[way] = VARIABLES[way].format_map(values)
        else:
            place, text = FILES[way]
            (home / place).parent.mkdir(parents=True)
            (home / place).write_text(text.format_map(values), encoding="utf-8")
        yield outside


@pytest.mark.parametrize(
    ("installer", "way", "links"),
    [
        (*place, links)
        for place in PLACES
        for links in ("folder", "page")
        if "link" in place[1].lower() or links == "page"
    ],
)
def test_a_place_in_the_users_settings_has_no_say_about_a_package_with_an_index_and_is_used_for_others(
    installer: InstallerName, way: str, links: str, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    stock(tmp_path / "own", "1.0", OWN)
    stock(tmp_path / "other", "2.0", OTHER)
    build_wheel(tmp_path / "other", "needs-tool", "1.0", requires=("tool",))

    with serve(tmp_path / "own") as own, user_with(way, links, tmp_path / "other", environ) as outside:
        # The default index is the user's own setting as well: here one that has nothing else.
        outside = {**outside, "UV_DEFAULT_INDEX": own.url, "PIP_INDEX_URL": own.url}
        routes = decide([Declared(name="special", url=own.url, packages=("tool",))])
        workshop = Workshop(folder=tmp_path / "work", environ=outside)
        facts = workshop.carry_out(installer, (("needs-tool",),), routes)

    assert {"tool": "1.0", "needs-tool": "1.0"}.items() <= facts.installed.items(), facts.steps
    assert origin(workshop) == OWN


@pytest.mark.parametrize(("installer", "way"), PLACES)
def test_a_declared_default_index_replaces_every_place_in_the_users_settings(
    installer: InstallerName, way: str, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    stock(tmp_path / "default", "1.0", DEFAULT)
    stock(tmp_path / "other", "2.0", OTHER)

    with (
        serve(tmp_path / "default") as default,
        user_with(way, "folder", tmp_path / "other", environ) as outside,
    ):
        workshop = Workshop(folder=tmp_path / "work", environ=outside)
        routes = decide([Declared(name="mirror", url=default.url)])
        facts = workshop.carry_out(installer, (("tool",),), routes)

    assert facts.installed.get("tool") == "1.0", facts.steps
    assert origin(workshop) == DEFAULT


def test_a_page_of_files_that_is_down_is_named(tmp_path: Path, environ: Mapping[str, str]) -> None:
    stock(tmp_path / "own", "1.0", OWN)
    outside = {**environ, "UV_FIND_LINKS": "http://127.0.0.1:9/links.html"}

    with serve(tmp_path / "own") as own:
        routes = decide([Declared(name="special", url=own.url, packages=("tool",))])
        outside |= {"UV_DEFAULT_INDEX": own.url}
        facts = Workshop(folder=tmp_path / "work", environ=outside).carry_out(InstallerName.UV, (("tool",),), routes)

    action = failed(facts)
    status, _ = OUTPUTS[InstallerName.UV].classify(action)
    message = OUTPUTS[InstallerName.UV].message(action, status)
    assert (status, message.partition(": ")[0]) == (
        Status.INFRA,
        "the index http://127.0.0.1:9/links.html cannot be reached",
    ), action.output
