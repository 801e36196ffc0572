"""Check the errors of wrong values in ``[[probe]]``: each has the line, what is wrong, and what to write."""

import pytest

from declare.conftest import ProblemsOf

COMBO = '[[combo]]\nid = "a"\nsteps = [["numpy"]]\n'
SCRIPT = 'source = "import numpy"\n'
TESTS = 'pytest = ["tests"]\n'

MISTAKES = {
    "command as a string": ('command = "tool check"', 6, ".command", "must be an array of arguments, not a string"),
    "no command": ("command = []", 6, ".command", "must not be empty"),
    "pytest as a string": ('pytest = "tests"', 6, ".pytest", "must be an array of arguments, not a string"),
    "two kinds": (TESTS + 'command = ["x"]', 4, "", "has both pytest and command"),
    "no kind": ("reuse = true", 4, "", "has neither source nor path, and neither pytest nor command"),
    "one command of setup": (SCRIPT + 'setup = ["start", "-w"]', 7, ".setup", "each command must be an array"),
    "setup as a string": (SCRIPT + 'setup = "start"', 7, ".setup", "must be an array of commands, not a string"),
    "an empty teardown": (SCRIPT + "teardown = [[]]", 7, ".teardown[0]", "must not be empty"),
    "a number in teardown": (SCRIPT + 'teardown = [["sleep", 1]]', 7, ".teardown[0][1]", "must be a string"),
    "pass-env as a string": (SCRIPT + 'pass-env = "HOME"', 7, ".pass-env", "must be an array, not a string"),
    "a value in pass-env": (SCRIPT + 'pass-env = ["A=1"]', 7, ".pass-env[0]", "invalid variable 'A=1'"),
    "PYTHONPATH": (SCRIPT + 'pass-env = ["PYTHONPATH"]', 7, ".pass-env[0]", "PYTHONPATH cannot be passed on"),
    "PYTHONHOME": (SCRIPT + 'pass-env = ["A", "PYTHONHOME"]', 7, ".pass-env[1]", "PYTHONHOME cannot be passed on"),
    "pass_env": (SCRIPT + 'pass_env = ["A"]', 7, ".pass_env", "unknown key 'pass_env'"),
    "network": (SCRIPT + 'network = "yes"', 7, ".network", "must be true or false, not a string"),
    "reuse": (SCRIPT + 'reuse = "always"', 7, ".reuse", "must be true or false, not a string"),
    "options as a string": (SCRIPT + 'python-options = "-W error"', 7, ".python-options", "must be an array"),
    "an option that runs code": (
        SCRIPT + 'python-options = ["-c", "x"]',
        7,
        ".python-options",
        "the option '-c' cannot be used for a probe",
    ),
    "an action of -W that Python ignores": (
        SCRIPT + 'python-options = ["-W", "eror::DeprecationWarning"]',
        7,
        ".python-options",
        "invalid action 'eror'",
    ),
    "options of a command": ('command = ["x"]\npython-options = ["-W", "error"]', 4, "", "no effect on a command"),
    "inputs as a string": (SCRIPT + 'inputs = "src"', 7, ".inputs", "must be an array, not a string"),
    "inputs outside": (TESTS + 'inputs = ["../x"]', 7, ".inputs[0]", "'../x' leaves the folder"),
    "a file of the system in inputs": (TESTS + 'inputs = ["/etc/hosts"]', 7, ".inputs[0]", "leaves the folder"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_value_of_a_probe_is_named_with_its_line(mistake: str, problems_of: ProblemsOf) -> None:
    table, line, where, what = MISTAKES[mistake]

    (problem,) = problems_of(f'{COMBO}[[probe]]\nid = "p"\n{table}\n')

    assert (problem.line, problem.where) == (line, f"probe[0]{where}")
    assert what in problem.what
