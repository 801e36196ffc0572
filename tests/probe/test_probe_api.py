"""Run real probes: what they can record and what they have access to."""

import ast
import base64
import json
import os
import subprocess
import textwrap
from array import array as numbers
from pathlib import Path

import pytest

from knowngood.install.interpreters import Interpreters
from knowngood.judge.probes import judge_probe
from knowngood.model import Array, Check, Ending, Outcome, Probe, ProbeFacts, ProbeKind, Status
from knowngood.probe.launch import IN_ENV, RUNNER
from support.workshop import PYTHON, launch


def checks(facts: ProbeFacts) -> dict[str, Check]:
    assert facts.action.exit.ok, facts.action.output
    return {check.name: check for check in facts.transcript.checks}


def values(array: Array) -> list[float]:
    decoded = numbers({"f4": "f", "f8": "d"}[array.encoding])
    decoded.frombytes(base64.b64decode(array.data))
    return list(map(float, decoded))


def test_the_example_in_the_docstring_of_the_runner_passes(tmp_path: Path) -> None:
    documentation = ast.get_docstring(ast.parse(RUNNER.read_text(encoding="utf-8"))) or ""
    example = documentation.partition("Use in a probe::")[2].partition("\n* ")[0]

    facts = launch(textwrap.dedent(example), tmp_path)

    assert {name: check.outcome for name, check in checks(facts).items()} == {
        "json_works": Outcome.PASSED,
        "numbers survive": Outcome.PASSED,
        "a block is a check as well": Outcome.PASSED,
    }


def test_checks_are_functions_or_blocks_and_pass_values_on(tmp_path: Path) -> None:
    facts = launch(
        """
from probe_api import check

@check
def first():
    return 20

@check("the second", needs=[first])
def second():
    return first.value + 1

with check("a block") as block:
    assert second() == 21

with check("a failing block"):
    raise KeyError("lost")

assert (block.ok, first.ok) == (True, True)
""",
        tmp_path,
    )

    assert [(check.name, check.outcome) for check in facts.transcript.checks] == [
        ("first", Outcome.PASSED),
        ("the second", Outcome.PASSED),
        ("a block", Outcome.PASSED),
        ("a failing block", Outcome.FAILED),
    ]
    assert checks(facts)["a failing block"].message == "KeyError: 'lost'"


def test_a_skipped_check_names_the_check_that_it_needs(tmp_path: Path) -> None:
    facts = launch(
        "from probe_api import check\n"
        "@check\ndef base(): raise ValueError('no')\n"
        "@check(needs=[base])\ndef above(): print('never')\n",
        tmp_path,
    )

    assert (checks(facts)["above"].outcome, checks(facts)["above"].message) == (Outcome.SKIPPED, "needs base")
    assert "never" not in facts.action.output


def test_a_failed_check_records_its_tracebacks_with_the_root_cause_first(tmp_path: Path) -> None:
    facts = launch(
        """
from probe_api import check

def open_door():
    raise OSError("locked")

@check
def enter():
    try:
        open_door()
    except OSError as error:
        raise RuntimeError("cannot enter") from error
""",
        tmp_path,
    )

    root, outer = checks(facts)["enter"].raised
    assert (root.type, root.message) == ("builtins.OSError", "locked")
    assert (outer.type, outer.message) == ("builtins.RuntimeError", "cannot enter")
    innermost = root.frames[-1]
    assert (innermost.function, innermost.line, innermost.text) == ("open_door", 5, 'raise OSError("locked")')
    assert Path(innermost.file).name == "works.py"
    assert not [frame for frame in root.frames if Path(frame.file).name == "probe_api.py"]


def test_metrics_are_scalars_and_values_that_json_lacks_become_text(tmp_path: Path) -> None:
    facts = launch(
        """
from probe_api import check, record

class Scalar:
    def item(self):
        return 7

@check
def measures():
    record(n=1, x=0.5, ok=True, word="w", none=None)
    record(nan=float("nan"), inf=-float("inf"), scalar=Scalar(), other=[1])
    record(huge=-1e308, many_digits=1 << 20000, large=10**299)
""",
        tmp_path,
    )

    assert checks(facts)["measures"].metrics == {
        "n": 1,
        "x": 0.5,
        "ok": True,
        "word": "w",
        "none": None,
        "nan": "nan",
        "inf": "-inf",
        "scalar": 7,
        "other": "[1]",
        "huge": "-1e+308",
        "many_digits": hex(1 << 20000),
        "large": 10**299,
    }


def test_arrays_are_nested_lists_or_anything_with_tolist(tmp_path: Path) -> None:
    facts = launch(
        """
from probe_api import array, check

class Tensor:
    dtype = "torch.float32"
    def tolist(self):
        return [[0.5, 1.5, -2.0]]

@check
def records():
    array("nested", [[1, 2], [3, 4], [5, 6]])
    array("tensor", Tensor())
    array("scalar", 3)
    array("empty", [])

@check
def too_large():
    array("huge", [0.0] * 70000)
""",
        tmp_path,
    )

    arrays = checks(facts)["records"].arrays
    assert {name: (array.dtype, array.shape, array.encoding, values(array)) for name, array in arrays.items()} == {
        "nested": ("float64", (3, 2), "f8", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        "tensor": ("float32", (1, 3), "f4", [0.5, 1.5, -2.0]),
        "scalar": ("float64", (), "f8", [3.0]),
        "empty": ("float64", (0,), "f8", []),
    }
    assert checks(facts)["too_large"].message == "ValueError: array 'huge' has 70000 values, more than 65536"


def test_warnings_are_recorded_with_their_check_and_still_printed(tmp_path: Path) -> None:
    facts = launch(
        "import warnings\nfrom probe_api import check\n"
        "@check\ndef old():\n    warnings.warn('use the new one', FutureWarning)\n",
        tmp_path,
    )

    assert checks(facts)["old"].warnings == ("FutureWarning: use the new one",)
    assert "FutureWarning: use the new one" in facts.action.output


def test_a_script_without_checks_may_record_metrics_too(tmp_path: Path) -> None:
    facts = launch("from probe_api import record\nrecord(size=3)\n", tmp_path)

    assert checks(facts)["script"].metrics == {"size": 3}


def test_a_probe_can_read_the_pins_of_its_combo_and_the_assets_of_the_matrix(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    facts = launch(
        """
from probe_api import asset, check, pins, record

@check
def sees():
    record(pins=" ".join(pins()), asset=asset("model"))

@check
def misses():
    asset("other")
""",
        tmp_path,
        pins=("numpy==1.24.3", "torch>=2"),
        assets={"model": tmp_path / "model", "more": tmp_path},
    )

    assert checks(facts)["sees"].metrics == {"pins": "numpy==1.24.3 torch>=2", "asset": str(tmp_path / "model")}
    assert checks(facts)["misses"].message == "LookupError: the matrix declares no asset 'other'; declared: model, more"


def test_only_variables_of_an_allow_list_reach_a_probe(tmp_path: Path) -> None:
    harness = {
        "PATH": os.defpath,
        "HOME": "/home/of/the/harness",
        "AWS_SECRET_ACCESS_KEY": "realm",
        "HF_TOKEN": "realm",
        "PYTHONPATH": "/somewhere",
        "UV_INDEX_URL": "http://user:realm@example/",
        "OMP_PROC_BIND": "true",
        "KG_HINT": "for the probe",
        "OMP_NUM_THREADS": "64",
    }
    facts = launch(
        "import json, os; print(json.dumps(dict(os.environ)))",
        tmp_path,
        environ=harness,
        env=(("EXTRA", "of the combo"), ("TZ", "Europe/Vienna")),
    )

    seen = json.loads(facts.action.output)
    assert "realm" not in facts.action.output
    assert not {"HF_TOKEN", "PYTHONPATH", "UV_INDEX_URL"} & set(seen)
    home, temporary = Path(seen["HOME"]), Path(seen["TMPDIR"])
    assert (home.name, temporary.name, home.parent) == ("home", "tmp", temporary.parent)
    assert not home.parent.exists()
    expected = {
        "EXTRA": "of the combo",
        "TZ": "Europe/Vienna",
        "OMP_PROC_BIND": "true",
        "KG_HINT": "for the probe",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONHASHSEED": "0",
    }
    assert {name: seen[name] for name in expected} == expected


def test_a_glob_of_pass_env_replaces_neither_a_private_folder_nor_the_search_path(tmp_path: Path) -> None:
    harness = {"PATH": os.defpath, "HOME": "/home/of/me", "PYTHONPATH": "/lib", "PYTHONHOME": "/usr", "PYOTHER": "yes"}
    source = "import json, os; print(json.dumps(dict(os.environ)))"
    probe = Probe(id="works", source=source, pass_env=("*",))

    seen = json.loads(launch(probe, tmp_path, environ=harness).action.output)

    assert seen["PYOTHER"] == "yes" and seen["HOME"] != "/home/of/me"
    assert not {"PYTHONPATH", "PYTHONHOME"} & set(seen)


def test_a_folder_of_the_search_path_is_found_by_programs_that_run_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "tree" / "lib").mkdir(parents=True)
    (tmp_path / "tree" / "lib" / "helper.py").write_text("print('helped')\n", encoding="utf-8")
    elsewhere = "import subprocess, sys; subprocess.check_call([sys.executable, '-c', 'import helper'], cwd='/')"
    probe = Probe(id="works", kind=ProbeKind.COMMAND, arguments=(str(PYTHON), "-c", elsewhere))

    facts = launch(probe, tmp_path, tree=tmp_path / "tree", env=(("PYTHONPATH", "lib"),))

    assert facts.action.exit.ok and "helped" in facts.action.output, facts.action.output


def test_a_probe_imports_nothing_from_its_own_folder_or_the_current_one(tmp_path: Path) -> None:
    facts = launch("import json, sys; print(json.dumps(sys.path))", tmp_path)

    seen = json.loads(facts.action.output)
    assert not {"", ".", str(RUNNER.parent)} & set(seen)
    assert not [entry for entry in seen if entry.startswith(str(tmp_path))]


@pytest.mark.parametrize("minor", ["3.7", "3.8", "3.9", "3.13"])
def test_the_same_probe_runs_on_old_and_new_pythons(tmp_path: Path, minor: str, environ: dict[str, str]) -> None:
    python = Interpreters(outside=environ, cache=tmp_path / "pythons").find(minor)
    if python is None:
        pytest.skip(f"this machine has no Python {minor}")
    source = """
import sys
from probe_api import array, check, record

@check
def knows():
    record(version="%d.%d" % sys.version_info[:2])
    array("one", [1.0])

@check
def fails():
    raise ValueError("no")

with check("block"):
    import os, warnings
    warnings.warn("old")
    # Newer Pythons warn about a fork in a process with threads, so the runner must not have any.
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
"""
    facts = launch(source, tmp_path, python=python.path)

    recorded = checks(facts)
    assert recorded["knows"].metrics == {"version": minor}
    assert values(recorded["knows"].arrays["one"]) == [1.0]
    assert recorded["fails"].raised[0].type == "builtins.ValueError"
    assert recorded["block"].warnings == ("UserWarning: old",)
    verdict, check, _ = judge_probe(facts)
    assert (verdict.status, check) == (Status.FAIL, "fails")


@pytest.mark.parametrize("minor", ["3.7", "3.8", "3.9"])
def test_each_file_that_runs_in_environments_is_accepted_by_old_pythons(
    tmp_path: Path, minor: str, environ: dict[str, str]
) -> None:
    python = Interpreters(outside=environ, cache=tmp_path / "pythons").find(minor)
    if python is None:
        pytest.skip(f"this machine has no Python {minor}")
    source = "import sys\nfor path in sys.argv[1:]: compile(open(path, encoding='utf-8').read(), path, 'exec')"

    done = subprocess.run([python.path, "-c", source, *IN_ENV], capture_output=True, text=True, check=False)

    assert done.stderr == ""


AT_EXIT = """
import atexit, sys
from probe_api import array, check, record

atexit.register(print, "printed at exit")

@check
def works():
    record(n=1)
    array("a", [1.5])

@check
def fails():
    raise ValueError("no")

sys.stdout.write("said")
sys.stderr.write("also said")
"""


def test_a_probe_exits_as_any_program_does(tmp_path: Path) -> None:
    facts = launch(AT_EXIT, tmp_path)

    recorded = checks(facts)
    assert "printed at exit" in facts.action.output
    assert "said" in facts.action.output and "also said" in facts.action.output
    assert facts.transcript.hello and facts.transcript.bye and facts.transcript.bad_lines == 0
    assert (recorded["works"].metrics, values(recorded["works"].arrays["a"])) == ({"n": 1}, [1.5])
    assert recorded["fails"].outcome is Outcome.FAILED
    assert judge_probe(facts)[0].status is Status.FAIL


def test_a_probe_collects_garbage_as_any_program_does(tmp_path: Path) -> None:
    facts = launch("import gc, json\nprint(json.dumps([gc.isenabled(), gc.get_threshold()]))", tmp_path)

    plain = subprocess.run(
        [PYTHON, "-I", "-c", "import gc, json; print(json.dumps([gc.isenabled(), gc.get_threshold()]))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(facts.action.output) == json.loads(plain.stdout)


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("import os; os.abort()", Status.CRASH),
        ("import os; os._exit(0)", Status.CRASH),
        ("raise SystemExit(3)", Status.FAIL),
        ("import sys\nsys.stdout.close()", Status.PASS),
    ],
)
def test_the_status_follows_from_the_records_and_the_exit_of_a_probe(
    tmp_path: Path, source: str, status: Status
) -> None:
    facts = launch(source, tmp_path)

    assert judge_probe(facts)[0].status is status
    assert facts.action.exit.ending is (Ending.SIGNALLED if "abort" in source else Ending.EXITED)


def test_a_failure_records_where_the_values_of_its_lines_come_from(tmp_path: Path) -> None:
    facts = launch(
        """
import configparser
import json.decoder as decoding

class Loud:
    def __getattribute__(self, name):
        print("called")
        raise SystemExit(3)

loud, parser = Loud(), configparser.ConfigParser()
decoding.JSONDecoder.decode(parser.read_dict, loud, missing=1)
""",
        tmp_path,
    )

    (raised,) = checks(facts)["script"].raised
    assert raised.frames[-1].values == (
        "decoding=json.decoder:",
        "decoding.JSONDecoder=json.decoder:JSONDecoder",
        "decoding.JSONDecoder.decode=json.decoder:JSONDecoder.decode",
        "parser=configparser:ConfigParser",
        "parser.read_dict=configparser:RawConfigParser.read_dict",
        "loud=__main__:Loud",
    )
    assert "called" not in facts.action.output


@pytest.mark.parametrize(
    ("statement", "owners"),
    [
        ("configparser.ConfigParser().gone", ("configparser:ConfigParser", "configparser:RawConfigParser")),
        ("configparser.ConfigParser.gone", ("configparser:ConfigParser", "configparser:RawConfigParser")),
        ("Mine().gone", ("__main__:Mine", "configparser:ConfigParser", "configparser:RawConfigParser")),
        ("Mine().ask()", ("configparser:ConfigParser", "configparser:RawConfigParser")),
        ("configparser.gone", ("configparser:",)),
        ("'text'.gone", ()),
        ("int('x')", ()),
    ],
)
def test_a_missing_attribute_records_the_classes_that_could_have_had_it(
    tmp_path: Path, statement: str, owners: tuple[str, ...]
) -> None:
    facts = launch(
        f"""
import configparser

class Mine(configparser.ConfigParser):
    def ask(self):
        return super().gone

{statement}
""",
        tmp_path,
    )

    (raised,) = checks(facts)["script"].raised
    assert tuple(owner for owner in raised.owners if not owner.startswith(("collections", "typing"))) == owners


def test_a_warning_is_recorded_with_the_file_that_it_is_about(tmp_path: Path) -> None:
    facts = launch(
        """
import warnings
warnings.warn_explicit("old", UserWarning, "/lib/site-packages/pkg/x.py", 3)
""",
        tmp_path,
    )

    assert checks(facts)["script"].warned_by == {"UserWarning: old": "/lib/site-packages/pkg/x.py"}


def test_a_probe_records_whose_metadata_it_asked_for(tmp_path: Path) -> None:
    facts = launch("from importlib.metadata import version\nprint(version('pytest'))\n", tmp_path)

    assert [name.partition("-")[0] for name in facts.transcript.asked] == ["pytest"]


SOCKETS = """
import os, socket, tempfile
folder = os.path.expanduser("~/.local") if {at_home} else tempfile.mkdtemp()
os.makedirs(folder, exist_ok=True)
path = os.path.join(folder, "a-rather-long-name-of-a-socket.sock")
socket.socket(socket.AF_UNIX).bind(path)
open(path + ".txt", "w").close()
open(path + ".txt").close()
"""


@pytest.mark.parametrize("at_home", [False, True], ids=["in its temporary folder", "in its home"])
def test_a_probe_can_bind_a_socket_however_deep_the_run_is(at_home: bool, tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20) / ("deeper" * 10)
    deep.mkdir(parents=True)
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(deep)}

    facts = launch(SOCKETS.format(at_home=at_home), deep, environ=environ)

    assert judge_probe(facts)[0].status is Status.PASS, judge_probe(facts)
    assert facts.transcript.reads == {}
