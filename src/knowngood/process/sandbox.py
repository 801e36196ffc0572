"""Run commands in a sandbox of bubblewrap: they read all but passwords, and write only into folders of their own.

Inside, the file system is read-only except for the folders that are named, the temporary folder of the system is an
empty one, the places where programs keep passwords are hidden, and no process outside can be seen. Whether bubblewrap
works is found out by running it: many machines have it and do not let users make namespaces.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from knowngood.process.helpers import answer_of
from knowngood.process.temporary import system_folder

PROGRAM = "bwrap"
_PATIENCE = 20.0  # seconds
_WORKS = "works"
_READ_ONLY = ("--ro-bind", "/", "/", "--dev", "/dev")
_HIDDEN = ("--unshare-pid", "--unshare-ipc", "--proc", "/proc")
_KERNEL = ("/proc/sys", "/proc/sysrq-trigger")
"""Files by which root changes how the kernel works, without any capability."""
_TEMPORARY = ("/tmp", "/var/tmp")
_SOCKETS = Path("/run")
_NO_SOCKETS = ("systemd/resolve", "resolvconf", "NetworkManager", "current-system", "opengl-driver", "wrappers")
"""What the look-up of hosts needs below ``/run``, and programs of systems that have them there."""
_PASSWORDS = (
    *(".ssh", ".gnupg", ".password-store", ".local/share/keyrings", ".vault-token", ".config/op", ".config/sops"),
    *(".netrc", ".pypirc", ".pip", ".config/pip", ".config/uv", ".local/share/uv/credentials", ".config/pypoetry"),
    *(".git-credentials", ".config/git/credentials", ".config/gh", ".config/hub", ".config/glab-cli"),
    *(".aws", ".azure", ".config/gcloud", ".boto", ".s3cfg", ".kube", ".docker", ".config/containers", ".terraform.d"),
    *(".npmrc", ".yarnrc.yml", ".cargo/credentials", ".cargo/credentials.toml", ".m2/settings.xml", ".condarc"),
    *(".huggingface", ".cache/huggingface/token", ".cache/huggingface/stored_tokens", ".kaggle", ".databrickscfg"),
    *(".mozilla", ".thunderbird", ".config/google-chrome", ".config/chromium", ".pgpass", ".my.cnf"),
    *(".bash_history", ".zsh_history", ".python_history"),
)
"""Where programs keep passwords, tokens and keys in the home of the user."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What one command may do in the sandbox."""

    writable: tuple[Path, ...]
    """The folders that it may write into, with everything below them."""
    readable: tuple[Path, ...] = ()
    """Folders that it needs although they may be in the temporary folder of the system."""
    network: bool = False
    """Whether it may use the network; else it has only a loopback interface of its own."""
    shares_processes: bool = False
    """Whether it sees the processes outside, and its own outlive it: services that it starts for others."""
    installs: bool = False
    """Whether it is an installer: it reads passwords of indexes, may ask a keyring, and starts sandboxes itself."""


ALL_READ_ONLY = Access(writable=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """Bubblewrap on this machine, which works."""

    program: Path
    home: Path
    """The home of the user."""

    def command(self, argv: Sequence[str | Path], access: Access, cwd: Path) -> list[str]:
        """Return the command that runs ``argv`` in the sandbox."""
        return [*self.prefix(access), "--chdir", str(cwd), "--", *map(str, argv)]

    def replacing(self, argv: Sequence[str | Path], file: Path, *, by: Path, kept: Path, cwd: Path) -> list[str]:
        """Return the command that runs ``argv`` where ``file`` has been replaced, and nothing else is different.

        ``by`` is in its place, and the file itself is at ``kept``, a path that does not exist yet.
        """
        mounts = ["--dev-bind", "/", "/", "--ro-bind", str(file), str(kept), "--ro-bind", str(by), str(file)]
        return [str(self.program), *mounts, "--die-with-parent", "--chdir", str(cwd), "--", *map(str, argv)]

    def prefix(self, access: Access) -> list[str]:
        """Return the program and its options; more of them, ``--`` and a command are to follow."""
        options = [*_READ_ONLY]
        if not access.installs:
            # Without it, what root runs could make everything writable again.
            options += ["--cap-drop", "ALL"]
        if not access.shares_processes:
            options += _HIDDEN
            # For others, a mount below /proc would forbid a sandbox in the sandbox.
            for file in _KERNEL if os.geteuid() == 0 else ():
                options += ["--ro-bind-try", file, file]
        if not access.network:
            options.append("--unshare-net")
        readable = [path for path in access.readable if path != Path("/")]
        kept = [path.resolve() for path in (*readable, *access.writable)]
        for folder in dict.fromkeys([*_TEMPORARY, str(system_folder())]):
            place = Path(folder).resolve()
            # What is needed of the temporary folder is mounted over the empty one.
            if place.is_dir() and place not in kept and not any(place.is_relative_to(path) for path in kept):
                options += ["--tmpfs", str(place)]
        if not (access.installs or access.shares_processes):
            options += _without_sockets()
        for path in (*_outermost(readable), self.program.resolve()):
            options += ["--ro-bind", str(path), str(path)]
        for path in _outermost(access.writable):
            options += ["--bind", str(path), str(path)]
        if not access.installs:
            options += self._hiding(kept)
        return [str(self.program), *options, "--die-with-parent"]

    def _hiding(self, kept: Sequence[Path]) -> list[str]:
        """Return the options that hide where programs keep passwords, unless something of ``kept`` is there."""
        options = []
        for name in _PASSWORDS:
            place = os.path.realpath(self.home / name)
            if os.path.lexists(place) and not any(path.is_relative_to(place) for path in kept):
                # In a sandbox nobody can open a device that is not in its own /dev.
                options += ["--tmpfs", place] if Path(place).is_dir() else ["--ro-bind", "/dev/null", place]
        return options

    @property
    def nests(self) -> bool:
        """Whether a command in the sandbox can start another sandbox, as builds need it."""
        return _nests(self)


def _without_sockets() -> list[str]:
    """Return the options that hide the sockets of services, such as Docker, which run commands outside."""
    if not _SOCKETS.is_dir():
        return []
    options = ["--tmpfs", str(_SOCKETS)]
    for path in (_SOCKETS / name for name in _NO_SOCKETS):
        if path.exists():
            options += ["--ro-bind", str(path), str(path)]
    return options


def find(outside: Mapping[str, str]) -> Sandbox | None:
    """Return the sandbox of this machine; None when bubblewrap is missing or does not work.

    ``outside`` is the environment of the harness: its ``PATH`` is searched.
    """
    program = shutil.which(PROGRAM, path=outside.get("PATH", os.defpath))
    sandbox = Sandbox(program=Path(program), home=Path(outside.get("HOME") or "/")) if program is not None else None
    return sandbox if sandbox is not None and _works(sandbox) else None


@cache
def _works(sandbox: Sandbox) -> bool:
    """Run the program as probes are run, and return whether it did what it should."""
    command = sandbox.command(["/bin/sh", "-c", f"echo {_WORKS}"], ALL_READ_ONLY, Path("/"))
    return answer_of(command, env={"PATH": os.defpath}, timeout=_PATIENCE).strip() == _WORKS


@cache
def _nests(sandbox: Sandbox) -> bool:
    inner = sandbox.command(["/bin/sh", "-c", f"echo {_WORKS}"], ALL_READ_ONLY, Path("/"))
    outer = sandbox.command(inner, Access(writable=(), installs=True), Path("/"))
    return answer_of(outer, env={"PATH": os.defpath}, timeout=_PATIENCE).strip() == _WORKS


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """Return the folders that are there and in no other of ``paths``; a mount over a folder would hide those in it."""
    resolved = sorted({path.resolve() for path in paths if path.is_dir()})
    return [path for path in resolved if not any(path != other and path.is_relative_to(other) for other in resolved)]
