"""Check that output which is hard to search neither delays a run nor a report of it."""

import time

import pytest

from support.index import Index
from support.project import Project

MATRIX = """
[index.local]
url = "{url}"

[[probe]]
id = "p"
source = '''
{source}
'''

[[combo]]
id = "c"
steps = [["tiny==1.0"]]
"""
PRINTS = """
import sys
text = {text!r} * (2**20 // len({text!r}))
print(text)
sys.stdout.flush()
raise RuntimeError(text)
"""


@pytest.mark.parametrize("text", ["A", "a.", "0f", "a==1,", "/a", "\n", "a depends on ", "requires a>=1,"])
def test_a_probe_that_prints_a_megabyte_on_one_line_is_judged_at_once(
    project: Project, index: Index, text: str
) -> None:
    project.write(MATRIX.format(url=index.url, source=PRINTS.format(text=text)))

    result = project.run("run")
    began = time.monotonic()
    report = project.run("report", "--format", "json")

    assert result.returncode == 1, result.stderr
    assert time.monotonic() - began < 60, "judging took minutes before lines were cut"
    assert '"fail"' in report.stdout


def test_a_pattern_that_would_take_for_ever_excuses_nothing(project: Project, index: Index) -> None:
    source = "raise RuntimeError('a' * 60 + '!')"
    expect = 'expect = { status = "fail", reason = "known", match = "(a|aa)+$" }\n'
    project.write(MATRIX.format(url=index.url, source=source) + expect)

    result = project.run("run")

    assert result.returncode == 1
    assert "takes too long to match" in result.stdout + result.stderr
