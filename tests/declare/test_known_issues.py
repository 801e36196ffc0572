"""Check ``[[known]]``: known failures that are excused until a date."""

from datetime import date

import pytest

from declare.conftest import ProblemsOf, Read
from knowngood.model import Known, Status

HEAD = """
[matrix]
probes = ["imports"]
python = ["3.11", "3.12"]

[[combo]]
id = "modern"
steps = [["numpy"]]

[[combo]]
id = "legacy"
steps = [["numpy==1.26.4"]]
"""
ENTRY = """
[[known]]
combo = "modern*"
status = "fail"
reason = "no wheel yet"
expires = 2027-01-31
"""


def test_an_entry_is_attached_to_every_combo_that_it_matches(read: Read) -> None:
    matrix = read(HEAD + ENTRY + 'url = "https://example.org/1"\nprobe = "imports"\n')

    known = Known(
        combo="modern*",
        status=Status.FAIL,
        reason="no wheel yet",
        expires=date(2027, 1, 31),
        probe="imports",
        url="https://example.org/1",
    )
    assert {combo.id: combo.known for combo in matrix.combos} == {
        "modern-py3.11": (known,),
        "modern-py3.12": (known,),
        "legacy-py3.11": (),
        "legacy-py3.12": (),
    }


def test_an_entry_is_attached_to_combos_of_a_grid_too(read: Read) -> None:
    matrix = read(HEAD + ENTRY.replace("modern*", "numpy2*") + '[[grid]]\n[grid.axes]\nnumpy = ["1.26.4", "2.0.2"]\n')

    assert [combo.id for combo in matrix.combos if combo.known] == [
        combo.id for combo in matrix.combos if combo.id.startswith("numpy2")
    ]
    assert any(combo.known for combo in matrix.combos)


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ('"modern*"', '"modren*"', "combo", "unknown combo 'modren*'"),
        ('"modern*"', '"a b"', "combo", "invalid combo id or glob 'a b'"),
        ('"fail"', '"pass"', "status", "invalid value 'pass'"),
        ('"fail"', '"infra"', "status", "invalid value 'infra'"),
        ("2027-01-31", '"2027-01-31"', "expires", "must be a date, not a string"),
        ("2027-01-31", "2027-01-31T00:00:00", "expires", "must be a date, not a date or time"),
        ("2027-01-31", "2027", "expires", "must be a date, not a number"),
        ("expires = 2027-01-31\n", "", "expires", "missing key 'expires'"),
        ('reason = "no wheel yet"\n', "", "reason", "missing key 'reason'"),
        ('"no wheel yet"', '""', "reason", "must be one line"),
        ("expires", 'probe = "absent"\nexpires', "probe", "unknown probe 'absent'"),
        ("expires", 'url = "example.org"\nexpires', "url", "must be a complete http, https or file URL"),
        ("expires", "until = 1\nexpires", "until", "unknown key 'until'"),
    ],
)
def test_an_entry_that_could_excuse_nothing_or_everything_is_refused(
    problems_of: ProblemsOf, old: str, new: str, where: str, what: str
) -> None:
    (problem,) = problems_of(HEAD + ENTRY.replace(old, new, 1))

    assert problem.where == f"known[0].{where}"
    assert what in problem.what
    assert problem.line
