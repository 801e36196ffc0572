"""Write environments by hand and import from them with a real Python, to test the bytecode that it compiles."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from knowngood.install.environment import Environment
from support.wheels import digest
from support.workshop import MINOR

TAG = sys.implementation.cache_tag


def by_hand(folder: Path, sources: Mapping[str, str], *, name: str = "solid", also: str = "") -> Environment:
    """Return an environment with one distribution of ``sources``, all equally old; its RECORD ends with ``also``."""
    environment = Environment(folder=folder)
    site = folder / "lib" / f"python{MINOR}" / "site-packages"
    for path, source in sources.items():
        file = site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
        os.utime(file, (1_600_000_000, 1_600_000_000))
    record = site / f"{name}-1.0.dist-info" / "RECORD"
    record.parent.mkdir(parents=True)
    lines = [f"{path},{digest(source.encode())},{len(source)}\n" for path, source in sources.items()]
    record.write_text("".join(lines) + also, encoding="utf-8")
    return environment


def site(environment: Environment) -> Path:
    """Return the folder of packages of an environment that has only one."""
    (folder,) = environment.site_packages()
    return folder


def bytecode(environment: Environment, module: str = "solid") -> Path:
    """Return the path of the bytecode of a module."""
    folder, _, name = module.rpartition("/")
    return site(environment) / folder / "__pycache__" / f"{name}.{TAG}.pyc"


def load(environment: Environment, module: str = "solid", *, python: Path | str = sys.executable) -> str:
    """Import a module of an environment and return its ``SAYS``; Python compiles it where there is no bytecode."""
    source = f"import sys; sys.path.insert(0, {str(site(environment))!r}); import {module} as m; print(m.SAYS)"
    done = subprocess.run([python, "-I", "-c", source], capture_output=True, text=True, check=True)
    return done.stdout.strip()
