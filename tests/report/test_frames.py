"""Tracebacks, reduced to one frame for each package."""

from itertools import count

import pytest

from knowngood.model import Frame
from knowngood.report.explanation import crossings, place

SITE = "/home/me/env/lib/python3.11/site-packages/"
PROBE = "/home/me/runs/1/probe.py"
LINES = count(1)


def frames(*files: str) -> tuple[Frame, ...]:
    """Return frames of ``files``, the innermost first."""
    return tuple(Frame(file=file, line=next(LINES), function="f") for file in files)


def files(*given: str) -> list[str]:
    return [frame.file.removeprefix(SITE) for frame in crossings(frames(*given))]


def test_each_package_has_only_the_frame_that_called_another_package() -> None:
    given = (f"{SITE}numpy/__init__.py", f"{SITE}gym/b.py", f"{SITE}gym/a.py", PROBE, PROBE)
    assert files(*given) == ["numpy/__init__.py", "gym/b.py", PROBE]


def test_the_innermost_frame_of_a_package_is_kept() -> None:
    inner, outer, probe = frames(f"{SITE}gym/b.py", f"{SITE}gym/b.py", PROBE)
    assert crossings((inner, outer, probe)) == (inner, probe)


def test_the_standard_library_and_the_runner_of_probes_are_left_out() -> None:
    given = ("<frozen importlib._bootstrap>", f"{SITE}a/x.py", "/usr/lib/python3.11/importlib/__init__.py", PROBE)
    assert files(*given, "/opt/knowngood/probe/in_env/probe_api.py") == ["a/x.py", PROBE]


def test_a_failure_in_the_standard_library_alone_still_has_a_frame() -> None:
    assert files("/usr/lib/python3.11/json/decoder.py", "<string>") == ["/usr/lib/python3.11/json/decoder.py"]


def test_compiled_code_belongs_to_the_package_in_its_path_or_else_to_its_caller() -> None:
    assert files("sklearn/utils/hash.pyx", f"{SITE}sklearn/base.py", PROBE) == ["sklearn/utils/hash.pyx", PROBE]
    assert files("interval.pyx", f"{SITE}pandas/__init__.py", PROBE) == ["interval.pyx", PROBE]


def test_the_innermost_packages_and_the_probe_are_kept_of_many() -> None:
    given = [f"{SITE}{name}/x.py" for name in "abcdef"]
    assert files(*given, PROBE) == ["a/x.py", "b/x.py", "c/x.py", PROBE]


@pytest.mark.parametrize(
    ("file", "function", "shown"),
    [
        (f"{SITE}pandas/core/api.py", "load", "pandas/core/api.py:7 in load"),
        ("/usr/lib/python3.11/json/decoder.py", "decode", "json/decoder.py:7 in decode"),
        (PROBE, "<module>", "probe.py:7"),
        ("interval.pyx", "init pandas", "interval.pyx:7 in init pandas"),
    ],
)
def test_a_place_has_no_folder_of_this_machine(file: str, function: str, shown: str) -> None:
    assert place(Frame(file=file, line=7, function=function)) == shown
