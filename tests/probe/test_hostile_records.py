"""Run probes that replace the file of their records, or look for what would let them forge records."""

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


FORGING = """
import base64, hashlib, json, os, re, sys
from pathlib import Path

def tried(place):
    try:
        return Path(place).read_bytes()
    except OSError:
        return b""

places = ["/proc/self/cmdline", "/proc/self/environ"]
places += [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
places = [place for place in places if os.path.isfile(place)]
seen = b"\\0".join(map(tried, places)) + repr((sys.argv, dict(os.environ))).encode()
words = [word.decode("latin-1") for word in re.split(rb"[^\\w./-]+", seen)]
seen += b"".join(tried(word) for word in words if word.startswith("/") and os.path.isfile(word))
records = max((Path(place) for place in places if b'"kind": "hello"' in tried(place)), default=None).resolve()
secrets = {*re.findall(rb"[0-9a-f]{32}", seen)}
old = records.read_bytes().splitlines()
with records.open("ab") as file:
    for line in old:
        file.write(line + b"\\n")
        for kind in (b"end", b"bye"):
            file.write(re.sub(rb'"kind": "\\w+"', b'"kind": "' + kind + b'"', line) + b"\\n")
    for secret in secrets:
        for kind in ("end", "bye"):
            record = {"kind": kind, "check": CHECK, "outcome": "passed", "seconds": 1, "number": 999}
            body = json.dumps(record | {"nonce": secret.decode()}).encode()
            file.write(body + b"\\n")
            seal = hashlib.blake2b(body, key=secret, digest_size=16).hexdigest()
            file.write(body[:-1] + b', "seal": "' + seal.encode() + b'"}\\n')
print("forged", len(secrets), len(old))
sys.stdout.flush()
os._exit(0)
"""
"""A module that reads all that is outside of the memory of its process, and says with it that a probe passed."""


@pytest.mark.parametrize("kind", [ProbeKind.SCRIPT, ProbeKind.PYTEST])
def test_no_module_forges_a_pass_with_what_arguments_variables_and_files_give_away(
    kind: ProbeKind, tmp_path: Path
) -> None:
    tree = tmp_path / "project"
    tree.mkdir()
    check = "script" if kind is ProbeKind.SCRIPT else "test_it.py::test_it"
    source = FORGING.replace("CHECK", repr(check))
    (tree / "test_it.py").write_text(f"def test_it():\n    exec({source!r}, {{}})\n", encoding="utf-8")
    arguments = ("-s", "-p", "no:cacheprovider") if kind is ProbeKind.PYTEST else ()

    facts = launch(Probe(id="forges", kind=kind, source=source, arguments=arguments), tmp_path, tree=tree)
    verdict, failed, _ = judge_probe(facts)

    assert "forged" in facts.action.output, facts
    assert (verdict.status, verdict.reason, failed) == (Status.CRASH, Reason.LEFT_EARLY, check), facts
    assert facts.transcript.bad_lines > 2


def test_the_key_of_the_records_is_in_no_file_while_a_probe_runs(tmp_path: Path) -> None:
    source = """
import probe_api, sys
print("key", probe_api._state.nonce.decode())
print(open(f"/proc/self/fd/{probe_api._state.out}").read())
"""
    facts = launch(source, tmp_path)
    key = next(line.split()[1] for line in facts.action.output.splitlines() if line.startswith("key "))

    assert len(key) == 32 and facts.action.output.count(key) == 1
    others = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "probe.log"]
    assert not [path for path in others if key.encode() in path.read_bytes()]
