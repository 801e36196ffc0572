"""What a budget means for a command that searches about several combos."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.conftest import Universe


def test_the_searches_of_one_command_share_its_budget(universe: "Universe") -> None:
    universe.release("lib", "1.0", files={"lib.py": "def call(): pass\n"})
    universe.release("lib", "2.0", files={"lib.py": "def renamed(): pass\n"})
    combos = "".join(f'[[combo]]\nid = "c{number}"\nsteps = [["lib>={number}"]]\n' for number in range(2))
    universe.matrix(combos, "import lib\nlib.call()")

    first, second = json.loads(universe.fix("c0", "c1", "--cells", "4", "--format", "json").stdout)

    assert (first["cells"], first["ended"]) == (4, "budget")
    assert (second["class"], second["ended"]) == ("none found", "budget"), "nothing was left for it"
    assert second["seconds"] < first["seconds"], "each says how long itself took"
