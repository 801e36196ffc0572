"""Reach package indexes over HTTP as installers do: with the user's credentials, proxies and certificates.

The library is urllib3, on which requests and pip are built as well. Where credentials, proxies and certificates come
from is decided here, because the libraries above it read the environment of this process, not the one that they are
given.
"""

import io
import ipaddress
import netrc
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from knowngood.process import answer_of
from knowngood.process.redaction import LONG_ENOUGH

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name the file, or the folder, of the certificate authorities to trust."""

_CONNECT = 4.0  # seconds
_READ = 5.0  # seconds without a byte
_KEYRING = 10.0  # seconds; it may wait for a password that nobody types in
_REDIRECTS = 8
_LONGEST = 60.0  # seconds for a whole answer
_LARGEST = 2**27  # bytes of one
_SLOWER_FILES = 60.0  # seconds without a byte of a file


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """How to reach indexes, from the user's settings for an installer."""

    certificates: tuple[str, ...] = ()
    """Files or folders of certificate authorities."""
    client_certificate: str = ""
    """A file with a certificate and its key."""
    proxy: str = ""
    unverified: tuple[str, ...] = ()
    """Hosts, or hosts with a port, whose certificate is not checked."""
    keyring: bool = True
    """Whether the keyring may be asked."""
    logins: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Name of an index, in the form of a variable -> user and password."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Address of an index of the user's own settings -> its name."""

    def __add__(self, other: "Network") -> "Network":
        return Network(
            certificates=self.certificates + other.certificates,
            client_certificate=self.client_certificate or other.client_certificate,
            proxy=self.proxy or other.proxy,
            unverified=self.unverified + other.unverified,
            keyring=self.keyring and other.keyring,
            logins={**other.logins, **self.logins},
            names={**other.names, **self.names},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """A user and a password for one index."""

    user: str
    password: str
    shared: bool
    """Whether installers find it by themselves, which only happens with ``~/.netrc``."""

    @property
    def header(self) -> dict[str, str]:
        """The header of a request."""
        from urllib3.util import make_headers

        return dict(make_headers(basic_auth=f"{self.user}:{self.password}"))


class Access:
    """Sends requests as the user would. Safe to use from any thread.

    ``outside`` is the environment of the harness, and ``network`` what the settings for installers say.
    """

    def __init__(self, outside: Mapping[str, str], network: Network | None = None) -> None:
        self._outside = outside
        self._network = network or Network()
        self._managers: dict[str, PoolManager] = {}
        self._from_keyring: dict[str, Login | None] = {}
        self._lock = threading.Lock()

    def login(self, url: str, name: str = "") -> Login | None:
        """Return what logs in to the index called ``name`` at ``url``: from the URL, variables or ``~/.netrc``."""
        parts = urlsplit(url)
        if parts.password is not None:
            return Login(user=unquote(parts.username or ""), password=unquote(parts.password), shared=False)
        user, password = self._by_name(url, name)
        user = unquote(parts.username or "") or user
        if password:
            return Login(user=user, password=password, shared=False)
        entry = self._netrc.authenticators(parts.hostname or "") if self._netrc else None
        if entry and (not user or entry[0] == user):
            return Login(user=entry[0], password=entry[2] or "", shared=True)
        # A token in place of the user, as some indexes want it.
        return Login(user=user, password="", shared=False) if parts.username else None

    def login_from_keyring(self, url: str, name: str = "") -> Login | None:
        """Return what the command ``keyring`` has for the index at ``url``; asked once, and only after a 401."""
        with self._lock:
            if url not in self._from_keyring:
                self._from_keyring[url] = self._ask_keyring(url, self._user(url, name))
            return self._from_keyring[url]

    def get(
        self, url: str, login: Login | None = None, accept: str = "*/*", *, body: bool = True
    ) -> "BaseHTTPResponse":
        """Send a GET request and return the answer, whatever its status; with ``body=False`` only the head of it.

        Raises ``urllib3.exceptions.HTTPError``, also for an answer without an end.
        """
        headers = {"Accept": accept, "User-Agent": "knowngood", **(login.header if login else {})}
        answer = self._send("GET", url, headers, read=_READ)
        try:
            return _whole(answer) if body else answer
        finally:
            answer.close()

    @contextmanager
    def stream(
        self, method: str, url: str, headers: Mapping[str, str], login: Login | None
    ) -> "Iterator[BaseHTTPResponse]":
        """Yield the answer to a request for a file, with its body still to be read, undecoded."""
        sent = {**headers, "User-Agent": "knowngood", **(login.header if login else {})}
        answer = self._send(method, url, sent, read=_SLOWER_FILES)
        try:
            yield answer
        finally:
            answer.close()

    def _send(self, method: str, url: str, headers: Mapping[str, str], *, read: float) -> "BaseHTTPResponse":
        from urllib3 import Retry, Timeout

        return self._manager(url).request(
            method,
            without_login(url),
            headers=headers,
            timeout=Timeout(connect=_CONNECT, read=read),
            # Other hosts do not get the password: urllib3 drops it when it follows a redirect to one.
            retries=Retry(total=None, connect=0, read=0, other=0, status=0, redirect=_REDIRECTS),
            preload_content=False,
            decode_content=False,
        )

    def _manager(self, url: str) -> "PoolManager":
        from urllib3 import PoolManager, ProxyManager, make_headers
        from urllib3.util import parse_url

        proxy, verify = self.proxy(url), self._verifies(url)
        key = f"{proxy} {verify}"
        with self._lock:
            if key not in self._managers:
                context = self._context if verify else _unverified()
                if proxy is None:
                    self._managers[key] = PoolManager(ssl_context=context, maxsize=8)
                else:
                    auth = parse_url(proxy).auth
                    headers = make_headers(proxy_basic_auth=unquote(auth)) if auth else None
                    self._managers[key] = ProxyManager(
                        without_login(proxy), proxy_headers=headers, ssl_context=context, maxsize=8
                    )
            return self._managers[key]

    def proxy(self, url: str) -> str | None:
        """Return the proxy for ``url``; None when it is reached directly."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if _is_excepted(host, self._variable("no_proxy"), parts.port):
            return None
        proxy = self._network.proxy or self._variable(f"{parts.scheme}_proxy") or self._variable("all_proxy")
        return (proxy if "://" in proxy else f"http://{proxy}") if proxy else None

    def _variable(self, name: str) -> str:
        return self._outside.get(name) or self._outside.get(name.upper()) or ""

    def _verifies(self, url: str) -> bool:
        parts = urlsplit(url)
        return not {parts.hostname, f"{parts.hostname}:{parts.port}"} & set(self._network.unverified)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """The authorities that the user names, in whichever variable; those of the system when there are none."""
        named = [Path(name) for name in _authorities(self._outside, self._network)]
        folders = [Path(part) for part in self._outside.get("SSL_CERT_DIR", "").split(":") if part]
        existing = [path for path in (*named, *folders) if path.exists()]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if existing else ssl.create_default_context()
        for path in existing:
            if path.is_dir():
                context.load_verify_locations(capath=path)
            else:
                context.load_verify_locations(cafile=path)
        own = self._network.client_certificate or self._outside.get("SSL_CLIENT_CERT")
        if own and Path(own).is_file():
            context.load_cert_chain(own)
        return context

    def passwords(self) -> Iterator[str]:
        """Yield the passwords of ``~/.netrc`` that are long enough to be no word, and what logs in with them."""
        for user, _, password in self._netrc.hosts.values() if self._netrc else ():
            if password and len(password) >= LONG_ENOUGH:
                yield password
                yield f"{user}:{password}"

    @cached_property
    def _netrc(self) -> netrc.netrc | None:
        home = Path(self._outside.get("HOME", "/"))
        named = self._outside.get("NETRC")
        for path in [Path(named)] if named else [home / ".netrc", home / "_netrc"]:
            try:
                return netrc.netrc(str(path))
            except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
                continue
        return None

    def _user(self, url: str, name: str) -> str:
        return unquote(urlsplit(url).username or "") or self._by_name(url, name)[0]

    def _by_name(self, url: str, name: str) -> tuple[str, str]:
        """Return user and password from the variables of an index, called as declared or as in the user's settings."""
        return self._network.logins.get(_variable(name or self._network.names.get(url, "")), ("", ""))

    def _ask_keyring(self, url: str, user: str) -> Login | None:
        """Ask for the URL, then for its host, as uv and pip do; newer versions of keyring find the user as well."""
        if not self._network.keyring:
            return None
        host = urlsplit(url).netloc.rpartition("@")[2]
        for service in (without_login(url), host):
            command = ["keyring", "get", service, *([user] if user else ["--mode", "creds"])]
            lines = answer_of(command, env=self._outside, timeout=_KEYRING).splitlines()
            if user and lines:
                return Login(user=user, password=lines[0], shared=False)
            if len(lines) >= 2:
                return Login(user=lines[0], password=lines[1], shared=False)
        return None


def _whole(answer: "BaseHTTPResponse") -> "BaseHTTPResponse":
    """Return an answer with its body, which has an end. Raises ``HTTPError``."""
    from urllib3 import HTTPResponse
    from urllib3.exceptions import HTTPError

    body, deadline = io.BytesIO(), time.monotonic() + _LONGEST
    for chunk in answer.stream(2**16, decode_content=True):
        body.write(chunk)
        if body.tell() > _LARGEST or time.monotonic() > deadline:
            raise HTTPError("its answer has no end")
    body.seek(0)
    return HTTPResponse(
        body=body, headers=answer.headers, status=answer.status, decode_content=False, request_url=answer.url
    )


def without_login(url: str) -> str:
    """Return ``url`` without user and password."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, parts.fragment))


def trusting(outside: Mapping[str, str], network: Network) -> dict[str, str]:
    """Return the variables that make every installer trust the authority that the user named for one of them."""
    named = next((name for name in _authorities(outside, network) if Path(name).is_file()), None)
    return {name: named for name in _CERTIFICATES[:2] if named is not None and not outside.get(name)}


def _authorities(outside: Mapping[str, str], network: Network) -> tuple[str, ...]:
    return tuple(outside[name] for name in _CERTIFICATES if outside.get(name)) + network.certificates


def _variable(name: str) -> str:
    """Return the name of an index in the form that the name of a variable has."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _is_excepted(host: str, no_proxy: str, port: int | None) -> bool:
    """Return whether ``no_proxy`` names ``host``: itself, its domain, or the network that it is in."""
    for entry in (part.strip().lower() for part in no_proxy.split(",")):
        if entry == "*":
            return True
        name, _, only = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
        if not entry or (only and only != str(port)):
            continue
        suffix = name.lstrip("*").lstrip(".")
        if host == suffix or host.endswith(f".{suffix}"):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
