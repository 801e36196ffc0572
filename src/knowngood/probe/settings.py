"""Say which environment variables a probe gets: few of the harness, so that its result does not depend on a shell."""

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from knowngood.model import BREAK_PYTHON, SEARCH_PATH, Combo, Probe, ProbeKind
from knowngood.process.redaction import LONG_ENOUGH, names_a_secret

# The variables of the harness that reach every probe. KG_ is for users who want to pass something to their probes.
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TERM")
_PASSED_ON_PREFIXES = ("KG_", "KMP_", "MKL_", "OMP_", "OPENBLAS_")
_OFFLINE = {
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}
_NETWORK = ("ALL_PROXY", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
_AUTHORITIES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE")
_THREADS = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

ALSO_SET = "HOME", "TMPDIR", "VIRTUAL_ENV"
"""Variables that each launch sets besides."""
_ONLY_BY_NAME = frozenset({*ALSO_SET, *BREAK_PYTHON, SEARCH_PATH})
"""Variables that no glob of ``pass-env`` stands for."""


def common(outside: Mapping[str, str], combo: Combo, *, threads: int) -> dict[str, str]:
    """Return the variables of all probes of a combo, except those that each launch sets.

    ``outside`` is the environment of the harness, and ``threads`` how many threads numeric libraries may use.
    """
    passed_on = {
        name: value for name, value in outside.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    fixed = {"TZ": "UTC", "PYTHONHASHSEED": "0", "TOKENIZERS_PARALLELISM": "false"}
    numeric = {name: str(threads) for name in _THREADS}
    return {"LANG": "C.UTF-8"} | passed_on | _OFFLINE | numeric | fixed | dict(combo.env)


def complete(
    outside: Mapping[str, str],
    combo: Combo,
    probe: Probe,
    *,
    threads: int,
    environment: Path,
    private: Mapping[str, str],
) -> dict[str, str]:
    """Return all variables of one launch of a probe.

    ``environment`` is the folder of the environment, and ``private`` names the folders that only this launch has.
    """
    settings = common(outside, combo, threads=threads)
    if probe.network:
        settings = {name: value for name, value in settings.items() if name not in _OFFLINE}
        settings |= _of_network(outside)
    settings |= private
    if probe.kind is not ProbeKind.SCRIPT:
        # A crash of any Python below a command or a test shows its stacks; a script gets an option.
        settings["PYTHONFAULTHANDLER"] = "1"
    settings |= passed(outside, probe) | dict(combo.env)
    path = settings.get("PATH") or os.defpath
    return settings | {"VIRTUAL_ENV": str(environment), "PATH": f"{environment / 'bin'}{os.pathsep}{path}"}


def passed(outside: Mapping[str, str], probe: Probe) -> dict[str, str]:
    """Return the variables that ``pass-env`` of a probe names, as far as the harness has them."""
    return {
        name: value
        for name, value in sorted(outside.items())
        if any(_means(pattern, name) for pattern in probe.pass_env)
    }


def not_set(outside: Mapping[str, str], probe: Probe) -> tuple[str, ...]:
    """Return the names and globs in ``pass-env`` of a probe for which the harness has no variable."""
    return tuple(pattern for pattern in probe.pass_env if not any(_means(pattern, name) for name in outside))


def _means(pattern: str, name: str) -> bool:
    """Return whether an entry of ``pass-env`` stands for a variable."""
    return name == pattern or (name not in _ONLY_BY_NAME and fnmatchcase(name, pattern))


def secrets(outside: Mapping[str, str], probes: Iterable[Probe]) -> tuple[str, ...]:
    """Return the values that probes get and that must not appear in any log, longest first.

    A short value, such as ``sqlite``, counts only when the name of its variable says that it is secret: to remove a
    word everywhere would garble the logs. The path of something that exists does not count.
    """
    values = set()
    for probe in probes:
        given = passed(outside, probe) | (_of_network(outside) if probe.network else {})
        for name, value in given.items():
            secret = len(value) >= (3 if names_a_secret(name) else LONG_ENOUGH)
            if secret and name not in _AUTHORITIES and not (value.startswith("/") and os.path.lexists(value)):
                values.add(value)
    return tuple(sorted(values, key=len, reverse=True))


def _of_network(outside: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in outside.items() if name.upper() in _NETWORK or name in _AUTHORITIES}
