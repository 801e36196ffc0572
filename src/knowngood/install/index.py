"""Decide once per run which index packages come from, and route every installer to it in the same way.

Packages with an index of their own are offered from its project pages (``find-links``) beside the default index.
Installers then prefer the local version, ``2.1.2+cpu``, to the plain one, and no other package can come from there.
Versions above the newest on such a page are ruled out: a stranger's 99.0 on the default index must not win.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from knowngood.model import Index, IndexChoice

_PATIENCE = 4.0  # seconds an index has to answer

_LARGEST_PAGE = 32 * 1024 * 1024  # bytes

_DEFAULT = "default"

_ACTIVATED = ("PYTHON", "VIRTUAL_ENV", "CONDA_")
"""What an activated environment sets, and what changes any Python: never for an environment under test."""

_SECRET_NAME = re.compile(r"(_|^)(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|KEY)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Routes:
    """Where packages come from in one run."""

    choices: tuple[IndexChoice, ...] = ()
    default: str | None = None
    """URL of the default index; None leaves each installer its own."""
    pages: tuple[str, ...] = ()
    """Project pages that are offered beside the default index, URLs."""
    bounds: tuple[str, ...] = ()
    """The newest version on each of those pages, as a constraint: a newer one elsewhere is not used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variables:
    """The environment variables of one installer."""

    prefix: str
    """What the names of all its variables begin with."""
    kept: re.Pattern[str]
    """The user's variables that say how to reach packages; all others could change which versions are chosen."""
    sources: re.Pattern[str]
    """Those of them that name a place to take packages from."""
    make: Callable[[Routes, Mapping[str, str], Path | None], Mapping[str, str]]
    """Returns the variables for routes, given the ones that are kept and the file of constraints, if any."""


def environment(
    routes: Routes, installers: Iterable[Variables], outside: Mapping[str, str], constraints: Path | None = None
) -> dict[str, str]:
    """Return the environment for the commands of ``installers``; ``outside`` is that of the harness.

    URLs go in here, since everybody on the machine can see arguments. One environment serves all installers, because a
    build that one runs may call another. ``constraints`` is the file that holds the bounds of the routes.
    """
    installers = tuple(installers)
    kept = {name: value for name, value in outside.items() if _is_kept(name, routes, installers)}
    made = {"NO_COLOR": "1"}
    for variables in installers:
        made.update(variables.make(routes, kept, constraints))
    return kept | made


def _is_kept(name: str, routes: Routes, installers: tuple[Variables, ...]) -> bool:
    owner = next((variables for variables in installers if name.startswith(variables.prefix)), None)
    if owner is None:
        return not name.startswith(_ACTIVATED)
    # A declared default index is the only one.
    is_other_source = routes.default is not None and owner.sources.fullmatch(name) is not None
    return owner.kept.fullmatch(name) is not None and not is_other_source


def find_links(name: str, separator: str, routes: Routes, kept: Mapping[str, str]) -> dict[str, str]:
    """Return the variable ``name`` with the pages of ``routes`` after those of the user; nothing without any."""
    pages = [page for page in (kept.get(name, ""), *routes.pages) if page]
    return {name: separator.join(pages)} if pages else {}


def decide(indexes: Iterable[Index]) -> Routes:
    """Return the routes for a run. An index with a fallback is requested once, to see whether it can be reached."""
    choices: list[IndexChoice] = []
    default: str | None = None
    pages: list[str] = []
    bounds: list[str] = []
    for index in indexes:
        problem = _problem(index) if index.fallback else None
        if problem is not None:
            used, why = _DEFAULT, problem
        else:
            used, why = redact(index.url), "reachable" if index.fallback else "declared without a fallback"
            if index.packages:
                pages_of = {package: f"{index.url.rstrip('/')}/{package}/" for package in index.packages}
                pages.extend(pages_of.values())
                bounds.extend(bound for package, page in pages_of.items() if (bound := _bound(package, page)))
            else:
                default = index.url
        choices.append(
            IndexChoice(name=index.name, asked=redact(index.url), used=used, packages=index.packages, why=why)
        )
    return Routes(choices=tuple(choices), default=default, pages=tuple(pages), bounds=tuple(bounds))


def secrets(indexes: Iterable[Index], installers: Iterable[Variables], outside: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts that must not appear in any log: credentials in index URLs, and tokens in the environment."""
    sources = [variables.sources for variables in installers]
    urls = [index.url for index in indexes]
    for name, value in outside.items():
        urls += value.split() if any(pattern.fullmatch(name) for pattern in sources) else []
    values: list[str] = []
    for url in urls:
        parts = urlsplit(url)
        values += [parts.password or "", parts.username or "" if parts.password is None else ""]
        values += [value for _, value in parse_qsl(parts.query)]
    values += [value for name, value in outside.items() if _SECRET_NAME.search(name)]
    # Shorter ones are words like "user": to remove them would garble the log and hide nothing.
    return tuple(sorted({value for value in values if len(value) >= 8}, key=len, reverse=True))


def redact(url: str) -> str:
    """Return ``url`` without the parts that may be secret: user, password and the values of its query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"***@{host}" if "@" in parts.netloc else host
    query = re.sub(r"=[^&]*", "=***", parts.query)
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _bound(package: str, page: str) -> str | None:
    """Return the constraint that keeps ``package`` at what its own page has; None when the page names no version."""
    text, _ = _get(page)
    versions = [version for name in re.findall(r">\s*([^<>\s]+)\s*</a>", text) if (version := _version(name))]
    return f"{package}<={max(versions).public}" if versions else None


def _version(file_name: str) -> Version | None:
    try:
        if file_name.endswith(".whl"):
            return parse_wheel_filename(file_name)[1]
        return parse_sdist_filename(file_name)[1]
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None


def _problem(index: Index) -> str | None:
    """Return why ``index`` cannot be used now; None when it answers."""
    return _get(f"{index.url.rstrip('/')}/{index.packages[0]}/" if index.packages else index.url)[1]


def _get(page: str) -> tuple[str, str | None]:
    """Return the text of ``page``, and why it cannot be read, if so."""
    answers: list[tuple[str, str | None]] = []
    # In a thread, since a lookup in DNS has no time limit of its own.
    thread = threading.Thread(target=lambda: answers.append(_fetch(page)), daemon=True)
    thread.start()
    thread.join(_PATIENCE + 1)
    return answers[0] if answers else ("", f"no answer within {_PATIENCE:g} s")


def _fetch(page: str) -> tuple[str, str | None]:
    # Imported late, because most matrices declare no index: the import takes longer than reading a matrix.
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    try:
        request = urllib.request.Request(page, headers={"Accept": "text/html", "User-Agent": "knowngood"})
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return answer.read(_LARGEST_PAGE).decode("utf-8", "replace"), None
    except urllib.error.HTTPError as error:
        return "", f"answered {error.code}"
    except (HTTPException, OSError, ValueError) as error:
        return "", f"unreachable ({getattr(error, 'reason', error)})"
