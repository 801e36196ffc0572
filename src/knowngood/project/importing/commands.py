"""Read the commands that install packages: ``pip install``, ``uv pip install``, ``uv sync``, ``poetry install``."""

import itertools
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import tomli
from packaging.utils import canonicalize_name

from knowngood.declare.options import Use, find
from knowngood.declare.problems import WrongValueError
from knowngood.declare.references import is_reference
from knowngood.errors import UsageError
from knowngood.model import InstallerName
from knowngood.project.importing import pythons
from knowngood.project.importing.indexes import Indexes
from knowngood.project.importing.locks import read_lock, unlocked
from knowngood.project.importing.parts import Line, Remarks, Source

_WRAPPERS = frozenset({"sudo", "time", "env", "exec", "nice", "command", "xvfb-run", "nohup", "catchsegv"})
_PIP = re.compile(r"pip[\d.]*")
_PYTHON = re.compile(r"(python|pypy|py)(?P<version>[\d.]*)")
_QUIET = frozenset(
    {"list", "freeze", "check", "config", "cache", "show", "debug", "help", "--version", "-V", "inspect"}
)
_REFUSED_WITH_VALUE_WORDS = (
    "--target -t --prefix --root --python -p --upgrade-package -P --upgrade-strategy --reinstall-package "
    "--global-option --build-option --install-option --extra --override --overrides --build-constraint "
    "--build-constraints -b --torch-backend --report --src"
)
_REFUSED_WITH_VALUE = frozenset(_REFUSED_WITH_VALUE_WORDS.split())
_HARMLESS_WORDS = (
    "--force-reinstall --ignore-installed -I --reinstall --user --python -p --upgrade-strategy "
    "--upgrade-package -P --reinstall-package --target -t --prefix --root --no-use-pep517 --dry-run "
    "--report --src --no-sources"
)
_HARMLESS = frozenset(_HARMLESS_WORDS.split())
_ITSELF = frozenset({"pip", "uv"})
"""What an environment under test does not need: the installers themselves."""
_CONDA = frozenset({"conda", "mamba", "micromamba"})
_URL = re.compile(r"(?:git|hg|svn|bzr)\+|[a-z]+://", re.IGNORECASE)

PlacePath = Callable[[str], str | None]
"""Returns the path in the project for one as a command sees it; None when it is not in the project."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Install:
    """What one command installs. Without lines it installs nothing that a matrix would have."""

    lines: tuple[Line, ...] = ()
    installer: str = "pip"
    python: str | None = None
    """The Python that it makes an environment with, or is run by, if it says so."""


class Commands:
    """Reads the install commands of one file."""

    def __init__(self, source: Source, remarks: Remarks, indexes: Indexes) -> None:
        self._source = source
        self._remarks = remarks
        self._indexes = indexes
        self._variables: Mapping[str, str] = {}

    def set_variables(self, variables: Mapping[str, str]) -> None:
        """Set the environment of the commands that follow, which pip and uv take settings from."""
        self._variables = variables

    def text_of(self, path: str) -> str | None:
        """Return the text of a file of the project; None when there is none that can be read."""
        try:
            return self._source.files.read(path)
        except WrongValueError:
            return None

    def _setting(self, *names: str) -> str:
        """Return the first setting among ``names`` that a variable of an installer has, such as ``INDEX_URL``."""
        variables = (f"{prefix}_{name}" for name in names for prefix in map(str.upper, InstallerName))
        return next((self._variables[each] for each in variables if self._variables.get(each)), "")

    def read(self, words: Sequence[str], line: int, place: PlacePath) -> Install | None:
        """Return what a command installs; None when it is not about packages of Python."""
        words = _unwrapped(list(words))
        if not words:
            return None
        program = posixpath.basename(words[0])
        python = None
        if (match := _PYTHON.fullmatch(program)) is not None:
            python = pythons.named(match["version"]) if match["version"] else None
            rest = [word for word in words[1:] if not re.fullmatch(r"-3[\d.]*|-[uIBsE]+", word)]
            if rest[:1] == ["-m"] and len(rest) > 1:
                words, program = rest[1:], rest[1]
            elif posixpath.basename(rest[0] if rest else "") == "setup.py":
                return self._setup(rest[1:], line, place)
        if program in ("poetry", "pipenv", "pdm", "hatch", "rye") and words[1:2] == ["run"]:
            return self.read(words[2:], line, place)
        if program == "uv" and words[1:2] == ["run"]:
            return self.read([word for word in words[2:] if not word.startswith("-")], line, place)
        if _PIP.fullmatch(program):
            return self._pip(words[1:], line, place, "pip", python)
        if program == "uv":
            return self._uv(words[1:], line, place)
        if program in ("poetry", "pdm", "pipenv"):
            return self._lock_tool(program, words[1:], line, place)
        if program in _CONDA and {"install", "create", "env"} & set(words[1:4]):
            self._remarks.add(line, f"{program}: conda packages cannot be in a matrix: {' '.join(words)[:80]}")
            return Install()
        if program in ("easy_install", "pipx"):
            self._remarks.add(line, f"{program} is not read: {' '.join(words)[:80]}")
            return Install()
        if program in ("apt-get", "apt", "apk", "dnf", "yum", "microdnf"):
            return _system(words)
        if program in ("virtualenv", "venv", "pyenv"):
            return Install(python=_python_option(words)) if _python_option(words) else None
        return None

    def _setup(self, arguments: list[str], line: int, place: PlacePath) -> Install | None:
        folder = place(".")
        verb = arguments[0] if arguments else ""
        if folder is None or verb not in ("install", "develop"):
            return None
        return Install(lines=(Line(("-e " if verb == "develop" else "") + _folder(folder), line),))

    def _uv(self, words: list[str], line: int, place: PlacePath) -> Install | None:
        words = [word for word in words if word not in ("-q", "--quiet", "--offline", "--native-tls", "-v")]
        match words[:2]:
            case ["pip", *_]:
                return self._pip(words[1:], line, place, "uv", None)
            case ["venv", *_]:
                return Install(python=_python_option(words), installer="uv")
            case ["python", "install"]:
                named = next((python for word in words[2:] if (python := pythons.named(word))), None)
                return Install(python=named, installer="uv")
            case ["python", "pin"]:
                return Install(python=pythons.named(words[2]) if len(words) > 2 else None, installer="uv")
            case ["sync", *_]:
                return self._sync(words[1:], line, place)
            case ["add" | "tool" | "remove", *_]:
                self._remarks.add(line, f"'uv {words[0]}' is not read: {' '.join(words)[:80]}")
                return Install()
            case _:
                return None

    def _sync(self, words: list[str], line: int, place: PlacePath) -> Install:
        extras, groups, rest = _values(words, "--extra"), _values(words, "--group"), set(words)
        groups += _values(words, "--only-group")
        if not rest & {"--no-dev", "--no-default-groups", "--only-group"}:
            groups = ["dev", *groups]
        whole = None if "--all-groups" in rest else tuple(groups)
        project = self._locked("uv.lock", place, line, None if "--all-extras" in rest else tuple(extras), whole)
        if not rest & {"--no-install-project", "--no-install-workspace", "--only-group"}:
            project += self._project(place, line, () if "--all-extras" in rest else extras)
        return Install(lines=project, installer="uv", python=_python_option(words))

    def _lock_tool(self, program: str, words: list[str], line: int, place: PlacePath) -> Install | None:
        verb = words[0] if words else ""
        if verb == "add" or (verb == "install" and program == "pipenv" and any(_is_plain(word) for word in words[1:])):
            self._remarks.add(line, f"'{program} {verb}' is not read: {' '.join(words)[:80]}")
            return Install()
        if verb not in ("install", "sync"):
            return None
        lock = {"poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}[program]
        lines = self._locked(lock, place, line, None, None)
        if program != "pipenv" and not {"--no-root", "--no-self", "--only=main --no-root"} & set(words):
            lines += self._project(place, line, _values(words, "--extras") + _values(words, "-E"))
        return Install(lines=lines)

    def _locked(
        self, name: str, place: PlacePath, line: int, extras: tuple[str, ...] | None, groups: tuple[str, ...] | None
    ) -> tuple[Line, ...]:
        folder = place(".")
        path = posixpath.normpath(posixpath.join(folder or ".", name))
        text = self._source.files.read(path)
        if text is None:
            self._remarks.add(line, f"there is no {path}: the newest versions are installed instead of locked ones")
            pyproject = self._source.files.read(posixpath.join(posixpath.dirname(path), "pyproject.toml"))
            return tuple(Line(text, line) for text in unlocked(pyproject, groups))
        try:
            return tuple(Line(text, line) for text in read_lock(path, text, extras=extras, groups=groups))
        except UsageError as error:
            self._remarks.add(line, f"{error.what}: {error.cause}")
            return ()

    def _project(self, place: PlacePath, line: int, extras: Sequence[str]) -> tuple[Line, ...]:
        folder = place(".")
        if folder is None or not any(
            self._source.files.has_file(posixpath.join(folder, name)) for name in ("pyproject.toml", "setup.py")
        ):
            return ()
        return (Line(_folder(folder) + (f"[{','.join(extras)}]" if extras else ""), line),)

    def _pip(self, words: list[str], line: int, place: PlacePath, installer: str, python: str | None) -> Install | None:
        verb = next((word for word in words if word == "install" or not word.startswith("-")), "")
        if verb == "sync" and installer == "uv":
            words = ["install", *(part for word in _after(words, "sync") for part in _as_file(word))]
        elif verb != "install":
            if verb in ("uninstall", "download", "wheel"):
                self._remarks.add(line, f"'pip {verb}' is not read: {' '.join(words)[:80]}")
            return Install(installer=installer) if verb not in _QUIET else None
        lines = self.arguments(_after(words, "install"), line, place)
        wanted = [each for each in lines if canonicalize_name(each.text) not in _ITSELF]
        if not any(installs(each.text) for each in wanted):
            return Install(installer=installer, python=python)
        return Install(lines=tuple(wanted), installer=installer, python=python)

    def arguments(self, words: Sequence[str], line: int, place: PlacePath) -> tuple[Line, ...]:
        """Return the lines for what follows ``pip install``; none if something in it is wrong."""
        try:
            return tuple(self._lines(list(words), line, place))
        except WrongValueError as wrong:
            hint = f" ({wrong.hint})" if wrong.hint else ""
            self._remarks.add(line, f"{' '.join(words)[:80]!r} is left out: {wrong.what}{hint}")
            return ()

    def _lines(self, words: list[str], at: int, place: PlacePath) -> Iterator[Line]:
        positional: list[str] = []
        texts: list[str] = []
        links: list[str] = []
        alone = False
        default = self._setting("INDEX_URL", "DEFAULT_INDEX")
        extra = self._setting("EXTRA_INDEX_URL", "INDEX").split()
        if constraint := self._setting("CONSTRAINT"):
            texts += [f"-c {self._path(path, place)}" for path in constraint.split()]
        if self._setting("PRE").lower() in ("1", "true", "yes"):
            texts.append("--pre")
        project_extras = _values(words, "--extra")
        position = 0
        while position < len(words):
            word = words[position]
            position += 1
            if not word.startswith("-") or word == "-":
                texts.append(self._built(word, place, at) or self._target(word, place))
                positional.append(texts[-1])
                continue
            name, value = _parted(word)
            option = find(word)
            takes_value = option.takes_value if option else False
            if option is not None and option.use is Use.REFUSED:
                takes_value = name in _REFUSED_WITH_VALUE
            if option is None:
                raise WrongValueError(f"unknown option {name!r}")
            if takes_value and value is None:
                if position == len(words):
                    raise WrongValueError(f"{name} lacks its value")
                value = words[position]
                position += 1
            match option.use:
                case Use.REFUSED if name == "--no-index":
                    alone = True
                case Use.REFUSED if name == "--torch-backend":
                    self._torch(value or "", at)
                case Use.REFUSED if name in ("--extra", *_HARMLESS):
                    pass
                case Use.REFUSED:
                    self._remarks.add(at, f"{name} is left out: {option.why}")
                case Use.INDEX if name in ("--index-url", "-i", "--pypi-url", "--default-index", "--index"):
                    default = value or ""
                case Use.INDEX if name == "--extra-index-url":
                    extra.append(value or "")
                case Use.INDEX if name in ("--find-links", "-f"):
                    links.append(value or "")
                case Use.INDEX | Use.IGNORED | Use.IGNORED_VALUE:
                    pass
                case Use.REQUIREMENTS:
                    texts.extend(self._file(value or "", place, project_extras, at))
                case Use.CONSTRAINTS:
                    texts.append(f"-c {self._path(value or '', place)}")
                case Use.EDITABLE:
                    texts.append(f"-e {self._target(value or '', place, is_path=True)}")
                case _:
                    texts.append(f"{option.name} {value}" if takes_value else name)
        if default:
            self._indexes.only(default, positional, at)
        for url in extra:
            self._indexes.extra(url, positional, at)
        for url in links:
            self._indexes.links(url, at, alone=alone)
        yield from (Line(text, at) for text in texts)

    def _torch(self, backend: str, at: int) -> None:
        if backend == "auto":
            self._remarks.add(at, "--torch-backend auto depends on the machine: declare [index.torch]")
        else:
            self._indexes.extra(f"https://download.pytorch.org/whl/{backend}", (), at)

    def _path(self, path: str, place: PlacePath) -> str:
        if _URL.match(path):
            return path
        placed = place(path)
        if placed is None:
            raise WrongValueError(f"{path!r} is not a file of the project")
        return placed

    def _file(self, path: str, place: PlacePath, extras: list[str], at: int) -> Iterator[str]:
        """Yield the lines for ``-r FILE``; for a pyproject.toml, as uv has it, the dependencies in it."""
        placed = self._path(path, place)
        if posixpath.basename(placed) != "pyproject.toml":
            self._indexes.scan(placed, self._source.files, at)
            yield f"-r {placed}"
            return
        try:
            table = tomli.loads(self._source.files.read(placed) or "").get("project", {})
            yield from table.get("dependencies", [])
            for extra in extras:
                yield from table.get("optional-dependencies", {}).get(extra, [])
        except (ValueError, AttributeError, TypeError):
            raise WrongValueError(f"{placed} cannot be read") from None

    def _built(self, word: str, place: PlacePath, at: int) -> str:
        """Return the project itself for the pattern of a file that it was built to before; empty for anything else."""
        match = re.fullmatch(r"[^\[\]]*\*[^\[\]]*\.(?:whl|tar\.gz|zip)(\[[\w,.-]+\])?", word)
        projects = ("pyproject.toml", "setup.py")
        if match is None or place(".") is None or not any(map(self._source.files.has_file, projects)):
            return ""
        self._remarks.note(at, f"{word} is a build of the project: the matrix builds it itself")
        return f".{match[1] or ''}"

    def _target(self, text: str, place: PlacePath, *, is_path: bool = False) -> str:
        """Return a requirement, or the path of a project or a wheel as the matrix has it."""
        if _URL.match(text) or re.match(r"[\w.-]+(\[.*\])?\s*@\s*(?!file:)", text):
            return text
        if not is_path and not is_reference(text) and text != ".":
            return text
        path, bracket, extras = text.removeprefix("file://").partition("[")
        placed = place(path.rstrip("/") or "/")
        if placed is None:
            raise WrongValueError(f"{text!r} is not in the project")
        return _folder(placed) + bracket + extras


def _unwrapped(words: list[str]) -> list[str]:
    """Return a command without ``sudo``, ``env A=1`` and the like."""
    while words and (posixpath.basename(words[0]) in _WRAPPERS or re.match(r"\w+=", words[0])):
        words.pop(0)
        while words and words[0].startswith("-"):
            flag = words.pop(0)
            if flag in ("-u", "-n", "-s") and words:
                words.pop(0)
    return words


def _folder(path: str) -> str:
    """Return a path of the project such that an install line takes it for a path."""
    if path == "." or path.startswith(("../", "/", "./")) or path == "..":
        return path
    return f"./{path}"


def _parted(word: str) -> tuple[str, str | None]:
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    if len(word) > 2 and find(word) is not None and find(word[:2]) is find(word) and word[:3] not in ("-qq", "-vv"):
        return word[:2], word[2:].removeprefix("=")
    return word, None


def _values(words: Sequence[str], option: str) -> list[str]:
    values = [word.partition("=")[2] for word in words if word.startswith(f"{option}=")]
    pairs = itertools.pairwise(words)
    return [
        part for value in [*values, *(after for word, after in pairs if word == option)] for part in value.split(",")
    ]


def _python_option(words: Sequence[str]) -> str | None:
    values = itertools.chain.from_iterable(_values(words, option) for option in ("--python", "-p"))
    return next(filter(None, map(pythons.named, values)), None)


def _after(words: list[str], verb: str) -> list[str]:
    position = words.index(verb)
    return [*words[:position], *words[position + 1 :]]


def _as_file(word: str) -> tuple[str, ...]:
    return (word,) if word.startswith("-") else ("-r", word)


def _is_plain(word: str) -> bool:
    return not word.startswith("-")


def installs(text: str) -> bool:
    """Return whether a line installs something, and is more than an option of others."""
    return not text.startswith("-") or text.startswith(("-r ", "-e ", "--group"))


def _system(words: Sequence[str]) -> Install | None:
    """Return the Python that a package manager of the system installs, such as ``python3.10``."""
    if "install" not in words and "add" not in words:
        return None
    found = [match for word in words if (match := re.fullmatch(r"python(3\.\d+)(?:[-=].*)?", word))]
    return Install(python=found[0][1]) if found else None
