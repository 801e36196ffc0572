"""Ask whether candidates work: each is a combo that is run, recorded and judged like any other.

All candidates of a search are in one run, to which combos are added as the search goes on. The engine resolves first:
a candidate without a solution costs no environment, and one with the lock of an earlier one has its verdict. A search
that was cut short finds its verdicts again when it is repeated.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from knowngood import packages
from knowngood.install.lock import version_in
from knowngood.install.pages import File
from knowngood.install.releases import read_page
from knowngood.install.routing import Routing
from knowngood.install.upstream import IndexFault
from knowngood.judge.causes import Fingerprint, fingerprint_of
from knowngood.judge.evidence import Rules
from knowngood.judge.verdict import is_signal, judge_combo
from knowngood.model import UNDECIDED, Cell, Combo, ComboFacts, JudgedRun, Outcome, Status
from knowngood.model.questions import Files, Release
from knowngood.project.runs import RecordedRun
from knowngood.run.engine import execute, plan
from knowngood.run.request import RunRequest
from knowngood.run.stop import Stop
from knowngood.search.budget import Budget
from knowngood.search.changes import Change, apply, named_by, pins_of


class Says(StrEnum):
    """What a candidate turned out to be."""

    WORKS = "works"
    FAILS = "fails"
    UNSOLVABLE = "unsolvable"
    """No such set exists: proven by the resolver."""
    UNKNOWN = "unknown"
    """It could not be tested, or two attempts differ: never a no."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A change to try, and why it may work."""

    change: Change
    why: str
    likely: float = 0.1
    """How likely it is to work: 0 to 1."""
    final: bool = False
    """Whether nothing is proposed on top of it when it fails in another way."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came out for one candidate."""

    candidate: Candidate
    facts: ComboFacts
    cells: tuple[Cell, ...]

    @property
    def combo(self) -> Combo:
        """The combo that was run."""
        return self.facts.combo

    @cached_property
    def says(self) -> Says:
        """Whether it works."""
        statuses = {cell.verdict.status for cell in self.cells}
        if any(cell.flaky for cell in self.cells) or statuses & UNDECIDED or not statuses:
            return Says.UNKNOWN
        if statuses <= {Status.PASS, Status.MOVED}:
            return Says.WORKS
        return Says.UNSOLVABLE if statuses & {Status.UNSOLVABLE} else Says.FAILS

    @property
    def ran(self) -> bool:
        """Whether its probes ran for it, and not only for an equal set."""
        return bool(self.facts.probes) and self.facts.reused is None

    @cached_property
    def against_metadata(self) -> frozenset[tuple[str, str]]:
        """(distribution, package) for each declared requirement that its environment does not meet."""
        return frozenset(
            (conflict.distribution, conflict.package) for cell in self.cells for conflict in cell.conflicts
        )

    @cached_property
    def failing(self) -> Cell | None:
        """Its first cell that does not pass."""
        return next((cell for cell in self.cells if cell.verdict.status not in (Status.PASS, Status.MOVED)), None)

    @cached_property
    def fingerprint(self) -> Fingerprint | None:
        """What two failures of the same kind have in common."""
        return fingerprint_of(self.failing) if self.failing is not None else None

    @cached_property
    def progress(self) -> int:
        """How far it got: 0 without an environment, else 1 and the checks that passed, of suites in hundredths."""
        if not self.facts.probes:
            return 0
        passed = 0
        for cell in self.cells:
            if cell.suite is not None and cell.suite.collected:
                passed += 100 * cell.suite.passed // cell.suite.collected
            else:
                passed += sum(check.outcome is Outcome.PASSED for check in cell.checks)
            passed += cell.verdict.status in (Status.PASS, Status.MOVED)
        return 1 + passed

    @property
    def seconds(self) -> float:
        """How long its commands took."""
        spent = self.cells[0].seconds if self.cells else None
        return spent.resolve + spent.create + spent.install + spent.probe if spent is not None and self.ran else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """What a resolver chose for a candidate."""

    change: Change
    facts: ComboFacts
    says: Says | None
    """``UNSOLVABLE``, or ``UNKNOWN`` when nobody can say; None when there is a set, which is to be run."""
    message: str

    @property
    def versions(self) -> dict[str, str]:
        """Canonical name -> version of what would be installed."""
        return {name: version for step in self.facts.steps for name, version in step.resolved.items()}

    @property
    def lock(self) -> tuple[str, ...]:
        """What identifies the set: equal locks have equal answers. Empty when that is not known before it is built."""
        locks = tuple(step.lock for step in self.facts.steps)
        return locks if self.says is None and locks and all(locks) else ()


Watch = Callable[["Oracle", Sequence[Candidate], Sequence[Answer]], None]
"""Takes what is asked, before with no answers, and then with all of them."""


class Oracle:
    """Runs candidates that differ from one combo, and remembers what came out.

    ``request`` says how to run: its combos do not count. ``demand`` is part of every candidate, and so is the installed
    version of each package of ``keep`` (canonical names), which no candidate moves. ``routed`` knows the indexes.
    """

    def __init__(
        self,
        request: RunRequest,
        combo: Combo,
        *,
        run_id: str,
        demand: Change | None = None,
        keep: Iterable[str] = (),
        budget: Budget | None = None,
        stop: Stop | None = None,
        watch: Watch | None = None,
        routed: Routing,
    ) -> None:
        self.combo = combo
        self.budget = budget or Budget()
        self._began = time.monotonic()
        self.answers: list[Answer] = []
        """All of them, in the order in which they were asked for."""
        self.demand = demand or Change()
        self._kept = Change()
        self._keep = frozenset(keep)
        self._request = request
        self.run_id = run_id
        """The id of the run that all candidates are in."""
        self._stop = stop or Stop()
        self._watch = watch or (lambda oracle, candidates, answers: None)
        self._routed = routed
        self._known: dict[Change, Answer] = {}
        self._resolved: dict[Change, Resolved] = {}
        self._releases: dict[tuple[str, str], tuple[Release, ...] | None] = {}
        self._facts = ComboFacts(combo=combo)
        self.recorded: RecordedRun | None = None
        """The run that all candidates are in; None before the first."""
        self.judged: JudgedRun | None = None
        self.more = 0
        """How many candidates the search has in view beyond those that are being asked."""
        self.resolving = 0
        """How many candidates are being resolved."""

    @property
    def jobs(self) -> int:
        """How many candidates are run at a time."""
        return self._request.machine.jobs

    @property
    def elapsed(self) -> float:
        """Seconds since this search began."""
        return time.monotonic() - self._began

    @property
    def over(self) -> bool:
        """Whether nothing more may run: the budget is spent, or the user stopped the search."""
        return self._stop.requested or self.budget.left == 0

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped the search, and not its budget."""
        return self._stop.reason is not None and is_signal(self._stop.reason)

    @property
    def rules(self) -> Rules:
        """What answers are judged by."""
        return self._request.project.rules

    @property
    def before(self) -> Mapping[str, str]:
        """Canonical name -> version that changes are compared with: what the combo installs, else what it pins."""
        return self._facts.installed or pins_of(self.combo)

    def uploaded(self, package: str, version: str) -> datetime | None:
        """Return when a version was uploaded; None when its index cannot say."""
        wanted = packages.public(version)
        releases = self.releases(package) or ()
        return next((each.uploaded for each in releases if packages.public(str(each.version)) == wanted), None)

    @property
    def probe_seconds(self) -> float:
        """How long a candidate that ran took, on average; 0 before one did."""
        ran = [answer.seconds for answer in self.answers if answer.ran]
        return sum(ran) / len(ran) if ran else 0.0

    def releases(self, package: str) -> tuple[Release, ...] | None:
        """Return the releases of a package for the Python of the combo; None when its index cannot say."""
        python = self._facts.python_version or self.combo.python
        if (package, python) not in self._releases:
            page = self._routed.page(package)
            self._releases[package, python] = read_page(page, python) if page is not None else None
        return self._releases[package, python]

    def installable(self, package: str) -> tuple[Release, ...]:
        """Return the releases that installers choose from, the lowest first: pre-releases where no other exists.

        Those without a wheel only count where no release has one: their builds take long and often fail.
        """
        releases = self.releases(package) or ()
        wheels = [release for release in releases if release.has_wheel]
        if not wheels:
            sources = [release for release in releases if release.files is Files.SOURCE]
            return tuple([each for each in sources if not each.version.is_prerelease] or sources)
        return tuple([release for release in wheels if release.installs] or wheels)

    def versions(self, package: str) -> tuple[Version, ...]:
        """Return the versions of ``installable``, without local parts."""
        return tuple(dict.fromkeys(Version(release.version.public) for release in self.installable(package)))

    def builds(self, package: str) -> tuple[Version, ...]:
        """Return the final versions that have to be built, the lowest first; none where no version has a wheel."""
        releases = self.releases(package) or ()
        built = (Files.SOURCE, Files.ELSEWHERE)
        sources = [each.version for each in releases if each.files in built and not each.version.is_prerelease]
        return tuple(sources) if any(each.has_wheel for each in releases) else ()

    def exists(self, package: str, specifier: SpecifierSet) -> bool | None:
        """Return whether a release meets a specifier; None when the index cannot say."""
        if self.releases(package) is None:
            return None
        return any(specifier.contains(each.version, prereleases=True) for each in self.installable(package))

    def offers(self, package: str) -> bool | None:
        """Return whether the index that a package comes from has any file of it; None when that cannot say."""
        try:
            return self._routed.required_page(package) is not None
        except IndexFault:
            return None

    def yanked(self, package: str) -> bool:
        """Return whether a file of a package was withdrawn."""
        page = self._routed.page(package)
        return page is not None and any(file.yanked for file in page.files)

    def files(self, package: str, version: str) -> tuple[File, ...]:
        """Return the files of a release on the index that the package comes from; none when that cannot say."""
        page, wanted = self._routed.page(package), packages.version(version)
        files = page.files if page is not None else ()
        return tuple(file for file in files if wanted is not None and version_in(file.name) == str(wanted))

    def resolve(self, candidates: Sequence[Candidate]) -> tuple[Resolved, ...]:
        """Return what each candidate would install. No cell runs for it, and nothing is recorded."""
        wanted = {self._whole(each): each for each in candidates if self._whole(each) not in self._resolved}
        combos = tuple(
            replace(self._combo(each, number), id=f"{self.combo.id}-set{number}")
            for number, each in enumerate(wanted.values(), 1)
        )
        self.resolving = len(combos)
        forecasts = plan(replace(self._request, combos=combos), stop=self._stop, sizes=False) if combos else ()
        self.resolving = 0
        rules = self._request.project.rules
        for change, forecast in zip(wanted, forecasts, strict=True):
            cell = judge_combo(forecast.facts, rules)[0] if not forecast.possible else None
            self._resolved[change] = Resolved(
                change=change,
                facts=forecast.facts,
                says=None if cell is None else _says_of(cell.verdict.status),
                message=cell.message if cell is not None else "",
            )
        return tuple(self._resolved[self._whole(each)] for each in candidates)

    def ask_first(self, why: str = "the combo as it is") -> Answer:
        """Ask about the combo itself: its facts show where later changes have to be made."""
        answer = self.ask([Candidate(change=Change(), why=why)])[0]
        self._facts = answer.facts
        installed = answer.facts.installed
        kept = tuple(f"{name}=={installed[name]}" for name in self._keep if name in installed)
        self._kept = Change(requirements=kept)
        return answer

    @property
    def absent(self) -> frozenset[str]:
        """The packages to keep that the combo neither installs nor names; none while that is not known."""
        installed = self._facts.installed
        return self._keep - installed.keys() - named_by(self.combo) if installed else frozenset()

    def ask(self, candidates: Sequence[Candidate], *, fresh: bool = False, more: int = 0) -> tuple[Answer, ...]:
        """Return an answer for each candidate: fewer than asked for when the budget ends; those that come first count.

        With ``fresh``, environments and probes are new, whatever is known. ``more`` candidates are in view after them.
        """
        self.more = more
        candidates = [replace(each, change=each.change.without(self._keep)) for each in candidates]
        wanted: dict[Change, Candidate] = {}
        for candidate in candidates:
            whole = self._whole(candidate)
            if fresh or whole not in self._known:
                wanted.setdefault(whole, candidate)
        left = 0 if self._stop.requested else self.budget.left
        # Every search has an answer for the combo itself: one that is over before it begins says that it is unknown.
        asked = list(wanted.values())[: 1 if left == 0 and not self.answers else left]
        if asked:
            self._watch(self, asked, ())
            answers = self._run(asked, fresh=fresh)
            self._watch(self, asked, answers)
            for answer in answers:
                self.answers.append(answer)
                self._known[self._whole(answer.candidate)] = answer
                self.budget.spent_cells += answer.ran
        answered = {self._whole(each) for each in asked} if fresh else self._known.keys()
        return tuple(
            replace(self._known[whole], candidate=candidate)
            for candidate in candidates
            if (whole := self._whole(candidate)) in answered
        )

    def _whole(self, candidate: Candidate) -> Change:
        return candidate.change.without(self._keep).plus(self.demand).plus(self._kept)

    def _run(self, candidates: Sequence[Candidate], *, fresh: bool) -> tuple[Answer, ...]:
        combos = tuple(self._combo(candidate, number) for number, candidate in enumerate(candidates, 1))
        request = replace(
            self._request,
            combos=combos,
            resume=False,
            fresh=fresh,
            run_id=self.run_id,
            into=self.recorded,
            kept=self._request.project.searches,
            tries_fixes=False,
        )
        run = execute(request, stop=self._stop)
        self.recorded = self._request.project.searches.new(self.run_id)
        self.judged = self._request.project.judge(run)
        facts = {facts.combo.id: facts for facts in run.combos}
        return tuple(
            Answer(
                candidate=candidate,
                facts=facts[combo.id],
                cells=tuple(cell for cell in self.judged.cells if cell.combo.id == combo.id),
            )
            for candidate, combo in zip(candidates, combos, strict=True)
        )

    def _combo(self, candidate: Candidate, number: int) -> Combo:
        change = self._whole(candidate)
        combo_id = f"{self.combo.id}-try{len(self.answers) + number}" if self.answers or number > 1 else self.combo.id
        return apply(change, self.combo, self._facts, self.exists, combo_id=combo_id)


def _says_of(status: Status) -> Says:
    return Says.UNSOLVABLE if status in (Status.UNSOLVABLE, Status.BUILD_FAIL) else Says.UNKNOWN
