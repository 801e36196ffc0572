"""Turn a request into work for an executor: which indexes packages come from, what logs must not show, the tasks."""

import os
import shutil
from dataclasses import dataclass

from knowngood.errors import UsageError
from knowngood.install import index, registry
from knowngood.install.loopback import token
from knowngood.model import PROBES_ONLY, ComboFacts, Isolation, Run
from knowngood.model.recorded import why_not_reused
from knowngood.probe import reads
from knowngood.probe.settings import secrets
from knowngood.process import sandbox
from knowngood.project.project import Project
from knowngood.run.executors.interface import RunSettings, Task, without_credentials
from knowngood.run.executors.local import queue
from knowngood.run.request import RunRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What there is to do for a request."""

    routes: index.Routes
    """Which index packages come from, with the credentials of this machine."""
    secrets: tuple[str, ...]
    """What logs must not show, the longest first."""
    settings: RunSettings
    """What all combos are evaluated by."""
    tasks: tuple[Task, ...]
    """A task for each combo that is not finished, the most urgent first."""

    @classmethod
    def of(cls, request: RunRequest, run: Run | None = None) -> "Work":
        """Return the work for a request. ``run`` is what was recorded of it so far; None when nothing is recorded.

        A combo of a resumed run is not finished if something that its verdicts depend on may have changed.
        """
        chosen = routes(request)
        settings = _settings(request, run.info.id if run else "plan", chosen)
        recorded = run.combos if run else ()
        finished = {facts.combo.id for facts in recorded if facts.finished and _stands(facts, request.project)}
        # The reference comes first: when it fails, no other combo is to blame.
        combos = queue(request.combos, request.project.matrix.reference, request.runs.past_seconds())
        tasks = tuple(Task(combo=combo, settings=settings) for combo in combos if combo.id not in finished)
        return cls(routes=chosen, secrets=secrets_of(request), settings=settings, tasks=tasks)


def routes(request: RunRequest) -> index.Routes:
    """Return which index packages come from. An index that has a fallback is asked whether it is up."""
    matrix, access = request.project.matrix, registry.access(request.machine.outside)
    return index.decide(matrix.indexes, project=matrix.project, access=access, offline=request.offline)


def _settings(request: RunRequest, run: str, routes: index.Routes) -> RunSettings:
    """Return what all combos of a run are evaluated by; ``run`` is its id."""
    return RunSettings(
        run=run,
        matrix=request.project.matrix.id,
        probes=request.project.matrix.probes,
        assets=request.project.matrix.assets,
        routes=without_credentials(routes),
        rules=request.project.rules,
        pythons=tuple(dict.fromkeys(combo.python for combo in request.combos)),
        optimizations=request.optimizations,
        fresh=request.fresh,
        fresh_probes=request.fresh_probes,
        keep=request.keep,
        tries_fixes=request.tries_fixes,
        min_free=request.project.matrix.min_free if request.min_free is None else request.min_free,
        sandboxed=is_sandboxed(request),
        confines_builds=confines_builds(request),
        build_network=request.project.matrix.sdists.network,
    )


def is_sandboxed(request: RunRequest) -> bool:
    """Return whether the probes of a request run in a sandbox.

    Raises ``UsageError``: they should, and this machine has none.
    """
    wanted = request.isolation or request.project.matrix.isolation
    if wanted is Isolation.NONE:
        return False
    if sandbox.find(request.machine.outside) is not None:
        return True
    if wanted is Isolation.AUTO:
        return False
    program = shutil.which(sandbox.PROGRAM, path=request.machine.outside.get("PATH", os.defpath))
    raise UsageError(
        'isolation = "sandbox" needs bubblewrap, which does not work on this machine',
        cause=f"{program} cannot make namespaces here" if program else f"there is no {sandbox.PROGRAM} on PATH",
        next_step='install it (apt install bubblewrap), allow user namespaces, or choose isolation = "auto" or "none"',
    )


def confines_builds(request: RunRequest) -> bool:
    """Return whether the builds of a request run in a sandbox. Raises ``UsageError`` as ``is_sandboxed`` does."""
    if not is_sandboxed(request):
        return False
    box = sandbox.find(request.machine.outside)
    if box is not None and box.nests:
        return True
    if (request.isolation or request.project.matrix.isolation) is Isolation.AUTO:
        return False
    raise UsageError(
        'isolation = "sandbox" needs a sandbox in a sandbox for builds, which does not work on this machine',
        cause=f"a program that {sandbox.PROGRAM} runs cannot make namespaces here",
        next_step='allow nested user namespaces, or choose isolation = "auto": then only probes run in a sandbox',
    )


def isolation_of(request: RunRequest) -> str:
    """Return how a run records that its probes and builds are kept apart."""
    if not is_sandboxed(request):
        return str(Isolation.NONE)
    return str(Isolation.SANDBOX) if confines_builds(request) else PROBES_ONLY


def secrets_of(request: RunRequest) -> tuple[str, ...]:
    """Return what logs must not show, the longest first."""
    matrix, outside = request.project.matrix, request.machine.outside
    both = {*registry.secrets(matrix.indexes, outside), *secrets(outside, matrix.probes)}
    return tuple(sorted({*both, token(request.machine.cache_folder)}, key=len, reverse=True))


def _stands(facts: ComboFacts, project: Project) -> bool:
    """Return whether the facts of a finished combo depend on nothing outside of its lock, or on what is still the same.

    What depends on the tree of the project is evaluated again: the cache of verdicts knows whether it changed.
    """
    if any(step.sources for step in facts.combo.steps):
        return False
    for basis in facts.basis.probes if facts.basis else ():
        attempts = [attempt.transcript for attempt in facts.probes if attempt.probe == basis.probe]
        if basis.files is not None or why_not_reused(basis, attempts) is not None:
            return False
        if not all(reads.still(transcript.reads, project.folder) for transcript in attempts):
            return False
    return True
