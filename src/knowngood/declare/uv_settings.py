"""List every setting of ``[tool.uv]``, and turn those that change what is installed into options and limits."""

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from knowngood.declare.line_contents import Asked, together
from knowngood.declare.options import BUILD_CONSTRAINT
from knowngood.declare.problems import WrongValueError, did_you_mean, shown


class Treatment(Enum):
    """What is done with a setting."""

    HONORED = auto()
    NO_EFFECT = auto()
    """It changes nothing about what a fresh environment gets."""
    REFUSED = auto()


_HONORED = (
    "build-constraint-dependencies",
    "config-settings",
    "config-settings-package",
    "conflicts",
    "constraint-dependencies",
    "dev-dependencies",
    "exclude-newer",
    "exclude-newer-package",
    "index",
    "index-url",
    "no-binary",
    "no-binary-package",
    "no-build",
    "no-build-isolation",
    "no-build-isolation-package",
    "no-build-package",
    "no-sources",
    "no-sources-package",
    "override-dependencies",
    "package",
    "prerelease",
    "prerelease-package",
    "resolution",
    "sources",
    "workspace",
)
_NO_EFFECT = (
    *("required-version", "system-certs", "native-tls", "offline", "no-cache", "cache-dir", "preview"),
    *("preview-features", "python-preference", "python-downloads", "concurrent-downloads", "concurrent-builds"),
    *("concurrent-installs", "keyring-provider", "http-proxy", "https-proxy", "no-proxy", "allow-insecure-host"),
    *("fork-strategy", "link-mode", "compile-bytecode", "upgrade", "upgrade-package", "reinstall"),
    *("reinstall-package", "python-install-mirror", "pypy-install-mirror", "graalpy-install-mirror"),
    *("pyodide-install-mirror", "python-downloads-json-url", "publish-url", "trusted-publishing", "check-url"),
    *("add-bounds", "audit", "cache-keys", "environments", "required-environments", "minimum-libc-version"),
    *("managed", "default-groups", "dependency-groups", "build-backend", "require-build-hashes", "pip"),
)
_INDEXES = "declare the index in [index.NAME] of the matrix"
_REFUSED: Mapping[str, str] = {
    "dependency-metadata": "metadata cannot be replaced",
    "exclude-dependencies": "dependencies cannot be left out",
    "extra-build-dependencies": "builds get the requirements that each package declares",
    "extra-build-variables": "builds get no variables of their own",
    "extra-index-url": _INDEXES,
    "find-links": _INDEXES,
    "index-strategy": "each package comes from exactly one index: " + _INDEXES,
    "no-index": _INDEXES,
    "torch-backend": _INDEXES + ' with packages = ["torch"]',
}

SETTINGS: Mapping[str, Treatment] = (
    dict.fromkeys(_HONORED, Treatment.HONORED)
    | dict.fromkeys(_NO_EFFECT, Treatment.NO_EFFECT)
    | dict.fromkeys(_REFUSED, Treatment.REFUSED)
)
"""What is done with each setting of ``[tool.uv]``."""

OF_PIP = frozenset(
    {
        *("all-extras", "allow-empty-requirements", "annotation-style", "break-system-packages", "emit-build-options"),
        *("emit-find-links", "emit-index-annotation", "emit-index-url", "emit-marker-expression", "extra", "group"),
        *("custom-compile-command", "generate-hashes", "no-annotate", "no-emit-package", "no-extra", "no-header"),
        *("no-strip-extras", "no-strip-markers", "output-file", "prefix", "python", "python-platform"),
        *("python-version", "require-hashes", "strict", "system", "target", "universal", "verify-hashes"),
        *("upgrade-group", "no-deps", "only-binary"),
    }
)
"""Settings that only ``[tool.uv.pip]`` has. All but the last two say how ``uv pip`` writes, not what it chooses."""

_WAY_OUT = "or write tool-uv = false into [project] to ignore [tool.uv]"


def limits(uv: Mapping[str, Any], file: str) -> Asked:
    """Return the constraints, overrides and options in a ``[tool.uv]`` table of ``file``.

    ``[tool.uv.pip]`` goes before it, as for ``uv pip``. Raises ``WrongValueError`` for a setting that is refused.
    """
    pip = uv.get("pip")
    own = pip if isinstance(pip, Mapping) else {}
    for key in uv:
        _check(key, f"[tool.uv] {key}", file)
    for key in own:
        if key not in OF_PIP:
            _check(key, f"[tool.uv.pip] {key}", file)
    settings = {key: value for key, value in {**uv, **own}.items() if value not in (None, False)}
    options = tuple(option for key, value in settings.items() for option in _options(key, value, file))
    builds = _requirements(settings, "build-constraint-dependencies", file)
    options += tuple(f"{BUILD_CONSTRAINT}={line}" for line in builds)
    return together(
        [
            Asked(options=options),
            Asked(constraints=_requirements(settings, "constraint-dependencies", file)),
            Asked(overrides=_requirements(settings, "override-dependencies", file)),
        ]
    )


def _check(key: str, what: str, file: str) -> None:
    if key in _REFUSED:
        raise WrongValueError(f"{what} in {file} is not supported", f"{_REFUSED[key]}; {_WAY_OUT}")
    if key not in SETTINGS:
        hint = did_you_mean(key, SETTINGS, f"remove it, {_WAY_OUT}")
        raise WrongValueError(f"unknown setting {what} in {file}", hint)


def _options(key: str, value: object, file: str) -> Iterator[str]:
    """Yield the options that a setting stands for."""
    match key, value:
        case "no-deps", True:
            yield "--no-deps"
        case "no-build-isolation", True:
            yield "--no-build-isolation"
        case "no-binary", True:
            yield "--no-binary=:all:"
        case "no-build", True:
            yield "--only-binary=:all:"
        case "prerelease", "allow":
            yield "--pre"
        case (("exclude-newer" | "prerelease" | "resolution"), str()):
            yield f"--{key}={value}"
        case (("no-binary" | "only-binary"), list()):  # in [tool.uv.pip]
            yield from (f"--{key}={_package(name)}" for name in value)
        case (("no-binary-package" | "no-build-package" | "no-build-isolation-package"), list()):
            option = {"no-binary-package": "--no-binary", "no-build-package": "--only-binary"}.get(key, f"--{key}")
            yield from (f"{option}={_package(name)}" for name in value)
        case (("exclude-newer-package" | "prerelease-package"), Mapping()):
            yield from (f"--{key}={_package(name)}={limit}" for name, limit in value.items())
        case "config-settings", Mapping():
            yield from (f"--config-settings={pair}" for pair in _pairs(value))
        case "config-settings-package", Mapping():
            for name, table in value.items():
                pairs = _pairs(table) if isinstance(table, Mapping) else ()
                yield from (f"--config-settings-package={_package(name)}:{pair}" for pair in pairs)
        case _ if SETTINGS.get(key) is Treatment.HONORED and key in _AS_OPTIONS:
            raise WrongValueError(f"invalid value {shown(value)} of [tool.uv] {key} in {file}")
        case _:
            pass


_AS_OPTIONS = frozenset(
    {
        *("config-settings", "config-settings-package", "exclude-newer", "exclude-newer-package", "no-binary"),
        *("no-binary-package", "no-build", "no-build-isolation", "no-build-isolation-package", "no-build-package"),
        *("prerelease", "prerelease-package", "resolution"),
    }
)


def _package(name: object) -> str:
    text = str(name)
    return text if text.startswith(":") else canonicalize_name(text)


def _pairs(table: Mapping[str, object]) -> Iterator[str]:
    for key, value in table.items():
        yield from (f"{key}={item}" for item in (value if isinstance(value, list) else [value]))


def _requirements(settings: Mapping[str, object], key: str, file: str) -> tuple[str, ...]:
    value = settings.get(key, [])
    lines: list[str] = []
    for line in value if isinstance(value, list) else [value]:
        try:
            lines.append(str(Requirement(str(line))))
        except InvalidRequirement:
            raise WrongValueError(f"invalid requirement {shown(line)} in [tool.uv] {key} of {file}") from None
    return tuple(lines)
