"""Test that an index that is down, or not an index at all, is reported as such, and never held against the versions."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from knowngood.install.index import decide
from knowngood.install.registry import OUTPUTS
from knowngood.install.routing import routing
from knowngood.model import Index as Declared
from knowngood.model import InstallerName, Reason, Status
from support.index import Index, closed_url, serve
from support.wheels import build_wheel
from support.workshop import Workshop, failed

LOGIN = b'<!doctype html><form action="/login"><input name="user"><input type="password" name="word"></form>'
JSON = "application/vnd.pypi.simple.v1+json"

ANSWERS = {
    "an error": ((500, "text/plain", b"sorry"), Reason.INDEX_ERROR, "answered 500"),
    "no access": ((403, "text/plain", b"no"), Reason.INDEX_REFUSED, "answered 403"),
    "no user": ((401, "text/plain", b"no"), Reason.INDEX_REFUSED, "answered 401"),
    "404 for everything": ((404, "text/plain", b"what?"), Reason.NOT_AN_INDEX, "404 to everything"),
    "a page to log in": ((200, "text/html", LOGIN), Reason.NOT_AN_INDEX, "a login page"),
    "a page without links": ((200, "text/html", b"<h1>Welcome</h1>"), Reason.NOT_AN_INDEX, "lists no file"),
    "nothing": ((200, "text/html", b""), Reason.NOT_AN_INDEX, "lists no file"),
    "broken JSON": ((200, JSON, b'{"files": ['), Reason.NOT_AN_INDEX, "broken JSON"),
    "odd fields": (
        (
            200,
            JSON,
            b'{"meta": {"api-version": "1.0"}, "files": [{"filename": "tool-9.0-py3-none-any.whl", "url": 5}]}',
        ),
        Reason.NOT_AN_INDEX,
        "broken JSON",
    ),
    "a broken link": (
        (200, "text/html", b'<a href="http://[/tool-9.0.zip">x</a>'),
        Reason.NOT_AN_INDEX,
        r"a (valid )?URL",
    ),
    "a later API": (
        (200, JSON, b'{"meta": {"api-version": "2.0"}, "files": []}'),
        Reason.NOT_AN_INDEX,
        r"version 2\.0 of the simple API",
    ),
    "plain text": ((200, "text/plain", b"hello"), Reason.NOT_AN_INDEX, "answers with text/plain"),
    "random bytes": ((200, "text/html", bytes(range(128, 256))), Reason.NOT_AN_INDEX, "not HTML"),
    "a redirect to itself": ((302, "", b"/again"), Reason.INDEX_UNREACHABLE, "redirects in a circle"),
}


@contextmanager
def index_of(what: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an index that is out of order in one of the ways of ``ANSWERS``, or cannot be reached."""
    with ExitStack() as stack:
        if what == "refused":
            yield closed_url()
        elif what == "an unknown host":
            yield "http://no-such-host.invalid/simple"
        else:
            index = stack.enter_context(serve(folder))
            index.everything, _, _ = ANSWERS.get(what, (None, None, None))
            index.delay = 60.0 if what == "no answer" else 0.0
            yield index.url


@pytest.fixture
def healthy(tmp_path: Path) -> Iterator[Index]:
    build_wheel(tmp_path / "healthy", "tool", "9.0")
    build_wheel(tmp_path / "healthy", "needs-tool", "1.0", requires=("tool",))
    build_wheel(tmp_path / "healthy", "other", "1.0")
    with serve(tmp_path / "healthy") as index:
        yield index


EXPECTED = {
    **{what: (reason, message) for what, (_, reason, message) in ANSWERS.items()},
    "refused": (Reason.INDEX_UNREACHABLE, "refused the connection"),
    "an unknown host": (Reason.INDEX_UNREACHABLE, "host name is unknown"),
    "no answer": (Reason.INDEX_UNREACHABLE, "no answer in time"),
}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, environ: Mapping[str, str]) -> Workshop:
    """Return one workshop for all tests: what fails leaves nothing in an environment."""
    return Workshop(folder=tmp_path_factory.mktemp("work"), environ=environ)


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("what", EXPECTED)
def test_an_index_of_some_packages_that_is_out_of_order_is_named_to_all_who_need_it(
    what: str, installer: InstallerName, healthy: Index, tmp_path: Path, workshop: Workshop
) -> None:
    reason, message = EXPECTED[what]
    (tmp_path / "empty").mkdir()
    with index_of(what, tmp_path / "empty") as url:
        routes = decide([
            Declared(name="special", url=url, packages=("tool",)),
            Declared(name="mirror", url=healthy.url),
        ])  # fmt: skip
        started = time.monotonic()
        action = failed(workshop.carry_out(installer, (("needs-tool",),), routes, environment=installer))
        took = time.monotonic() - started

    output = OUTPUTS[installer]
    assert output.classify(action) == (Status.INFRA, reason), action.output
    sentence = output.message(action, Status.INFRA)
    assert sentence.startswith(f"index special ({url}) "), sentence
    assert re.search(message, sentence), sentence
    assert "it is where tool comes from; " in sentence
    assert took < 25, "a few seconds, even on a busy machine"


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("what", ["refused", "no answer", "an error", "a page to log in"])
def test_an_index_that_is_out_of_order_does_not_concern_who_does_not_need_it(
    what: str, installer: InstallerName, healthy: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    (tmp_path / "empty").mkdir()
    with index_of(what, tmp_path / "empty") as url:
        routes = decide([
            Declared(name="special", url=url, packages=("tool",)),
            Declared(name="mirror", url=healthy.url),
        ])  # fmt: skip
        facts = Workshop(folder=tmp_path / "work", environ=environ).carry_out(installer, (("other",),), routes)

    assert facts.installed["other"] == "1.0"


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("what", EXPECTED)
def test_a_default_index_that_is_out_of_order_is_never_held_against_the_versions(
    what: str, installer: InstallerName, tmp_path: Path, workshop: Workshop
) -> None:
    reason, message = EXPECTED[what]
    (tmp_path / "empty").mkdir()
    with index_of(what, tmp_path / "empty") as url:
        started = time.monotonic()
        routes = decide([Declared(name="mirror", url=url)])
        action = failed(workshop.carry_out(installer, (("tool",),), routes, environment=installer))
        took = time.monotonic() - started

    status, actual = OUTPUTS[installer].classify(action)
    assert (status, actual) == (Status.INFRA, reason), action.output
    sentence = OUTPUTS[installer].message(action, status)
    assert re.search(message, sentence), sentence
    assert took < 25, "a few seconds, even on a busy machine"


@pytest.mark.parametrize("installer", InstallerName)
@pytest.mark.parametrize("what", ["refused", "no answer", "an error"])
def test_the_users_own_default_index_is_given_up_soon_however_often_installers_try(
    what: str, installer: InstallerName, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    reason, message = EXPECTED[what]
    (tmp_path / "empty").mkdir()
    with index_of(what, tmp_path / "empty") as url:
        own = {"UV_DEFAULT_INDEX": url, "PIP_INDEX_URL": url, "UV_HTTP_RETRIES": "5", "PIP_RETRIES": "5"}
        workshop = Workshop(folder=tmp_path / "work", environ={**environ, **own})
        started = time.monotonic()
        action = failed(workshop.carry_out(installer, (("tool",),), decide([])))
        took = time.monotonic() - started

    status, actual = OUTPUTS[installer].classify(action)
    assert (status, actual) == (Status.INFRA, reason), action.output
    sentence = OUTPUTS[installer].message(action, status)
    assert sentence.startswith(f"the index {url} "), sentence
    assert re.search(message, sentence), sentence
    assert took < 25, "a few seconds, even on a busy machine"


@pytest.mark.parametrize("what", ["refused", "no answer"])
@pytest.mark.parametrize(
    ("installer", "variable"),
    [
        (InstallerName.UV, "UV_INDEX"),
        (InstallerName.UV, "UV_FIND_LINKS"),
        (InstallerName.PIP, "PIP_INDEX_URL"),
        (InstallerName.PIP, "PIP_EXTRA_INDEX_URL"),
        (InstallerName.PIP, "PIP_FIND_LINKS"),
    ],
)
def test_a_place_of_one_installer_that_does_not_answer_is_given_up_soon_and_never_left_out(
    installer: InstallerName, variable: str, what: str, healthy: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    reason, message = EXPECTED[what]
    (tmp_path / "empty").mkdir()
    with index_of(what, tmp_path / "empty") as url:
        place = f"{url}/links.html" if "LINKS" in variable else url
        own = {"UV_DEFAULT_INDEX": healthy.url, "PIP_INDEX_URL": healthy.url, variable: place}
        outside = {**environ, **own, "UV_HTTP_RETRIES": "5", "PIP_RETRIES": "5"}
        workshop = Workshop(folder=tmp_path / "work", environ=outside)
        started = time.monotonic()
        action = failed(workshop.carry_out(installer, (("tool",),), decide([])))
        took = time.monotonic() - started
        other = InstallerName.PIP if installer is InstallerName.UV else InstallerName.UV
        facts = workshop.carry_out(other, (("tool",),), decide([]), environment="other")

    status, actual = OUTPUTS[installer].classify(action)
    assert (status, actual) == (Status.INFRA, reason), action.output
    sentence = OUTPUTS[installer].message(action, status)
    assert sentence.startswith(f"the index {place} "), sentence
    assert re.search(message, sentence), sentence
    assert took < 30, "a few seconds, even on a busy machine"
    assert facts.installed["tool"] == "9.0", "the other installer does not need it"


def test_while_a_place_of_pip_does_not_answer_uv_takes_packages_from_where_it_always_does(
    healthy: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    outside = {**environ, "UV_DEFAULT_INDEX": healthy.url, "PIP_INDEX_URL": closed_url()}

    with routing(decide([]), outside, tmp_path / "cache") as routed:
        environment = routed.environ

    assert environment["UV_DEFAULT_INDEX"] == healthy.url
    assert environment["PIP_INDEX_URL"].startswith("http://127.0.0.1:")


def test_while_an_index_of_uv_does_not_answer_the_first_index_with_a_package_still_wins(
    healthy: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    build_wheel(tmp_path / "first", "other", "0.5")
    with serve(tmp_path / "first") as first:
        own = {"UV_INDEX": f"{first.url} {healthy.url}", "UV_DEFAULT_INDEX": closed_url()}
        workshop = Workshop(folder=tmp_path / "work", environ={**environ, **own})
        facts = workshop.carry_out(InstallerName.UV, (("other", "tool"),), decide([]))

    assert facts.installed == {"other": "0.5", "tool": "9.0"}, facts.steps


def test_the_users_dead_default_index_does_not_concern_who_has_everything_from_another(
    healthy: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    own = {"UV_INDEX": healthy.url, "UV_DEFAULT_INDEX": closed_url()}
    workshop = Workshop(folder=tmp_path / "work", environ={**environ, **own})

    facts = workshop.carry_out(InstallerName.UV, (("needs-tool",),), decide([]))

    assert facts.installed["tool"] == "9.0", facts.steps


def test_an_index_that_answered_is_not_asked_again_whether_it_is_there(
    healthy: Index, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    outside = {**environ, "UV_DEFAULT_INDEX": healthy.url}

    for _ in range(2):
        with routing(decide([]), outside, tmp_path / "cache") as routed:
            assert routed.router is None

    assert healthy.requests == ["/simple"]


def test_a_repository_that_git_cannot_reach_is_named(workshop: Workshop) -> None:
    requirement = "tool @ git+https://nowhere.invalid/tool"

    action = failed(workshop.carry_out(InstallerName.UV, ((requirement,),), decide([])))

    message = (
        "git cannot reach https://nowhere.invalid/tool/: Could not resolve host: nowhere.invalid; check the address"
    )
    assert message in action.output
    assert OUTPUTS[InstallerName.UV].classify(action)[0] is Status.INFRA
