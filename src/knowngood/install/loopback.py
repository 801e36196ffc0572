"""Serve a router on loopback, to uv and to pip: pages of the simple API, and files that have no address of their own.

The address stays the same from run to run, because uv keeps downloads by the address of their index. Only runs at the
same time have different ports: a run that is stopped, as by Ctrl-Z, must not hold the requests of another one. A token
in the path keeps other users out.
"""

import hashlib
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from knowngood.install.access import Access
from knowngood.install.folder_index import metadata_of, path_of
from knowngood.install.pages import File, Page, render
from knowngood.install.router import FAILED, Directions, Router, Source
from knowngood.install.upstream import Fault, IndexFault, RemoteIndex
from knowngood.process.files import read_text

_FIRST_PORT, _PORTS = 20000, 12000  # below the ports that systems give to outgoing connections
_CANDIDATES = 8
_CHUNK = 1024 * 1024  # bytes
_PASSED_ON = ("Content-Length", "Content-Range", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges")
_ASKED_FOR = ("Range", "If-None-Match", "If-Modified-Since", "Accept-Encoding")


def token(folder: Path) -> str:
    """Return the token of this user, kept in ``folder``."""
    path = folder / "router-token"
    for _ in range(2):
        kept = read_text(path).strip()
        if re.fullmatch("[0-9a-f]{32}", kept):
            return kept
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            # Another run may be making it as well: then it is read.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(f"{token_hex(16)}\n")
    return token_hex(16)


@contextmanager
def serve(directions: Directions, access: Access, secret: str) -> Iterator[Router]:
    """Yield a router that answers on loopback until the block ends. ``secret`` is the token of the user.

    Inside of one process, those with the same directions are one router. Raises ``OSError`` when no port is free.
    """
    path = f"/{secret}/{directions.digest}"
    with _LOCK:
        if path not in _SERVERS:
            listener = _listen(path)
            router = Router(directions, f"http://127.0.0.1:{listener.getsockname()[1]}{path}")
            _SERVERS[path] = _Server(listener, router, access)
        server = _SERVERS[path]
        server.users += 1
    try:
        yield server.router
    finally:
        with _LOCK:
            server.users -= 1
            if not server.users:
                del _SERVERS[path]
                server.close()


def _listen(path: str) -> socket.socket:
    """Return a listening socket, on the same port for the same ``path`` unless somebody has that one."""
    start = int(hashlib.sha256(path.encode()).hexdigest()[:8], 16)
    ports = [_FIRST_PORT + (start + number * 997) % _PORTS for number in range(_CANDIDATES)]
    for port in (*ports, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener
    raise OSError("no port is free on loopback")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, router: Router, access: Access) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.router = router
        self.access = access
        self.users = 0
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Answer nothing from now on."""
        self.shutdown()
        self.server_close()
        self.thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: installers may hang up."""


_SERVERS: dict[str, _Server] = {}
"""The routers of this process, by the beginning of the paths that they answer."""
_LOCK = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # type: ignore[mutable-override]  # what every server does with its handlers

    def do_HEAD(self) -> None:
        """Answer as to GET, without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer with a page or a file."""
        router = self.server.router
        prefix = router.base.removeprefix("http://127.0.0.1").partition("/")[2]
        path = unquote(self.path.partition("?")[0])
        if not path.startswith(f"/{prefix}/"):
            self._send(404, b"")
            return
        match [part for part in path.removeprefix(f"/{prefix}/").split("/") if part]:
            case ["named" | "default" | "pip" as view, package]:
                package = canonicalize_name(package)
                self._page(package, partial(router.page, view, package))
            case ["links", number]:
                self._page(number, partial(router.linked, number))
            case ["file", number, package, name]:
                self._file(router, number, package, name)
            case _:
                self._send(200, b"<!doctype html><title>knowngood</title>", "text/html")

    def _page(self, title: str, find: Callable[[], Page | None]) -> None:
        try:
            page = find()
        except IndexFault as fault:
            self._send(FAILED, str(fault).encode(), "text/plain; charset=utf-8")
            return
        if page is None:
            self._send(404, b"")
            return
        kind, body = render(page, title, self.headers.get("Accept", ""))
        self._send_if_changed(body, kind, hashlib.sha256(body).hexdigest())

    def _file(self, router: Router, number: str, package: str, name: str) -> None:
        wants_metadata = name.endswith(".whl.metadata")
        try:
            found = router.file(number, package, name.removesuffix(".metadata") if wants_metadata else name)
        except IndexFault as fault:
            self._send(FAILED, str(fault).encode(), "text/plain; charset=utf-8")
            return
        if found is None:
            self._send(404, b"")
            return
        source, file = found
        path = path_of(file)
        if path is None:
            self._pass_on(router, source, file, package, ".metadata" if wants_metadata else "")
        elif not path.is_file():
            self._send(404, b"")
        elif wants_metadata:
            body = metadata_of(path) or b""
            self._send_if_changed(body, "application/octet-stream", hashlib.sha256(body).hexdigest())
        else:
            self._local(path, file)

    def _local(self, path: Path, file: File) -> None:
        size, etag = path.stat().st_size, f'"{file.hashes.get("sha256", path.stat().st_mtime_ns)}"'
        if self.headers.get("If-None-Match") == etag:
            self._begin(304, {"ETag": etag, "Content-Length": "0"})
            return
        first, last = _range(self.headers.get("Range"), size)
        headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
        headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(last - first + 1)}
        whole = (first, last) == (0, size - 1)
        if not whole:
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self._begin(200 if whole else 206, headers)
        if self.command != "HEAD":
            with path.open("rb") as opened:
                opened.seek(first)
                self._copy(opened, last - first + 1)

    def _pass_on(self, router: Router, source: Source, file: File, package: str, suffix: str) -> None:
        from urllib3.exceptions import HTTPError

        asked = {name: self.headers[name] for name in _ASKED_FOR if name in self.headers}
        login = source.upstream.login if isinstance(source.upstream, RemoteIndex) else None
        try:
            with self.server.access.stream(self.command, file.url + suffix, asked, login) as answer:
                headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
                if "Content-Length" not in headers:
                    self.close_connection = True
                self._begin(answer.status, {"Cache-Control": "no-cache", **headers})
                if self.command != "HEAD":
                    for chunk in answer.stream(_CHUNK, decode_content=False):
                        self.wfile.write(chunk)
        except HTTPError as error:
            self.close_connection = True
            fault = IndexFault(Fault.UNREACHABLE, f"{file.name}: {type(error).__name__}")
            router.blame("file", package, source, fault)
            self._send(FAILED, str(fault).encode(), "text/plain; charset=utf-8")

    def _copy(self, opened: BinaryIO, left: int) -> None:
        while left > 0 and (data := opened.read(min(left, _CHUNK))):
            self.wfile.write(data)
            left -= len(data)

    def _send_if_changed(self, body: bytes, kind: str, digest: str) -> None:
        etag = f'"{digest}"'
        if self.headers.get("If-None-Match") == etag:
            self._begin(304, {"ETag": etag, "Content-Length": "0"})
        else:
            self._send(200, body, kind, {"ETag": etag, "Cache-Control": "no-cache"})

    def _send(self, status: int, body: bytes, kind: str = "text/plain", more: Mapping[str, str] | None = None) -> None:
        self._begin(status, {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


def _range(header: str | None, size: int) -> tuple[int, int]:
    """Return the first and the last byte that a ``Range`` header asks for; all of them when it cannot be read."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if match is None or match[0] == "bytes=-":
        return 0, size - 1
    if not match[1]:
        return max(0, size - int(match[2])), size - 1
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    return (first, last) if first <= last else (0, size - 1)
