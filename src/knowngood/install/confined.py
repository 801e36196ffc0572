"""Build in a sandbox: what a build runs may write only into a copy of its source, and into what it makes.

Installers start the Python of a build themselves. So uv runs where the file of the interpreter is replaced by a script
that starts the interpreter in a sandbox, and pip is started by ``launcher``, a file of ours that does the same for
what pip starts. The installers fetch what a build requires, and install what it made, outside of that sandbox.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from knowngood.install.common_output import OURS
from knowngood.model import Action, Ending
from knowngood.process import Processes
from knowngood.process.sandbox import Access, Sandbox
from knowngood.process.temporary import short_folder

_LAUNCHER = Path(__file__).parent / "pip" / "launcher.py"

_STAND_IN = Template(r"""#!/bin/sh
# Stands for an interpreter, and runs it in a sandbox. It may write into what uv names, and into a copy of its source.
private=$$(mktemp -d $private/build.XXXXXX) || exit 1
mkdir "$$private/home" "$$private/tmp"
here=$$(pwd -P)
set -f
IFS='
'
named=$$(printf '%s\n' "$$@" | grep -o 'b"/[^"\\]*"' | sed 's/^b"//; s/"$$//')
hidden=$$(env | sed -nE 's/^((UV|PIP)_[A-Za-z0-9_]*|SSH_AUTH_SOCK)=.*/\1/p')
set -- --setenv HOME "$$private/home" --setenv TMPDIR "$$private/tmp" --chdir "$$here" -- "$$0" "$$@"
set -- --bind "$$private/home" "$$private/home" --bind "$$private/tmp" "$$private/tmp" "$$@"
for name in $$hidden; do
    set -- --unsetenv "$$name" "$$@"
done
case $$here/ in
$cache/*)
    cp -a "$$here" "$$private/source" || exit 1
    set -- --bind "$$private/source" "$$here" "$$@" ;;
esac
for path in $$named; do
    case $$path in
    *..*) continue ;;
    $cache/builds-v*/.tmp*/*/*) continue ;;
    $cache/builds-v*/.tmp*) ;;
    *) continue ;;
    esac
    [ "$$path" = "$$VIRTUAL_ENV" ] && continue
    [ -d "$$path" ] || : > "$$path" || exit 1
    set -- --bind "$$path" "$$path" "$$@"
done
$sandbox "$$@"
code=$$?
rm -rf "$$private"
exit $$code
""")
"""What takes the place of the interpreter while uv runs. uv names what a build makes in the code that it passes."""

_FAILED_BUILD = re.compile(
    r"Failed to (download and )?build|build backend returned an error|subprocess-exited-with-error"
    r"|metadata-generation-failed"
)
_NO_WRITING = re.compile(r"Read-only file system|\[Errno 30\]|EROFS")
_NO_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Could not resolve host|Network is unreachable"
    r"|getaddrinfo|[Dd][Nn][Ss] error|[Ff]ailed to lookup address|error sending request|NewConnectionError"
)
_LONGEST = 200  # characters of a message
_REPOSITORY = re.compile(r"unable to access '(?P<url>[^'\s]{1,2000})':[^\n]{0,200}")


def out_of_reach(action: Action) -> str:
    """Return a sentence about a build that failed because it, or git, reached no server; empty for any other failure.

    Some builds download what they need. That they could not says nothing about the versions.
    """
    failed = action.exit.ending is Ending.EXITED and not action.exit.ok and _FAILED_BUILD.search(action.output)
    match = _NO_NETWORK.search(action.output) if failed and OURS not in action.output else None
    if match is None:
        return ""
    line, _, _ = action.output[match.start() : match.start() + _LONGEST].partition("\n")
    why = line.rstrip(" \r>)'\"")
    repository = _REPOSITORY.search(action.output)
    if repository is not None and repository.end() > match.start() > repository.start():
        return f"git cannot reach {repository['url']}: {why}; check the address and the network, then run again"
    return f"a server that a build asks for cannot be reached: {why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildSandbox:
    """The sandbox of the builds of one run."""

    sandbox: Sandbox
    outside: Mapping[str, str]
    """The environment of the harness."""
    uv_cache: Path
    pip_cache: Path
    readable: tuple[Path, ...] = ()
    """Folders that builds need although they may be in the temporary folder of the system."""
    network: bool = False
    """Whether builds may use the network."""

    @contextmanager
    def uv(
        self, command: Sequence[str | Path], python: Path, cwd: Path, writable: tuple[Path, ...] = ()
    ) -> Iterator[list[str]]:
        """Yield the command of uv that builds in the sandbox with ``python``, and into the folders ``writable``."""
        interpreter = python.resolve()
        with short_folder(self.outside) as private:
            real, stand_in = private / "python", private / "stand-in"
            inside = [*self._builds(writable, interpreter.parent.parent), "--ro-bind", str(real), str(interpreter)]
            cache, folder = (shlex.quote(str(path.resolve())) for path in (self.uv_cache, private))
            stand_in.write_text(
                _STAND_IN.substitute(private=folder, cache=cache, sandbox=shlex.join(inside)), encoding="utf-8"
            )
            stand_in.chmod(0o755)
            yield self.sandbox.replacing(command, interpreter, by=stand_in, kept=real, cwd=cwd)

    @contextmanager
    def pip(
        self, python: Path, arguments: Sequence[str | Path], cwd: Path, writable: tuple[Path, ...]
    ) -> Iterator[list[str]]:
        """Yield the command of the pip beside ``python`` that builds in the sandbox, and into folders ``writable``.

        Code of what is installed already can run in pip itself. So pip is in a sandbox as well, where it may write into
        ``writable``, its environment, its cache and its temporary folder, and use the network.
        """
        self.pip_cache.mkdir(parents=True, exist_ok=True)
        environment = python.parent.parent
        with short_folder(self.outside) as private:
            config, temporary = private / "launch.json", private / "pip"
            temporary.mkdir()
            # pip lets a build write its wheel into a new folder in the cache.
            roots = [str(path) for path in (self.pip_cache / "wheels", *writable)]
            inside = {"sandbox": self._builds((), temporary), "temporary": str(temporary), "writable": roots}
            config.write_text(json.dumps(inside), encoding="utf-8")
            access = Access(
                writable=(environment, self.pip_cache, temporary, *writable),
                readable=(private, _LAUNCHER.parent, self.uv_cache, *self.readable),
                network=True,
                installs=True,
            )
            launched = map(str, [python, "-I", _LAUNCHER, config, "-m", *arguments])
            options = ["--setenv", "TMPDIR", str(temporary), "--chdir", str(cwd)]
            yield [*self.sandbox.prefix(access), *options, "--", *launched]

    def explained(self, action: Action) -> Action:
        """Return what an installer did, with a sentence when a build failed for what the sandbox does not let it do."""
        output = action.output
        if action.exit.ok or action.exit.ending is not Ending.EXITED or not _FAILED_BUILD.search(output):
            return action
        if not self.network and _NO_NETWORK.search(output):
            why = "a build has no network in the sandbox: set sdists = { network = true } in [matrix]"
        elif _NO_WRITING.search(output):
            why = 'a build may write only into its own folders in the sandbox: use isolation = "none" if you trust it'
        else:
            return action
        return replace(action, output=f"{output.rstrip()}\n{OURS}{why}\n")

    def _builds(self, writable: tuple[Path, ...], *readable: Path) -> list[str]:
        needed = (self.uv_cache, self.pip_cache, *self.readable, *readable)
        access = Access(writable=writable, readable=needed, network=self.network)
        home = self.outside.get("RUSTUP_HOME") or Path(self.outside.get("HOME", "/"), ".rustup")
        return [*self.sandbox.prefix(access), "--setenv", "RUSTUP_HOME", str(home)]


def run_uv(
    builds: BuildSandbox | None,
    processes: Processes,
    command: Sequence[str | Path],
    *,
    python: Path,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    timeout: float,
    writable: tuple[Path, ...] = (),
) -> Action:
    """Run a command of uv that may build with ``python``, in a sandbox if there is one, as ``Processes.run`` does.

    ``writable`` are the folders that a build may write into besides its own.
    """
    if builds is None:
        return processes.run(command, env=env, cwd=cwd, log=log, timeout=timeout)
    with builds.uv(command, python, cwd, writable) as inside:
        guard = builds.sandbox.program.name
        return builds.explained(processes.run(inside, env=env, cwd=cwd, log=log, timeout=timeout, guard=guard))
