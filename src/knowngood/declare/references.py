"""Read what an install line names other than by name and version: folders, wheels, archives and URLs."""

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidName,
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.problems import WrongValueError, shown
from knowngood.model import Source

_ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip")
_GIT_SCHEMES = frozenset({"git+file", "git+git", "git+http", "git+https", "git+ssh"})
_NAMED = re.compile(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[([^\[\]]*)\])?\s*@\s*(\S.*)", re.ASCII | re.DOTALL)
_REFERENCE = re.compile(r"[./\\~]|file:|[A-Za-z]:[/\\]|[A-Za-z][A-Za-z0-9+.-]*://|[a-z]+\+[a-z]+:", re.ASCII)
_EXTRAS = re.compile(r"(.+?)\s*\[([^\[\]]*)\]", re.DOTALL)
_MARKER = re.compile(r"\s+;\s*|;\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """Something that a line names by its place."""

    source: Source | None = None
    """What is on this machine."""
    requirement: str | None = None
    """What is not."""
    name: str | None = None
    """The canonical name that the line gives it."""
    marker: str | None = None


def is_reference(text: str) -> bool:
    """Return whether ``text`` names a place: a path or a URL, with or without the name of what is there."""
    if _NAMED.fullmatch(text):
        return True
    target = _MARKER.split(text, maxsplit=1)[0].partition("[")[0].strip()
    return bool(_REFERENCE.match(target)) or "/" in target or target.endswith((".whl", *_ARCHIVES))


def read_reference(text: str, files: ProjectFiles, *, editable: bool = False, folder: str = "") -> Reference:
    """Return what ``text`` names. A path is relative to the project; what is not there may be relative to ``folder``.

    Raises ``WrongValueError`` when nothing that could be installed is there.
    """
    named = _NAMED.fullmatch(text)
    target, *markers = _MARKER.split(named[3] if named else text, maxsplit=1)
    marker = _checked_marker(markers[0]) if markers else None
    extras: tuple[str, ...] = ()
    if named and named[2]:
        extras = read_extras(named[2])
    elif not named and (with_extras := _EXTRAS.fullmatch(target.strip())):
        target, extras = with_extras[1], read_extras(with_extras[2])
    target = target.strip()
    name = canonicalize_name(named[1]) if named else None
    scheme = urlsplit(target).scheme if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:(?![/\\]?$)", target) else ""
    if scheme and scheme != "file" and not re.match(r"[A-Za-z]:", target):
        requirement = _read_url(target, scheme, name, extras, files)
        if editable and not scheme.startswith("git+"):
            raise WrongValueError(f"{shown(target)} cannot be editable", "write it without -e")
        return Reference(requirement=f"{requirement} ; {marker}" if marker else requirement, name=name)
    path = _read_file_url(target) if scheme == "file" else target
    place = _find(path, files, folder)
    if editable and not files.has_folder(place):
        raise WrongValueError(f"{shown(path)} cannot be editable: it is not a folder", "write it without -e")
    return Reference(
        source=Source(path=place, extras=extras, editable=editable),
        name=_checked_name(name, place),
        marker=marker,
    )


def read_extras(text: str) -> tuple[str, ...]:
    """Return the canonical names of the extras in ``text``, such as ``s3,test``, each once."""
    names = [part.strip() for part in text.split(",")]
    try:
        return tuple(dict.fromkeys(canonicalize_name(name, validate=True) for name in names))
    except InvalidName:
        raise WrongValueError(f"invalid extras {shown(f'[{text}]')}", 'write them as ".[s3,test]"') from None


def _find(path: str, files: ProjectFiles, folder: str) -> str:
    """Return the place of a folder or file that exists. As for pip, paths in a file are not relative to that file."""
    if "\\" in path or re.match(r"[A-Za-z]:", path):
        raise WrongValueError(f"invalid path {shown(path)}", "write it with forward slashes")
    if path.startswith("~"):
        raise WrongValueError(f"the path {shown(path)} is not expanded", "write it relative to the project")
    if "*" in path:
        return _find_one(path, files)
    places = dict.fromkeys([files.place(path), files.place(path, folder)])
    place = next((place for place in places if files.has_folder(place) or files.has_file(place)), None)
    if place is None:
        built = path.endswith((".whl", *_ARCHIVES))
        kind, hint = ("file", "build it first") if built else ("folder", "write it relative to the project")
        raise WrongValueError(f"the project has no {kind} {shown(path)}", hint)
    if files.has_file(place) and not place.endswith((".whl", *_ARCHIVES)):
        hint = f'write "-r {path}"' if place.endswith((".txt", ".in")) else "name a folder, a wheel or an archive"
        raise WrongValueError(f"{shown(path)} is neither a project nor a wheel nor an archive", hint)
    return place


def _find_one(pattern: str, files: ProjectFiles) -> str:
    """Return the only path that a glob such as ``dist/*.whl`` matches."""
    places = files.matching(files.place(pattern))
    if len(places) != 1:
        count = f"{len(places)} files: {', '.join(map(shown, places[:3]))}" if places else "nothing"
        raise WrongValueError(f"{shown(pattern)} must match one file, and matches {count}", "name the file")
    return places[0]


def _checked_name(name: str | None, place: str) -> str | None:
    """Return the name of what is at a place, as far as its file name says; the line must give it the same."""
    file = posixpath.basename(place)
    own = None
    try:
        if file.endswith(".whl"):
            own = parse_wheel_filename(file)[0]
        elif file.endswith((".tar.gz", ".zip")):
            own = parse_sdist_filename(file)[0]
    except InvalidWheelFilename:
        hint = "name it as the build did: NAME-VERSION-PYTHON-ABI-PLATFORM.whl"
        raise WrongValueError(f"{shown(file)} is not the file name of a wheel", hint) from None
    except InvalidSdistFilename:
        return name
    if name is not None and own is not None and name != own:
        raise WrongValueError(f"{shown(place)} is {own}, not {name}", f"write {own} @ ")
    return name or own


def _checked_marker(text: str) -> str:
    try:
        return str(Marker(text))
    except InvalidMarker:
        raise WrongValueError(f"invalid marker {shown(text)}", "write it as ; python_version < '3.12'") from None


def _read_file_url(url: str) -> str:
    """Return the path in a URL such as ``file:///home/me/x``, ``file:x`` or ``file:./x``."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise WrongValueError(f"{shown(url)} names another machine", "write file:/// and an absolute path")
    return unquote(parts.path) or "."


def _read_url(url: str, scheme: str, name: str | None, extras: tuple[str, ...], files: ProjectFiles) -> str:
    """Return the requirement for what a URL names, without its deprecated ``#egg=``."""
    if scheme not in _GIT_SCHEMES and scheme not in ("http", "https"):
        raise WrongValueError(f"{shown(url)} cannot be installed", "write a git+https or https URL")
    parts = urlsplit(url)
    userinfo = parts.netloc.rpartition("@")[0]
    if userinfo and (scheme != "git+ssh" or ":" in userinfo):
        what = "the URL contains a user name or password, which reports would publish"
        raise WrongValueError(what, "put them into ~/.netrc")
    path = parts.path
    if scheme == "git+file" and not path.startswith("/"):
        path = files.absolute(path)
    fragment = dict(parse_qsl(parts.fragment))
    if egg := fragment.pop("egg", ""):
        with_extras = _EXTRAS.fullmatch(egg)
        name = name or canonicalize_name(with_extras[1] if with_extras else egg)
        extras = extras or (read_extras(with_extras[2]) if with_extras else ())
    rest = "&".join(f"{key}={value}" for key, value in fragment.items())
    address = (
        f"{scheme}://{parts.netloc}{path}" + (f"?{parts.query}" if parts.query else "") + (f"#{rest}" if rest else "")
    )
    if name is None:
        if extras:
            raise WrongValueError(f"{shown(url)} has extras but no name", "write it as name[extra] @ URL")
        if not address.isprintable() or re.search(r"\s", address):
            raise WrongValueError(f"invalid URL {shown(url)}", "write one URL without spaces")
        return address
    with_name = f"{name}[{','.join(extras)}]" if extras else name
    try:
        return str(Requirement(f"{with_name} @ {address}"))
    except InvalidRequirement:
        raise WrongValueError(f"invalid URL {shown(url)}", 'write it as "name @ git+https://host/path@tag"') from None
