"""The isolated venv of one combo, read from outside: nothing is run to see what is in it."""

import os
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A venv in ``folder`` (POSIX layout)."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def site_packages(self) -> tuple[Path, ...]:
        """Return the folders that distributions are installed into."""
        return tuple(sorted(path for path in self.folder.glob("lib*/python*/site-packages") if not path.is_symlink()))

    def installed(self) -> dict[str, str]:
        """Return canonical name -> version of every distribution, sorted, as its own metadata says."""
        found: dict[str, str] = {}
        for distribution in distributions(path=[str(path) for path in self.site_packages()]):
            # Metadata cut short by a failed install has neither; it is not a distribution one can import.
            names, versions = (distribution.metadata.get_all(key) for key in ("Name", "Version"))
            if names and versions:
                found.setdefault(canonicalize_name(names[0]), versions[0])
        return dict(sorted(found.items()))

    def python_version(self) -> str | None:
        """Return the exact version of its interpreter, ``3.11.7``, as ``pyvenv.cfg`` says."""
        settings = self.folder / "pyvenv.cfg"
        if not settings.is_file():
            return None
        for line in settings.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() in ("version_info", "version"):
                return ".".join(value.strip().split(".")[:3])
        return None

    def size(self) -> int:
        """Return the size of its files in bytes, hard-linked ones counted as if they were its own."""
        total = 0
        for root, _, files in os.walk(self.folder):
            total += sum(os.lstat(Path(root, name)).st_size for name in files)
        return total
