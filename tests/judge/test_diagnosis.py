"""Diagnoses: one row for each kind of evidence, made after failures that really happened."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.diagnose import diagnose
from knowngood.judge.diagnosis.questions import Answers
from knowngood.judge.diagnosis.signatures import Signature
from knowngood.model import (
    ComboFacts,
    Confidence,
    CurrentAt,
    Definitions,
    InstallerName,
    LastWith,
    NextWithWheel,
    Phase,
    ProjectStatus,
    Question,
    Reason,
    Releases,
    Solvable,
    Status,
    StepFacts,
    Uploaded,
    Verdict,
)
from support.facts import BAD, RULES, action, answered, combo
from support.failures import SITE, Failure, rounds, signature

OLD, NEW = "2021-01-01T00:00:00+00:00", "2024-01-01T00:00:00+00:00"

FAILURES: Mapping[str, tuple[Failure, str | None, str | None, tuple[str, ...]]] = {
    "a name that a newer package no longer has": (
        Failure(
            states=({"jinja2": "2.11.3", "markupsafe": "2.1.1"},),
            raised="cannot import name 'soft_unicode' from 'markupsafe' (x)",
            files=("jinja2/filters.py", "jinja2/__init__.py"),
            answers={"uploaded": {"jinja2": OLD, "markupsafe": NEW}},
        ),
        "markupsafe",
        "jinja2",
        ("markupsafe<2.1",),
    ),
    "a name that is gone since longer than the last series": (
        Failure(
            states=({"m2r": "0.2.1", "docutils": "0.20.1"},),
            raised="cannot import name 'ErrorString' from 'docutils.core' (x)",
            files=("m2r.py",),
            answers={"uploaded": {"m2r": OLD, "docutils": NEW}, "last_with": {"docutils.core:ErrorString": "0.17.1"}},
        ),
        "docutils",
        "m2r",
        ("docutils<0.18",),
    ),
    "a name that an older package does not have yet": (
        Failure(
            states=({"transformers": "4.57.1", "torch": "2.1.2"},),
            raised="module 'torch.utils._pytree' has no attribute 'register_pytree_node'",
            kind="builtins.AttributeError",
            files=("transformers/utils/generic.py",),
            answers={"uploaded": {"transformers": NEW, "torch": OLD}, "current": {"transformers": "4.36.2"}},
        ),
        "transformers",
        "torch",
        ("transformers<4.37",),
    ),
    "a name that the probe itself uses": (
        Failure(
            states=({"numpy": "2.4.0"},),
            raised="module 'numpy' has no attribute 'trapz'",
            kind="builtins.AttributeError",
            files=("/project/p/probe.py",),
        ),
        "numpy",
        None,
        ("numpy<2.4",),
    ),
    "a parameter that a function no longer takes": (
        Failure(
            states=({"anthropic": "0.39.0", "httpx": "0.28.0"},),
            raised="Client.__init__() got an unexpected keyword argument 'proxies'",
            kind="builtins.TypeError",
            files=("anthropic/_base_client.py",),
            answers={"definitions": {"Client": ("httpx",)}, "uploaded": {"anthropic": OLD, "httpx": NEW}},
        ),
        "httpx",
        "anthropic",
        ("httpx<0.28",),
    ),
    "an attribute that an older class does not have": (
        Failure(
            states=({"vcrpy": "6.0.1", "urllib3": "2.3.0"},),
            modules={"vcrpy": "vcr"},
            raised="'VCRHTTPResponse' object has no attribute 'version_string'",
            kind="builtins.AttributeError",
            files=("urllib3/connection.py", "vcr/patch.py"),
            answers={"definitions": {"VCRHTTPResponse": ("vcrpy",)}, "uploaded": {"vcrpy": OLD, "urllib3": NEW}},
        ),
        "urllib3",
        "vcrpy",
        ("urllib3<2.3",),
    ),
    "a requirement that a package declares": (
        Failure(
            steps=(("grpcio-health-checking",), ("protobuf",)),
            states=(
                {"grpcio-health-checking": "1.60.0", "protobuf": "4.25.1"},
                {"grpcio-health-checking": "1.60.0", "protobuf": "3.19.6"},
            ),
            modules={"grpcio-health-checking": "grpc_health", "protobuf": "google"},
            requires={"grpcio-health-checking": ("protobuf>=4.21.6", "other; extra == 'x'")},
            raised="cannot import name 'builder' from 'google.protobuf.internal' (x)",
            files=("grpc_health/v1/health_pb2.py",),
        ),
        "protobuf",
        "grpcio-health-checking",
        ("protobuf>=4.21.6",),
    ),
    "a check of versions in words": (
        Failure(
            steps=(("transformers",), ("huggingface-hub",)),
            states=(
                {"transformers": "4.47.1", "huggingface-hub": "0.30.0"},
                {"transformers": "4.47.1", "huggingface-hub": "1.0.0"},
            ),
            raised="huggingface-hub>=0.24.0,<1.0 is required for a normal functioning of this module, "
            "but found huggingface-hub==1.0.0.",
            files=("transformers/utils/versions.py",),
        ),
        "huggingface-hub",
        "transformers",
        ("huggingface-hub<1.0,>=0.24.0",),
    ),
    "compiled for another NumPy, shown by the error": (
        Failure(
            states=({"pandas": "2.1.4", "numpy": "2.0.2"},),
            raised="numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88",
            kind="builtins.ValueError",
            files=("pandas/_libs/__init__.py",),
        ),
        "numpy",
        "pandas",
        ("numpy<2",),
    ),
    "compiled for another NumPy, shown by the files of a crash": (
        Failure(
            states=({"onnxruntime": "1.16.2", "numpy": "2.0.2"},),
            extensions=(("onnxruntime", "1"),),
            status=Status.CRASH,
            output=f'most recent call first):\n  File "{SITE}/onnxruntime/x.py", line 3 in run\n',
        ),
        "numpy",
        "onnxruntime",
        ("numpy<2",),
    ),
    "a wrong result of something compiled for another NumPy": (
        Failure(
            states=({"mapbox-earcut": "1.0.1", "numpy": "2.0.2"},),
            extensions=(("mapbox-earcut", "1"),),
            raised="[2 2 2]",
            kind="builtins.AssertionError",
            files=("/project/p/probe.py",),
        ),
        "numpy",
        "mapbox-earcut",
        ("numpy<2",),
    ),
    "a module that Python removed, with a package that brings it back": (
        Failure(
            states=({"pydub": "0.25.1"},),
            raised="No module named 'pyaudioop'",
            kind="builtins.ModuleNotFoundError",
            files=("pydub/utils.py",),
            python="3.13.0",
        ),
        "audioop-lts",
        "pydub",
        ("audioop-lts",),
    ),
    "a module that Python removed, used by a package that has moved on": (
        Failure(
            states=({"django": "3.2"},),
            raised="No module named 'distutils'",
            kind="builtins.ModuleNotFoundError",
            files=("django/utils/version.py",),
            python="3.12.1",
            answers={"current": {"django": "5.0.1"}},
        ),
        "django",
        "python",
        ("django>=5.0.1",),
    ),
    "a name that Python removed, used by a package that has not": (
        Failure(
            states=({"nose": "1.3.7"},),
            raised="module 'collections' has no attribute 'Callable'",
            kind="builtins.AttributeError",
            files=("nose/suite.py",),
            python="3.10.1",
        ),
        "nose",
        "python",
        ("python<3.10",),
    ),
    "a module that nobody declared": (
        Failure(
            states=({"pyfiglet": "0.7.6"},),
            raised="No module named 'pkg_resources'",
            kind="builtins.ModuleNotFoundError",
            files=("pyfiglet/__init__.py",),
        ),
        "setuptools",
        "pyfiglet",
        ("setuptools<81",),
    ),
    "a pin that moved, where nothing else failed": (
        Failure(
            steps=(("torch==2.1.2",), ("sentence-transformers",)),
            states=({"torch": "2.1.2"}, {"torch": "2.9.0", "sentence-transformers": "6.0"}),
            requires={"sentence-transformers": ("torch>=2.2",)},
        ),
        "torch",
        "sentence-transformers",
        ("torch==2.1.2",),
    ),
    "nothing at all": (
        Failure(steps=(("a", "b"),), states=({"a": "1", "b": "1"},), raised="it is so", files=("/project/p/probe.py",)),
        None,
        None,
        (),
    ),
    "nothing but the one package that the combo asks for": (
        Failure(states=({"a": "1"},), raised="it is so", files=("/project/p/probe.py",)),
        "a",
        None,
        (),
    ),
    "an error that the standard library raises": (
        Failure(
            steps=(("hydra-core",),),
            states=({"hydra-core": "1.1.2"},),
            modules={"hydra-core": "hydra"},
            raised="mutable default <class 'hydra.conf.X'> for field override_dirname is not allowed",
            kind="builtins.ValueError",
            files=("/usr/lib/python3.11/dataclasses.py", "hydra/conf/__init__.py"),
            answers={"current": {"hydra-core": "1.3.1"}},
        ),
        "hydra-core",
        "python",
        ("hydra-core>=1.3.1",),
    ),
    "a function of the standard library that takes other arguments now": (
        Failure(
            steps=(("pydantic",),),
            states=({"pydantic": "1.10.13"},),
            raised="ForwardRef._evaluate() missing 1 required keyword-only argument: 'recursive_guard'",
            kind="builtins.TypeError",
            files=("pydantic/typing.py",),
            python="3.13.0",
        ),
        "pydantic",
        "python",
        ("python<3.13",),
    ),
    "a plugin that the frames do not show": (
        Failure(
            steps=(("pytest-mypy-testing",), ("pytest",)),
            states=(
                {"pytest-mypy-testing": "0.1.1", "pytest": "8.0.0"},
                {"pytest-mypy-testing": "0.1.1", "pytest": "9.1"},
            ),
            requires={"pytest-mypy-testing": ("pytest>=7",)},
            modules={"pytest": "_pytest"},
            raised="Argument(s) {'path'} are declared in the hookimpl but can not be diagnosis in the hookspec",
            kind="pluggy.PluginValidationError",
            files=("pluggy/_manager.py", "_pytest/config/__init__.py"),
            answers={"uploaded": {"pytest": NEW, "pytest-mypy-testing": OLD}, "current": {"pytest": "8.0.2"}},
        ),
        "pytest",
        "pytest-mypy-testing",
        ("pytest<8.1",),
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_culprit_conflict_and_fix_are_diagnosed(name: str) -> None:
    failure, culprit, conflict, fix = FAILURES[name]

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == (culprit, conflict, fix), diagnosis
    assert diagnosis.evidence or culprit is None
    assert (diagnosis.confidence is Confidence.UNKNOWN) == (culprit is None)


def test_a_specific_signature_goes_before_the_rules_and_a_broad_one_after_them() -> None:
    failure = FAILURES["a name that a newer package no longer has"][0]

    specific, broad = failure.diagnose(signature(30)), failure.diagnose(signature(10))

    assert (specific.signature, specific.fix) == ("known", ("markupsafe==2.0.1",))
    assert (specific.culprit, specific.conflicts_with) == ("markupsafe", "jinja2")
    assert (broad.signature, broad.fix) == (None, ("markupsafe<2.1",))


@pytest.mark.parametrize(
    "change",
    [
        {"match": {"type": "KeyError", "message": "soft_unicode"}},
        {"match": {"message": "hard_unicode"}},
        {"match": {"message": "soft_unicode", "frames": "flask"}},
        {"match": {"message": "soft_unicode", "status": "crash"}},
        {"match": {"message": "soft_unicode", "output": "something else"}},
        {"installed": ("markupsafe<2",)},
        {"installed": ("absent",)},
    ],
)
def test_a_signature_fits_only_when_all_its_conditions_hold(change: dict[str, Any]) -> None:
    failure = FAILURES["a name that a newer package no longer has"][0]
    known = Signature(**({name: getattr(signature(30), name) for name in Signature.__dataclass_fields__} | change))

    assert failure.diagnose(known).signature is None


@pytest.mark.parametrize(
    ("installer", "text", "culprit", "conflict", "fix"),
    [
        (
            InstallerName.UV,
            "error: No solution diagnosis when resolving dependencies\n"
            "  cause: Because pandas==2.2.2 depends on numpy{python_full_version < '3.12'}>=1.23.2 and you require "
            "pandas==2.2.2, we can conclude that you require numpy>=1.23.2.\n         And because you require "
            "numpy==1.22.4, we can conclude that your requirements are unsatisfiable.",
            "numpy",
            "pandas",
            ("numpy>=1.23.2",),
        ),
        (
            InstallerName.PIP,
            "ERROR: Cannot install numpy==1.22.4 and pandas==2.2.2 because these package versions have conflicting "
            "dependencies.\n\nThe conflict is caused by:\n    The user requested numpy==1.22.4\n"
            "    pandas 2.2.2 depends on numpy>=1.23.2\n\nERROR: ResolutionImpossible: for help visit",
            "numpy",
            "pandas",
            ("numpy>=1.23.2",),
        ),
        (
            InstallerName.UV,
            "error: No solution diagnosis when resolving dependencies\n  cause: Because there is no version of "
            "numpy==9 and you require numpy==9, we can conclude that your requirements are unsatisfiable.",
            "numpy",
            None,
            (),
        ),
    ],
)
def test_a_conflict_is_diagnosed_from_the_output_of_the_installer(
    installer: InstallerName, text: str, culprit: str, conflict: str | None, fix: tuple[str, ...]
) -> None:
    asked = ("pandas==2.2.2", "numpy==1.22.4")
    failed = action(BAD, text)
    subject = replace(combo("one", asked), installer=installer)
    facts = ComboFacts(combo=subject, steps=(StepFacts(number=1, requirements=asked, resolve=failed),))
    verdict = Verdict(status=Status.UNSOLVABLE, phase=Phase.RESOLVE, reason=Reason.CONFLICT)

    diagnosis = diagnose(
        Case(facts=facts, verdict=verdict, probe=None, action=failed, rules=RULES), Answers(facts.answers)
    )

    assert diagnosis is not None
    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == (culprit, conflict, fix)
    assert diagnosis.confidence is Confidence.CERTAIN


def unsolvable(text: str, *asked: str, python: str = "3.11.7", **known: Any) -> Case:
    failed = action(BAD, f"error: No solution found when resolving dependencies\n  cause: {text}\n")
    facts = ComboFacts(
        combo=combo("one", asked),
        steps=(StepFacts(number=1, requirements=asked, resolve=failed),),
        python_version=python,
        answers=answered({}, **known),
    )
    verdict = Verdict(status=Status.UNSOLVABLE, phase=Phase.RESOLVE, reason=Reason.CONFLICT)
    return Case(facts=facts, verdict=verdict, probe=None, action=failed, rules=RULES)


NUMPY = ("1.26.4 2024", "2.2.6 2025", "2.3.0 2025 none", "2.3.1 2025 none")


@pytest.mark.parametrize(
    ("case", "culprit", "conflict", "fix"),
    [
        pytest.param(
            unsolvable(
                "Because there is no version of numpy==1.27.0 and you require numpy==1.27.0, we can conclude that your "
                "requirements are unsatisfiable.",
                "numpy==1.27.0",
                releases={"numpy": NUMPY},
            ),
            "numpy",
            None,
            ("numpy<1.27",),
            id="no such release: the one below",
        ),
        pytest.param(
            unsolvable(
                "Because there is no version of numpy==0.9 and you require numpy==0.9, we can conclude that your "
                "requirements are unsatisfiable.",
                "numpy==0.9",
                releases={"numpy": NUMPY},
            ),
            "numpy",
            None,
            ("numpy>=1.26.4,<2",),
            id="no such release and none below: the one above",
        ),
        pytest.param(
            unsolvable(
                "Because the current Python version (3.10.13) does not satisfy Python>=3.11 and numpy==2.3.0 depends "
                "on Python>=3.11, we can conclude that numpy==2.3.0 cannot be used. And because you require "
                "numpy==2.3.0, we can conclude that your requirements are unsatisfiable.",
                "numpy==2.3.0",
                python="3.10.13",
                releases={"numpy": NUMPY},
            ),
            "numpy",
            "python",
            ("numpy<2.3",),
            id="too new for this Python",
        ),
        pytest.param(
            unsolvable(
                "Because onnxruntime==1.16.2 has no wheels with a matching Python ABI tag (e.g., `cp312`) and you "
                "require onnxruntime==1.16.2, we can conclude that your requirements are unsatisfiable.",
                "onnxruntime==1.16.2",
                python="3.12.1",
                releases={"onnxruntime": ("1.16.2 2023 none", "1.17.0 2024", "1.18.0 2024")},
            ),
            "onnxruntime",
            "python",
            ("onnxruntime>=1.17.0",),
            id="too old for this Python",
        ),
        pytest.param(
            unsolvable(
                "Because awscli==1.25.0 depends on pyyaml<5.5 and you require pyyaml==6.0.2, we can conclude that your "
                "requirements and awscli==1.25.0 are incompatible. And because you require awscli==1.25.0, we can "
                "conclude that your requirements are unsatisfiable.",
                "pyyaml==6.0.2",
                "awscli==1.25.0",
                python="3.12.1",
                releases={"pyyaml": ("3.13 2018 source", "5.4.1 2021 elsewhere", "6.0.2 2024")},
            ),
            "pyyaml",
            "awscli",
            ("awscli>1.25.0",),
            id="what is needed does not build here: the one that needs it moves",
        ),
        pytest.param(
            unsolvable(
                "Because fastapi==0.128.0 depends on pydantic>=2.7.0 and you require fastapi==0.128.0, we can conclude "
                "that you require pydantic>=2.7.0. And because you require pydantic==1.10.13, we can conclude that "
                "your requirements are unsatisfiable.",
                "fastapi==0.128.0",
                "pydantic==1.10.13",
                solvable={("fastapi==0.128.0", "pydantic>=2.7.0"): False, ("fastapi==0.128.0",): True},
            ),
            "pydantic",
            "fastapi",
            ("fastapi>0.128.0",),
            id="a fix without a solution gives way to the other party",
        ),
    ],
)
def test_a_set_without_a_solution_is_fixed_by_releases_that_exist_and_have_one(
    case: Case, culprit: str, conflict: str | None, fix: tuple[str, ...]
) -> None:
    diagnosis = diagnose(case, Answers(case.facts.answers))

    assert diagnosis is not None
    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == (culprit, conflict, fix)


def test_a_package_that_did_not_build_is_named_with_the_next_version_that_has_a_wheel() -> None:
    text = (
        "error: Failed to download and build `pendulum==2.1.2`\n  cause: The build backend returned an error\n"
        "    Traceback (most recent call last):\n    ModuleNotFoundError: No module named 'distutils'\n"
    )
    failed = action(BAD, text)
    facts = ComboFacts(
        combo=combo("one", ("pendulum==2.1.2",)),
        answers=answered({}, with_wheel={"pendulum": "3.0.0"}),
        python_version="3.12.1",
    )
    verdict = Verdict(status=Status.BUILD_FAIL, phase=Phase.RESOLVE, reason=Reason.BUILD_ERROR)

    diagnosis = diagnose(
        Case(facts=facts, verdict=verdict, probe=None, action=failed, rules=RULES), Answers(facts.answers)
    )

    assert diagnosis is not None
    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == ("pendulum", "python", ("pendulum>=3.0.0",))
    assert diagnosis.evidence[0] == "ModuleNotFoundError: No module named 'distutils'"


@pytest.mark.parametrize("status", [Status.PASS, Status.INFRA, Status.ERROR, Status.NOT_RUN])
def test_a_cell_that_passed_or_is_undecided_has_no_diagnosis_and_no_questions(status: Status) -> None:
    verdict = Verdict(status=status, phase=Phase.PROBE, reason=Reason.ALL_PASSED)

    assert (
        diagnose(
            Case(facts=ComboFacts(combo=combo("one")), verdict=verdict, probe=None, action=None, rules=RULES), Answers()
        )
        is None
    )


def test_a_fix_that_the_rest_of_the_combo_rules_out_is_not_offered() -> None:
    failure = replace(FAILURES["a name that a newer package no longer has"][0])
    failure.steps = (("jinja2==2.11.3", "markupsafe==2.1.1"),)
    answers = {("jinja2==2.11.3", "markupsafe<2.1"): False, ("jinja2==2.11.3",): True}
    failure.answers = {**failure.answers, "solvable": answers}

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.fix) == ("markupsafe", ())
    assert diagnosis.evidence[-1] == "markupsafe<2.1 conflicts with the combo's other requirements"


def test_the_package_that_moved_a_pin_is_the_other_party_where_no_rule_names_one() -> None:
    failure = Failure(
        steps=(("pydantic==1.10.13",), ("fastapi",)),
        states=({"pydantic": "1.10.13"}, {"pydantic": "2.14.3", "fastapi": "0.128.0"}),
        requires={"fastapi": ("pydantic>=2.7",)},
        raised="module 'pydantic' has no attribute 'BaseSettings'",
        kind="builtins.AttributeError",
        files=("/project/p/probe.py",),
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with) == ("pydantic", "fastapi")
    assert "metadata of fastapi: requires pydantic>=2.7" in diagnosis.evidence


def test_dates_are_asked_first_then_a_version_to_go_back_to_then_whether_the_fix_can_be_resolved() -> None:
    failure = Failure(
        steps=(("m2r==0.2.1", "docutils==0.20.1"),),
        states=({"m2r": "0.2.1", "docutils": "0.20.1"},),
        raised="cannot import name 'ErrorString' from 'docutils.core' (x)",
        files=("m2r.py",),
    )
    m2r, docutils = Uploaded(package="m2r", version="0.2.1"), Uploaded(package="docutils", version="0.20.1")
    lists = [Releases(package="docutils"), Releases(package="m2r")]
    back = CurrentAt(package="docutils", time=OLD)
    last = LastWith(package="docutils", installed="0.20.1", module="docutils.core", name="ErrorString")
    with_fix = Solvable(requirements=("m2r==0.2.1", "docutils<0.18"))
    without = Solvable(requirements=("m2r==0.2.1",))

    asked = rounds(failure.case(), {m2r: OLD, docutils: NEW, back: "0.16", last: "0.17.1", with_fix: False})

    # Without a list of releases, the index may still say which one was current.
    assert asked == [[m2r, docutils], lists, [back, last], [with_fix], [without], statuses("docutils", "m2r")]


def statuses(*projects: str) -> list[Question]:
    return [ProjectStatus(package=project) for project in projects]


def test_classes_are_looked_for_in_all_packages_that_may_have_a_part() -> None:
    failure = Failure(
        steps=(("anthropic", "httpx"),),
        states=({"anthropic": "0.39.0", "httpx": "0.28.0", "six": "1.16.0"},),
        raised="Client.__init__() got an unexpected keyword argument 'proxies'",
        kind="builtins.TypeError",
        files=("anthropic/_base_client.py",),
    )

    first, *_ = rounds(failure.case(), {})

    assert Definitions(name="Client", among=("anthropic", "httpx")) in first
    assert {question.package for question in first if isinstance(question, Uploaded)} == {"anthropic", "httpx"}


def test_a_specific_signature_asks_only_whether_its_fix_exists_and_can_be_resolved() -> None:
    failure = replace(FAILURES["a name that a newer package no longer has"][0], steps=(("jinja2==2.11.3",),))

    asked = rounds(failure.case(signature(30)), {})

    resolved = Solvable(requirements=("jinja2==2.11.3", "markupsafe==2.0.1"))
    assert asked == [[Releases(package="markupsafe")], [resolved], statuses("markupsafe", "jinja2")]


def test_a_fix_that_changes_python_is_not_resolved() -> None:
    asked = rounds(FAILURES["a name that Python removed, used by a package that has not"][0].case(), {})

    assert asked
    assert not [question for questions in asked for question in questions if isinstance(question, Solvable)]


def test_a_failed_build_asks_for_the_next_wheel_and_for_no_dates() -> None:
    failed = action(BAD, "error: Failed to build `pendulum==2.1.2`\n")
    step = StepFacts(number=1, requirements=("six",), installed={"six": "1.16.0"})
    case = Case(
        facts=ComboFacts(combo=combo("one", ("six",), ("pendulum==2.1.2",)), steps=(step,), python_version="3.12.1"),
        verdict=Verdict(status=Status.BUILD_FAIL, phase=Phase.RESOLVE, reason=Reason.BUILD_ERROR),
        probe=None,
        action=failed,
        rules=RULES,
    )
    wheel = NextWithWheel(package="pendulum", above="2.1.2")

    first, *others = rounds(case, {wheel: "3.0.0"})

    assert first == [wheel, Releases(package="pendulum")]
    assert others == [[Solvable(requirements=("six", "pendulum>=3.0.0"))], statuses("pendulum")]


def test_an_unsolvable_combo_asks_for_no_dates() -> None:
    step = StepFacts(number=1, requirements=("pandas==2.2.2",), installed={"pandas": "2.2.2"})
    case = Case(
        facts=ComboFacts(combo=combo("one", ("pandas==2.2.2",), ("x",)), steps=(step,)),
        verdict=Verdict(status=Status.UNSOLVABLE, phase=Phase.RESOLVE, reason=Reason.CONFLICT),
        probe=None,
        action=action(BAD, "error: No solution diagnosis when resolving dependencies\n"),
        rules=RULES,
    )

    assert rounds(case, {}) == [statuses("pandas")]


@pytest.mark.parametrize(
    ("with_fix", "without", "offered"),
    [(False, True, False), (False, False, True), (False, None, True), (None, True, True), (True, True, True)],
)
def test_only_a_proof_that_the_fix_alone_is_impossible_withdraws_it(
    with_fix: bool | None, without: bool | None, offered: bool
) -> None:
    failure = replace(FAILURES["a name that a newer package no longer has"][0], steps=(("jinja2", "markupsafe"),))
    failure.answers = {**failure.answers, "solvable": {("jinja2", "markupsafe<2.1"): with_fix, ("jinja2",): without}}

    assert failure.diagnose().fix == (("markupsafe<2.1",) if offered else ())


def test_an_unknown_answer_changes_no_diagnosis() -> None:
    failure = FAILURES["a name that is gone since longer than the last series"][0]
    unasked = replace(failure, answers={})
    unknown = replace(
        failure,
        answers={
            "uploaded": dict.fromkeys(failure.states[-1]),
            "last_with": {"docutils.core:ErrorString": None},
            "current": {"docutils": None},
        },
    )

    assert unknown.diagnose() == unasked.diagnose() != failure.diagnose()


@pytest.mark.parametrize("output", ["x" * 28_000, "\n".join(["x" * 200] * 140)])
def test_a_flood_of_output_does_not_hold_up_the_diagnosis(output: str) -> None:
    began = time.monotonic()

    Failure(states=({"numpy": "2.0"},), raised="boom", files=("/project/p/probe.py",), output=output).diagnose()

    assert time.monotonic() - began < 15  # it took minutes
