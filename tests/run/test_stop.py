"""Tests of the request to end a run early."""

import signal
import threading
import time

from knowngood.run.stop import Stop


def wait_until(calls: list[str], count: int) -> None:
    deadline = time.monotonic() + 5
    while len(calls) < count and time.monotonic() < deadline:
        time.sleep(0.01)


def test_the_first_reason_counts_and_is_known_at_once() -> None:
    stop = Stop()
    assert (stop.requested, stop.reason) == (False, None)

    stop("SIGTERM")
    stop("SIGINT")

    assert (stop.requested, stop.reason) == (True, "SIGTERM")


def test_an_action_is_called_when_the_end_is_requested_and_only_inside_its_block() -> None:
    stop, calls = Stop(), list[str]()
    with stop.calls(lambda: calls.append("earlier")):
        pass
    with stop.calls(lambda: calls.append("inside")):
        stop("SIGTERM")
        wait_until(calls, 1)

    assert calls == ["inside"]


def test_an_action_is_called_at_once_when_the_end_was_requested_before() -> None:
    stop, calls = Stop(), list[str]()
    stop("SIGTERM")

    with stop.calls(lambda: calls.append("late")):
        assert "late" in calls


def test_waiting_ends_as_soon_as_the_end_is_requested() -> None:
    stop = Stop()
    assert not stop.wait(0.01)
    threading.Timer(0.05, stop, ["SIGTERM"]).start()

    started = time.monotonic()

    assert stop.wait(30)
    assert time.monotonic() - started < 10
    assert stop.wait(30), "it stays requested"


def test_a_signal_handler_can_request_the_end_while_an_action_holds_the_lock() -> None:
    stop, entered, go_on = Stop(), threading.Event(), threading.Event()

    def act() -> None:
        entered.set()
        go_on.wait(10)

    before = signal.signal(signal.SIGUSR1, lambda number, frame: stop(signal.Signals(number).name))
    try:
        with stop.calls(act):
            stop("SIGTERM")
            assert entered.wait(5)
            started = time.monotonic()
            signal.raise_signal(signal.SIGUSR1)
            took = time.monotonic() - started
            go_on.set()
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert took < 5
    assert stop.reason == "SIGTERM"
