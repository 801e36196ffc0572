"""Prepare what one machine needs to evaluate the combos of a run: tools, indexes, assets, caches, resolved steps."""

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from knowngood.cache.bytecode import BytecodeSharing, BytecodeStore
from knowngood.cache.environments import EnvironmentPool
from knowngood.cache.keys import Surroundings, asset_digest
from knowngood.cache.verdicts import Verdicts
from knowngood.errors import UsageError
from knowngood.install import registry
from knowngood.install.assets import Assets
from knowngood.install.confined import BuildSandbox
from knowngood.install.index import Routes
from knowngood.install.interface import OUTSIDE, Resolution, Step, Tools
from knowngood.install.interpreters import Interpreters
from knowngood.install.pages import File, Page
from knowngood.install.pip.installer import cache_folder
from knowngood.install.routing import Routing, routing
from knowngood.install.source import Builds
from knowngood.install.wheelhouse import Wheelhouse
from knowngood.model import Action, InstallerName, Phase, ProbeBasis, Reason, Trouble
from knowngood.model import Step as DeclaredStep
from knowngood.probe.launch import Launcher
from knowngood.process import Processes, sandbox
from knowngood.process.helpers import answer_of
from knowngood.process.temporary import remove_leftovers
from knowngood.project.tree import Tree, Trees
from knowngood.run import host
from knowngood.run.basis import Bases
from knowngood.run.executors.interface import Optimization, RunSettings
from knowngood.run.guard import Guard
from knowngood.run.host import Machine
from knowngood.run.reuse import KeptVerdicts, VerdictReuse
from knowngood.run.stop import Stop

_PATIENCE = 20.0  # seconds for uv to say where its cache is

Resolver = tuple[InstallerName, str]
"""An installer, and what distinguishes the Python that it resolves for from other builds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """The answer of a resolver for one step, given the steps before it."""

    resolution: Resolution
    files: tuple[Path, ...]
    """The files of the step that its installation needs, the lock among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolutions:
    """The answers of a run so far, by resolver and by the steps up to the resolved one. Safe to use from any thread."""

    _answers: dict[tuple[Resolver, tuple[DeclaredStep, ...]], Future[Resolved]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, resolver: Resolver, steps: tuple[DeclaredStep, ...], answer: Resolved) -> None:
        """Take in an answer that another machine got, unless there is one."""
        with self._lock:
            if (resolver, steps) not in self._answers:
                self._answers[resolver, steps] = future = Future[Resolved]()
                future.set_result(answer)

    def known(self, steps: tuple[DeclaredStep, ...]) -> tuple[tuple[Resolver, tuple[DeclaredStep, ...], Resolved], ...]:
        """Return the answers for ``steps`` and for those that they begin with."""
        with self._lock:
            return tuple(
                (resolver, first, future.result())
                for (resolver, first), future in self._answers.items()
                if first == steps[: len(first)] and future.done() and future.exception() is None
            )

    def resolve(
        self, resolver: Resolver, steps: tuple[DeclaredStep, ...], step: Step, ask: Callable[[], Resolved]
    ) -> Resolved:
        """Return the answer for the last of ``steps``, with its files in the folder of ``step``.

        Calls ``ask`` for it, or waits for another thread that does. Raises what ``ask`` raises.
        """
        with self._lock:
            earlier = self._answers.get((resolver, steps))
            future = self._answers.setdefault((resolver, steps), Future())
        if earlier is None:
            try:
                future.set_result(ask())
            except BaseException as error:
                future.set_exception(error)
                raise
            return future.result()
        answer = earlier.result()
        for file in answer.files:
            step.folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, step.folder / file.name)
        return answer


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """What the combos of a run share on one machine. Safe to use from any thread."""

    processes: Processes
    uv: Path
    environ: Mapping[str, str]
    """The environment variables of installers."""
    review: Callable[[Action, InstallerName], Action]
    """Adds to what an installer did what is known about the indexes that it asked."""
    page: Callable[[str], Page | None]
    """Returns the page of a package on the index that it comes from; None when that cannot say."""
    contents: Callable[[File], bytes | None]
    """Returns the contents of a file on such a page; None when it cannot be read."""
    interpreters: Interpreters
    launcher: Launcher
    trouble: Trouble | None
    """What keeps every probe from running, such as an asset that could not be fetched."""
    stop: Stop
    reuse: VerdictReuse
    project: Path
    """The folder that paths in the matrix are relative to. It is only read."""
    trees: Trees
    """Snapshots of the project and of other folders, each taken when it is first asked for."""
    build_sandbox: BuildSandbox | None
    """What builds run in; None: as any process of the user."""
    builds: Builds
    """Builds what steps install from this machine, each once."""
    guard: Guard
    """Sees what probes write into files that environments share."""
    cache: Path
    """The folder of everything that outlives runs."""
    min_free: int = 0
    """Bytes of the disk that stay free."""
    resolutions: Resolutions = field(default_factory=Resolutions)
    bytecode: BytecodeSharing | None = None
    pool: EnvironmentPool | None = None
    """Where environments can outlive the run. None: each is built below the folder of the run, and deleted."""
    many_files: threading.Lock = field(default_factory=threading.Lock)
    """Held while thousands of files are read or linked. Threads that do so side by side hand the interpreter over at
    every file, and take more than twice as long as one after the other."""

    @property
    def tools(self) -> Tools:
        """What installers work with."""
        return Tools(
            processes=self.processes,
            environ=self.environ,
            find_python=self.interpreters.find,
            builds=self.build_sandbox,
            review=self.review,
        )

    def lacks_space(self) -> str | None:
        """Return why nothing more is written to the disks of the run and of the caches; None while there is room."""
        for place in (self.processes.root, self.cache):
            free = shutil.disk_usage(place).free
            if free < self.min_free:
                left, kept = (f"{size / 2**30:.2f} GiB" for size in (free, self.min_free))
                there = f"the disk with {place} has {left} left, and min-free keeps {kept} of it free"
                return f"{there}: delete files, or lower min-free"
        return None

    def folder(self, combo: str) -> Path:
        """Return the folder for the files and logs of a combo."""
        return self.processes.root / "combos" / combo


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What another machine found out about the project, for one that does not have it."""

    tree: Tree | None
    """The snapshot of the project, as it is on this machine; None when nothing needs it."""
    bases: Mapping[str, ProbeBasis]
    """What probes depend on, by probe; the variables are those of this machine."""


@contextmanager
def prepare(
    settings: RunSettings,
    *,
    machine: Machine,
    folder: Path,
    environments: Path,
    stop: Stop,
    project: Path,
    routes: Routes | None = None,
    secrets: tuple[str, ...] = (),
    builds: bool = True,
    given: Given | None = None,
) -> Iterator[RunContext]:
    """Yield the context of a run on ``machine``; leave no process behind when the block ends.

    Logs are written below ``folder``; environments that outlive the run are below ``environments``. ``project`` is the
    folder that paths in the matrix are relative to. ``routes`` are those of the settings with the credentials of this
    machine, and ``secrets`` are removed from every log. With ``builds=False`` combos can only be resolved: no asset is
    fetched and no old environment deleted. ``given`` stands for the project where ``project`` is not that of the user.
    """
    processes = Processes(folder, secrets=secrets)
    pool = EnvironmentPool(folder=environments, keep=settings.keep)
    trees = Trees(folder / "trees", processes=processes, environ=machine.outside)
    if given is not None and given.tree is not None:
        trees.add(project, given.tree)
    routed = routing(routes or settings.routes, machine.outside, machine.cache_folder)
    with stop.calls(processes.cancel), routed as routes_of_run:
        try:
            bases = Bases(
                lambda: trees.of(project),
                project=project,
                outside=machine.outside,
                given=given.bases if given is not None else None,
            )
            yield _context(
                settings, machine, processes, routes_of_run, pool, environments, stop, project, trees, bases, builds
            )
        finally:
            trees.close()
            remove_leftovers(machine.outside)
            if builds:
                # After an interrupt, leave no background process running.
                pool.close(wait=stop.requested)


def _context(
    settings: RunSettings,
    machine: Machine,
    processes: Processes,
    routing: Routing,
    pool: EnvironmentPool,
    environments: Path,
    stop: Stop,
    project: Path,
    trees: Trees,
    bases: Bases,
    builds: bool,
) -> RunContext:
    folder, cache = processes.root, machine.cache_folder
    for place in (folder, cache):
        place.mkdir(parents=True, exist_ok=True)
    environ = routing.environ
    store = Assets(folder=cache / "assets", processes=processes, uv=machine.uv, python=machine.python, environ=environ)
    trouble = _fetch(settings, store, folder / "assets") if builds else None
    places = {asset.name: store.place(asset) for asset in settings.assets}
    assets = {name: place for name, place in places.items() if place.exists()}
    launcher = Launcher(
        processes=processes,
        outside=machine.outside,
        assets=assets,
        threads=max(1, machine.cores // machine.jobs),
        project=project,
        copy_tree=lambda target: trees.of(project).copy(target),
        sandbox=_sandbox(machine) if settings.sandboxed else None,
    )
    many_files, bytecode = threading.Lock(), BytecodeStore(folder=cache / "bytecode")
    inside = _build_sandbox(settings, machine, environ, (folder, environments, project, cache))
    interpreters = Interpreters(outside=machine.outside, cache=cache / "pythons")
    return RunContext(
        processes=processes,
        uv=machine.uv,
        environ=environ,
        review=routing.review,
        page=routing.page,
        contents=routing.contents,
        interpreters=interpreters,
        launcher=launcher,
        trouble=trouble,
        stop=stop,
        cache=cache,
        min_free=settings.min_free,
        project=project,
        trees=trees,
        build_sandbox=inside,
        builds=Builds(
            tools=Tools(
                processes=processes,
                environ=environ,
                find_python=interpreters.find,
                builds=inside,
                review=routing.review,
            ),
            folder=folder / "builds",
            kept=Wheelhouse(folder=cache / "wheels"),
            project=project,
            tree=trees.of,
            pythons=settings.pythons,
            machine=f"{host.machine()} {host.cpu_flags()}",
            wait=stop.wait,
            reuses=Optimization.CACHE in settings.optimizations and not settings.fresh,
        ),
        reuse=VerdictReuse(
            kept=KeptVerdicts(verdicts=Verdicts(folder=cache / "verdicts"), settings=settings, project=project),
            surroundings=Surroundings(
                machine=host.machine(),
                cpu_flags=host.cpu_flags(),
                sandboxed=settings.sandboxed,
                installers=registry.identities(),
                assets={
                    asset.name: asset_digest(asset, assets[asset.name])
                    for asset in settings.assets
                    if asset.name in assets
                },
            ),
            launcher=launcher,
            settings=settings,
            bases=bases,
        ),
        guard=Guard(bytecode, environments.parent, many_files),
        bytecode=BytecodeSharing(bytecode, many_files, processes)
        if Optimization.BYTECODE in settings.optimizations
        else None,
        pool=pool if settings.pools_environments else None,
        many_files=many_files,
    )


def _sandbox(machine: Machine) -> sandbox.Sandbox:
    """Return what probes run in. Raises ``UsageError``: this machine, such as a worker, cannot do what others can."""
    box = sandbox.find(machine.outside)
    if box is None:
        raise UsageError(
            "probes of this run need a sandbox, and bubblewrap does not work on this machine",
            next_step='install it here (apt install bubblewrap), or choose isolation = "none"',
        )
    return box


def _build_sandbox(
    settings: RunSettings, machine: Machine, environ: Mapping[str, str], readable: tuple[Path, ...]
) -> BuildSandbox | None:
    """Return what builds run in; they need the folders ``readable``, too."""
    if not settings.confines_builds:
        return None
    asked = [str(machine.uv), "--directory", str(OUTSIDE), "cache", "dir"]
    uv_cache = Path(answer_of(asked, env=environ, timeout=_PATIENCE).strip())
    uv_cache.mkdir(parents=True, exist_ok=True)
    return BuildSandbox(
        sandbox=_sandbox(machine),
        outside=machine.outside,
        uv_cache=uv_cache,
        pip_cache=cache_folder(environ),
        readable=readable,
        network=settings.build_network,
    )


def _fetch(settings: RunSettings, store: Assets, logs: Path) -> Trouble | None:
    """Fetch the assets that are not there yet; return why one of them could not be fetched."""
    for asset in settings.assets:
        place, action = store.fetch(asset, logs / f"{asset.name}.log")
        if place.exists():
            continue
        if action is not None and not action.exit.ok:
            uv = settings.rules.installers[InstallerName.UV]
            message = uv.message(action, uv.classify(action)[0])
        else:
            message = f"{asset.wheel} holds no {asset.path}"
        return Trouble(
            phase=Phase.PROBE,
            reason=Reason.ASSET_UNAVAILABLE,
            message=f"asset {asset.name}: {message}",
            log=action.log if action is not None else None,
        )
    return None
