"""Find the probes of a matrix: scripts in ``[[probe]]`` tables, or files of the project named where they are used."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from knowngood.declare.problems import WrongValueError, did_you_mean, shown
from knowngood.declare.values import checked_id, relative_path, slug
from knowngood.model import Probe

ReadProbe = Callable[[str], str | None]
"""Returns the text of a file, given its path relative to the project, or None when it does not exist."""


class Scripts:
    """Finds the script for each entry of ``probes``; reads each file once, and lists the used probes in order."""

    def __init__(self, read_probe: ReadProbe) -> None:
        self._read_probe = read_probe
        self._declared: dict[str, Probe] = {}
        self._used: dict[str, Probe] = {}
        self._sources: dict[str, str | WrongValueError] = {}

    @property
    def declared(self) -> tuple[str, ...]:
        """Ids of the ``[[probe]]`` tables, in order."""
        return tuple(self._declared)

    @property
    def used(self) -> tuple[Probe, ...]:
        """The probes that ``find`` returned so far, in the order of their first use."""
        return tuple(self._used.values())

    @property
    def found(self) -> tuple[Probe, ...]:
        """The probes of all ``[[probe]]`` tables, used or not, and those that ``find`` returned so far."""
        return tuple({**self._declared, **self._used}.values())

    def declare(self, probe: Probe) -> None:
        """Add a ``[[probe]]`` table, and the text of its script. Raises ``WrongValueError``: the file is unreadable."""
        self._declared[probe.id] = probe  # even if the file is unreadable
        if probe.path is not None:
            self._declared[probe.id] = replace(probe, source=self._source(probe.path))

    def find(self, entry: str) -> str:
        """Return the id of the probe for an entry: a declared id, the id of ``probes/ID.py``, or the path of a script.

        Raises ``WrongValueError`` when there is no such script, or another script has its id.
        """
        probe = self._declared.get(entry) or self._file(entry)
        known = self._declared.get(probe.id) or self._used.setdefault(probe.id, probe)
        if known.path != probe.path:
            other = known.path or "the script in the matrix file"
            what = f"{probe.path} and {other} have the same id {probe.id!r}"
            raise WrongValueError(what, "rename one of the files")
        return self._used.setdefault(known.id, known).id

    def _file(self, entry: str) -> Probe:
        if entry.endswith(".py"):
            path = relative_path(entry)
            probe_id = checked_id(slug(PurePosixPath(path).stem))
        else:
            probe_id = checked_id(entry)
            path = f"probes/{entry}.py"
        return Probe(id=probe_id, source=self._source(path), path=path)

    def _source(self, path: str) -> str:
        if path not in self._sources:
            self._sources[path] = self._read(path)
        source = self._sources[path]
        if isinstance(source, WrongValueError):
            raise source
        return source

    def _read(self, path: str) -> str | WrongValueError:
        try:
            source = self._read_probe(path)
        except (OSError, ValueError) as error:
            return WrongValueError(f"cannot read the script {shown(path)}: {error}")
        if source is None:
            stem = PurePosixPath(path).stem
            hint = did_you_mean(stem, self._declared, "create that file, or put the script into a [[probe]] table")
            return WrongValueError(f"the project has no script {shown(path)}", hint)
        return source
