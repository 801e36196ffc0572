"""What a search shows while it works: a board on a terminal, and lines elsewhere."""

import os
import subprocess
import threading
from typing import TYPE_CHECKING

from search.test_fix import plant

if TYPE_CHECKING:
    from search.conftest import Universe

COMBO = '[[combo]]\nid = "loose"\nsteps = [["app"]]\n'
SLOW = "import time\ntime.sleep(0.6)\nimport app"


def on_a_terminal(universe: "Universe", *arguments: str) -> tuple[str, str]:
    """Run ``knowngood`` with standard error on a terminal; return what is on standard output and on the terminal."""
    terminal, inside = os.openpty()
    environment = universe.project.environment(**universe.environment) | {"TERM": "xterm", "COLUMNS": "150"}
    shown: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(terminal, 65536):
                shown.append(data)
        except OSError:  # Linux says so when the other side is closed.
            return

    process = subprocess.Popen(
        universe.project.command(*arguments),
        cwd=universe.project.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=inside,
        text=True,
    )
    os.close(inside)
    reader = threading.Thread(target=read)
    reader.start()
    output, _ = process.communicate(timeout=240)
    reader.join()
    os.close(terminal)
    return output, b"".join(shown).decode()


def test_a_board_shows_what_a_search_tries_and_why_what_it_knows_and_how_long_it_may_take(
    universe: "Universe",
) -> None:
    plant(universe)
    universe.matrix(COMBO, SLOW)

    output, shown = on_a_terminal(universe, "fix", "loose", "--budget", "20m")

    assert output.startswith("fix lib<2 (verified)\n"), "the board is on standard error alone"
    assert "Trying" in shown and "lib<2 (the diagnosis" in shown
    assert "Known" in shown and "1 asked: 1 fail" in shown
    assert "; lib<2 works" in shown
    assert "more in view, at most about" in shown
    assert "of the budget left" in shown
    assert "✓ works lib<2" in shown, "each answer has a line above the board"


def test_lines_in_a_log_say_the_same(universe: "Universe") -> None:
    plant(universe)
    universe.matrix(COMBO, "import app")

    lines = universe.fix("loose", "--cells", "9").stderr.splitlines()

    assert lines[0].endswith(", 0 asked; 9 cells of the budget left; trying")
    assert lines[1] == "  as it is (the combo as it is)"
    assert lines[3].startswith(lines[3].partition(",")[0] + ", 1 asked: 1 fail; about ")
    assert any("; lib<2 works; about" in line for line in lines)
    assert not any("\x1b" in line for line in lines)
