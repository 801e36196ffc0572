"""The explanation of one cell: as text, as Markdown and as JSON."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from knowngood import report
from knowngood.model import (
    Action,
    Cell,
    Check,
    ComboFacts,
    Confidence,
    Diagnosis,
    Ending,
    Exit,
    JudgedRun,
    Numbers,
    Outcome,
    Phase,
    ProbeFacts,
    Reason,
    Reused,
    Status,
    Transcript,
)
from knowngood.report import explain_markdown, explain_text, markdown, matrix_json, matrix_reader, summary
from knowngood.report.ci import junit
from knowngood.report.html import page
from report.factory import cell, combo, diagnosed, mission, only, passing

SCHEMA = json.loads((Path(report.__file__).parent / "matrix.schema.json").read_text(encoding="utf-8"))

FAILURE = """\
legacy-loose: fail (expected)
The legacy set with only its three main pins
Python 3.11.7, uv, run 20261124-071000-7f3a on Linux-6.1.0-x86_64

asked for      1  numpy==1.24.3
               2  torch==2.1.2
               3  sentence-transformers==2.2.2
declared       fail: torch moves, with evidence that matches "name 'cached_\\w+'"

installed      numpy                  1.24.3
               torch                  2.15.0  (violates torch==2.1.2)
               sentence-transformers  2.2.2   (conflicts with it)
               huggingface-hub        0.36.2  (culprit)
               and 2 more packages
drift          step 3  torch  2.1.2 -> 2.15.0  violates torch==2.1.2
               step 3  sympy  1.12 -> 1.14.0

failed         drift: sentence-transformers imports
               torch==2.1.2 was asked for, 2.15.0 is installed
               ImportError: cannot import name 'cached_download' from 'huggingface_hub'
               (huggingface_hub.py)

               at sentence_transformers/util.py:12
                    from huggingface_hub import cached_download
               from embedding.py:67 in imports
also           failed   versions are the pins  AssertionError: torch==2.1.2 was asked for…
               skipped  encode                 needs sentence-transformers imports
passed         numpy works

cause          sentence-transformers 2.2.2 uses cached_download, which huggingface-hub
               0.36.2 does not have (likely: several facts point to it)
               - huggingface-hub 0.25.2 still has it
fix            'huggingface-hub<0.26' torch==2.1.2
               also asked for in step 3
see            https://example.org/breakage

flaky          1/2 attempts passed: do not trust a single run of it
also observed  A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0
predicted      torch 2.1.2 was compiled for NumPy 1.x, NumPy 2.0.2 is installed

timing         resolve 0.9s, create 0.2s, install 4.1s, probe 3.1s, environment 967 MB
log            runs/7f3a/logs/legacy-loose/embedding.log
rerun          knowngood run matrices/embedding.toml --only legacy-loose --keep
"""

PASS = """\
legacy: pass
Python 3.11.7, uv, run 20261124-071000-7f3a on Linux-6.1.0-x86_64

asked for      1  numpy==1.24.3
               2  torch==2.1.2
               3  sentence-transformers==2.2.2  transformers==4.36.2
                  huggingface-hub==0.19.4

installed      numpy                  1.24.3
               torch                  2.1.2
               sentence-transformers  2.2.2
               transformers           4.36.2
               huggingface-hub        not installed

passed         numpy works, vectors

numbers        the same numbers: no re-indexing needed

measured       import seconds 1.91, encode seconds 0.432, sentences per second 129,
               difference 1e-07, peak memory mib 812
timing         resolve 0.9s, create 0.2s, install 4.1s, probe 3.1s, environment 967 MB
log            runs/7f3a/logs/legacy/embedding.log
rerun          knowngood run matrices/embedding.toml --only legacy --keep
"""

MARKDOWN = """\
## legacy-loose: fail (expected)

The legacy set with only its three main pins

Python 3.11.7, uv, Linux-6.1.0-x86_64.

**Asked for**

1. `numpy==1.24.3`
2. `torch==2.1.2`
3. `sentence-transformers==2.2.2`

The matrix declares fail: torch moves, with evidence that matches "name 'cached\\_&#92;w+'".

**Installed**, 6 packages in all

| package | version |   |
| --- | --- | --- |
| numpy | 1.24.3 |   |
| torch | 2.15.0 | violates torch==2.1.2 |
| sentence-transformers | 2.2.2 | conflicts with it |
| huggingface-hub | 0.36.2 | culprit |

**Drift**

| step | package | before | after | violates |
| --- | --- | --- | --- | --- |
| 3 | torch | 2.1.2 | 2.15.0 | torch==2.1.2 |
| 3 | sympy | 1.12 | 1.14.0 |   |

**Failed** in drift: sentence-transformers imports

```text
torch==2.1.2 was asked for, 2.15.0 is installed
ImportError: cannot import name 'cached_download' from 'huggingface_hub' (huggingface_hub.py)

at sentence_transformers/util.py:12
     from huggingface_hub import cached_download
from embedding.py:67 in imports
```

**Checks**

| check | outcome | message |
| --- | --- | --- |
| versions are the pins | failed | AssertionError: torch==2.1.2 was asked for, 2.15.0 is installed |
| encode | skipped | needs sentence-transformers imports |
| numpy works | passed |   |

**Diagnosis** (likely): sentence-transformers 2.2.2 uses cached_download, which huggingface-hub 0.36.2 does not have. \
Fix: `huggingface-hub<0.26` `torch==2.1.2` in step 3 as well. See https://example.org/breakage

- huggingface-hub 0.25.2 still has it

- flaky: 1/2 attempts passed: do not trust a single run of it
- also observed: A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0
- predicted: torch 2.1.2 was compiled for NumPy 1.x, NumPy 2.0.2 is installed

Log: `runs/7f3a/logs/legacy-loose/embedding.log`

Run it again:

```text
knowngood run matrices/embedding.toml --only legacy-loose --keep
```
"""

SAME = Numbers(
    cosine=1.0,
    difference=0.0,
    norm=0.0,
    dtype=None,
    order_changed=False,
    finite=True,
    moved=False,
    says="the same numbers: no re-indexing needed",
)
DUMP = """\
Fatal Python error: Segmentation fault

Current thread 0x00007f5e803c9b80 (most recent call first):
  File "/home/me/env/lib/python3.11/site-packages/onnxruntime/capi/session.py", line 220 in run
  File "/home/me/probe/embedding.py", line 4 in <module>

Extension modules: numpy._core._multiarray_umath (total: 1)
"""


def explained(cell: Cell, width: int = 90) -> str:
    return explain_text.render(cell, only(cell).run, run_folder="runs/7f3a", width=width)


def probed(cell: Cell, output: str) -> JudgedRun:
    """Return a run in which the probe of a cell printed ``output``."""
    action = Action(exit=Exit(ending=Ending.EXITED, code=1), seconds=1.0, log="probe.log", output=output)
    facts = ComboFacts(
        combo=cell.combo,
        probes=(ProbeFacts(probe=cell.probe, action=action, transcript=Transcript()),),
    )
    return JudgedRun(run=replace(only(cell).run, combos=(facts,)), cells=(cell,))


def test_a_failure_is_explained_from_its_requirements_to_the_command_that_reruns_it() -> None:
    assert explained(diagnosed()) == FAILURE


def test_the_explanation_of_a_pass_is_short() -> None:
    assert explained(passing(combo("legacy"), numbers=SAME)) == PASS


def test_an_explanation_can_be_pasted_as_markdown() -> None:
    judged = only(diagnosed())
    assert explain_markdown.render(judged.cells[0], judged.run, run_folder="runs/7f3a") == MARKDOWN


def test_an_explanation_as_json_is_a_report_of_just_these_cells_with_their_findings() -> None:
    judged = only(passing(combo("legacy")), diagnosed())
    document = json.loads(matrix_json.render_cells(judged.cells, judged.run, run_folder="runs/7f3a"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    passed, failed = document["cells"]
    assert failed["diagnosis"]["fix"] == ["huggingface-hub<0.26", "torch==2.1.2"]
    assert failed["explained"]["place"] == "drift: sentence-transformers imports"
    assert [frame["place"] for frame in failed["explained"]["frames"]] == [
        "sentence_transformers/util.py:12",
        "embedding.py:67 in imports",
    ]
    assert failed["explained"]["rerun"] == "knowngood run matrices/embedding.toml --only legacy-loose --keep"
    assert passed["explained"] == {
        "place": None,
        "messages": [],
        "frames": [],
        "notes": [],
        "log": "runs/7f3a/logs/legacy/embedding.log",
        "rerun": "knowngood run matrices/embedding.toml --only legacy --keep",
    }


def test_a_proof_of_the_resolver_has_a_line_for_each_step() -> None:
    proof = "Because a depends on b<2 and you require a, we can conclude that b<2. And because you require b>=2, no."
    shown = explained(replace(mission().cells[3], message=proof))
    assert (
        """\
unsolvable     resolve: conflict
               Because a depends on b<2 and you require a, we can conclude that b<2.
               And because you require b>=2, no.
"""
        in shown
    )
    assert "\ninstalled " not in shown


def test_an_unknown_cause_is_said_to_be_unknown() -> None:
    unknown = Diagnosis(culprit=None, conflicts_with=None, why="no recorded fact explains it")
    shown = explained(diagnosed(diagnosis=unknown))
    assert "\ncause          unknown: no recorded fact explains it\n" in shown
    assert "\nfix " not in shown


@pytest.mark.parametrize("confidence", [Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE])
def test_the_cause_says_how_sure_it_is(confidence: Confidence) -> None:
    diagnosis = Diagnosis(culprit="numpy", conflicts_with=None, why="numpy is too new", confidence=confidence)
    assert f"numpy is too new ({confidence}: " in explained(diagnosed(diagnosis=diagnosis))


def test_a_crash_is_explained_with_its_dumped_stack_and_names_its_place_once() -> None:
    crashed = cell(
        combo("onnx"),
        Status.CRASH,
        Phase.PROBE,
        Reason.SIGNALLED,
        check="run",
        message="died of SIGSEGV, in check 'run', at onnxruntime/capi/session.py:220 in run",
        checks=(Check(name="run", outcome=Outcome.OPEN),),
        remarks=("two OpenMP runtimes",),
    )
    judged = probed(crashed, DUMP)
    shown = explain_text.render(crashed, judged.run, run_folder="runs/7f3a")
    assert (
        """\
crashed        probe: run
               died of SIGSEGV, in check 'run'

               at onnxruntime/capi/session.py:220 in run
               from embedding.py:4

also observed  two OpenMP runtimes
"""
        in shown
    )


def test_a_failure_without_an_exception_shows_the_last_lines_of_output() -> None:
    failed = cell(combo("exits"), Status.FAIL, Phase.PROBE, Reason.EXIT_CODE, message="it exited with code 3")
    output = "\n".join(f"line {number}" for number in range(9)) + "\n/home/me/env/lib/x: no such thing\n\n"
    shown = explain_text.render(failed, probed(failed, output).run, run_folder="runs/7f3a")
    assert (
        """\
               it exited with code 3
                 line 5
                 line 6
                 line 7
                 line 8
                 .../x: no such thing
"""
        in shown
    )


def test_a_long_list_is_cut_and_counts_the_rest() -> None:
    steps = (tuple(f"package{number}==1" for number in range(30)),)
    many = passing(combo("many", steps=steps), installed={f"package{number}": "1" for number in range(40)})
    assert "               and 28 more packages\n" in explained(many)


def test_a_pass_that_was_predicted_to_fail_says_so() -> None:
    assert "predicted      torch breaks, but it passed\n" in explained(passing(combo("a"), predicted="torch breaks"))


def test_a_warning_that_contains_an_alarm_is_shown_once() -> None:
    shown = explained(passing(combo("a"), warnings=("no _ARRAY_API", "UserWarning: no _ARRAY_API (in x.cpp)")))
    assert shown.count("_ARRAY_API") == 1


def test_a_known_issue_is_shown() -> None:
    assert "known          known until 2999-01-01: see #1\n" in explained(
        passing(combo("a"), known="known until 2999-01-01: see #1")
    )


def test_the_probe_is_named_where_the_combo_has_several() -> None:
    both = combo("legacy", probes=("embedding", "numbers"))
    assert explained(passing(both, probe="numbers")).startswith("legacy numbers: pass\n")


def test_colors_are_applied_to_plain_text() -> None:
    failed = diagnosed(as_expected=False)
    shown = explain_text.render(
        failed, only(failed).run, run_folder="r", paint=lambda kind, text: f"<{kind or '-'}>{text}</>"
    )
    assert shown.startswith("<bad>legacy-loose: FAIL (declared: other evidence)</>\n")
    assert "\n<label>fix</>            <fix>'huggingface-hub<0.26' torch==2.1.2</>\n" in shown


def test_without_a_combo_the_cells_that_did_not_pass_are_listed() -> None:
    shown = explain_text.render_overview(only(passing(combo("legacy")), diagnosed()), width=110)
    assert (
        shown
        == """\
2 combos, 2 cells: 1 pass, 1 fail as expected; 0 not as expected

  legacy-loose  fail: torch 2.1.2 -> 2.15.0 by step 3, violat… -> fix huggingface-hub<0.26, torch==2.1.2 in…

Use `knowngood explain COMBO` for everything about one combo.
"""
    )


def test_an_imported_verdict_says_so_wherever_it_is_shown() -> None:
    origin = Reused(run="r1", combo="b", recorded="2026-11-20T07:10:00+00:00", key="0f", archive="ci.zip")
    judged = only(passing(combo("a"), reused=origin))
    (imported,) = judged.cells
    document = json.loads(matrix_json.render(judged))

    assert "from ci.zip: another machine or user recorded this verdict" in explained(imported)
    for shown in (
        explain_markdown.render(imported, judged.run, run_folder="r"),
        page.render(judged),
        markdown.render(judged),
        junit.render(judged),
    ):
        assert "ci.zip" in shown
    assert document["cells"][0]["reused"]["archive"] == "ci.zip"
    jsonschema.validate(document, SCHEMA)
    assert matrix_reader.parse(document).cells[0].reused == origin
    assert "1 reused, 1 of them imported" in summary.summary(judged)
