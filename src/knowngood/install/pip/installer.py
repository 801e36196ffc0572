"""Resolve and install with real pip in a virtualenv, as a Dockerfile does: each step starts where the last ended.

When packages are routed, pip sees one index only and none of the files in which the user has set something for it. What
these files say is passed on as variables.
"""

import configparser
import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import Version

from knowngood import packages
from knowngood.install import lock
from knowngood.install.access import Network
from knowngood.install.common_output import NOT_BUILT, OURS
from knowngood.install.environment import Environment
from knowngood.install.index import Addresses, Routes, Variables
from knowngood.install.interface import (
    CREATE_LIMIT,
    INSTALL_LIMIT,
    OUTSIDE,
    RESOLVE_LIMIT,
    Built,
    Registration,
    Resolution,
    Step,
    Tools,
)
from knowngood.install.pip.output import MISSING, PipOutput
from knowngood.install.uv.installer import Uv
from knowngood.model import Action, InstallerName
from knowngood.process.files import read_text

_PYPI = "https://pypi.org/simple"


def settings(outside: Mapping[str, str]) -> dict[str, str]:
    """Return the settings for ``pip install`` as ``PIP_`` variables; those of ``outside`` win over files.

    Files that pip would refuse are left out.
    """
    found: dict[str, str] = {}
    for path in _files(outside):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                for name, value in parser.items(section):
                    found[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(value.split())
    return found | {name: value for name, value in outside.items() if name.startswith("PIP_")}


def indexes(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the addresses of all indexes that pip takes packages from by itself."""
    if settings.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on"):
        return ()
    extra = settings.get("PIP_EXTRA_INDEX_URL", "").split()
    return tuple(dict.fromkeys((settings.get("PIP_INDEX_URL") or _PYPI, *extra)))


def links(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders and pages of files that pip takes packages from as well."""
    return tuple(settings.get("PIP_FIND_LINKS", "").split())


def network(settings: Mapping[str, str]) -> Network:
    """Return what the settings say on how to reach indexes."""
    certificate = settings.get("PIP_CERT", "")
    return Network(
        certificates=(certificate,) if certificate else (),
        client_certificate=settings.get("PIP_CLIENT_CERT", ""),
        proxy=settings.get("PIP_PROXY", ""),
        unverified=tuple(settings.get("PIP_TRUSTED_HOST", "").split()),
        keyring=settings.get("PIP_KEYRING_PROVIDER") != "disabled",
    )


def _files(outside: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files that pip reads, the weakest first."""
    named = outside.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    home = Path(outside.get("HOME", "/"))
    shared = [*outside.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    yield from (Path(folder) / "pip" / "pip.conf" for folder in shared if folder)
    yield Path("/etc/pip.conf")
    if named is None or not Path(named).is_file():
        yield home / ".pip" / "pip.conf"
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
        yield Path(outside.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if named is not None:
        yield Path(named)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder that pip keeps its cache in."""
    caches = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/"), ".cache")
    return Path(environ.get("PIP_CACHE_DIR") or Path(caches, "pip"))


_LARGEST = 2**28
"""Bytes. A report has the description of every package, and a debug log every file of every page."""

_YANKED = re.compile(
    r"is a yanked version: '(?P<name>[^']+)' candidate [^\n]*\nReason for being yanked: (?P<reason>[^\n]+)"
)
_NO_REASON = "<none given>"
_NO_SOURCES = re.compile(r"No sources permitted for (?P<name>[\w.-]+): (?P<url>\S+)")
_LOCKS_BUILDS = Version("25.3")
"""The first pip with ``--build-constraint``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pip:
    """The installer ``pip``."""

    tools: Tools
    resolves_ahead: bool = False

    def identify_python(self, version: str) -> str | None:
        """Return the build of the base interpreter."""
        return self.tools.python_build(version)

    def create(self, environment: Environment, version: str, log: Path) -> Action:
        """Make the venv with ``virtualenv``; it has the pip that virtualenv brings along, and no setuptools."""
        virtualenv: list[str | Path] = [sys.executable, "-I", "-m", "virtualenv"]
        options: list[str | Path] = ["--no-periodic-update", "--no-setuptools", "--python", self.tools.python(version)]
        return self._run([*virtualenv, *options, environment.folder], log, CREATE_LIMIT)

    def resolve(self, step: Step, environment: Environment, version: str, before: Mapping[str, str]) -> Resolution:
        """Ask ``pip install --dry-run`` in the environment itself; what pip would not change stays as it is."""
        if step.resolved_by_uv:
            return Uv(tools=self.tools).resolve(step, environment, version, before)
        report = step.file("report.json")
        action = self._pip(["--dry-run", "--report", report, *_asked(step, environment)], environment, step, "resolve")
        if not action.exit.ok:
            return Resolution(action=action)
        planned: list[dict[str, Any]] = json.loads(read_text(report, _LARGEST))["install"]
        self.tools.processes.redact(report)
        versions: dict[str, str] = {
            canonicalize_name(item["metadata"]["name"]): item["metadata"]["version"] for item in planned
        }
        text = "".join(map(_lock_line, planned))
        step.write("lock", [lock.recorded(text, step.built)])
        return Resolution(
            action=action,
            versions=versions,
            direct=lock.direct(lock.pins(text), versions, step.built),
            yanked=_yanked(planned, action.output),
        )

    def install(self, step: Step, environment: Environment) -> Action:
        """Run ``pip install`` with the requirements of the step, as they were given, or with what uv chose for them."""
        if step.resolved_by_uv:
            return self._pip(_chosen(step), environment, step, "install")
        return self._pip(_asked(step, environment), environment, step, "install")

    def forget(self, names: Sequence[str], log: Path) -> None:
        """Do nothing: pip keeps archives, and copies what is in them."""

    def _pip(self, arguments: list[str | Path], environment: Environment, step: Step, verb: str) -> Action:
        details = step.file(f"{verb}.debug.log")
        step.folder.mkdir(parents=True, exist_ok=True)
        details.unlink(missing_ok=True)
        # Without --verbose the output of a build would only go to the debug log.
        options: list[str | Path] = ["--verbose", "--no-color", "--progress-bar=off", "--log", details]
        limit = RESOLVE_LIMIT if verb == "resolve" else INSTALL_LIMIT
        log = step.file(f"{verb}.log")
        if self.tools.builds is None:
            action = self._run([environment.python, "-I", "-m", "pip", "install", *options, *arguments], log, limit)
        else:
            places = (built.place for built in step.sources if built.place is not None)
            writable = (step.folder, *places)
            arguments = ["install", *options, *arguments]
            with self.tools.builds.pip(environment.python, arguments, OUTSIDE, writable) as command:
                guard = self.tools.builds.sandbox.program.name
                action = self.tools.builds.explained(self._run([*command], log, limit, guard))
        self.tools.processes.redact(details)
        return self.tools.review(_with_hidden_causes(action, details), InstallerName.PIP)

    def _run(self, command: list[str | Path], log: Path, limit: float, guard: str = "") -> Action:
        run = self.tools.processes.run
        return run(command, env=self.tools.environ, cwd=OUTSIDE, log=log, timeout=limit, guard=guard)


def _yanked(planned: Iterable[Mapping[str, Any]], output: str) -> Mapping[str, str]:
    """Return the packages whose chosen version was yanked, and the reasons, which only the output has."""
    names = {canonicalize_name(item["metadata"]["name"]) for item in planned if item.get("is_yanked")}
    said = {canonicalize_name(match["name"]): match["reason"] for match in _YANKED.finditer(output)}
    return {name: "" if said.get(name) in (None, _NO_REASON) else said[name] for name in sorted(names)}


def _asked(step: Step, environment: Environment) -> list[str | Path]:
    """Return the arguments for what a step declares; a source that has a copy is installed in place."""
    own = {built.facts.name for built in step.sources}
    kept = [_constraint(built) for built in step.kept if built.facts.name not in own]
    constraints = [*step.declared.constraints, *kept]
    arguments: list[str | Path] = [*step.declared.options]
    arguments += ["--constraint", step.write("constraints", constraints)] if constraints else []
    for built in step.sources:
        if built.place is not None:
            arguments += ["--editable", f"{built.place}{built.extras}"]
            arguments += _locked_build(built, environment)
    in_place = {built.requirement for built in step.sources if built.place is not None}
    if step.declared.hashes:
        # pip accepts hashes only in a file.
        return [*arguments, "--requirement", step.write("in", step.requirements)]
    return [*arguments, *(requirement for requirement in step.requirements if requirement not in in_place)]


def _locked_build(built: Built, environment: Environment) -> list[str | Path]:
    """Return the option that makes pip build with what the lock of the build names; older pips have none.

    They take the constraints of the environment for a build as well, and those of a build for the environment.
    """
    pip = packages.version(environment.installed().get("pip", "0"))
    can = pip is not None and pip >= _LOCKS_BUILDS
    return ["--build-constraint", built.constraints] if can and built.constraints is not None else []


def _chosen(step: Step) -> list[str | Path]:
    """Return the arguments to install the lock that uv made of a step."""
    in_place = [built for built in step.sources if built.place is not None]
    text = read_text(step.file("install"))
    if in_place:
        # pip wants hashes for everything or for nothing, and what is installed in place has none.
        text = lock.changed(text, without=(), hashes={pin.name: () for pin in lock.pins(text)})
    arguments: list[str | Path] = ["--no-deps", *(option for option in step.declared.options if option != "--no-deps")]
    for built in in_place:
        arguments += ["--editable", f"{built.place}{built.extras}"]
    return [*arguments, "--requirement", step.write("chosen", [text])]


def _constraint(built: Built) -> str:
    """Return what keeps pip from replacing what an earlier step installed from this machine.

    Given the URL of a wheel, pip would install that instead of what is installed in place.
    """
    return f"{built.facts.name}=={built.facts.version}" if built.source.editable else built.constraint


def _lock_line(planned: dict[str, Any]) -> str:
    """Return the line of a lock for one item of pip's report."""
    name, version = canonicalize_name(planned["metadata"]["name"]), planned["metadata"]["version"]
    download: dict[str, Any] = planned.get("download_info", {})
    hashes = download.get("archive_info", {}).get("hashes", {})
    pin = f"{name}=={version}"
    if planned.get("is_direct"):
        subdirectory = f"#subdirectory={download['subdirectory']}" if "subdirectory" in download else ""
        vcs = download.get("vcs_info")
        pin = f"{name} @ {download['url']}{subdirectory}"
        if vcs is not None:
            pin = f"{name} @ {vcs['vcs']}+{download['url']}@{vcs['commit_id']}{subdirectory}"
    return " ".join([pin, *(f"--hash={name}:{value}" for name, value in sorted(hashes.items()))]) + "\n"


def _with_hidden_causes(action: Action, details: Path) -> Action:
    """Add what pip writes only to its debug log: why it did not read a page of the index.

    Without it an outage reads "No matching distribution found" (pip issue 12008).
    """
    if not details.is_file():
        return action
    lines = read_text(details, _LARGEST).splitlines()
    hidden = [line.strip() for line in lines if "Could not fetch URL" in line or "is not a trusted or secure" in line]
    hidden += [sentence] if (sentence := _forbidden_build(action.output, lines)) is not None else []
    if not hidden:
        return action
    return replace(action, output="\n".join([action.output.rstrip(), *dict.fromkeys(hidden)]) + "\n")


def _forbidden_build(output: str, log: Iterable[str]) -> str | None:
    """Return a sentence about what pip did not find because only its source distributions fit; None without any.

    pip writes only to its debug log that it passed over them.
    """
    missing = MISSING.search(output)
    asked = packages.requirement(missing["requirement"].strip()) if missing is not None else None
    if asked is None:
        return None
    for line in log:
        skipped = _NO_SOURCES.search(line)
        if skipped is None or canonicalize_name(skipped["name"]) != packages.name_of(asked):
            continue
        with contextlib.suppress(InvalidSdistFilename):
            version = parse_sdist_filename(unquote(urlsplit(skipped["url"]).path).rpartition("/")[2])[1]
            if asked.specifier.contains(version, prereleases=True):
                return f"{OURS}{asked} has no wheel that fits, and {NOT_BUILT}"
    return None


def _variables(routes: Routes, settings: Mapping[str, str], addresses: Addresses | None) -> dict[str, str]:
    variables = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    if not _is_closed(routes):
        return variables
    # pip does not read its files here, so it needs these variables to reach an index.
    variables |= {**settings, "PIP_CONFIG_FILE": os.devnull}
    if addresses is not None:
        # It would send what goes to the router through the proxy as well; other variables name the same proxy.
        variables |= {"PIP_INDEX_URL": addresses.pip, "PIP_PROXY": ""}
    elif routes.default is not None:
        variables["PIP_INDEX_URL"] = routes.default
    # A plain http index in a matrix is meant to be used: uv accepts it, and pip needs an option.
    declared = [*(route.url for route in routes.own), routes.default or ""]
    plain = [urlsplit(url).hostname for url in declared if url.startswith("http://")]
    hosts = dict.fromkeys([*settings.get("PIP_TRUSTED_HOST", "").split(), *plain])
    if hosts:
        variables["PIP_TRUSTED_HOST"] = " ".join(host for host in hosts if host)
    return variables


def _is_closed(routes: Routes) -> bool:
    """Return whether pip sees one index only."""
    return routes.default is not None or routes.need_router


PIP = Registration(
    make=lambda tools: Pip(tools=tools),
    output=PipOutput(),
    variables=Variables(
        prefix="PIP_",
        kept=re.compile(
            r"PIP_(CACHE_DIR|CERT|CLIENT_CERT|CONFIG_FILE|DEFAULT_TIMEOUT|EXTRA_INDEX_URL|FIND_LINKS|INDEX_URL"
            r"|KEYRING_PROVIDER|PROXY|RETRIES|TIMEOUT|TRUSTED_HOST)"
        ),
        sources=re.compile(r"PIP_(EXTRA_INDEX_URL|FIND_LINKS|INDEX_URL|CONFIG_FILE)"),
        settings=settings,
        network=network,
        indexes=lambda found: (*indexes(found), *links(found)),
        links=links,
        make=_variables,
        is_closed=_is_closed,
    ),
    versions=lambda: {"virtualenv": version_of("virtualenv")},
    # virtualenv brings the pip that it installs.
    identity=lambda: f"with virtualenv {version_of('virtualenv')}",
)
