"""Test which index packages come from: decided once, reported, and the same for every installer."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from knowngood.install.index import Addresses, Route, Routes, decide, redact
from knowngood.install.registry import environment, secrets
from knowngood.model import Index as Declared
from knowngood.model import InstallerName
from support.index import Index, closed_url, serve
from support.wheels import build_wheel
from support.workshop import Workshop


def declared(url: str, *, packages: tuple[str, ...] = ("torchling",), fallback: bool = True) -> Declared:
    return Declared(name="special", url=url, packages=packages, fallback=fallback)


def test_an_index_that_answers_is_used(index: Index) -> None:
    build_wheel(index.folder, "torchling", "1.0")

    routes = decide([declared(index.url + "/", packages=("torchling", "visionling"))])

    (choice,) = routes.choices
    assert (choice.asked, choice.used, choice.why) == (index.url + "/", index.url + "/", "reachable")
    assert routes.own == (Route(url=index.url + "/", packages=("torchling", "visionling"), name="special"),)
    assert routes.default is None
    assert index.requests == ["/simple/torchling/"]


@pytest.mark.parametrize(("status", "why"), [(404, "answered 404"), (403, "answered 403"), (500, "answered 500")])
def test_an_index_that_answers_with_an_error_is_replaced_by_the_default_and_the_reason_is_reported(
    index: Index, status: int, why: str
) -> None:
    index.page_status["torchling"] = status

    routes = decide([declared(index.url)])

    (choice,) = routes.choices
    assert (choice.asked, choice.used, choice.why) == (index.url, "default", why)
    assert routes == Routes(choices=(choice,))


def test_an_index_that_refuses_connections_is_replaced_by_the_default() -> None:
    (choice,) = decide([declared(closed_url())]).choices

    assert choice.used == "default"
    assert choice.why.startswith("unreachable: ") and "refused" in choice.why


def test_an_index_without_a_fallback_is_used_whatever_it_answers(index: Index) -> None:
    index.page_status["*"] = 500

    routes = decide([declared(index.url, fallback=False)])

    (choice,) = routes.choices
    assert (choice.used, choice.why) == (index.url, "declared without a fallback")
    assert [route.url for route in routes.own] == [index.url]


def test_an_invalid_url_is_reported_as_unreachable() -> None:
    (choice,) = decide([declared("nonsense")]).choices

    assert choice.used == "default" and choice.why.startswith("unreachable")


def test_an_index_that_is_declared_for_all_packages_becomes_the_default(index: Index) -> None:
    routes = decide([declared(index.url, packages=())])

    assert (routes.default, routes.own) == (index.url, ())
    assert not routes.need_router


def test_without_a_declared_index_each_installer_keeps_the_users_settings() -> None:
    outside = {"PATH": "/bin", "PIP_INDEX_URL": "http://inside/simple", "UV_INDEX": "http://inside/more"}

    assert outside.items() <= environment(decide([]), outside).items()


def test_a_declared_default_index_removes_all_other_sources_of_the_user(index: Index) -> None:
    outside = {
        "PIP_CONFIG_FILE": "/home/pip.conf",
        "PIP_EXTRA_INDEX_URL": "http://more/simple",
        "PIP_FIND_LINKS": "/wheels",
        "PIP_INDEX_URL": "http://other/simple",
        "PIP_TRUSTED_HOST": "other",
        "UV_DEFAULT_INDEX": "http://other/simple",
        "UV_EXTRA_INDEX_URL": "http://more/simple",
        "UV_FIND_LINKS": "/wheels",
        "UV_INDEX": "http://more/simple",
        "UV_INDEX_URL": "http://other/simple",
    }

    variables = environment(Routes(default=index.url), outside)

    assert {name: value for name, value in variables.items() if name in outside or "INDEX" in name} == {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": index.url,
        "PIP_TRUSTED_HOST": "other 127.0.0.1",
        "UV_DEFAULT_INDEX": index.url,
    }


def test_packages_with_an_index_of_their_own_are_looked_for_there_first_and_pip_sees_nothing_else() -> None:
    outside = {"PIP_EXTRA_INDEX_URL": "http://more/simple", "UV_INDEX": "http://more/simple", "UV_EXCLUDE_NEWER": "x"}
    routes = Routes(own=(Route(url="http://special", packages=("torchling",)),))

    variables = environment(routes, outside, Addresses(first=("http://router/named",), pip="http://router/pip"))

    assert variables["UV_INDEX"] == "http://router/named http://more/simple"
    assert variables["UV_INDEX_STRATEGY"] == "first-index"
    assert variables["PIP_INDEX_URL"] == "http://router/pip"
    assert {"PIP_EXTRA_INDEX_URL", "UV_EXCLUDE_NEWER", "UV_DEFAULT_INDEX"}.isdisjoint(variables)
    assert variables["no_proxy"] == variables["NO_PROXY"] == "127.0.0.1"


@pytest.fixture
def variants(index: Index) -> Index:
    """Stock the default index: a plain torchling, and packages that need one."""
    for version in ("1.0", "2.0"):
        build_wheel(index.folder, "torchling", version)
    build_wheel(index.folder, "modelling", "1.0", requires=("torchling",))
    build_wheel(index.folder, "old-modelling", "1.0", requires=("torchling<2", "numberling"))
    build_wheel(index.folder, "numberling", "1.0")
    return index


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize(
    ("requirement", "installed"),
    [
        pytest.param("torchling", "2.0+cpu", id="any version"),
        pytest.param("torchling==1.0", "1.0+cpu", id="a pinned version"),
        pytest.param("modelling", "2.0+cpu", id="a package that needs any version"),
        pytest.param("old-modelling", "1.0+cpu", id="a package that needs an old version"),
    ],
)
def test_a_package_comes_in_its_local_version_from_the_index_declared_for_it(
    requirement: str,
    installed: str,
    installer: InstallerName,
    variants: Index,
    tmp_path: Path,
    environ: Mapping[str, str],
) -> None:
    own_folder = tmp_path / "own"
    for version in ("1.0+cpu", "2.0+cpu"):
        build_wheel(own_folder, "torchling", version)
    # A higher version, but this index is not declared for the package.
    build_wheel(own_folder, "numberling", "9.0")
    with serve(own_folder) as own:
        routes = decide([declared(own.url), declared(variants.url, packages=(), fallback=False)])
        facts = Workshop(folder=tmp_path, environ=environ).carry_out(installer, ((requirement,),), routes)

    assert facts.installed.get("torchling") == installed, facts.steps
    assert facts.installed.get("numberling", "1.0") == "1.0"
    assert facts.steps[0].resolved["torchling"] == installed


@pytest.mark.parametrize("installer", InstallerName)
def test_a_package_comes_in_its_plain_version_from_the_default_when_its_own_index_is_down(
    installer: InstallerName, variants: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    routes = decide([declared(closed_url()), declared(variants.url, packages=(), fallback=False)])

    facts = Workshop(folder=tmp_path, environ=environ).carry_out(installer, (("modelling",),), routes)

    assert facts.installed["torchling"] == "2.0"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/simple", "https://example.com/simple"),
        ("https://user:pass@example.com/simple", "https://***@example.com/simple"),
        ("https://token@example.com:8443/simple/", "https://***@example.com:8443/simple/"),
        ("https://us%40er:p%40ss@example.com/", "https://***@example.com/"),
        ("https://example.com/simple?token=abc&sig=d/e", "https://example.com/simple?token=***&sig=***"),
        ("https://example.com/simple#frag", "https://example.com/simple"),
        ("/a/folder", "/a/folder"),
    ],
)
def test_a_url_is_shown_without_its_credentials(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_an_index_is_reported_without_its_credentials_but_used_with_them() -> None:
    url = "https://user:correct-horse@example.com/simple?key=battery-staple"

    routes = decide([declared(url, fallback=False), declared(url, packages=(), fallback=False)])

    assert not [choice for choice in routes.choices if "correct" in str(choice) or "battery" in str(choice)]
    assert routes.default == url


def test_secrets_are_the_credentials_of_indexes_and_the_values_of_variables_named_like_secrets() -> None:
    indexes = [
        declared("https://user:correct-horse@example.com/simple"),
        declared("https://a-lone-token@example.com/simple?sig=battery-staple"),
        declared("https://user:short@example.com/simple"),
    ]
    outside = {
        "PIP_INDEX_URL": "https://someone:inside-pip@example.com/simple",
        "UV_EXTRA_INDEX_URL": "https://x:inside-uv-1@example.com/ https://y:inside-uv-2@example.com/",
        "GITHUB_TOKEN": "ghp_0123456789",
        "AWS_SECRET_ACCESS_KEY": "aws-0123456789",
        "DB_PASSWORD": "p" * 12,
        "HOME": "/home/somebody",
        "KEYBOARD": "a-long-value",
        "EMPTY_TOKEN": "",
    }

    assert set(secrets(indexes, outside)) == {
        "correct-horse",
        "a-lone-token",
        "battery-staple",
        "inside-pip",
        "inside-uv-1",
        "inside-uv-2",
        "ghp_0123456789",
        "aws-0123456789",
        "p" * 12,
        # As they are in the header of a request.
        *("user:correct-horse", "user:short", "someone:inside-pip", "x:inside-uv-1", "y:inside-uv-2"),
    }


@pytest.mark.parametrize("variable", ["UV_INDEX", "UV_DEFAULT_INDEX"])
def test_the_password_of_an_index_with_a_name_is_a_secret_in_variables_and_files(variable: str, tmp_path: Path) -> None:
    file = tmp_path / ".config" / "uv" / "uv.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[[index]]\nname = "one"\nurl = "https://me:in-a-file-1@example.com/simple"\n', encoding="utf-8")
    outside = {"HOME": str(tmp_path), variable: "two=https://me:in-a-variable@example.com/simple"}

    assert {"in-a-file-1", "in-a-variable"} <= set(secrets([], outside))


def test_what_files_of_uv_say_on_how_to_reach_indexes_is_passed_on_when_an_index_is_declared(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "uv" / "uv.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        'native-tls = true\nlink-mode = "copy"\nconcurrent-downloads = 3\nallow-insecure-host = ["a", "b"]\n'
        'exclude-newer = "2020-01-01"\nindex-strategy = "unsafe-best-match"\n'
        '[[index]]\nname = "one"\nurl = "https://one/simple"\n',
        encoding="utf-8",
    )
    outside = {"HOME": str(tmp_path), "UV_INDEX": "https://two/simple", "UV_LINK_MODE": "hardlink"}

    undeclared = environment(Routes(), outside)
    routes = Routes(own=(Route(url="http://special", packages=("torchling",)),))
    declared = environment(routes, outside, Addresses(first=("http://router/named",), pip="http://router/pip"))

    assert "UV_NO_CONFIG" not in undeclared
    assert {name: value for name, value in declared.items() if name.startswith("UV_")} == {
        "UV_CONCURRENT_DOWNLOADS": "3",
        "UV_INDEX": "http://router/named https://two/simple one=https://one/simple",
        "UV_INDEX_STRATEGY": "first-index",
        "UV_INSECURE_HOST": "a b",
        "UV_LINK_MODE": "hardlink",
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "UV_SYSTEM_CERTS": "true",
    }


def test_longer_secrets_come_first_so_that_no_part_of_them_stays_in_a_log() -> None:
    ordered = secrets([], {"A_TOKEN": "12345678", "B_TOKEN": "12345678-and-more"})

    assert ordered == ("12345678-and-more", "12345678")


@pytest.mark.parametrize("installer", InstallerName)
def test_no_log_of_an_installer_contains_a_credential(
    installer: InstallerName, variants: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    url = variants.url.replace("//", "//user:correct-horse@")
    variants.page_status["ghost"] = 500
    workshop = Workshop(folder=tmp_path / "work", environ=environ, secrets=secrets([declared(url)], {}))

    good = workshop.carry_out(installer, (("torchling",),), Routes(default=url))
    bad = workshop.carry_out(installer, (("ghost",),), Routes(default=url))

    assert good.installed["torchling"] == "2.0"
    assert "correct-horse" not in str([good, bad])
    logs = [path for path in workshop.folder.rglob("*") if path.suffix in (".log", ".json", ".lock", ".in")]
    assert logs
    assert not [path for path in logs if b"correct-horse" in path.read_bytes()]


def test_an_index_that_never_answers_is_given_up_after_a_few_seconds(tmp_path: Path) -> None:
    with serve(tmp_path) as slow:
        slow.delay = 30.0
        started = time.monotonic()
        (choice,) = decide([declared(slow.url)]).choices
        took = time.monotonic() - started

    assert choice.used == "default"
    assert "timed out" in choice.why or "no answer" in choice.why
    assert took < 7.0
