"""Run probes that replace the file of their records, or look for what would let them forge records."""

import json
import time
from pathlib import Path

import pytest

from knowngood.judge.probes import judge_probe
from knowngood.model import Probe, ProbeKind, Reason, Status
from support.workshop import launch

REPLACED = {
    "a pipe": "os.unlink(records); os.mkfifo(records)",
    "a link to a file without end": "os.unlink(records); os.symlink('/dev/zero', records)",
    "a link to true records": "os.rename(records, records + '.moved'); os.symlink(records + '.moved', records)",
    "a folder": "os.unlink(records); os.mkdir(records)",
    "nothing": "os.unlink(records)",
}


@pytest.mark.parametrize("how", REPLACED)
def test_records_that_were_replaced_by_anything_but_a_file_are_not_read(how: str, tmp_path: Path) -> None:
    source = f"""
import os
records = os.path.join(os.path.dirname(__file__), "records.jsonl")
{REPLACED[how]}
"""
    started = time.monotonic()

    facts = launch(source, tmp_path)
    verdict, _, _ = judge_probe(facts)

    assert time.monotonic() - started < 20
    assert facts.action.exit.ok
    assert (verdict.status, verdict.reason) == (Status.CRASH, Reason.NO_START)
    assert facts.transcript.bad_lines == 0


def test_records_that_became_a_terabyte_are_read_up_to_a_limit(tmp_path: Path) -> None:
    source = """
import os
from probe_api import check
records = os.path.join(os.path.dirname(__file__), "records.jsonl")

@check
def works():
    pass

os.truncate(records, 2**40)
"""
    started = time.monotonic()

    facts = launch(source, tmp_path)
    (tmp_path / "probe" / "records.jsonl").unlink()

    assert time.monotonic() - started < 20
    verdict, _, _ = judge_probe(facts)
    assert (verdict.status, verdict.reason) == (Status.CRASH, Reason.LEFT_EARLY)
    assert "works" in [check.name for check in facts.transcript.checks]


LOOK = """
import os
with open("/proc/self/cmdline") as arguments, open("/proc/self/environ") as variables:
    seen = arguments.read() + variables.read()
config = [word for word in seen.split("\\0") if word.endswith("launch.json")]
assert [os.path.exists(path) for path in config] == [False]
print(seen)
"""


@pytest.mark.parametrize("kind", [ProbeKind.SCRIPT, ProbeKind.PYTEST])
def test_what_makes_records_genuine_is_in_no_argument_variable_or_file_that_stays(
    kind: ProbeKind, tmp_path: Path
) -> None:
    tree = tmp_path / "project"
    tree.mkdir()
    (tree / "test_it.py").write_text(f"def test_it():\n    exec({LOOK!r}, {{}})\n", encoding="utf-8")
    arguments = ("-s", "-p", "no:cacheprovider") if kind is ProbeKind.PYTEST else ()

    facts = launch(Probe(id="works", kind=kind, source=LOOK, arguments=arguments), tmp_path, tree=tree)

    assert judge_probe(facts)[0].status is Status.PASS, facts
    records = tmp_path / "probe" / "records.jsonl"
    nonce = json.loads(records.read_text(encoding="utf-8").splitlines()[0])["nonce"]
    assert "launch.json" in facts.action.output
    others = [path for path in tmp_path.rglob("*") if path.is_file() and path != records]
    assert not [path for path in others if nonce.encode() in path.read_bytes()]
