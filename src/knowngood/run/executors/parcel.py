"""Pack what the workers of a run need besides its tasks: its settings, the project's tree, and files that steps name.

A parcel holds no credentials. Where an index needs them, each worker has them in its own environment.
"""

import io
import os
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from knowngood.errors import UsageError
from knowngood.model import Combo, ProbeBasis, Source
from knowngood.process import Processes
from knowngood.project.tree import Tree, Trees
from knowngood.run.basis import Bases
from knowngood.run.context import Given
from knowngood.run.executors.interface import RunSettings, Site

MOST = 512 * 2**20
"""Bytes that a packed parcel may have: every worker gets it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """What every worker of a run gets once. It can be pickled."""

    settings: RunSettings
    tree: Tree | None
    """The snapshot of the project, with the paths of the machine that took it; None when nothing needs it."""
    bases: Mapping[str, ProbeBasis]
    """What probes depend on, by probe."""
    archive: bytes
    """A tar file: the snapshot below ``tree``, and files that git ignores below ``files``."""

    def unpack(self, folder: Path) -> tuple[Path, Given]:
        """Unpack into ``folder``, which is empty; return the project's folder there, and what is known about it."""
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(self.archive)) as archive:
            archive.extractall(folder, filter="tar")
        project, tree = folder / "project", None
        if self.tree is None:
            project.mkdir()
        else:
            root = folder / "tree"
            tree = replace(self.tree, root=root, folder=root / self.tree.folder.relative_to(self.tree.root))
            project = tree.copy(project)
        files = folder / "files"
        for path in files.rglob("*"):
            if path.is_file():
                target = project / path.relative_to(files)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
        return project, Given(tree=tree, bases=self.bases)


def pack(site: Site, settings: RunSettings, combos: Iterable[Combo], *, most: int = MOST) -> Parcel:
    """Pack what ``combos`` need of the project at ``site``, at most ``most`` bytes.

    Raises ``SnapshotError`` when the project cannot be copied, and ``UsageError`` when a step installs what no worker
    can have, or when it is too much to send.
    """
    sources = tuple(dict.fromkeys(source for combo in combos for step in combo.steps for source in step.sources))
    processes = Processes(site.folder, secrets=site.secrets)
    trees = Trees(site.folder / "parcel", processes=processes, environ=site.machine.outside)
    try:
        bases = Bases(lambda: trees.of(site.project), project=site.project, outside=site.machine.outside)
        needed = sources or any(probe.in_tree for probe in settings.probes)
        tree = trees.of(site.project) if needed else None
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
            if tree is not None:
                archive.add(tree.root, "tree")
            for path in _files(site.project, tree, sources):
                archive.add(path, f"files/{os.path.relpath(path, site.project)}")
        if buffer.tell() > most:
            raise UsageError(
                f"the project is too large to send it to workers: {buffer.tell() // 2**20} MiB packed",
                cause="the snapshot has everything that git tracks or does not ignore",
                next_step="have git ignore what no test needs, or run without --executor dask",
            )
        return Parcel(
            settings=settings,
            tree=tree,
            bases={probe.id: replace(bases.of(probe)[0], variables=()) for probe in settings.probes},
            archive=buffer.getvalue(),
        )
    finally:
        trees.close()
        processes.cancel()


def _files(project: Path, tree: Tree | None, sources: Iterable[Source]) -> list[Path]:
    """Return the files that steps install and that the snapshot does not have.

    An absolute path is left as it is: it may be on a disk that the workers share.
    """
    files: dict[Path, None] = {}
    for source in sources:
        path = Path(os.path.normpath(project / source.path))
        if PurePosixPath(source.path).is_absolute() or (tree is not None and _has(tree, project, path)):
            continue
        if not path.is_relative_to(project) or path.is_dir():
            raise UsageError(
                f"a step installs {source.path}, which workers do not have",
                cause="they get the snapshot of the project: what git tracks or does not ignore",
                next_step="move it into the project, or name it by its absolute path on a disk that all workers share",
            )
        if path.is_file():
            files[path] = None
    return list(files)


def _has(tree: Tree, project: Path, path: Path) -> bool:
    inside = Path(os.path.normpath(tree.folder / os.path.relpath(path, project)))
    return inside.is_relative_to(tree.root) and inside.exists()
