"""Provoke faults for some minutes and print how often each promise held. See ``python bench/soak.py --help``.

The Python that runs this needs knowngood and the dependencies of its tests.
"""

import argparse
import itertools
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.faults import OFTEN, TRIALS, BrokenError, Trial, build_goods, usual_seconds  # noqa: E402
from bench.promises import Tally, publish  # noqa: E402
from knowngood.run import host  # noqa: E402

PAGE = ROOT / "docs" / "reliability.md"


def main() -> None:
    """Run every kind of fault in turn, each at least once, until the time is over."""
    parser = argparse.ArgumentParser(description="Provoke faults and print how often each promise held.")
    parser.add_argument("--minutes", type=float, default=10.0, help="for how long (default: 10)")
    parser.add_argument("--seed", type=int, help="the same random choices again")
    parser.add_argument("--jobs", type=int, default=2, help="how many faults at a time (default: 2)")
    parser.add_argument(
        "--patience", type=float, default=1.0, help="times its limit that a promise may take (default: 1)"
    )
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.relative_to(ROOT)}")
    arguments = parser.parse_args()
    # A shell ignores Ctrl-C for what it starts in the background, and the runs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    tally, broken = Tally(patience=arguments.patience), []

    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ["UV_CACHE_DIR"] = str(folder / "uv")
        goods = build_goods(folder / "goods")
        usual_seconds(folder / "first", goods)
        usual = usual_seconds(folder / "usual", goods)
        print(f"seed {seed}; a run without faults takes {usual:.1f} s", flush=True)

        def attempt(number: int, kind: Callable[[Trial], None]) -> None:
            trial = Trial(
                folder=folder / str(number),
                goods=goods,
                tally=tally,
                random=random.Random(f"{seed} {number}"),
                usual=usual,
            )
            began, word = time.monotonic(), "held"
            try:
                kind(trial)
            except Exception as error:  # whatever a trial misses is a broken promise
                why = str(error) if isinstance(error, BrokenError) else repr(error)
                broken.append(f"{kind.__name__}, number {number}: {why}")
                word = f"BROKEN: {why}"
            print(f"{time.monotonic() - began:6.1f} s  {kind.__name__}: {word}", flush=True)

        begun = time.monotonic()
        with ThreadPoolExecutor(arguments.jobs) as pool:
            slots = threading.Semaphore(arguments.jobs)
            for number, kind in _kinds(begun + arguments.minutes * 60):
                slots.acquire()
                pool.submit(attempt, number, kind).add_done_callback(lambda _: slots.release())
        minutes = (time.monotonic() - begun) / 60

    print(f"\n{tally.table()}")
    if arguments.write:
        cores = f"{os.cpu_count()} cores"
        measured = f"Measured on {datetime.now(UTC):%Y-%m-%d} in {minutes:.0f} minutes on {host.machine()}, {cores}.\n"
        publish(PAGE, f"{measured}\n{tally.table()}")
    if not tally.all_held or broken:
        sys.exit("\n".join(["promises were broken:", *broken]))


def _kinds(deadline: float) -> Iterator[tuple[int, Callable[[Trial], None]]]:
    """Yield each kind of trial once, and then each as often as it is due until the deadline, with its number."""
    round_ = [kind for kind in TRIALS for _ in range(OFTEN.get(kind, 1))]
    for number, kind in enumerate(itertools.chain(TRIALS, itertools.cycle(round_))):
        if number >= len(TRIALS) and time.monotonic() >= deadline:
            return
        yield number, kind


if __name__ == "__main__":
    main()
