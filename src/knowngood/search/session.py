"""Search for the fix of one combo: open the oracle, search, and keep what was verified where others find it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from knowngood import packages
from knowngood.cache.verdicts import Verdicts
from knowngood.events import FixVerified, RunFinished
from knowngood.install.routing import routing
from knowngood.model import Cell, Combo, ComboFacts, JudgedRun, Searched, Status, VerifiedFix
from knowngood.model.declared import UNDECIDED
from knowngood.probe.reads import still
from knowngood.project.project import Project
from knowngood.project.runs import RecordedRun
from knowngood.project.searched import keep as keep_in
from knowngood.run.engine import EventLog
from knowngood.run.request import RunRequest
from knowngood.run.stop import Stop
from knowngood.run.work import routes
from knowngood.search.ask import Oracle, Watch
from knowngood.search.budget import Budget
from knowngood.search.changes import Change
from knowngood.search.fix import find
from knowngood.search.result import Search, searched
from knowngood.search.trail import trail_of


@contextmanager
def opened(
    request: RunRequest,
    combo: Combo,
    search: str,
    *,
    budget: Budget | None = None,
    demand: Change | None = None,
    keep: Iterable[str] = (),
    stop: Stop | None = None,
    watch: Watch | None = None,
) -> Iterator[Oracle]:
    """Yield the oracle about a combo; the id of its run has the name of the ``search``.

    The search ends with its budget or with ``stop``, whichever comes first: commands that run then are ended.
    """
    budget, stop, ends = budget or Budget(), stop or Stop(), Stop()
    with (
        routing(routes(request), request.machine.outside, request.machine.cache_folder) as routed,
        stop.calls(lambda: ends(stop.reason or "")),
        ends.after(budget.seconds_left, "the budget"),
    ):
        yield Oracle(
            request,
            combo,
            run_id=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{search}-{combo.id}",
            demand=demand,
            keep=keep,
            budget=budget,
            stop=ends,
            watch=watch,
            routed=routed,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What a user wants of a fix."""

    keep: frozenset[str] = frozenset()
    """Canonical names of packages that do not move."""
    demand: Change = field(default_factory=Change)
    budget: Budget = field(default_factory=Budget)
    """What the search may spend; several searches may share one."""
    proof: bool = True
    """Whether to run what would be cheaper, to show that nothing is."""


def search(request: RunRequest, combo: Combo, wishes: Wishes, *, stop: Stop, watch: Watch) -> Search:
    """Return what a search for the smallest change with which ``combo`` works found, and keep a verified one.

    Its end is that of its budget or of ``stop``, whichever comes first: commands that run then are ended.
    """
    project = request.project
    with opened(
        request, combo, "fix", budget=wishes.budget, demand=wishes.demand, keep=wishes.keep, stop=stop, watch=watch
    ) as oracle:
        fix = find(oracle, passing=passing(project, combo), proves=wishes.proof)
        trail = trail_of(oracle)
    taken = {other.id for other in project.matrix.combos}
    numbers = (f"{combo.id}-fixed{number or ''}" for number in range(len(taken) + 1))
    found = Search(
        fix=fix,
        combo=combo,
        trail=trail,
        fixed_id=next(name for name in numbers if name not in taken),
        demand=wishes.demand,
        absent=tuple(sorted(oracle.absent)),
    )
    keep(project, searched(found))
    verified = verified_fix(found)
    basis = fix.red.facts.basis
    if verified is not None and basis is not None and not wishes.demand and not wishes.keep:
        verdicts = Verdicts(folder=request.machine.cache_folder / "verdicts")
        verdicts.add_fix(basis.key, verified, lambda entry: still(entry.reads, project.folder))
    return found


def keep(project: Project, found: Searched) -> None:
    """Keep what a search found beside its run, for the reports of the matrix; a full disk does not end it."""
    with suppress(OSError):
        keep_in(project.searches.folder / found.run, replace(found, digest=project.matrix.digest))


def verified_fix(found: Search) -> VerifiedFix | None:
    """Return a fix as runs record it; None where nothing was verified."""
    fix, change = found.fix, found.fix.change
    if fix.green is None:
        return None
    removals = (packages.removal(name) for name in change.dropped)
    python = (f"python=={change.python.rstrip('t').removeprefix('pypy')}.*",) if change.python else ()
    return VerifiedFix(
        constraints=(*change.requirements, *removals, *python),
        steps=tuple(step.lines for step in fix.green.combo.steps),
        python=fix.green.combo.python,
        joined=change.joined,
        order=change.frame.order,
        kind=fix.kind,
        scope=fix.scope,
        bounds=fix.bounds,
        run=found.trail.run,
        seconds=round(found.trail.elapsed, 3),
    )


def record(recorded: RecordedRun, searches: Iterable[Search]) -> None:
    """Add the fixes that were verified to the run whose failures they are about, so that its reports have them."""
    fixes = [(found.combo.id, fix) for found in searches if (fix := verified_fix(found)) is not None]
    if not fixes:
        return
    with recorded.lock(), closing(EventLog(recorded.log)) as log:
        for combo, fix in fixes:
            log(FixVerified(combo=combo, fix=fix))
        log(RunFinished())


def failing(judged: JudgedRun, *, expected: bool) -> tuple[Combo, ...]:
    """Return the combos of a run that fail, in its order; with ``expected`` also those that are expected to."""
    about = [cell for cell in judged.cells if _fails(cell) and (expected or cell.as_expected is False)]
    combos = dict.fromkeys(cell.combo.id for cell in about)
    by_id = {cell.combo.id: cell.combo for cell in judged.cells}
    return tuple(by_id[combo] for combo in combos)


def _fails(cell: Cell) -> bool:
    return cell.verdict.status not in (*UNDECIDED, Status.PASS, Status.MOVED)


def passing(project: Project, combo: Combo) -> Sequence[ComboFacts]:
    """Return the other combos that passed in the newest run that has any, with the versions that they had."""
    for recorded in project.runs.newest():
        judged = project.read(recorded)
        failed = {cell.combo.id for cell in judged.cells if cell.verdict.status is not Status.PASS}
        known = [facts for facts in judged.run.combos if facts.probes and facts.combo.id not in {combo.id, *failed}]
        if known:
            return known
    return ()
