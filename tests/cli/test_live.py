import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from itertools import count
from pathlib import Path

import pytest
from rich.console import Console

from knowngood.cli.live.display import Board, Lines, Silence, choose
from knowngood.cli.live.progress import Progress
from knowngood.events import (
    ComboFinished,
    ComboStarted,
    Event,
    FactsReused,
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
from knowngood.model import Action, Cell, ComboFacts, Ending, Exit, Phase, Reason, Reused, Status
from report.factory import cell, combo, mission, passing

EARLIER = Reused(run="r0", combo="legacy", recorded="2026-01-02T03:04:05+00:00", key="k")
GOOD = Exit(ending=Ending.EXITED, code=0)
BAD = Exit(ending=Ending.EXITED, code=1)
LEGACY, LOOSE = combo("legacy"), combo("loose")


def judge(facts: ComboFacts) -> tuple[Cell, ...]:
    """Pass what installed something and fail the rest: enough to see that the sink judges the facts it folded."""
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
       Index           pytorch-cpu not used, but the default index: no answer in 10 s
    Resolved [   0.9s] legacy step 1/3: 2 packages
    Retrying           loose resolve: connection refused
   Installed [   4.1s] legacy step 1/3
        PASS [   8.3s] legacy embedding
        FAIL [   8.3s] loose embedding, expected pass: no [red]numpy
"""


def console(*, terminal: bool, width: int = 80, height: int = 25) -> tuple[Console, StringIO]:
    stream = StringIO()
    environ = {"TERM": "xterm-256color"}
    made = Console(
        file=stream, force_terminal=terminal, width=width, height=height, _environ=environ, color_system=None
    )
    return made, stream


def ticking(step: float = 1.0) -> Callable[[], float]:
    ticks: Iterator[float] = count(0.0, step)
    return lambda: next(ticks)


def test_lines_tell_what_came_to_an_end() -> None:
    out, stream = console(terminal=False)
    with Lines(console=out, judge=judge) as sink:
        for event in events():
            sink(event)
    assert stream.getvalue() == LINES


def test_lines_tell_a_resumed_run_from_the_facts_recorded_before() -> None:
    out, stream = console(terminal=False)
    with Lines(console=out, judge=judge, resumed=fold(events()[:5])) as sink:
        sink(RunResumed())
        for event in events()[9:13]:
            sink(event)
    assert stream.getvalue().splitlines()[-1] == "        PASS [   8.3s] legacy embedding"


def test_lines_say_that_the_run_was_stopped() -> None:
    out, stream = console(terminal=False)
    Lines(console=out, judge=judge)(Interrupted(signal="SIGTERM"))
    assert stream.getvalue() == "     Stopped           SIGTERM: what had not ended is not run\n"


def test_colour_is_only_for_terminals_and_never_alone() -> None:
    stream = StringIO()
    coloured = Console(file=stream, force_terminal=True, color_system="standard", _environ={"TERM": "xterm"}, width=80)
    sink = Lines(console=coloured, judge=judge)
    for event in events():
        sink(event)
    assert "\x1b[1;32m        PASS\x1b[0m" in stream.getvalue()
    assert "\x1b]0;" not in stream.getvalue()


def test_the_board_shows_what_each_combo_is_doing() -> None:
    out, _ = console(terminal=True, width=60)
    board = Board(console=out, judge=judge, past={"legacy": 60.0, "loose": 100.0}, clock=ticking(0.5))
    for event in events()[:8]:
        board(event)
    assert drawn(board, width=60) == [
        "   Resolving [   2.5s] legacy step 1/3: numpy==1.24.3",
        "     Waiting [   0.5s] loose to resolve again",
        "     Running [   5.0s] 0/2 done, about 1m38s left",
    ]


def test_the_board_prints_above_itself_what_matters_after_it() -> None:
    out, stream = console(terminal=True, width=130)
    with Board(console=out, judge=judge, past={}) as board:
        for event in events():
            board(event)
    printed = [line for line in stream.getvalue().replace("\r", "\n").split("\n") if line]
    for line in LINES.splitlines():
        routine = line.split()[0] in {"Resolved", "Installed"}
        assert any(each.endswith(line) for each in printed) is not routine, line


def test_a_board_of_many_combos_fits_the_terminal() -> None:
    out, _ = console(terminal=True, height=8)
    board = Board(console=out, judge=judge, past={}, clock=ticking())
    combos = tuple(combo(f"combo-{number}") for number in range(40))
    board(RunStarted(info=mission().run.info, combos=combos))
    for each in combos[:20]:
        board(ComboStarted(combo=each.id))
    lines = drawn(board)
    assert len(lines) == 6
    assert lines[-1].endswith("0/40 done, 15 more running")


def test_a_board_is_cut_to_a_narrow_terminal() -> None:
    out, _ = console(terminal=True, width=40)
    board = Board(console=out, judge=judge, past={}, clock=ticking())
    for event in events()[:8]:
        board(event)
    assert all(len(line) <= 40 for line in drawn(board, width=40))


def test_the_board_closes_when_the_run_raises() -> None:
    out, stream = console(terminal=True)
    with pytest.raises(OSError, match="full"), Board(console=out, judge=judge, past={}) as board:
        board(events()[0])
        raise OSError("disk full")
    assert stream.getvalue().rstrip().endswith("\x1b[2K")
    assert "\x1b[?25h" in stream.getvalue()


def test_events_from_many_threads_do_not_deadlock_with_the_refresh() -> None:
    out, stream = console(terminal=True)
    combos = tuple(combo(f"combo-{number}") for number in range(8))
    with Board(console=out, judge=judge, past={}) as board:
        board(RunStarted(info=mission().run.info, combos=combos))

        def play(name: str) -> None:
            board(ComboStarted(combo=name))
            for step in range(20):
                board(PhaseStarted(combo=name, phase=Phase.INSTALL, detail=f"step {step}"))
                board(installed(name, 1))
            board(ComboFinished(combo=name))

        threads = [threading.Thread(target=play, args=(each.id,), daemon=True) for each in combos]
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
def test_the_sink_fits_the_terminal_and_the_wish(asked: str, is_tty: bool, term: str, kind: type) -> None:
    out = Console(file=StringIO(), force_terminal=True, _environ={"TERM": term})
    with choose(asked, console=out, is_tty=is_tty, judge=judge, past={}) as sink:  # type: ignore[arg-type]
        sink(events()[0])
    assert type(sink) is kind


def test_the_estimate_shares_the_rest_among_what_runs_side_by_side() -> None:
    progress = Progress({"a": 10.0, "b": 30.0, "c": 40.0})
    assert progress.left(0.0) is None
    progress(RunStarted(info=mission().run.info, combos=tuple(map(combo, "abc"))), 0.0)
    progress(ComboStarted(combo="a"), 0.0)
    progress(ComboStarted(combo="b"), 0.0)
    assert progress.left(0.0) == 40.0
    assert progress.left(10.0) == 40.0
    progress(ComboFinished(combo="a"), 12.0)
    assert (len(progress.done), progress.total) == (1, 3)
    assert progress.left(12.0) == 18.0 + 40.0


def test_the_estimate_of_a_first_run_is_the_mean_of_what_is_done() -> None:
    progress = Progress({})
    progress(RunStarted(info=mission().run.info, combos=tuple(map(combo, "abc"))), 0.0)
    progress(ComboStarted(combo="a"), 0.0)
    assert progress.left(5.0) is None
    progress(ComboFinished(combo="a"), 20.0)
    progress(ComboStarted(combo="b"), 20.0)
    assert progress.left(25.0) == 15.0 + 20.0


def test_a_resumed_run_counts_what_was_done_before() -> None:
    progress = Progress({}, fold(events()[:13]))
    assert (len(progress.done), progress.total) == (1, 2)


def test_what_waits_between_its_lock_and_its_environment_costs_no_time() -> None:
    progress = Progress({})
    alone = replace(combo("a"), steps=(("numpy",),))
    progress(RunStarted(info=mission().run.info, combos=(alone, combo("b"))), 0.0)
    progress(ComboStarted(combo="a"), 0.0)
    progress(resolved("a", 1), 2.0)
    assert list(progress.active) == []
    progress(PhaseStarted(combo="a", phase=Phase.CREATE, detail=""), 100.0)
    progress(ComboFinished(combo="a"), 108.0)
    progress(ComboStarted(combo="b"), 108.0)
    assert progress.left(108.0) == 10.0


def test_what_was_taken_over_says_nothing_of_how_long_the_others_take() -> None:
    progress = Progress({})
    progress(RunStarted(info=mission().run.info, combos=tuple(map(combo, "ab"))), 0.0)
    progress(ComboStarted(combo="a"), 0.0)
    progress(FactsReused(combo="a", reused=EARLIER), 0.1)
    progress(ComboFinished(combo="a"), 0.1)
    progress(ComboStarted(combo="b"), 0.1)
    assert progress.left(0.1) is None


FETCHED = "Downloading numpy (2.0MiB)\nDownloading torch (1.0GiB)\n Downloaded numpy\n"
INSTALLING = PhaseStarted(combo="legacy", phase=Phase.INSTALL, detail="step 1/3: numpy", log="install.log")


def fetched(name: str) -> StepInstalled:
    action = Action(exit=GOOD, seconds=4.1, log="install.log", output=FETCHED)
    return StepInstalled(combo=name, step=1, requirements=("numpy",), action=action, installed={"numpy": "2"})


def test_the_board_shows_what_is_being_downloaded_and_how_much_was(tmp_path: Path) -> None:
    out, _ = console(terminal=True)
    board = Board(console=out, judge=judge, past={}, folder=tmp_path, clock=ticking(0.5))
    (tmp_path / "install.log").write_text(FETCHED, encoding="utf-8")
    for event in (*events()[:2], INSTALLING):
        board(event)
    assert [line[23:] for line in drawn(board)] == ["legacy downloads torch (1.1 GB)", "0/2 done, 2.1 MB downloaded"]
    board(fetched("legacy"))
    assert drawn(board)[-1].endswith("0/2 done, 2.1 MB downloaded"), "once, not twice"


def test_what_an_earlier_run_downloaded_is_not_counted_again() -> None:
    progress = Progress({})
    progress(RunStarted(info=mission().run.info, combos=(LEGACY,)), 0.0)
    progress(PhaseStarted(combo="legacy", phase=Phase.INSTALL, detail="an environment that was kept"), 0.0)
    progress(fetched("legacy"), 0.0)
    assert progress.downloaded == 0


def test_a_verdict_that_was_taken_over_says_so_and_took_no_time() -> None:
    out, stream = console(terminal=False)
    known = replace(passing(LEGACY), reused=EARLIER)
    sink = Lines(console=out, judge=lambda facts: (known,))
    sink(events()[0])
    sink(ComboFinished(combo="legacy"))
    assert stream.getvalue() == "        PASS           legacy embedding (cached, 2026-01-02)\n"


def test_what_an_earlier_run_installed_is_not_told_as_if_it_were_done_now() -> None:
    out, stream = console(terminal=False)
    sink = Lines(console=out, judge=judge)
    sink(events()[0])
    sink(PhaseStarted(combo="legacy", phase=Phase.INSTALL, detail="an environment that was kept"))
    sink(FactsReused(combo="loose", reused=EARLIER))
    for name in ("legacy", "loose"):
        sink(installed(name, 1))
    assert stream.getvalue() == "        Kept           legacy: its environment of an earlier run\n"


def drawn(board: Board, *, width: int = 80) -> list[str]:
    """Return the lines of the board as a terminal of this width would show them now."""
    stream = StringIO()
    Console(file=stream, width=width, color_system=None, _environ={}).print(board.render())
    return stream.getvalue().splitlines()
