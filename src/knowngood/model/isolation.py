"""Define how environments are kept apart, and what is recorded when one was changed from outside."""

from dataclasses import dataclass
from enum import StrEnum


class Isolation(StrEnum):
    """How probes are kept from changing anything but their own files."""

    AUTO = "auto"
    """In a sandbox where bubblewrap works, else as with ``none``."""
    SANDBOX = "sandbox"
    """In a sandbox of bubblewrap, or not at all."""
    NONE = "none"
    """Not: what they write into shared files is found afterwards."""


PROBES_ONLY = "sandbox-for-probes"
"""What a run records when its probes were in a sandbox, and its builds could not be."""

ALL_PACKAGES = ":all:"
"""What stands for every package where names are expected, as for pip and uv."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sdists:
    """What a matrix says about source distributions, and about the builds of the project."""

    never: tuple[str, ...] = ()
    """Canonical names of the packages that only wheels are taken of, or ``:all:``."""
    network: bool = False
    """Whether builds in the sandbox may use the network."""

    @property
    def options(self) -> tuple[str, ...]:
        """The options of an install command that say so."""
        return tuple(f"--only-binary={name}" for name in self.never)

    def forbids(self, name: str) -> bool:
        """Return whether a package, given its canonical name, may not be built."""
        return ALL_PACKAGES in self.never or name in self.never


ANY_SDISTS = Sdists()
"""What a matrix that does not mention them says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tampering:
    """Files that several environments share, and that something wrote into, replaced or removed.

    The environment was built again as a private copy, and what had run in it ran again.
    """

    probe: str | None
    """The probe that ran meanwhile, or one beside it did it; None: it was found when the environment was built."""
    files: tuple[str, ...]
    """The first of them, relative to ``site-packages``."""
    more: int = 0
    """How many more there are."""
    distributions: tuple[str, ...] = ()
    """Canonical names of what was removed from the caches for it."""
