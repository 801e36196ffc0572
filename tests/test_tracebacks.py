"""What programs print when they fail: exceptions, dumped stacks, and paths of this machine."""

import pytest

from knowngood.model import Frame, Raised
from knowngood.tracebacks import (
    dumped_frames,
    dumped_stacks,
    frames_of,
    installed_path,
    last_exception,
    loaded_extensions,
    shorten_paths,
    standard_path,
)

SITE = "/home/me/env/lib/python3.11/site-packages/"


@pytest.mark.parametrize(
    ("output", "kind", "message", "files"),
    [
        (
            'noise\nTraceback (most recent call last):\n  File "/a/site-packages/x.py", line 3, in f\n    g()\n'
            "x.Broken: it broke\nmore noise\n",
            "x.Broken",
            "it broke",
            ["/a/site-packages/x.py"],
        ),
        (
            'INTERNALERROR> Traceback (most recent call last):\nINTERNALERROR>   File "/a/site-packages/y.py", line 1, '
            "in <module>\nINTERNALERROR>     import z\nINTERNALERROR> ModuleNotFoundError: No module named 'z'\n",
            "builtins.ModuleNotFoundError",
            "No module named 'z'",
            ["/a/site-packages/y.py"],
        ),
        (
            "E   AttributeError: no such thing\n\nenv/lib/python3.11/site-packages/p/q.py:7: AttributeError\n",
            "builtins.AttributeError",
            "no such thing",
            ["env/lib/python3.11/site-packages/p/q.py"],
        ),
    ],
    ids=["a traceback of Python", "an internal error of pytest", "a failure in pytest"],
)
def test_the_last_exception_is_read_from_the_output_of_another_process(
    output: str, kind: str, message: str, files: list[str]
) -> None:
    (raised,) = last_exception(output)

    assert (raised.type, raised.message, [frame.file for frame in raised.frames]) == (kind, message, files)


def test_output_without_an_exception_has_no_last_exception() -> None:
    assert last_exception("Error: something\nall is well\n") == ()


def test_the_frames_of_a_chain_of_exceptions_begin_with_the_root_cause() -> None:
    root, caller, outer = (Frame(file=file, line=1, function="f") for file in ("root.py", "caller.py", "outer.py"))
    cause = Raised(type="E", message="", frames=(caller, root))
    effect = Raised(type="F", message="", frames=(outer,))

    assert frames_of((cause, effect)) == (root, caller, outer)


DUMP = """\
  File "x.py", line 1, in f
Thread 0x01 (most recent call first):
  File "/a/y.py", line 2 in g
  File "z.py", line 3 in h

Current thread 0x02 (most recent call first):
  File "main.py", line 4 in <module>

Extension modules: numpy.core._multiarray_umath, torch._C (total: 2)
"""


def test_every_dumped_stack_is_read_and_the_output_before_the_first_is_not() -> None:
    stacks = [[(frame.file, frame.line, frame.function) for frame in stack] for stack in dumped_stacks(DUMP)]

    assert stacks == [[("/a/y.py", 2, "g"), ("z.py", 3, "h")], [("main.py", 4, "<module>")]]


def test_the_dumped_frames_are_those_of_the_last_stack() -> None:
    assert [frame.file for frame in dumped_frames(DUMP)] == ["main.py"]
    assert dumped_frames("no dump") == ()


def test_a_crash_report_lists_the_extension_modules_that_were_loaded() -> None:
    assert list(loaded_extensions(DUMP)) == ["numpy.core._multiarray_umath", "torch._C"]
    assert list(loaded_extensions("no dump")) == []


@pytest.mark.parametrize(
    ("file", "installed", "standard"),
    [
        (f"{SITE}numpy/__init__.py", "numpy/__init__.py", None),
        ("/usr/lib/python3/dist-packages/apt/cache.py", "apt/cache.py", None),
        ("/usr/lib/python3.11/json/decoder.py", None, "json/decoder.py"),
        ("/home/me/probe.py", None, None),
        ("<frozen importlib._bootstrap>", None, None),
        ("sklearn/utils/hash.pyx", None, None),
    ],
)
def test_a_file_is_installed_or_of_the_standard_library_or_neither(
    file: str, installed: str | None, standard: str | None
) -> None:
    assert (installed_path(file), standard_path(file)) == (installed, standard)


def test_long_paths_are_cut_and_urls_and_short_paths_are_not() -> None:
    text = f"cannot import x ({SITE}numpy/__init__.py), see https://example.org/a/b/c/d and /etc/hosts, /a/b/c/d/e.so"

    assert shorten_paths(text) == (
        "cannot import x (numpy/__init__.py), see https://example.org/a/b/c/d and /etc/hosts, .../e.so"
    )
