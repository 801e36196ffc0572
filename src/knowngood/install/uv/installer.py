"""Resolve and install with ``uv pip``: each step is compiled to a lock with hashes, and the lock is installed."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path

from packaging.utils import canonicalize_name
from uv import find_uv_bin

from knowngood import packages
from knowngood.install import lock
from knowngood.install.common_output import OURS
from knowngood.install.confined import run_uv
from knowngood.install.environment import Environment
from knowngood.install.index import Addresses, Routes, Variables
from knowngood.install.interface import (
    CREATE_LIMIT,
    INSTALL_LIMIT,
    OUTSIDE,
    RESOLVE_LIMIT,
    Registration,
    Resolution,
    Step,
    Tools,
)
from knowngood.install.lock import Pin
from knowngood.install.uv import lowest, settings
from knowngood.install.uv.output import UvOutput
from knowngood.model import Action, Ending, Exit, InstallerName, ResolutionMode
from knowngood.process.files import read_text

_YANKED = re.compile(
    r'^warning: `(?P<name>[\w.-]+)==\S+` is yanked(?: \(reason: "(?P<reason>[\s\S]*?)"\)$)?', re.MULTILINE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Uv:
    """The installer ``uv``."""

    tools: Tools
    resolves_ahead: bool = True

    def identify_python(self, version: str) -> str | None:
        """Return the build of the base interpreter."""
        return self.tools.python_build(version)

    def create(self, environment: Environment, version: str, log: Path) -> Action:
        """Make the venv with ``uv venv``; it has neither pip nor setuptools."""
        return self._run(["venv", "--python", self.tools.python(version), environment.folder], log, CREATE_LIMIT)

    def resolve(self, step: Step, environment: Environment, version: str, before: Mapping[str, str]) -> Resolution:
        """Compile the step with ``uv pip compile``; ``before`` goes in as the preferences of an existing lock."""
        declared = step.declared
        # What is built without isolation needs what is installed already.
        python = self.tools.python(version) if step.isolated else environment.python
        constraints = [*declared.constraints, *_kept(step)]
        options: list[str | Path] = []
        options += ["--constraints", step.write("constraints", constraints)] if constraints else []
        options += ["--overrides", step.write("overrides", declared.overrides)] if declared.overrides else []
        options += [*_limited_builds(step), "--python", python, *_options(declared.options), *_until(step)]
        if step.declared.cutoff and (refused := self._undated(step)) is not None:
            return Resolution(action=refused)
        highest: tuple[str, ...] = ()
        if declared.resolution is ResolutionMode.HIGHEST:
            compiled = step.write("compiled", _preferences(step, before))
            action = self._compile_step(step, "in", step.requirements, compiled, *options)
        else:
            action, compiled, highest = self._lowest(step, version, before, options)
        if not action.exit.ok:
            return Resolution(action=action)
        text = lock.changed(read_text(compiled), without={lowest.OTHERS}, hashes={})
        chosen = tuple(lock.pins(text))
        versions = {pin.name: pin.version for pin in chosen if pin.version is not None}
        unknown = [pin for pin in chosen if pin.version is None]
        if unknown:
            action, found = self._versions_of(unknown, step, python)
            versions |= found
            if not action.exit.ok:
                return Resolution(action=action)
        step.write("lock", [lock.recorded(text, step.built)])
        step.write("install", [_installable(text, step)])
        return Resolution(
            action=action,
            versions=dict(sorted(versions.items())),
            direct=lock.direct(chosen, versions, step.built),
            urls=tuple(f"{pin.name} @ {pin.url}" for pin in chosen if pin.url and pin.name not in step.built),
            yanked=_yanked(step.file("resolve.log")),
            highest=highest,
        )

    def install(self, step: Step, environment: Environment) -> Action:
        """Install the lock of the step; uv checks every file against its hash.

        The lock is not a ``pylock.toml``: uv would install that by URL and ask the index about every file again, where
        it serves this one from its cache.
        """
        target: list[str | Path] = ["--python", environment.python, "--no-deps", "-r", step.file("install")]
        for built in step.sources:
            if built.place is not None:
                target += ["--editable", built.place]
                target += ["--build-constraints", built.constraints] if built.constraints is not None else []
        target += _limited_builds(step)
        target += [option for option in _options(step.declared.options) if option not in _RESOLVING]
        target += ["--link-mode", "copy"] if self.tools.copies else []
        target += ["--require-hashes"] if "--require-hashes" in step.declared.options else []
        places = tuple(built.place for built in step.sources if built.place is not None)
        log = step.file("install.log")
        return self._run(["pip", "install", *target], log, INSTALL_LIMIT, python=environment.python, writable=places)

    def forget(self, names: Sequence[str], log: Path) -> None:
        """Run ``uv cache clean``, which waits for other commands of uv to end."""
        self._run(["cache", "clean", *names], log, INSTALL_LIMIT)

    def _lowest(
        self, step: Step, version: str, before: Mapping[str, str], options: list[str | Path]
    ) -> tuple[Action, Path, tuple[str, ...]]:
        """Compile a step to the lowest versions; return the lock, and what resolves to the highest all the same."""
        asked = lowest.asked(step, version)
        preferences = _preferences(step, before)
        if step.declared.resolution is ResolutionMode.LOWEST and asked.bounded:
            deep = step.write("deep", ())
            action = self._compile_step(step, "deep.in", asked.bounded, deep, *options, "--resolution=lowest")
            if action.exit.ok:
                text = read_text(deep)
                preferences += [f"{pin.name}=={pin.version}" for pin in lock.pins(text) if pin.name not in before]
        compiled = step.write("compiled", preferences)
        others = [lowest.write_others(step.folder / "others", asked.others)] if asked.others else []
        lines = (*asked.direct, *others)
        action = self._compile_step(step, "in", lines, compiled, *options, "--resolution=lowest-direct")
        if not action.exit.ok and lowest.OTHERS in action.output:
            # Say it in the words of the step, if there is no solution in any mode.
            plain = step.write("compiled", _preferences(step, before))
            again = self._compile_step(step, "in", step.requirements, plain, *options)
            action = action if again.exit.ok else again
        return action, compiled, asked.highest

    def _compile_step(self, step: Step, kind: str, lines: Iterable[str], output: Path, *options: str | Path) -> Action:
        source = step.write(kind, lines)
        action = self._compile(source, "--output-file", output, *options, log=step.file("resolve.log"))
        if not step.declared.cutoff:
            return action
        missing = _UNDATED.findall(read_text(step.file("resolve.log")))
        return _without_times(action, _named(missing[0])) if missing else action

    def _undated(self, step: Step) -> Action | None:
        """Return what stands for a resolution that dates cannot limit, because uv takes some files at any date."""
        links = settings.links(settings.settings(self.tools.environ))
        if not links:
            return None
        log = step.write("resolve.log", ())
        action = Action(exit=Exit(ending=Ending.EXITED, code=1), seconds=0.0, log=self.tools.relative(log))
        return _without_times(action, f"find-links {links[0]}")

    def _versions_of(self, pins: list[Pin], step: Step, python: Path) -> tuple[Action, dict[str, str]]:
        """Return the versions of what comes from a repository, or from a URL whose file name has none."""
        lines = step.write("direct.in", (f"{pin.name} @ {pin.url}" for pin in pins))
        made = step.folder / f"pylock.step{step.number}.toml"
        arguments: list[str | Path] = [lines, "--output-file", made, "--format", "pylock.toml", "--no-deps"]
        arguments += ["--python", python, *([] if step.isolated else ["--no-build-isolation"])]
        action = self._compile(*arguments, log=step.file("direct.log"))
        packages = tomllib.loads(read_text(made)).get("packages", []) if action.exit.ok else []
        return action, {canonicalize_name(package["name"]): package.get("version", "0") for package in packages}

    def _compile(self, *arguments: str | Path, log: Path) -> Action:
        options = ["--generate-hashes", "--no-annotate", "--no-header"]
        python = Path(arguments[arguments.index("--python") + 1])
        action = self._run(["pip", "compile", *arguments, *options], log, RESOLVE_LIMIT, python=python)
        # uv prints the lock as well, unless it is quiet, and then it is quiet about what was withdrawn.
        return replace(action, output="") if action.exit.ok else action

    def _run(
        self,
        arguments: list[str | Path],
        log: Path,
        limit: float,
        *,
        python: Path | None = None,
        writable: tuple[Path, ...] = (),
    ) -> Action:
        """Run uv, which may have ``python`` build what it needs, also into the folders ``writable``."""
        action = run_uv(
            self.tools.builds if python is not None else None,
            self.tools.processes,
            [binary(), *arguments],
            python=python or Path(),
            env=self.tools.environ,
            cwd=OUTSIDE,
            log=log,
            timeout=limit,
            writable=writable,
        )
        return self.tools.review(action, InstallerName.UV)


@cache
def binary() -> Path:
    """Return the ``uv`` that is installed beside this harness."""
    return Path(find_uv_bin())


AT_ONCE: Mapping[str, str] = {"UV_HTTP_RETRIES": "0"}
"""The variables with which uv reports at once that a server does not answer."""

_UNDATED = re.compile(r"^warning: `(\S+)` is missing an upload date", re.MULTILINE)


def _until(step: Step) -> list[str]:
    return [f"--exclude-newer={step.declared.cutoff}"] if step.declared.cutoff else []


def _named(file: str) -> str:
    """Return how a sentence names the source of a file without a date."""
    return f"the index of {canonicalize_name(file.partition('-')[0])}"


def _without_times(action: Action, source: str) -> Action:
    """Return an action as one that failed, because nobody can say which files there were on a day."""
    sentence = f"{OURS}{source} does not say when files were uploaded, so as-of cannot be applied to it\n"
    output = f"{action.output.rstrip()}\n{sentence}".lstrip()
    return replace(action, output=output, exit=replace(action.exit, code=action.exit.code or 1))


def _limited_builds(step: Step) -> list[str | Path]:
    limits = [option.partition("=")[2] for option in step.declared.options if option.startswith("--build-constraint=")]
    return ["--build-constraints", step.write("build-constraints", limits)] if limits else []


_RESOLVING = frozenset({"--no-deps"})
"""Options that only matter while a step is resolved."""


def _options(options: Iterable[str]) -> list[str]:
    """Return what uv calls options that are written as pip has them."""
    named: list[str] = []
    for option in options:
        name, _, value = option.partition("=")
        match name:
            case "--pre":
                named.append("--prerelease=allow")
            case "--config-settings":
                named.append(f"--config-setting={value}")
            case "--upgrade" | "--upgrade-package" | "--require-hashes" | "--prefer-binary" | "--build-constraint":
                pass  # not an option of a command that takes a lock, or of uv, or one that takes a file
            case _:
                named.append(option)
    return named


def _preferences(step: Step, before: Mapping[str, str]) -> list[str]:
    """Return the pins of earlier steps that uv keeps where it can; none for a step that upgrades."""
    options = step.declared.options
    if "--upgrade" in options:
        return []
    upgraded = {canonicalize_name(option.partition("=")[2]) for option in options if "--upgrade-package=" in option}
    return [f"{name}=={pinned}" for name, pinned in before.items() if name not in {*step.built, *upgraded}]


def _kept(step: Step) -> list[str]:
    """Return what keeps an index from replacing what earlier steps installed from elsewhere."""
    own = {built.facts.name for built in step.sources}
    # A step that names another URL installs that.
    named = {packages.name_of(parsed) for parsed in packages.requirements(step.declared.requirements) if parsed.url}
    return [
        *(built.constraint for built in step.kept if built.facts.name not in own),
        *(url for url in step.urls if named.isdisjoint(packages.names([url]))),
    ]


def _installable(text: str, step: Step) -> str:
    """Return the lock that uv installs: without what is installed in place, and with the hashes that are declared."""
    in_place = {built.facts.name for built in step.built.values() if built.source.editable}
    declared = {name: values for text, values in step.declared.hashes for name in packages.names([text])}
    return lock.changed(text, without=in_place, hashes=declared, all_hashed="--require-hashes" in step.declared.options)


def _yanked(log: Path) -> Mapping[str, str]:
    """Return the packages of which uv says that the chosen version was yanked, and the reasons that it gives."""
    text = read_text(log)
    reasons = {
        canonicalize_name(match["name"]): " ".join((match["reason"] or "").split()) for match in _YANKED.finditer(text)
    }
    return dict(sorted(reasons.items()))


def _variables(routes: Routes, settings: Mapping[str, str], addresses: Addresses | None) -> dict[str, str]:
    variables = {"UV_NO_PROGRESS": "1"}
    if routes.default is not None or routes.own or InstallerName.UV in routes.guarded:
        # Files can name other places to take packages from. What they say on how to reach indexes is passed on here.
        variables |= {**settings, "UV_NO_CONFIG": "1"}
    if routes.default is not None:
        # Under its name, uv looks for UV_INDEX_NAME_PASSWORD.
        has_name = re.fullmatch(r"[\w.-]+", routes.default_name)
        variables["UV_DEFAULT_INDEX"] = f"{routes.default_name}={routes.default}" if has_name else routes.default
    if addresses is not None:
        if addresses.default is not None:
            variables["UV_DEFAULT_INDEX"] = addresses.default
        if addresses.first:
            variables["UV_INDEX"] = " ".join([*addresses.first, *settings.get("UV_INDEX", "").split()])
            # A package that has an index of its own is not looked for in another.
            variables["UV_INDEX_STRATEGY"] = "first-index"
        if addresses.first or InstallerName.UV in routes.guarded:
            variables["UV_FIND_LINKS"] = ",".join(addresses.links)
    if routes.offline:
        variables["UV_OFFLINE"] = "1"
    return variables


UV = Registration(
    make=lambda tools: Uv(tools=tools),
    output=UvOutput(),
    variables=Variables(
        prefix="UV_",
        kept=re.compile(
            r"UV_(CACHE_DIR|CONCURRENT_\w+|DEFAULT_INDEX|EXTRA_INDEX_URL|FIND_LINKS|HTTP_\w+|INDEX|INDEX_URL"
            r"|INDEX_\w+_(USERNAME|PASSWORD)|INSECURE_HOST|KEYRING_PROVIDER|LINK_MODE|NATIVE_TLS|OFFLINE"
            r"|REQUEST_TIMEOUT|SYSTEM_CERTS)"
        ),
        sources=re.compile(r"UV_(DEFAULT_INDEX|EXTRA_INDEX_URL|FIND_LINKS|INDEX|INDEX_URL)"),
        settings=settings.settings,
        network=settings.network,
        indexes=settings.indexes,
        links=settings.links,
        make=_variables,
        is_closed=lambda routes: routes.default is not None or InstallerName.UV in routes.guarded,
    ),
    versions=lambda: {"uv": version_of("uv")},
    identity=lambda: version_of("uv"),
)
