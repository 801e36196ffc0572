"""Tests of the live terminal: what it shows of a run, and what it leaves out."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from itertools import count
from pathlib import Path

import pytest
from rich.console import Console

from knowngood.cli.live.display import Board, Lines, Progress, Silence, choose
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    Event,
    FactsReused,
    Folding,
    IndexChosen,
    Interrupted,
    PhaseStarted,
    Retrying,
    RunFinished,
    RunResumed,
    RunStarted,
    StepInstalled,
    StepResolved,
    fold,
)
from knowngood.model import Action, Cell, ComboFacts, Ending, Exit, Phase, Reason, Reused, Run, RunInfo, Status
from report.factory import cell, combo, mission, passing
from support.declared import declared

EARLIER = Reused(run="r0", combo="legacy", recorded="2026-01-02T03:04:05+00:00", key="k")
GOOD = Exit(ending=Ending.EXITED, code=0)
BAD = Exit(ending=Ending.EXITED, code=1)
LEGACY, LOOSE = combo("legacy"), combo("loose")


def judge(facts: ComboFacts, info: RunInfo) -> tuple[Cell, ...]:
    """Pass what installed something and fail the rest: enough to see that the display judges the folded facts."""
    if facts.installed:
        return (passing(facts.combo),)
    failed = (Status.FAIL, Phase.INSTALL, Reason.CHECK_FAILED)
    return (cell(facts.combo, *failed, as_expected=False, message="no \x1b[31m[red]numpy\x1b]0;owned\x07"),)


def resolved(name: str, step: int, *, end: Exit = GOOD) -> Event:
    action = Action(exit=end, seconds=0.9, log="resolve.log")
    return StepResolved(
        combo=name, step=step, requirements=("numpy",), action=action, resolved={"numpy": "2", "six": "1"}
    )


def installed(name: str, step: int, *, end: Exit = GOOD) -> Event:
    action = Action(exit=end, seconds=4.1, log="install.log")
    return StepInstalled(
        combo=name, step=step, requirements=("numpy",), action=action, installed={"numpy": "2"} if end.ok else None
    )


def events() -> list[Event]:
    run = mission().run
    return [
        RunStarted(info=run.info, combos=(LEGACY, LOOSE)),
        IndexChosen(choice=replace(run.indexes[0], why="no answer in 10 s")),
        ComboStarted(combo="legacy"),
        PhaseStarted(combo="legacy", phase=Phase.RESOLVE, detail="step 1/3: numpy==1.24.3"),
        resolved("legacy", 1),
        ComboStarted(combo="loose"),
        PhaseStarted(combo="loose", phase=Phase.RESOLVE, detail="step 1/3: [bold]numpy"),
        Retrying(combo="loose", phase=Phase.RESOLVE, why="connection refused", delay=2.0),
        PhaseStarted(combo="legacy", phase=Phase.INSTALL, detail="step 1/3: numpy==1.24.3", log="install.log"),
        installed("legacy", 1),
        PhaseStarted(combo="legacy", phase=Phase.PROBE, detail="embedding"),
        installed("loose", 1, end=BAD),
        ComboFinished(combo="legacy"),
        ComboFinished(combo="loose"),
        RunFinished(),
    ]


LINES = """\
       Index           the default index instead of pytorch-cpu (no answer in 10 s)
    Resolved [   0.9s] legacy step 1/3: 2 packages
    Retrying           loose resolve: connection refused
   Installed [   4.1s] legacy step 1/3
        PASS [   8.3s] legacy embedding
        FAIL [   8.3s] loose embedding: no [red]numpy
"""


def console(*, terminal: bool, width: int = 80, height: int = 25) -> tuple[Console, StringIO]:
    stream = StringIO()
    environ = {"TERM": "xterm-256color"}
    made = Console(
        file=stream, force_terminal=terminal, width=width, height=height, _environ=environ, color_system=None
    )
    return made, stream


class Fed:
    """Hands events to a display as the engine does: with the folding that contains them already."""

    def __init__(self, display: Callable[[Event, Folding], object], begun: Run | None = None) -> None:
        self._display = display
        self._folding = Folding(begun)

    def __call__(self, *events: Event) -> None:
        for event in events:
            self._folding(event)
            self._display(event, self._folding)


def timed(progress: Progress, begun: Run | None = None) -> Callable[[Event, float], None]:
    """Return a function that hands an event to ``progress`` as one that happened at a time."""
    folding = Folding(begun)

    def feed(event: Event, now: float) -> None:
        folding(event)
        progress(event, folding, now)

    return feed


def ticking(step: float = 1.0) -> Callable[[], float]:
    ticks: Iterator[float] = count(0.0, step)
    return lambda: next(ticks)


def test_lines_report_each_thing_that_ended() -> None:
    out, stream = console(terminal=False)
    with Lines(console=out, judge=judge) as display:
        Fed(display)(*events())
    assert stream.getvalue() == LINES


def test_lines_of_a_resumed_run_judge_the_facts_recorded_before_it() -> None:
    out, stream = console(terminal=False)
    begun = fold(events()[:5])
    with Lines(console=out, judge=judge) as display:
        Fed(display, begun)(RunResumed(), *events()[9:13])
    lines = stream.getvalue().splitlines()
    run = mission().run.info.id
    assert lines[0] == f"    Resuming           run {run}: 0 of 2 combos are done (--fresh starts over)"
    assert lines[-1] == "        PASS [   8.3s] legacy embedding"


def test_lines_report_an_interrupted_run() -> None:
    out, stream = console(terminal=False)
    Fed(Lines(console=out, judge=judge))(RunStarted(info=mission().run.info, combos=()), Interrupted(signal="SIGTERM"))
    assert stream.getvalue() == " Interrupted           by SIGTERM: unfinished combos are marked not-run\n"


def test_color_is_used_on_terminals_only_and_never_without_a_word() -> None:
    stream = StringIO()
    colored = Console(file=stream, force_terminal=True, color_system="standard", _environ={"TERM": "xterm"}, width=80)
    Fed(Lines(console=colored, judge=judge))(*events())
    assert "\x1b[1;32m        PASS\x1b[0m" in stream.getvalue()
    assert "\x1b]0;" not in stream.getvalue()


def test_the_board_shows_what_each_combo_is_doing() -> None:
    out, _ = console(terminal=True, width=60)
    board = Board(console=out, judge=judge, past={"legacy": 60.0, "loose": 100.0}, clock=ticking(0.5))
    Fed(board)(*events()[:8])
    assert drawn(board, width=60) == [
        "   Resolving [   2.5s] legacy step 1/3: numpy==1.24.3",
        "     Waiting [   0.5s] loose to resolve again",
        "     Running [   5.0s] 0/2 done, about 1m38s left",
    ]


def test_the_board_prints_the_lines_that_stay_above_itself() -> None:
    out, stream = console(terminal=True, width=130)
    with Board(console=out, judge=judge, past={}) as board:
        Fed(board)(*events())
    printed = [line for line in stream.getvalue().replace("\r", "\n").split("\n") if line]
    for line in LINES.splitlines():
        routine = line.split()[0] in {"Resolved", "Installed"}
        assert any(shown.endswith(line) for shown in printed) is not routine, line


def test_a_board_of_many_combos_fits_the_terminal() -> None:
    out, _ = console(terminal=True, height=8)
    board = Board(console=out, judge=judge, past={}, clock=ticking())
    combos = tuple(combo(f"combo-{number}") for number in range(40))
    started = [ComboStarted(combo=combo.id) for combo in combos[:20]]
    Fed(board)(RunStarted(info=mission().run.info, combos=combos), *started)
    lines = drawn(board)
    assert len(lines) == 6
    assert lines[-1].endswith("0/40 done, 15 more running")


def test_a_board_is_cut_to_a_narrow_terminal() -> None:
    out, _ = console(terminal=True, width=40)
    board = Board(console=out, judge=judge, past={}, clock=ticking())
    Fed(board)(*events()[:8])
    assert all(len(line) <= 40 for line in drawn(board, width=40))


def test_the_board_closes_when_the_run_raises() -> None:
    out, stream = console(terminal=True)
    with pytest.raises(OSError, match="full"), Board(console=out, judge=judge, past={}) as board:
        Fed(board)(events()[0])
        raise OSError("disk full")
    assert stream.getvalue().rstrip().endswith("\x1b[2K")
    assert "\x1b[?25h" in stream.getvalue()


def test_events_from_many_threads_do_not_deadlock_with_the_refresh() -> None:
    out, stream = console(terminal=True)
    combos = tuple(combo(f"combo-{number}") for number in range(8))
    with Board(console=out, judge=judge, past={}) as board:
        feed = Fed(board)
        feed(RunStarted(info=mission().run.info, combos=combos))

        def play(name: str) -> None:
            feed(ComboStarted(combo=name))
            for step in range(20):
                feed(PhaseStarted(combo=name, phase=Phase.INSTALL, detail=f"step {step}"))
                feed(installed(name, 1))
            feed(ComboFinished(combo=name))

        threads = [threading.Thread(target=play, args=(combo.id,), daemon=True) for combo in combos]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
        assert not any(thread.is_alive() for thread in threads)
    assert stream.getvalue().count("PASS") == 8


@pytest.mark.parametrize(
    ("asked", "is_tty", "term", "kind"),
    [
        ("auto", True, "xterm", Board),
        ("auto", False, "xterm", Lines),
        ("auto", True, "dumb", Lines),
        ("lines", True, "xterm", Lines),
        ("board", False, "xterm", Board),
        ("none", True, "xterm", Silence),
    ],
)
def test_the_display_fits_the_terminal_and_the_option(asked: str, is_tty: bool, term: str, kind: type) -> None:
    out = Console(file=StringIO(), force_terminal=True, _environ={"TERM": term})
    with choose(asked, console=out, is_tty=is_tty, judge=judge, past={}) as display:  # type: ignore[arg-type]
        Fed(display)(events()[0])
    assert type(display) is kind


def test_the_estimate_divides_the_rest_by_the_combos_that_run_side_by_side() -> None:
    progress = Progress({"a": 10.0, "b": 30.0, "c": 40.0})
    feed = timed(progress)
    assert progress.left(0.0) is None
    feed(RunStarted(info=mission().run.info, combos=tuple(map(combo, "abc"))), 0.0)
    feed(ComboStarted(combo="a"), 0.0)
    feed(ComboStarted(combo="b"), 0.0)
    assert progress.left(0.0) == 40.0
    assert progress.left(10.0) == 40.0
    feed(ComboFinished(combo="a"), 12.0)
    assert (len(progress.done), progress.total) == (1, 3)
    assert progress.left(12.0) == 18.0 + 40.0


def test_the_estimate_of_a_first_run_uses_the_mean_of_the_finished_combos() -> None:
    progress = Progress({})
    feed = timed(progress)
    feed(RunStarted(info=mission().run.info, combos=tuple(map(combo, "abc"))), 0.0)
    feed(ComboStarted(combo="a"), 0.0)
    assert progress.left(5.0) is None
    feed(ComboFinished(combo="a"), 20.0)
    feed(ComboStarted(combo="b"), 20.0)
    assert progress.left(25.0) == 15.0 + 20.0


def test_the_progress_of_a_resumed_run_counts_the_combos_finished_before_it() -> None:
    progress = Progress({})
    timed(progress, fold(events()[:13]))(RunResumed(), 0.0)
    assert (len(progress.done), progress.total) == (1, 2)


def test_a_combo_that_waits_for_its_environment_costs_no_time() -> None:
    progress = Progress({})
    feed = timed(progress)
    alone = replace(combo("a"), steps=declared(("numpy",)))
    feed(RunStarted(info=mission().run.info, combos=(alone, combo("b"))), 0.0)
    feed(ComboStarted(combo="a"), 0.0)
    feed(resolved("a", 1), 2.0)
    assert list(progress.active) == []
    feed(PhaseStarted(combo="a", phase=Phase.CREATE, detail=""), 100.0)
    feed(ComboFinished(combo="a"), 108.0)
    feed(ComboStarted(combo="b"), 108.0)
    assert progress.left(108.0) == 10.0


def test_a_reused_combo_does_not_count_for_the_estimate() -> None:
    progress = Progress({})
    feed = timed(progress)
    feed(RunStarted(info=mission().run.info, combos=tuple(map(combo, "ab"))), 0.0)
    feed(ComboStarted(combo="a"), 0.0)
    feed(FactsReused(combo="a", reused=EARLIER), 0.1)
    feed(ComboFinished(combo="a"), 0.1)
    feed(ComboStarted(combo="b"), 0.1)
    assert progress.left(0.1) is None


FETCHED = "Downloading numpy (2.0MiB)\nDownloading torch (1.0GiB)\n Downloaded numpy\n"
INSTALLING = PhaseStarted(combo="legacy", phase=Phase.INSTALL, detail="step 1/3: numpy", log="install.log")


def fetched(name: str) -> StepInstalled:
    action = Action(exit=GOOD, seconds=4.1, log="install.log", output=FETCHED)
    return StepInstalled(combo=name, step=1, requirements=("numpy",), action=action, installed={"numpy": "2"})


def test_the_board_shows_what_is_being_downloaded_and_how_much_was_downloaded(tmp_path: Path) -> None:
    out, _ = console(terminal=True)
    board = Board(console=out, judge=judge, past={}, runs=tmp_path, clock=ticking(0.5))
    log = tmp_path / mission().run.info.id / "install.log"
    log.parent.mkdir()
    log.write_text(FETCHED, encoding="utf-8")
    feed = Fed(board)
    feed(*events()[:2], INSTALLING)
    assert [line[23:] for line in drawn(board)] == ["legacy downloads torch (1.1 GB)", "0/2 done, 2.1 MB downloaded"]
    feed(fetched("legacy"))
    assert drawn(board)[-1].endswith("0/2 done, 2.1 MB downloaded"), "once, not twice"


def test_the_downloads_of_an_earlier_run_are_not_counted() -> None:
    progress = Progress({})
    feed = timed(progress)
    feed(RunStarted(info=mission().run.info, combos=(LEGACY,)), 0.0)
    feed(PhaseStarted(combo="legacy", phase=Phase.INSTALL, detail="the environment of an earlier run"), 0.0)
    feed(fetched("legacy"), 0.0)
    assert progress.downloaded == 0


def test_the_line_of_a_reused_verdict_says_so_and_shows_no_duration() -> None:
    out, stream = console(terminal=False)
    known = replace(passing(LEGACY), reused=EARLIER)
    Fed(Lines(console=out, judge=lambda facts, info: (known,)))(events()[0], ComboFinished(combo="legacy"))
    assert stream.getvalue() == "        PASS           legacy embedding (reused, 2026-01-02)\n"


def test_the_installs_of_an_earlier_run_are_not_reported_again() -> None:
    out, stream = console(terminal=False)
    feed = Fed(Lines(console=out, judge=judge))
    feed(events()[0], PhaseStarted(combo="legacy", phase=Phase.INSTALL, detail="the environment of an earlier run"))
    feed(FactsReused(combo="loose", reused=EARLIER), installed("legacy", 1), installed("loose", 1))
    assert stream.getvalue() == "     Reusing           legacy: the environment of an earlier run\n"


def drawn(board: Board, *, width: int = 80) -> list[str]:
    """Return the lines of the board as a terminal of this width would show them now."""
    stream = StringIO()
    Console(file=stream, width=width, color_system=None, _environ={}).print(board.render())
    return stream.getvalue().splitlines()
