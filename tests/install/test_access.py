"""Test that indexes with a password, and those with an authority of their own, can be used by every installer."""

import base64
import contextlib
import gzip
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from urllib3.exceptions import HTTPError

from knowngood.install import registry
from knowngood.install.access import Access
from knowngood.install.index import decide
from knowngood.install.registry import OUTPUTS
from knowngood.model import Index as Declared
from knowngood.model import InstallerName, Reason, Status
from support.index import Index, serve
from support.wheels import build_wheel
from support.workshop import Workshop, failed

CANARY = "correct-horse-battery"


@pytest.fixture
def protected(tmp_path: Path) -> Path:
    build_wheel(tmp_path / "own", "tool", "1.0")
    build_wheel(tmp_path / "default", "needs-tool", "1.0", requires=("tool",))
    return tmp_path


def ways(way: str, home: Path, index: Index) -> dict[str, str]:
    """Return the variables of a user who has put the password where ``way`` says."""
    if way == "netrc":
        (home / "secrets").write_text(f"machine 127.0.0.1 login me password {CANARY}\n")
        return {"NETRC": str(home / "secrets")}
    if way == "variables":
        return {"UV_INDEX_OWN_USERNAME": "me", "UV_INDEX_OWN_PASSWORD": CANARY}
    keyring = home / "bin" / "keyring"
    keyring.parent.mkdir()
    keyring.write_text(f"#!/bin/sh\ncase \"$*\" in *127.0.0.1*) printf 'me\\n{CANARY}\\n';; *) exit 1;; esac\n")
    keyring.chmod(0o755)
    return {"PATH": f"{keyring.parent}:/usr/bin:/bin"}


@pytest.mark.parametrize("way", ["netrc", "variables", "keyring"])
@pytest.mark.parametrize("installer", InstallerName)
def test_an_index_with_a_password_is_used_and_the_password_is_written_nowhere(
    installer: InstallerName, way: str, protected: Path, environ: Mapping[str, str]
) -> None:
    with serve(protected / "own") as own, serve(protected / "default") as default:
        own.login = "Basic " + base64.b64encode(f"me:{CANARY}".encode()).decode()
        outside = {**environ, **ways(way, protected, own)}
        declared = [
            Declared(name="own", url=own.url, packages=("tool",)),
            Declared(name="mirror", url=default.url),
        ]
        routes = decide(declared, access=registry.access(outside))
        workshop = Workshop(folder=protected / "work", environ=outside, secrets=registry.secrets(declared, outside))
        facts = workshop.carry_out(installer, (("needs-tool",),), routes)

    assert facts.installed["tool"] == "1.0", facts.steps
    assert CANARY not in str(facts)
    written = [path for path in workshop.folder.rglob("*") if path.is_file()]
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"])
@pytest.mark.parametrize("installer", InstallerName)
def test_one_variable_for_an_authority_is_enough_for_every_installer_and_for_us(
    installer: InstallerName, variable: str, protected: Path, environ: Mapping[str, str]
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(protected / "authority.pem"))
    outside = {**environ, variable: str(protected / "authority.pem")}

    with serve(protected / "own", context) as own, serve(protected / "default", context) as default:
        declared = [
            Declared(name="own", url=own.url, packages=("tool",), fallback=True),
            Declared(name="mirror", url=default.url),
        ]
        routes = decide(declared, access=registry.access(outside))
        facts = Workshop(folder=protected / "work", environ=outside).carry_out(installer, (("needs-tool",),), routes)

    assert routes.choices[0].why == "reachable"
    assert facts.installed["tool"] == "1.0", facts.steps


class _Proxy(BaseHTTPRequestHandler):
    """Passes requests for the hosts in ``server.hosts`` on to an index on loopback."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        port = self.server.hosts.get(parts.hostname)  # type: ignore[attr-defined]
        if port is None:
            self.send_error(502)
            return
        connection = HTTPConnection("127.0.0.1", port)
        connection.request(self.command, parts.path)
        answer = connection.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type", ""))
        self.send_header("Content-Length", answer.getheader("Content-Length", "0"))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        """Pass bytes on in both directions, without looking into them."""
        self.server.seen.append(f"connect://{self.path}")  # type: ignore[attr-defined]
        host, _, _ = self.path.partition(":")
        port = self.server.hosts.get(host)  # type: ignore[attr-defined]
        if port is None:
            self.send_error(502)
            return
        with socket.create_connection(("127.0.0.1", port)) as other:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: other, other: self.connection}
            while ready := select.select(list(ends), [], [], 20)[0]:
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


@contextmanager
def proxy(**hosts: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a forward proxy and what it was asked for; ``hosts`` are the names it knows, under .test."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    server.daemon_threads = True
    server.hosts = {f"{name}.test": port for name, port in hosts.items()}  # type: ignore[attr-defined]
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.seen  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "PIP_PROXY"])
@pytest.mark.parametrize("installer", InstallerName)
def test_indexes_behind_a_proxy_are_reached_through_it_and_the_router_is_not(
    installer: InstallerName, variable: str, protected: Path, environ: Mapping[str, str]
) -> None:
    with (
        serve(protected / "own") as own,
        serve(protected / "default") as default,
        proxy(own=urlsplit(own.url).port or 0, mirror=urlsplit(default.url).port or 0) as (address, seen),
    ):
        outside = {**environ, variable: address}
        declared = [
            Declared(name="own", url="http://own.test/simple", packages=("tool",), fallback=True),
            Declared(name="mirror", url="http://mirror.test/simple"),
        ]
        routes = decide(declared, access=registry.access(outside))
        facts = Workshop(folder=protected / "work", environ=outside).carry_out(installer, (("needs-tool",),), routes)

    assert routes.choices[0].why == "reachable"
    assert facts.installed["tool"] == "1.0", facts.steps
    assert {urlsplit(url).hostname for url in seen} == {"own.test", "mirror.test"}


@pytest.mark.parametrize("installer", InstallerName)
def test_indexes_on_https_are_reached_through_a_tunnel(
    installer: InstallerName, protected: Path, environ: Mapping[str, str]
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("own.test", "mirror.test").configure_cert(context)
    authority.cert_pem.write_to_path(str(protected / "authority.pem"))
    with (
        serve(protected / "own", context) as own,
        serve(protected / "default", context) as default,
        proxy(own=urlsplit(own.url).port or 0, mirror=urlsplit(default.url).port or 0) as (address, seen),
    ):
        outside = {**environ, "HTTPS_PROXY": address, "SSL_CERT_FILE": str(protected / "authority.pem")}
        declared = [
            Declared(name="own", url="https://own.test/simple", packages=("tool",), fallback=True),
            Declared(name="mirror", url="https://mirror.test/simple"),
        ]
        routes = decide(declared, access=registry.access(outside))
        facts = Workshop(folder=protected / "work", environ=outside).carry_out(installer, (("needs-tool",),), routes)

    assert routes.choices[0].why == "reachable"
    assert facts.installed["tool"] == "1.0", facts.steps
    assert set(seen) == {"connect://own.test:443", "connect://mirror.test:443"}


def settings_of(way: str, home: Path, url: str) -> dict[str, str]:
    """Return the variables of a user whose default index, with its password, is where ``way`` says."""
    with_password = url.replace("://", f"://me:{CANARY}@")
    match way:
        case "pip.conf":
            (home / "pip.conf").write_text(f"[global]\nindex-url = {with_password}\n")
            return {"PIP_CONFIG_FILE": str(home / "pip.conf")}
        case "uv.toml":
            (home / "config" / "uv").mkdir(parents=True)
            (home / "config" / "uv" / "uv.toml").write_text(f'[[index]]\nurl = "{with_password}"\ndefault = true\n')
            return {"XDG_CONFIG_HOME": str(home / "config")}
        case _:
            return {way: with_password}


@pytest.mark.parametrize("has_own_index", [False, True], ids=["alone", "routed"])
@pytest.mark.parametrize(
    ("installer", "way"),
    [
        (InstallerName.PIP, "pip.conf"),
        (InstallerName.PIP, "PIP_INDEX_URL"),
        (InstallerName.UV, "uv.toml"),
        (InstallerName.UV, "UV_DEFAULT_INDEX"),
        (InstallerName.UV, "UV_INDEX_URL"),
    ],
)
def test_a_password_in_the_settings_of_the_user_is_used_and_written_nowhere(
    installer: InstallerName, way: str, has_own_index: bool, protected: Path, environ: Mapping[str, str]
) -> None:
    build_wheel(protected / "default", "tool", "0.9")
    with serve(protected / "own") as own, serve(protected / "default") as default:
        default.login = "Basic " + base64.b64encode(f"me:{CANARY}".encode()).decode()
        outside = {**environ, **settings_of(way, protected, default.url)}
        declared = [Declared(name="own", url=own.url, packages=("tool",))] if has_own_index else []
        routes = decide(declared, access=registry.access(outside))
        workshop = Workshop(folder=protected / "work", environ=outside, secrets=registry.secrets(declared, outside))
        facts = workshop.carry_out(installer, (("needs-tool",),), routes)

    assert facts.installed["tool"] == ("1.0" if has_own_index else "0.9"), facts.steps
    assert CANARY not in str(facts)
    written = [path for path in workshop.folder.rglob("*") if path.is_file()]
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]


def test_a_package_that_the_users_index_with_a_name_and_a_password_lacks_is_not_found(
    protected: Path, environ: Mapping[str, str]
) -> None:
    build_wheel(protected / "default", "other", "1.0")
    with serve(protected / "default") as default:
        default.login = "Basic " + base64.b64encode(f"me:{CANARY}".encode()).decode()
        outside = {
            **environ,
            "UV_DEFAULT_INDEX": f"corp={default.url}",
            "UV_INDEX_CORP_USERNAME": "me",
            "UV_INDEX_CORP_PASSWORD": CANARY,
        }
        workshop = Workshop(folder=protected / "work", environ=outside)
        facts = workshop.carry_out(InstallerName.UV, (("other", "no-such-tool"),), decide([]))

    action = failed(facts)
    assert OUTPUTS[InstallerName.UV].classify(action) == (Status.UNSOLVABLE, Reason.PACKAGE_NOT_FOUND), action.output


def test_a_host_that_is_an_exception_is_reached_directly() -> None:
    outside = {"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "example.org,10.0.0.0/8, .internal"}
    access = registry.access(outside)

    assert access.proxy("https://pypi.org/simple") == "http://proxy:3128"
    for host in ("example.org", "pypi.example.org", "10.1.2.3", "a.internal"):
        assert access.proxy(f"https://{host}/simple") is None
    assert access.proxy("http://pypi.org/simple") is None


@pytest.mark.parametrize("kind", ["plain", "chunked", "packed"])
def test_an_answer_without_an_end_is_given_up(kind: str) -> None:
    piece = gzip.compress(bytes(2**24)) if kind == "packed" else bytes(2**20)
    heads = {"plain": "", "chunked": "Transfer-Encoding: chunked\r\n", "packed": "Content-Encoding: gzip\r\n"}
    sent = b"%x\r\n%s\r\n" % (len(piece), piece) if kind == "chunked" else piece
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{heads[kind]}\r\n".encode())
            while True:
                connection.sendall(sent)

    with listener:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(HTTPError, match="no end"):
            Access({}).get(f"http://127.0.0.1:{listener.getsockname()[1]}/simple/")
        thread.join(20)
    assert not thread.is_alive()
