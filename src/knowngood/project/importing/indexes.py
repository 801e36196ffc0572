"""Collect the indexes that a file installs from. In a matrix each package comes from exactly one."""

import posixpath
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from knowngood.declare.lines import logical_lines
from knowngood.declare.named_files import ProjectFiles
from knowngood.declare.options import Item, Use, split
from knowngood.declare.problems import WrongValueError
from knowngood.declare.values import index_url
from knowngood.project.importing.parts import Index, Remarks

_TORCH = ("torch", "torchvision", "torchaudio")
_TORCH_HOST = "download.pytorch.org"
_PYPI = frozenset({"https://pypi.org/simple", "https://pypi.python.org/simple"})


class Indexes:
    """The indexes of one file."""

    def __init__(self, remarks: Remarks) -> None:
        self._remarks = remarks
        self._packages: dict[str, dict[str, None]] = {}
        self._owners: dict[str, str] = {}
        self._default: str | None = None

    def only(self, url: str, requirements: Iterable[str], line: int, *, whole_file: bool = False) -> None:
        """Add the index that replaces all others, for the packages of one command or of the whole file."""
        address = self._checked(url, line)
        if address is None:
            return
        if address in _PYPI:
            return
        names = tuple(_names(requirements))
        if whole_file or not names:
            if self._default not in (None, address):
                self._remarks.add(line, f"a second index for all packages, {address}: a matrix has one")
                return
            self._default = address
            return
        self._add(address, names, line)

    def extra(self, url: str, requirements: Iterable[str], line: int) -> bool:
        """Add an index that is asked beside the others; return whether it is known which packages come from it."""
        address = self._checked(url, line)
        if address is None or address in _PYPI:
            return address is not None
        requirements = tuple(requirements)
        if urlsplit(address).hostname == _TORCH_HOST:
            names = _names(requirements)
            wanted = tuple(name for name in names if name in _TORCH or name.startswith(("torch", "pytorch-triton")))
            self._add(address, wanted or _TORCH, line)
            return True
        local = tuple(_names(text for text in requirements if re.search(r"==[^,;\s]*\+", text)))
        if not local:
            self._remarks.add(line, f"the packages of {address} are not stated: declare [index.NAME] with them")
            return False
        self._add(address, local, line)
        return True

    def scan(self, path: str, files: ProjectFiles, line: int) -> None:
        """Add the indexes that a requirements file names, and the files that it names."""
        requirements: list[str] = []
        named: list[Item] = []
        waiting, seen = [path], set()
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            try:
                text = files.read(place) or ""
            except WrongValueError:
                continue
            for _, row in logical_lines(text):
                try:
                    items = tuple(split(row))
                except WrongValueError:
                    continue
                requirements += [item.text for item in items if item.option is None]
                named += [item for item in items if item.option is not None and item.option.use is Use.INDEX]
                waiting += [
                    files.place(item.text, posixpath.dirname(place))
                    for item in items
                    if item.option is not None and item.option.use is Use.REQUIREMENTS and "://" not in item.text
                ]
        for item in named:
            match item.option and item.option.name:
                case "--index-url" | "-i" | "--pypi-url" | "--default-index" | "--index":
                    self.only(item.text, (), line, whole_file=True)
                case "--extra-index-url":
                    self.extra(item.text, requirements, line)
                case "--find-links" | "-f":
                    self.links(item.text, line, alone=False)
                case _:
                    pass

    def links(self, url: str, line: int, *, alone: bool) -> None:
        """Add a page or a folder of files."""
        if alone and "://" not in url:
            self.only(url, (), line, whole_file=True)
        elif url.startswith(f"https://{_TORCH_HOST}/whl") and url.endswith("torch_stable.html"):
            self._remarks.add(
                line, f"{url} is a page of files: declare [index.torch] with url = …/whl/cpu or /whl/cu118"
            )
        else:
            self._remarks.add(line, f"--find-links {url}: declare a folder or an index in [index.NAME]")

    def all(self) -> tuple[Index, ...]:
        """Return the indexes, that of all other packages last."""
        listed = [Index(url=url, packages=tuple(names)) for url, names in self._packages.items() if names]
        return (*listed, *([Index(url=self._default)] if self._default else []))

    def _checked(self, url: str, line: int) -> str | None:
        url = url.rstrip("/")
        if "://" not in url and not url.startswith(("/", "./", "../")):
            url = f"./{url}"
        try:
            return index_url(url)
        except WrongValueError as wrong:
            self._remarks.add(line, f"an index is left out: {wrong.what}; {wrong.hint}")
            return None

    def _add(self, url: str, names: Iterable[str], line: int) -> None:
        for name in names:
            owner = self._owners.setdefault(name, url)
            if owner != url:
                self._remarks.add(
                    line, f"{name} comes from {owner} elsewhere in the file: a matrix has one index for it"
                )
            else:
                self._packages.setdefault(url, {})[name] = None


def _names(requirements: Iterable[str]) -> Iterable[str]:
    for text in requirements:
        try:
            yield canonicalize_name(Requirement(text).name)
        except InvalidRequirement:
            continue
