"""Make matrices of many tiny combos, and serve their wheels from an index on loopback."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.wheels import build_wheel

LEFT = 40
RIGHT = 25
MOST = LEFT * RIGHT
"""Combos with different locks."""

PROBE = "import tiny_left\nimport tiny_right\n"


def step(number: int) -> tuple[str, str]:
    """Return the only step of combo ``number``, which is below ``MOST``: no other combo has the same two pins."""
    return f"tiny-left==1.{number % LEFT}", f"tiny-right==1.{number // LEFT}"


def matrix(combos: int, url: str) -> str:
    """Return a matrix file with ``combos`` combos, whose packages come from the index at ``url``."""
    lines = [
        "[matrix]",
        f'title = "{combos} tiny combos"',
        'probes = ["tiny"]',
        "",
        "[index.loopback]",
        f'url = "{url}"',
    ]
    for number in range(combos):
        left, right = step(number)
        lines += ["", "[[combo]]", f'id = "tiny-{number:04}"', f'steps = [["{left}", "{right}"]]']
    return "\n".join(lines) + "\n"


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Build all tiny wheels below ``folder``, serve them, and yield the URL of the index.

    Clients may cache its answers as long as those of real indexes: pages for ten minutes, files forever.
    """
    for project, versions in (("tiny-left", LEFT), ("tiny-right", RIGHT)):
        wheels = [build_wheel(folder / "files", project, f"1.{minor}") for minor in range(versions)]
        links = [
            f'<a href="/files/{wheel.name}#sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}">{wheel.name}</a>'
            for wheel in wheels
        ]
        page = folder / "simple" / project / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<!doctype html>\n" + "\n".join(links) + "\n", encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        lasting = "max-age=365000000, immutable" if self.path.startswith("/files/") else "max-age=600"
        self.send_header("Cache-Control", lasting)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing: the terminal belongs to the benchmark."""
