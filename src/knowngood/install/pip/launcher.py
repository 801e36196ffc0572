"""Run pip so that each Python that it starts for a build runs in a sandbox.

Run as ``python -I launcher.py CONFIG -m ARGUMENT...`` by the Python that pip belongs to, also an old one, so this file
uses only the standard library. ``CONFIG`` is a JSON file: ``sandbox``, the command that runs another in the sandbox,
``temporary``, the folder in which pip keeps what it builds, and ``writable``, other folders. A build may write into its
own folders in these, which are those that pip names.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_HIDDEN = ("UV_", "PIP_")
_AGENT = "SSH_AUTH_SOCK"


def main() -> None:
    """Run pip, the module or the file that the arguments name."""
    place, pip, *arguments = sys.argv[1:]
    with open(place, encoding="utf-8") as file:
        config = json.load(file)
    started = subprocess.Popen

    class Popen(started):  # type: ignore[valid-type, misc]
        def __init__(self, args: Any, *rest: Any, **options: Any) -> None:
            own = isinstance(args, (list, tuple)) and bool(args) and str(args[0]) == sys.executable
            command = _command([str(part) for part in args], options.get("cwd"), place, config) if own else args
            super().__init__(command, *rest, **options)

    subprocess.Popen = Popen  # type: ignore[misc]
    sys.argv = ["pip", *arguments]
    if pip == "-m":
        runpy.run_module("pip", run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(pip, run_name="__main__")


def _command(args: list[str], cwd: str | None, place: str, config: dict[str, Any]) -> list[str]:
    """Return what is started instead of a Python: pip, which installs what a build requires, or a build."""
    if len(args) > 2 and args[2] == "install" and not args[1].startswith("-"):
        return [args[0], __file__, place, *args[1:]]
    private = tempfile.mkdtemp(prefix="build-", dir=config["temporary"])
    options = ["--chdir", os.path.abspath(cwd or os.getcwd())]
    for name, folder in (("HOME", "home"), ("TMPDIR", "tmp")):
        path = os.path.join(private, folder)
        os.mkdir(path)
        options += ["--setenv", name, path, "--bind", path, path]
    for name in os.environ:
        if name.startswith(_HIDDEN) or name == _AGENT:
            options += ["--unsetenv", name]
    for path in _written(args, cwd or os.getcwd(), config):
        options += ["--bind", path, path]
    return [*config["sandbox"], *options, "--", *args]


def _written(args: list[str], cwd: str, config: dict[str, Any]) -> Iterable[str]:
    """Return the folders that a build is to write into: its source, and what the command or its input names."""
    found: list[Any] = [cwd]
    for argument in args[1:]:
        found.append(argument.partition("=")[2] if argument.startswith("--") else argument)
        try:
            with open(os.path.join(argument, "input.json"), encoding="utf-8") as file:
                found += json.load(file).get("kwargs", {}).values()
        except (OSError, ValueError, AttributeError):
            pass
    roots = [os.path.realpath(root) for root in (config["temporary"], *config["writable"])]
    folders = [os.path.realpath(path) for path in found if isinstance(path, str) and os.path.isdir(path)]
    folders = [path for path in folders if any((path + os.sep).startswith(root + os.sep) for root in roots)]
    if "-c" in args and ("install" in args or "develop" in args):
        folders.append(sys.prefix)  # before 23.1, pip lets setup.py install what it cannot make a wheel of
    return dict.fromkeys(folders)


if __name__ == "__main__":
    main()
