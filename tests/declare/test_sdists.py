"""``sdists``: which packages are never built from source."""

import pytest

from declare.conftest import ProblemsOf, Read
from knowngood.model import Sdists

COMBO = '[[combo]]\nid = "one"\nprobes = ["imports"]\nsteps = [["numpy"], ["--only-binary torch", "torch"]]\n'


@pytest.mark.parametrize(
    ("value", "sdists", "options"),
    [
        ('"allow"', Sdists(), ((), ("--only-binary=torch",))),
        (
            '"never"',
            Sdists(never=(":all:",)),
            (("--only-binary=:all:",), ("--only-binary=torch", "--only-binary=:all:")),
        ),
        (
            '{ never = ["Torch", "num_py"] }',
            Sdists(never=("torch", "num-py")),
            (("--only-binary=torch", "--only-binary=num-py"), ("--only-binary=torch", "--only-binary=num-py")),
        ),
        ("{ network = true }", Sdists(network=True), ((), ("--only-binary=torch",))),
    ],
)
def test_what_is_never_built_is_an_option_of_every_step(
    read: Read, value: str, sdists: Sdists, options: tuple[tuple[str, ...], ...]
) -> None:
    matrix = read(f"[matrix]\nsdists = {value}\n{COMBO}")

    assert matrix.sdists == sdists
    assert tuple(step.options for step in matrix.combos[0].steps) == options


@pytest.mark.parametrize(
    ("value", "step", "what", "hint"),
    [
        ('"maybe"', "numpy", "'maybe'", "never"),
        ("true", "numpy", "true", "never"),
        ('{ nevr = ["numpy"] }', "numpy", "unknown key 'nevr'", "never"),
        ('{ never = "numpy" }', "numpy", "must be an array of packages", "never = ["),
        ("{ never = [] }", "numpy", "must not be empty", "never = ["),
        ('{ never = ["numpy<2"] }', "numpy", "invalid package name", "without version"),
        ('{ network = "yes" }', "numpy", "must be true or false", "network = true"),
        ('"never"', "numpy --no-binary numpy", "--no-binary numpy has packages built", "leave the option out"),
        ('{ never = ["numpy"] }', "numpy --no-binary :all:", "--no-binary :all: has packages built", "leave"),
        ('"never"', "tool @ git+https://example.org/tool", "is not a wheel, so it is built", "tool out of sdists"),
    ],
)
def test_what_sdists_cannot_say_is_an_error_with_its_line(
    problems_of: ProblemsOf, value: str, step: str, what: str, hint: str
) -> None:
    text = f'[matrix]\nsdists = {value}\n[[combo]]\nid = "one"\nprobes = ["imports"]\nsteps = [["{step}"]]\n'

    (problem,) = problems_of(text)

    assert what in problem.what and hint in problem.hint, problem
    assert problem.line == {True: 6, False: 2}["built" in what]


def test_a_url_of_a_wheel_is_allowed(read: Read) -> None:
    wheel = "tool @ https://example.org/tool-1.0-py3-none-any.whl"
    step = f'[[combo]]\nid = "one"\nprobes = ["imports"]\nsteps = [["{wheel}"]]\n'

    assert read(f'[matrix]\nsdists = "never"\n{step}').combos[0].steps[0].requirements == (wheel,)
