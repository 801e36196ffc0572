"""Build what a step installs from this machine: projects, archives and wheels. Nothing is built in the user's folder.

A project is built from a private copy of its snapshot: once per run if every Python can use the wheel, else once for
each Python. Wheels are kept for later runs under a key of everything that they depend on.
"""

import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from knowngood import packages
from knowngood.install import wheelhouse
from knowngood.install.confined import run_uv
from knowngood.install.interface import OUTSIDE, Built, Tools
from knowngood.install.origin import Backend, Origin, SourceTree, key
from knowngood.install.uv.installer import UV, binary
from knowngood.install.wheelhouse import Wheel, Wheelhouse
from knowngood.model import ALL_PACKAGES, Action, Ending, Exit, InstallerName, Source, SourceFacts, Status
from knowngood.process.files import read_text
from knowngood.process.remover import remove_tree

_LIMIT = 3600.0  # seconds for one build
_LOCK_LIMIT = 300.0  # seconds to resolve the requirements of a build
_PAUSE = 2.0  # seconds before a build that an outage stopped is tried again

_SETTING = re.compile(
    r"(CC|CXX|CPP|LD|AR|FC|F77|F90|ARCHFLAGS|SOURCE_DATE_EPOCH|\w*FLAGS|PKG_CONFIG\w*|CMAKE_\w+|SKBUILD_\w+|MESON\w*"
    r"|CARGO_\w+|RUST\w+|MATURIN_\w+|CYTHON\w*|NPY_\w+|SETUPTOOLS_\w+|DISTUTILS_\w+|HATCH_\w+|PDM_\w+|POETRY_\w+|PBR_\w+"
    r"|VERSIONEER_\w+|FLIT_\w+|\w*_NO_EXTENSIONS?|\w*PRETEND_VERSION\w*)"
)
"""Variables of the user that change what a build makes."""
_GIT = re.compile(r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|PREFIX|NAMESPACE)")
"""Variables that lead git to another repository than the copy that is built; git sets them in hooks."""


class Builds:
    """Builds each source once per run, and keeps the wheels for later runs. Safe to use from any thread.

    Logs and copies are below ``folder``, which is below the root of the processes of ``tools``. Paths of sources are
    relative to ``project``, and ``tree`` returns the snapshot of a folder. With ``reuses=False`` no kept wheel is used.
    ``pythons`` are those of the combos of the run, ``machine`` is what compiled code depends on, and ``wait`` pauses
    for some seconds and returns whether the run is stopped.
    """

    def __init__(
        self,
        *,
        tools: Tools,
        folder: Path,
        kept: Wheelhouse,
        project: Path,
        tree: Callable[[Path], SourceTree],
        pythons: Iterable[str],
        machine: str,
        wait: Callable[[float], bool],
        reuses: bool = True,
    ) -> None:
        environ = {name: value for name, value in tools.environ.items() if not _GIT.fullmatch(name)}
        self._tools = replace(tools, environ=environ)
        self._folder = folder
        self.kept = kept
        """The wheels that outlive the run."""
        self._project = project
        self._tree = tree
        self._pythons = tuple(pythons)
        self._machine = machine
        self._wait = wait
        self._reuses = reuses
        self._built: dict[tuple[object, ...], Future[Built]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def wheel(self, source: Source, options: Iterable[str], python: str) -> Built:
        """Return a source as a wheel for ``python``, the version that a combo asks for.

        A build that failed is not tried again in this run, unless an outage stopped it. Raises what ``tree``
        raises.
        """
        path = self._path(source)
        if path.suffix == ".whl":
            given = self._once((path,), lambda: _given(source, path))
            return replace(given, source=source, facts=replace(given.facts, extras=source.extras))
        settings = _settings(options)
        # What is installed in place is built again with the combo's own Python, from the same lock.
        first = python if source.editable else self._newest() or python
        built = self._once((path, settings, first), lambda: self._build(source, settings, first))
        if not (built.pure or first == python or _was_stopped(built)):
            built = self._once((path, settings, python), lambda: self._build(source, settings, python))
        if source.editable:
            built = replace(built, identity=f"tree {built.facts.tree}")
        facts = replace(built.facts, editable=source.editable, extras=source.extras)
        return replace(built, source=source, facts=facts)

    def wheel_in(self, source: Source, options: Iterable[str], python: Path, folder: Path) -> Built:
        """Build a source with what is installed beside ``python``, that of an environment, into ``folder``."""
        path = self._path(source)
        if path.suffix == ".whl":
            return _given(source, path)
        origin = self._origin(path)
        action, wheel = self._run(origin, python, ["--no-build-isolation", *_settings(options)], folder)
        if wheel is None:
            return _failed(source, origin, action)
        # What is installed beside it is in the locks of the steps before.
        return _made(source, origin, wheel, identity=f"tree {origin.digest}", build=action)

    def copy(self, built: Built, target: Path) -> Built:
        """Return ``built`` with a private copy of its project in ``target``, to be installed in origin."""
        remove_tree(target)
        return replace(built, place=self._origin(self._path(built.source)).copy(target))

    def _path(self, source: Source) -> Path:
        return Path(os.path.normpath(self._project / source.path))

    def _origin(self, path: Path) -> Origin:
        """Return what a path leads to: a folder of the snapshot of the project, or of its own, or a file."""
        if not path.is_dir():
            return Origin(path)
        tree = self._tree(self._project)
        inside = Path(os.path.normpath(tree.folder / os.path.relpath(path, self._project)))
        if inside.is_relative_to(tree.root) and inside.is_dir():
            return Origin(path, tree, inside)
        tree = self._tree(path)
        return Origin(path, tree, tree.folder)

    def _newest(self) -> str | None:
        """Return the newest Python of the run that this machine has: a pure project is built with it for all."""
        versions = [(version, text) for text in self._pythons if (version := packages.version(text)) is not None]
        known = (text for _, text in sorted(versions, reverse=True) if self._tools.find_python(text) is not None)
        return next(known, None)

    def _once(self, key: tuple[object, ...], build: Callable[[], Built]) -> Built:
        """Return what ``build`` returns, for each key once; other threads wait. An outage is not remembered."""
        with self._lock:
            known = self._built.get(key)
            future = self._built.setdefault(key, Future())
        if known is not None:
            return known.result()
        try:
            built = build()
            if built.facts.build is not None and _is_outage(built.facts.build):
                with self._lock:
                    del self._built[key]
            future.set_result(built)
        except BaseException as error:
            future.set_exception(error)
            raise
        return built

    def _build(self, source: Source, settings: tuple[str, ...], version: str) -> Built:
        path = self._path(source)
        origin = self._origin(path)
        if not path.exists():
            return _failed(source, origin, _not_started(f"there is no {source.path} in the project"))
        folder, python = self._new_folder(path), self._tools.python(version)
        lock, stopped = self._lock_of_build(origin.backend, settings, python, folder)
        if stopped is not None:
            return _failed(source, origin, stopped)
        locked = read_text(lock) if lock is not None else ""
        state = origin.state if origin.backend.reads_git else ""
        basis = [origin.digest, state, locked, *settings, *self._variables(origin)]
        keys = key(basis), key([*basis, self._tools.python_build(version), self._machine])

        def made(wheel: Wheel, build: Action | None) -> Built:
            # Compiled files differ between two builds of the same tree. Those of a pure wheel do not, and most changes
            # of a tree, such as to its tests, leave them as they are.
            identity = f"files {wheel.content}" if wheel.pure else f"tree {key([origin.digest, locked])}"
            return _made(source, origin, wheel, identity=identity, constraints=lock, build=build)

        for known in keys if self._reuses else ():
            if (wheel := self.kept.get(known)) is not None:
                return made(wheel, None)
        arguments: list[str | Path] = [*settings]
        arguments += ["--build-constraints", lock] if lock is not None else []
        action, wheel = self._run(origin, python, arguments, folder)
        if _is_outage(action) and not self._wait(_PAUSE):
            action, wheel = self._run(origin, python, arguments, folder)
        if wheel is None:
            return _failed(source, origin, action)
        return made(self.kept.put(keys[0] if wheel.pure else keys[1], wheel), action)

    def _new_folder(self, path: Path) -> Path:
        with self._lock:
            self._count += 1
            return self._folder / f"{self._count}-{path.name}"

    def _lock_of_build(
        self, backend: Backend, settings: tuple[str, ...], python: Path, folder: Path
    ) -> tuple[Path | None, Action | None]:
        """Return the lock of what a build with ``settings`` requires, and the command that an outage stopped.

        There is none when nothing is required, and when there is no solution: the build itself says that best.
        """
        if not backend.requires:
            return None, None
        requires, lock = folder / "build.in", folder / "build.lock"
        constraints = folder / "build.constraints"
        folder.mkdir(parents=True, exist_ok=True)
        for file, lines in ((requires, backend.requires), (constraints, backend.constraints)):
            file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        command: list[str | Path] = [binary(), "pip", "compile", requires, "--constraints", constraints]
        options: list[str | Path] = [
            "--python",
            python,
            "--output-file",
            lock,
            "--no-header",
            "--no-annotate",
            "--quiet",
            *(setting for setting in settings if setting.startswith("--no-build")),
        ]

        def compile_requires() -> Action:
            action = self._uv([*command, *options], python, folder / "lock.log", _LOCK_LIMIT)
            return self._tools.review(action, InstallerName.UV)

        action = compile_requires()
        if _is_outage(action) and not self._wait(_PAUSE):
            action = compile_requires()
        if action.exit.ok:
            return lock, None
        undecided = UV.output.classify(action)[0] in (Status.INFRA, Status.NOT_RUN)
        return None, action if undecided else None

    def _run(
        self, origin: Origin, python: Path, arguments: Iterable[str | Path], folder: Path
    ) -> tuple[Action, Wheel | None]:
        """Build a private copy with uv; return the command, and the wheel unless it failed."""
        copy, made = folder / "source", folder / "wheel"
        for left in (copy, made):
            remove_tree(left)
        source = origin.copy(copy)
        made.mkdir(parents=True)
        command: list[str | Path] = [binary(), "build", "--wheel", "--no-create-gitignore", "--python", python]
        command += ["--out-dir", made, *arguments, source]
        action = self._uv(command, python, folder / "build.log", _LIMIT, writable=(copy, made))
        action = self._tools.review(action, InstallerName.UV)
        remove_tree(copy)
        # The place of the copy is of no use to anyone.
        output = action.output.replace(f"{source}/", "").replace(str(source), origin.path.name)
        action = replace(action, output=output)
        built = sorted(made.glob("*.whl")) if action.exit.ok else []
        try:
            return action, wheelhouse.read_wheel(built[0]) if built else None
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            return _not_started(f"its build made {built[0].name}, which is not a wheel: {error}"), None

    def _uv(
        self, command: list[str | Path], python: Path, log: Path, limit: float, writable: tuple[Path, ...] = ()
    ) -> Action:
        tools = self._tools
        return run_uv(
            tools.builds,
            tools.processes,
            command,
            python=python,
            env=tools.environ,
            cwd=OUTSIDE,
            log=log,
            timeout=limit,
            writable=writable,
        )

    def _variables(self, origin: Origin) -> list[str]:
        prefix = origin.backend.name.replace("-", "_").upper() + "_"
        return sorted(
            f"{name}={value}"
            for name, value in self._tools.environ.items()
            if _SETTING.fullmatch(name) or name.startswith(prefix)
        )


def _given(source: Source, path: Path) -> Built:
    """Return a wheel that the user built."""
    origin = Origin(path)
    try:
        wheel = wheelhouse.read_wheel(path)
    except FileNotFoundError:
        return _failed(source, origin, _not_started(f"there is no {source.path} in the project"))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        return _failed(source, origin, _not_started(f"{source.path} is not a wheel: {error}"))
    return _made(source, origin, wheel, identity=f"files {wheel.content}")


def _made(
    source: Source,
    origin: Origin,
    wheel: Wheel,
    *,
    identity: str,
    constraints: Path | None = None,
    build: Action | None = None,
) -> Built:
    facts = SourceFacts(
        name=wheel.name,
        version=wheel.version,
        origin=source.path,
        extras=source.extras,
        tree=origin.digest,
        files=wheel.content,
        commit=origin.commit,
        dirty=origin.dirty,
        editable=source.editable,
        build=build,
    )
    return Built(
        source=source, facts=facts, wheel=wheel.path, pure=wheel.pure, identity=identity, constraints=constraints
    )


def _failed(source: Source, origin: Origin, action: Action) -> Built:
    facts = SourceFacts(
        name=origin.backend.name,
        version=None,
        origin=source.path,
        extras=source.extras,
        tree=origin.digest,
        commit=origin.commit,
        dirty=origin.dirty,
        editable=source.editable,
        build=action,
    )
    return Built(source=source, facts=facts)


def _not_started(why: str) -> Action:
    return Action(exit=Exit(ending=Ending.NOT_STARTED, note=why), seconds=0.0, log="")


def _settings(options: Iterable[str]) -> tuple[str, ...]:
    """Return the options of a build, as uv has them: what its back end gets, and which requirements are not built."""
    passed = {"--config-settings": "--config-setting", "--only-binary": "--no-build-package"}
    named = ((passed.get(option.partition("=")[0]), option.partition("=")[2]) for option in options)
    return tuple(
        "--no-build" if option == "--no-build-package" and value == ALL_PACKAGES else f"{option}={value}"
        for option, value in named
        if option is not None
    )


def _is_outage(action: Action) -> bool:
    return not action.exit.ok and UV.output.classify(action)[0] is Status.INFRA


def _was_stopped(built: Built) -> bool:
    """Return whether a build failed for a reason that says nothing about the project."""
    action = built.facts.build
    return built.wheel is None and action is not None and UV.output.classify(action)[0] is not Status.BUILD_FAIL
