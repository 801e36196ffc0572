"""Serve a real package index on loopback: PEP 503 pages over a folder of files, with faults on request."""

import hashlib
import html
import json
import re
import socket
import ssl
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_hex
from urllib.parse import unquote


@dataclass
class Index:
    """A running index: its ``url``, the folder that it serves, and the faults that are switched on.

    ``page_status`` maps a project (or ``"*"``) to the HTTP status of its page; ``file_status`` does the same for a
    file name. ``wrong_hash``, ``truncated`` and ``yanked`` hold file names. ``requests`` has every requested path,
    without the ``prefix``. Installers cache answers by URL and ports are used again, so each index has a prefix that
    no other has. ``delay`` is the seconds before every response. ``everything`` is what every request is answered
    with: status, content type and body; with a status of 302 the body is where to. ``login`` is the ``Authorization``
    header without which it answers 401. The page of a project has the ``Requires-Python`` of its wheels, as on real
    indexes.
    ``status`` maps a project to its status and the reason for it (PEP 792).
    With ``dates``, file name -> time of upload, or with ``sizes``, pages are JSON (PEP 691) that state sizes as well.
    """

    url: str
    folder: Path
    prefix: str
    page_status: dict[str, int] = field(default_factory=dict)
    file_status: dict[str, int] = field(default_factory=dict)
    wrong_hash: set[str] = field(default_factory=set)
    truncated: set[str] = field(default_factory=set)
    yanked: set[str] = field(default_factory=set)
    status: dict[str, tuple[str, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    delay: float = 0.0
    everything: tuple[int, str, bytes] | None = None
    dates: dict[str, str] = field(default_factory=dict)
    sizes: bool = False
    login: str | None = None
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve(folder: Path, context: ssl.SSLContext | None = None) -> Iterator[Index]:
    """Serve ``folder`` at ``http://127.0.0.1:PORT/PREFIX/simple`` until the block ends; with ``context`` on https."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    prefix = f"/{token_hex(4)}"
    url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}{prefix}/simple"
    index = Index(url=url, folder=folder, prefix=prefix)
    server.index = index  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        index.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        index: Index = self.server.index  # type: ignore[attr-defined]
        path = self.path.removeprefix(index.prefix)
        index.requests.append(path)
        if index.closing.wait(index.delay):
            return
        if index.login is not None and self.headers.get("Authorization") != index.login:
            self._answer(401, b"who are you?", "text/plain")
            return
        if index.everything is not None:
            status, kind, body = index.everything
            self._answer(status, body, kind)
            return
        parts = [part for part in unquote(path.split("?")[0]).split("/") if part]
        if parts[:1] == ["simple"] and len(parts) == 2:
            self._project(index, parts[1])
        elif parts[:1] == ["files"] and len(parts) == 2:
            self._file(index, parts[1])
        elif parts == ["simple"]:
            self._answer(200, b"<!doctype html><title>index</title>", "text/html")
        else:
            self._answer(404, b"not here", "text/plain")

    def _project(self, index: Index, project: str) -> None:
        status = index.page_status.get(project, index.page_status.get("*", 200))
        files = [path for path in sorted(index.folder.iterdir()) if _project_of(path.name) == project]
        if status != 200 or not files:
            self._answer(status if status != 200 else 404, b"no page", "text/plain")
            return
        if index.dates or index.sizes:
            page: dict[str, object] = {
                "meta": {"api-version": "1.1"},
                "name": project,
                "files": [_file(index, path) for path in files],
            }
            if project in index.status:
                page["project-status"] = dict(zip(("status", "reason"), index.status[project], strict=True))
            self._answer(200, json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
            return
        links = []
        for path in files:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if path.name in index.wrong_hash:
                digest = "0" * 64
            requires = _requires_python(path)
            attribute = f' data-requires-python="{html.escape(requires)}"' if requires else ""
            attribute += ' data-yanked="it was a mistake"' if path.name in index.yanked else ""
            links.append(f'<a href="{index.prefix}/files/{path.name}#sha256={digest}"{attribute}>{path.name}</a><br>')
        marks = ("project-status", "project-status-reason")
        stated = zip(marks, index.status.get(project, ()), strict=False)
        head = "".join(f'<meta name="pypi:{mark}" content="{html.escape(text)}">' for mark, text in stated)
        self._answer(200, (f"<!doctype html>{head}" + "\n".join(links)).encode(), "text/html")

    def _file(self, index: Index, name: str) -> None:
        status = index.file_status.get(name, 200)
        path = index.folder / name
        if status != 200 or not path.is_file():
            self._answer(status if status != 200 else 404, b"no file", "text/plain")
            return
        data = path.read_bytes()
        sent = data[: len(data) // 2] if name in index.truncated else data
        self._answer(200, sent, "application/octet-stream", length=len(data))

    def _answer(self, status: int, body: bytes, kind: str, *, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Location" if status == 302 else "Content-Type", body.decode() if status == 302 else kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing; ``Index.requests`` has the requests."""


def _file(index: Index, path: Path) -> dict[str, object]:
    return {
        "filename": path.name,
        "url": f"{index.prefix}/files/{path.name}",
        "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
        "requires-python": _requires_python(path),
        "size": path.stat().st_size,
        **({"upload-time": index.dates[path.name]} if path.name in index.dates else {}),
        "yanked": "it was a mistake" if path.name in index.yanked else False,
    }


def _project_of(file_name: str) -> str:
    name = re.split(r"-\d", file_name, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _requires_python(path: Path) -> str | None:
    if path.suffix != ".whl":
        return None
    with zipfile.ZipFile(path) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        match = re.search(r"^Requires-Python: (.+)$", wheel.read(name).decode(errors="replace"), re.MULTILINE)
    return match[1] if match else None


def closed_url() -> str:
    """Return the URL of an index at a local port that is not in use."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/simple"
