"""A pipe where knowngood expects one of its own files keeps nothing waiting: a probe can put one anywhere."""

import os

import pytest

from support.index import Index
from support.project import Project

MATRIX = '[[probe]]\nid = "p"\nsource = "import tiny"\n[[combo]]\nid = "c"\nsteps = [["tiny==1.0"]]\n'


@pytest.mark.parametrize("name", ["matrices/pipe.toml", ".knowngood/searches/m/x/search.json", "runs/m/durations.json"])
@pytest.mark.parametrize("verb", ["list", "run", "report"])
def test_a_pipe_is_passed_over(project: Project, index: Index, name: str, verb: str) -> None:
    project.write(f'[index.local]\nurl = "{index.url}"\n{MATRIX}')
    project.run("run", "-q")
    place = project.folder / (f".knowngood/{name}" if name.startswith("runs") else name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    os.mkfifo(place)

    started = project.start(verb)
    printed, errors = started.communicate(timeout=30)

    assert started.returncode == 0, printed + errors


ATTACK = """
import glob, os, tiny

(record,) = glob.glob(os.path.join(PLACE, "tiny-*", "RECORD"))
os.remove(record)
os.mkfifo(record)
os.chmod(tiny.__file__, os.stat(tiny.__file__).st_mode)
""".replace("PLACE", "next(path for path in __import__('sys').path if path.endswith('site-packages'))")


def test_a_pipe_in_place_of_a_record_keeps_no_run_waiting(project: Project, index: Index) -> None:
    head = f'[matrix]\nisolation = "none"\n[index.local]\nurl = "{index.url}"\n'
    project.write(
        f"{head}[[probe]]\nid = \"p\"\nsource = '''{ATTACK}'''\n" + '[[combo]]\nid = "c"\nsteps = [["tiny==1.0"]]\n'
    )

    started = project.start("run")
    printed, errors = started.communicate(timeout=60)

    assert started.returncode == 0, printed + errors
