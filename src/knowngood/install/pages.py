"""Read and write pages of the simple API: the list of files that an index has of one package.

Pages are HTML (PEP 503) or JSON (PEP 691), and may state the status of their project (PEP 792). An answer that is
neither, such as a page to log in, is refused: an installer would take it for a package without any files, and call the
requirements unsolvable.
"""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.utils import canonicalize_name

from knowngood import strict_json

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
ACCEPT = f"{JSON}, {HTML};q=0.2, text/html;q=0.1"
"""What to ask an index for: with JSON it says when a file was uploaded."""

_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".egg")


class NotAnIndexError(Exception):
    """The answer is not a page of a package index; the text continues the sentence "the index ..."."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file of a package."""

    name: str
    url: str
    """Absolute, without a fragment."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Algorithm -> hexadecimal digest."""
    requires_python: str | None = None
    yanked: bool | str = False
    """True, or the reason, for a file that was withdrawn."""
    metadata: bool | Mapping[str, str] = False
    """Whether an index serves the metadata of a wheel at its URL plus ``.metadata``; or the hashes of that file."""
    size: int | None = None
    upload_time: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What an index has of one package."""

    files: tuple[File, ...]
    marked: bool = False
    """Whether the page says that it is one of the simple API. If so, it is believed even when it is empty."""
    status: str = ""
    """The status of the project, such as ``archived`` (PEP 792); empty: the index does not say."""
    status_reason: str = ""
    """Why it has that status, in the words of its owner or of the index."""


def is_file_of(name: str, package: str) -> bool:
    """Return whether ``name`` is the name of a wheel or source distribution of ``package`` (canonical)."""
    if not name.lower().endswith(_ARCHIVES):
        return False
    if name.endswith((".whl", ".egg")):
        return canonicalize_name(name.partition("-")[0]) == package
    stem = canonicalize_name(name)
    return stem.startswith(f"{package}-") and stem[len(package) + 1 : len(package) + 2].isdigit()


def parse(body: bytes, content_type: str, url: str, package: str | None) -> Page:
    """Return the page in an answer from ``url``: the files of ``package``, or all. Raises ``NotAnIndexError``."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        page = _parse_json(body, url)
    elif kind in (HTML, "text/html"):
        page = _parse_html(body, url)
    else:
        raise NotAnIndexError(f"answers with {kind or 'nothing that has a type'}, not with a page of a package index")
    return page if package is None else only(page, package)


def only(page: Page, package: str) -> Page:
    """Return ``page`` with nothing but the files of ``package``."""
    return replace(page, files=tuple(file for file in page.files if is_file_of(file.name, package)))


def _parse_json(body: bytes, url: str) -> Page:
    try:
        data = strict_json.loads(body)
        version = str(data["meta"]["api-version"])
        raw = data["files"] if version.startswith("1.") else []
        files = tuple(_from_json(item, url) for item in raw)
        stated = data.get("project-status") or {}
        status, reason = str(stated.get("status") or ""), str(stated.get("reason") or "")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotAnIndexError(f"answers with broken JSON ({error})") from None
    if not version.startswith("1."):
        raise NotAnIndexError(f"answers in version {version} of the simple API, which installers cannot read")
    return Page(files=files, marked=True, status=status, status_reason=reason)


def _from_json(item: Mapping[str, Any], url: str) -> File:
    metadata = item.get("core-metadata") or item.get("dist-info-metadata") or False
    return File(
        name=_of(str, item["filename"]),
        url=urldefrag(urljoin(url, _of(str, item["url"])))[0],
        hashes=_hashes(item.get("hashes") or {}),
        requires_python=_of(str | None, item.get("requires-python")),
        yanked=_of(bool | str, item.get("yanked") or False),
        metadata=metadata if isinstance(metadata, bool) else _hashes(metadata),
        size=_of(int | None, item.get("size")),
        upload_time=_of(str | None, item.get("upload-time")),
    )


def _of(kind: Any, value: Any) -> Any:
    """Return ``value`` if it is of the types ``kind``; raises ``TypeError``: an index would not state that."""
    if not isinstance(value, kind):
        raise TypeError(f"a field of a file is {value!r:.40}")
    return value


def _hashes(raw: Any) -> dict[str, str]:
    return {_of(str, name): _of(str, value) for name, value in _of(dict, raw).items()}


class _Reader(HTMLParser):
    """Collects the links of a page, and what shows which sort of page it is."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url
        self.files: list[File] = []
        self.tags = 0
        self.asks_for_password = False
        self.version: str | None = None
        self.status = ""
        self.status_reason = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in one tag."""
        self.tags += 1
        attributes = {name: value or "" for name, value in attrs}
        if tag == "base" and attributes.get("href"):
            self.base = urljoin(self.base, attributes["href"])
        elif tag == "meta" and attributes.get("name") == "pypi:repository-version":
            self.version = attributes.get("content", "")
        elif tag == "meta" and attributes.get("name") == "pypi:project-status":
            self.status = attributes.get("content", "")
        elif tag == "meta" and attributes.get("name") == "pypi:project-status-reason":
            self.status_reason = attributes.get("content", "")
        elif tag == "input" and attributes.get("type", "").lower() == "password":
            self.asks_for_password = True
        elif tag == "a" and attributes.get("href"):
            self._link(attributes)

    def _link(self, attributes: Mapping[str, str]) -> None:
        url, fragment = urldefrag(urljoin(self.base, attributes["href"]))
        name = unquote(urlsplit(url).path).rpartition("/")[2]
        algorithm, _, digest = fragment.partition("&")[0].partition("=")
        metadata = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
        self.files.append(
            File(
                name=name,
                url=url,
                hashes={algorithm: digest} if digest and algorithm.startswith(("sha", "md5", "blake")) else {},
                requires_python=attributes.get("data-requires-python") or None,
                yanked=(attributes["data-yanked"] or True) if "data-yanked" in attributes else False,
                metadata=_metadata(metadata),
            )
        )


def _metadata(attribute: str | None) -> bool | Mapping[str, str]:
    if attribute is None or attribute == "false":
        return False
    algorithm, _, digest = attribute.partition("=")
    return {algorithm: digest} if digest else True


def _parse_html(body: bytes, url: str) -> Page:
    reader = _Reader(url)
    try:
        reader.feed(body.decode("utf-8"))
    except (UnicodeDecodeError, AssertionError):
        raise NotAnIndexError("answers with bytes that are not HTML") from None
    except ValueError as error:
        raise NotAnIndexError(f"answers with a link that is not a URL ({error})") from None
    if reader.asks_for_password:
        raise NotAnIndexError("answers with a login page")
    if body.strip() and not reader.tags:
        raise NotAnIndexError("answers with text that is not HTML")
    if reader.version is not None and not reader.version.startswith("1."):
        raise NotAnIndexError(f"answers in version {reader.version} of the simple API, which installers cannot read")
    return Page(
        files=tuple(reader.files),
        marked=reader.version is not None,
        status=reader.status,
        status_reason=reader.status_reason,
    )


def render(page: Page, package: str, accept: str) -> tuple[str, bytes]:
    """Return the content type and the body of ``page``, as an installer with this ``Accept`` header can read it."""
    if JSON in accept:
        files = [_to_json(file) for file in page.files]
        # Version 1.1 would have to list the size of every file.
        data: dict[str, Any] = {"meta": {"api-version": "1.0"}, "name": package, "files": files}
        if page.status:
            reason = {"reason": page.status_reason} if page.status_reason else {}
            data["project-status"] = {"status": page.status, **reason}
        return JSON, json.dumps(data, sort_keys=True).encode()
    links = "\n".join(map(_to_html, page.files))
    stated = {"repository-version": "1.0", "project-status": page.status, "project-status-reason": page.status_reason}
    marks = "".join(
        f'<meta name="pypi:{name}" content="{html.escape(value)}">' for name, value in stated.items() if value
    )
    head = f"<!doctype html>{marks}<title>{html.escape(package)}</title>"
    return "text/html; charset=utf-8", f"{head}\n{links}\n".encode()


def _to_json(file: File) -> dict[str, Any]:
    optional = {"requires-python": file.requires_python, "size": file.size, "upload-time": file.upload_time}
    return {
        "filename": file.name,
        "url": file.url,
        "hashes": dict(file.hashes),
        "yanked": file.yanked,
        "core-metadata": file.metadata,
        # The name that older installers know.
        "dist-info-metadata": file.metadata,
    } | {name: value for name, value in optional.items() if value is not None}


def _to_html(file: File) -> str:
    algorithm = next((name for name in ("sha256", *file.hashes) if name in file.hashes), None)
    fragment = f"#{algorithm}={file.hashes[algorithm]}" if algorithm else ""
    attributes = {"href": file.url + fragment}
    if file.requires_python:
        attributes["data-requires-python"] = file.requires_python
    if file.yanked:
        attributes["data-yanked"] = "" if file.yanked is True else str(file.yanked)
    if file.metadata:
        value = "true" if file.metadata is True else "=".join(next(iter(file.metadata.items())))
        attributes |= {"data-core-metadata": value, "data-dist-info-metadata": value}
    written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{html.escape(file.name)}</a><br>"
