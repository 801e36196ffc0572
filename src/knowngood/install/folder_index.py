"""Take packages from a folder on this machine: a flat one, such as ``dist/``, or one with a folder for each package."""

import hashlib
import zipfile
from collections.abc import Container, Mapping
from contextlib import suppress
from email.parser import BytesHeaderParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from knowngood.install.pages import File, Page, is_file_of, parse, render
from knowngood.install.upstream import Fault, IndexFault
from knowngood.process.remover import remove_tree


class FolderIndex:
    """A folder as an index: its files are wheels and source distributions, or it has a folder for each package."""

    def __init__(self, folder: Path, *, shown: str = "") -> None:
        self.folder = folder
        self._shown = shown or str(folder)
        self._known: dict[tuple[Path, int, int], File] = {}

    @property
    def url(self) -> str:
        """The path, as the matrix file has it."""
        return self._shown

    @property
    def key(self) -> str:
        """See ``Upstream``."""
        return str(self.folder)

    def serves(self, file: File) -> bool:
        """Return True: a page on HTTP cannot lead to a file on disk."""
        return file.url.startswith("file:")

    def packages(self) -> tuple[str, ...]:
        """Return the canonical names of all packages in the folder."""
        names: set[str] = set()
        for path in self.folder.iterdir():
            if path.is_dir():
                names.add(canonicalize_name(path.name))
            elif package := package_of(path.name):
                names.add(package)
        return tuple(sorted(names))

    def page(self, package: str) -> Page | None:
        """Return the files of ``package`` as they are now, see ``Upstream``."""
        try:
            children = sorted(self.folder.iterdir())
        except OSError as error:
            raise IndexFault(Fault.UNREACHABLE, f"{self._shown}: {error.strerror}") from None
        files = {
            path.name: self._describe(path) for path in children if path.is_file() and is_file_of(path.name, package)
        }
        for folder in children:
            if folder.is_dir() and canonicalize_name(folder.name) == package:
                listed = folder / "index.html"
                if listed.is_file():
                    page = parse(listed.read_bytes(), "text/html", listed.as_uri(), package)
                    files |= {file.name: self._found(file) for file in page.files}
                files |= {
                    path.name: self._describe(path)
                    for path in sorted(folder.iterdir())
                    if path.is_file() and is_file_of(path.name, package) and path.name not in files
                }
        return Page(files=tuple(files.values()), marked=True) if files else None

    def _found(self, file: File) -> File:
        """Return a file that a page lists, with its hash if it is in a folder of this machine."""
        path = path_of(file)
        return self._describe(path) if path is not None and path.is_file() and not file.hashes else file

    def _describe(self, path: Path) -> File:
        stat = path.stat()
        key = path, stat.st_size, stat.st_mtime_ns
        if key not in self._known:
            self._known[key] = _described(path)
        return self._known[key]


def package_of(file_name: str) -> str | None:
    """Return the canonical name of the package that a file is of, None when the name shows none."""
    try:
        return parse_wheel_filename(file_name)[0] if file_name.endswith(".whl") else parse_sdist_filename(file_name)[0]
    except (InvalidSdistFilename, InvalidWheelFilename):
        return None


def path_of(file: File) -> Path | None:
    """Return where ``file`` is on this machine; None when its URL is not that of a local file."""
    parts = urlsplit(file.url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _described(path: Path) -> File:
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    metadata = metadata_of(path)
    return File(
        name=path.name,
        url=path.as_uri(),
        hashes={"sha256": digest},
        requires_python=BytesHeaderParser().parsebytes(metadata).get("Requires-Python") if metadata else None,
        metadata={"sha256": hashlib.sha256(metadata).hexdigest()} if metadata else False,
        size=path.stat().st_size,
    )


def metadata_of(path: Path) -> bytes | None:
    """Return the ``METADATA`` of a wheel; None when the file is another one, or has none."""
    if path.suffix != ".whl":
        return None
    try:
        with zipfile.ZipFile(path) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1]
            return wheel.read(names[0]) if names else None
    except (OSError, zipfile.BadZipFile):
        return None


def without(packages: Container[str], source: Path, folder: Path) -> Path:
    """Make ``folder`` one of links to the files in the folder ``source``, except those of ``packages``; return it.

    It can be in use by another run. A ``source`` that cannot be read is returned itself.
    """
    try:
        files = {path.name: path.absolute() for path in source.iterdir() if package_of(path.name) not in packages}
    except OSError:
        return source
    folder.mkdir(parents=True, exist_ok=True)
    for link in folder.iterdir():
        if link.name not in files:
            link.unlink(missing_ok=True)
    for name, path in files.items():
        with suppress(FileExistsError):
            (folder / name).symlink_to(path)
    return folder


def lay_out(pages: Mapping[str, Page], folder: Path) -> str:
    """Write pages, by package, below ``folder`` and return its address: uv reads such an index offline as well."""
    remove_tree(folder)
    for package, page in pages.items():
        place = folder / package
        place.mkdir(parents=True, exist_ok=True)
        (place / "index.html").write_bytes(render(page, package, "text/html")[1])
    folder.mkdir(parents=True, exist_ok=True)
    return folder.as_uri()
