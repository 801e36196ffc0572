"""Test that the value of a variable that a probe gets by ``pass-env`` is written nowhere, whatever the probe does."""

import sys
from pathlib import Path

from support.index import Index
from support.project import Project
from support.wheels import build_wheel

CANARY = 'canary "9071625384"'
"""JSON escapes its quotes."""

LEAKS = """
import os, warnings
from probe_api import check, record
secret = os.environ["SHOP_TOKEN"]
print("printed", secret)

@check
def records():
    record(value=secret)
    warnings.warn(secret)

@check
def raises():
    raise ValueError(secret)

@check(secret)
def named():
    pass
"""

SPEAK = "import os; print('said', os.environ['SHOP_TOKEN'])"


def test_the_value_of_a_passed_variable_is_in_no_log_record_or_report(index: Index, tmp_path: Path) -> None:
    build_wheel(index.folder, "tiny", "1.0")
    project = Project(folder=tmp_path / "project")
    speak = [sys.executable, "-c", SPEAK]
    (tmp_path / "project" / "probes").mkdir(parents=True)
    (tmp_path / "project" / "probes" / "leaks.py").write_text(LEAKS, encoding="utf-8")
    project.write(
        f"""
[index.loopback]
url = "{index.url}"
[[probe]]
id = "script"
path = "probes/leaks.py"
pass-env = ["SHOP_*"]
[[probe]]
id = "command"
command = {[*speak[:2], SPEAK + "; exit(1)"]}
setup = [{speak}]
teardown = [{speak}]
pass-env = ["SHOP_TOKEN"]
[[combo]]
id = "one"
probes = ["script", "command"]
steps = [["tiny==1.0"]]
"""
    )

    result = project.run("run", SHOP_TOKEN=CANARY)
    reported = project.run("report", "--format", "all", "--output", str(tmp_path / "reports"), SHOP_TOKEN=CANARY)
    explained = project.run("explain", "one", "--probe", "command", SHOP_TOKEN=CANARY)

    assert result.returncode == 1, result.stdout + result.stderr
    assert reported.returncode == 0, reported.stderr
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    output = (result.stdout + result.stderr + reported.stdout + explained.stdout + explained.stderr).encode()
    for name in ("probe.log", "setup1.log", "teardown1.log", "records.jsonl", "events.jsonl", "matrix.json"):
        texts = [data for path, data in written.items() if path.name == name]
        assert any(b"***" in data for data in texts), name
    assert not [path for path, data in written.items() if b"9071625384" in data]
    assert b"9071625384" not in output
