"""Build judged runs by hand, with every kind of verdict that a report must distinguish."""

from dataclasses import replace

from knowngood.model import (
    Array,
    Cell,
    Check,
    Combo,
    ComboFacts,
    Confidence,
    Diagnosis,
    Drift,
    Expectation,
    Frame,
    IndexChoice,
    JudgedRun,
    Outcome,
    Phase,
    Raised,
    Reason,
    Run,
    RunInfo,
    Seconds,
    Status,
    Suite,
    Verdict,
)
from support.declared import declared

NUMPY_ABI = "RuntimeError: Numpy is not available\n  _ARRAY_API not found (torch was built for NumPy 1.x)"
PINS = {"numpy": "1.24.3", "torch": "2.1.2", "sentence-transformers": "2.2.2", "transformers": "4.36.2"}
STEPS = (
    ("numpy==1.24.3",),
    ("torch==2.1.2",),
    ("sentence-transformers==2.2.2", "transformers==4.36.2", "huggingface-hub==0.19.4"),
)
METRICS = {"import_seconds": 1.913, "encode_seconds": 0.4321, "sentences_per_second": 128.75, "difference": 1e-7}


def combo(name: str, title: str = "", *, steps: tuple[tuple[str, ...], ...] = STEPS, **changes: object) -> Combo:
    base = Combo(id=name, title=title or name, python="3.11", steps=declared(*steps), probes=("embedding",))
    return replace(base, **changes)  # type: ignore[arg-type]


def cell(
    of: Combo, status: Status, phase: Phase, reason: Reason, *, as_expected: bool | None = True, **changes: object
) -> Cell:
    base = Cell(
        combo=of,
        probe="embedding",
        python="3.11.7",
        verdict=Verdict(status=status, phase=phase, reason=reason),
        as_expected=as_expected,
        check=None,
        message="",
        seconds=Seconds(resolve=0.9, create=0.2, install=4.1, probe=3.1),
        log=f"logs/{of.id}/embedding.log",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def passing(of: Combo, **changes: object) -> Cell:
    checks = (
        Check(name="numpy works", outcome=Outcome.PASSED, seconds=0.11),
        Check(
            name="vectors",
            outcome=Outcome.PASSED,
            seconds=0.5,
            metrics=METRICS,
            arrays={"vectors": Array(dtype="float32", shape=(1, 2), encoding="f4", data="AACAPwAAAAA=")},
        ),
    )
    facts: dict[str, object] = {"checks": checks, "installed": PINS, "metrics": METRICS | {"peak_memory_mib": 812}}
    return cell(of, Status.PASS, Phase.PROBE, Reason.ALL_PASSED, **(facts | changes))  # type: ignore[arg-type]


SITE = "/home/me/.knowngood/runs/m/1/combos/legacy-loose/env/lib/python3.11/site-packages/"
IMPORT = (
    Frame(file="/home/me/.knowngood/runs/m/1/combos/x/embedding.1/embedding.py", line=67, function="imports"),
    Frame(file="/usr/lib/python3.11/importlib/__init__.py", line=126, function="import_module"),
    Frame(file=f"{SITE}sentence_transformers/__init__.py", line=3, function="<module>", text="from .datasets import *"),
    Frame(
        file=f"{SITE}sentence_transformers/util.py",
        line=12,
        function="<module>",
        text="from huggingface_hub import cached_download",
    ),
)


def diagnosed(**changes: object) -> Cell:
    """Return a cell with a violated pin, two failed checks, a skipped one, and a known cause."""
    error = "cannot import name 'cached_download' from 'huggingface_hub'"
    pin = "torch==2.1.2 was asked for, 2.15.0 is installed"
    loose = combo(
        "legacy-loose",
        "The legacy set with only its three main pins",
        steps=(("numpy==1.24.3",), ("torch==2.1.2",), ("sentence-transformers==2.2.2",)),
        expect=Expectation(status=Status.FAIL, reason="torch moves", match=r"name 'cached_\w+'"),
    )
    checks = (
        Check(name="numpy works", outcome=Outcome.PASSED, seconds=0.1),
        Check(
            name="sentence-transformers imports",
            outcome=Outcome.FAILED,
            message=f"ImportError: {error}",
            raised=(Raised(type="builtins.ImportError", message=f"{error} ({SITE}huggingface_hub.py)", frames=IMPORT),),
        ),
        Check(name="encode", outcome=Outcome.SKIPPED, message="needs sentence-transformers imports"),
        Check(name="versions are the pins", outcome=Outcome.FAILED, message=f"AssertionError: {pin}"),
    )
    diagnosis = Diagnosis(
        culprit="huggingface-hub",
        conflicts_with="sentence-transformers",
        why="sentence-transformers 2.2.2 uses cached_download, which huggingface-hub 0.36.2 does not have",
        fix=("huggingface-hub<0.26", "torch==2.1.2"),
        evidence=(error, "huggingface-hub 0.25.2 still has it"),
        reference="https://example.org/breakage",
        confidence=Confidence.LIKELY,
    )
    facts: dict[str, object] = {
        "check": "sentence-transformers imports",
        "message": f"{pin}; sentence-transformers imports: ImportError: {error}",
        "checks": checks,
        "installed": {"numpy": "1.24.3", "torch": "2.15.0", "sentence-transformers": "2.2.2", "triton": "3.9.0"}
        | {"huggingface-hub": "0.36.2", "sympy": "1.14.0"},
        "drift": (
            Drift(package="sympy", step=3, before="1.12", after="1.14.0", violates=None),
            Drift(package="torch", step=3, before="2.1.2", after="2.15.0", violates="torch==2.1.2"),
        ),
        "diagnosis": diagnosis,
        "warnings": ("A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0",),
        "predicted": "torch 2.1.2 was compiled for NumPy 1.x, NumPy 2.0.2 is installed",
        "flaky": "1/2",
        "attempts": 2,
    }
    return cell(loose, Status.FAIL, Phase.DRIFT, Reason.PIN_VIOLATED, **(facts | changes))  # type: ignore[arg-type]


TESTS = (
    Check(name="tests/test_a.py::test_good", outcome=Outcome.PASSED, seconds=0.25),
    Check(name="tests/test_a.py::TestB::test_bad[a::b]", outcome=Outcome.FAILED, message="AssertionError: no\nbecause"),
    Check(name="tests/test_a.py::test_left", outcome=Outcome.SKIPPED, message="not today"),
    Check(name="tests/test_a.py::test_hangs", outcome=Outcome.OPEN),
)


def suite_cell(*, as_expected: bool) -> Cell:
    """Return the cell of a suite of four tests, of which one fails and one never ended."""
    suite = Suite(collected=4, passed=1, failed=1, skipped=1, open=("tests/test_a.py::test_hangs",))
    return cell(
        combo("one"),
        Status.FAIL,
        Phase.PROBE,
        Reason.CHECK_FAILED,
        as_expected=as_expected,
        checks=TESTS,
        suite=suite,
    )


def only(*cells: Cell) -> JudgedRun:
    """Return a complete run of just these cells."""
    return JudgedRun(run=replace(run(cells), interrupted=None, indexes=()), cells=cells)


def mission() -> JudgedRun:
    """Return a pass, two declared failures, an unsolvable combo, an unexpected pass, an outage, and one not run."""
    expects = Expectation(
        status=Status.FAIL, reason="torch 2.1 is compiled for NumPy 1.x", match="Numpy is not available"
    )
    legacy = combo("legacy", "NumPy 1.24 + PyTorch 2.1", steps=(STEPS[0], (*STEPS[1], "torchvision==0.16.2"), STEPS[2]))
    numpy2 = combo("legacy-numpy2", "The same on NumPy 2", steps=(("numpy>=2",), *STEPS[1:]), expect=expects)
    wrong = combo(
        "legacy-wrong-order",
        "torch first, then what pulls it up",
        steps=(*STEPS[1:], ("numpy==1.24.3",)),
        expect=Expectation(status=Status.FAIL, reason="the last step replaces the pinned torch"),
    )
    never = combo("numpy2-torch21", expect=Expectation(status=Status.UNSOLVABLE))
    surprise = combo("modern-loose", "Whatever is newest", steps=(("sentence-transformers", "torch"),), expect=expects)
    outage = combo("modern", "NumPy 2 + PyTorch 2.9", steps=(("numpy==2.3.5",), ("torch==2.9.0",)))
    unreached = combo("modern-py313", python="3.13")
    newest = {"numpy": "2.3.5", "torch": "2.9.0+cpu", "sentence-transformers": "5.1.2", "transformers": "4.57.1"}
    moved = (
        Drift(package="torch", step=2, before="2.1.2", after="2.9.0", violates="torch==2.1.2"),
        Drift(package="sympy", step=2, before="1.12", after="1.14.0", violates=None),
    )
    cells = (
        passing(legacy, warnings=("A module that was compiled using NumPy 1.x cannot be run in NumPy 2.0",)),
        cell(
            numpy2,
            Status.FAIL,
            Phase.PROBE,
            Reason.CHECK_FAILED,
            check="numpy and torch share memory",
            message=NUMPY_ABI,
            installed=PINS | {"numpy": "2.3.5"},
            checks=(Check(name="numpy and torch share memory", outcome=Outcome.FAILED, message=NUMPY_ABI),),
        ),
        cell(
            wrong,
            Status.FAIL,
            Phase.DRIFT,
            Reason.PIN_VIOLATED,
            message="torch==2.1.2 was asked for, 2.9.0 is installed",
            installed=PINS | {"torch": "2.9.0"},
            drift=moved,
        ),
        cell(
            never,
            Status.UNSOLVABLE,
            Phase.RESOLVE,
            Reason.CONFLICT,
            message="Because torch==2.1.2 depends on numpy<2 and you require numpy>=2, there is no solution.",
            seconds=Seconds(resolve=0.4),
        ),
        passing(surprise, installed=newest, as_expected=False, seconds=Seconds(install=80.2, probe=12.5)),
        cell(
            outage,
            Status.INFRA,
            Phase.INSTALL,
            Reason.INDEX_UNREACHABLE,
            as_expected=None,
            message="error: connection refused (3 tries)",
            attempts=3,
            log="logs/modern/install-2.log",
        ),
        cell(
            unreached,
            Status.NOT_RUN,
            Phase.RESOLVE,
            Reason.INTERRUPTED,
            as_expected=None,
            python="3.13",
            seconds=Seconds(),
            log=None,
        ),
    )
    return JudgedRun(run=run(cells), cells=cells)


def run(cells: tuple[Cell, ...]) -> Run:
    """Return a run that was interrupted and took torch from the default index."""
    combos = {cell.combo.id: cell for cell in cells}
    return Run(
        info=RunInfo(
            id="20261124-071000-7f3a",
            started="2026-11-24T07:10:00.000+00:00",
            matrix="embedding",
            title="Sentence embeddings on the CPU",
            digest="0f" * 32,
            reference="legacy",
            platform="Linux-6.1.0-x86_64",
            cpu="AMD EPYC 7B13",
            cores=2,
            python="3.11.7",
            versions={"knowngood": "0.1.0", "uv": "0.13.9", "pip": "26.3", "virtualenv": "21.15.8"},
            command="knowngood run matrices/embedding.toml",
        ),
        combos=tuple(
            ComboFacts(combo=cell.combo, started=True, finished=True, environment_bytes=967_000_000)
            for cell in combos.values()
        ),
        indexes=(
            IndexChoice(
                name="pytorch-cpu",
                asked="https://download.pytorch.org/whl/cpu",
                used="default",
                packages=("torch", "torchvision", "torchaudio"),
                why="https://download.pytorch.org/whl/cpu did not answer in 10 s",
            ),
        ),
        interrupted="SIGINT",
        finished=True,
    )


def whole(judged: JudgedRun) -> JudgedRun:
    """Return the same run without its undecided cells: complete, and with every index as asked."""
    cells = tuple(cell for cell in judged.cells if cell.as_expected is not None)
    return JudgedRun(run=replace(run(cells), interrupted=None, indexes=()), cells=cells)
