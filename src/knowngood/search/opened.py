"""Open the oracle of a search: with a run of its own, the indexes, and an end."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from knowngood.install.routing import routing
from knowngood.model import Combo
from knowngood.run.request import RunRequest
from knowngood.run.stop import Stop
from knowngood.run.work import routes
from knowngood.search.ask import Budget, Oracle, Watch
from knowngood.search.changes import Change


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
        ends.after(budget.seconds, "the budget"),
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
