"""Fixes that a diagnosis offers: each excludes what is installed, exists, and stops where the facts say it broke."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from knowngood.model import (
    Answer,
    Confidence,
    FirstWith,
    LastWith,
    NearestWithout,
    Question,
    Releases,
    Solvable,
    Status,
    Step,
    Trial,
    Uploaded,
)
from knowngood.project.signatures import OURS, load
from support.failures import Failure, rounds, signature

DOCUTILS = ("0.17.1 2021", "0.18 2021", "0.18.1 2021", "0.19 2022", "0.20.1 2023")


def gone(answers: dict[str, dict[Any, Any]], **more: Any) -> Failure:
    """Return the failure of m2r, which uses a name of docutils."""
    return Failure(
        steps=(("m2r==0.2.1", "docutils==0.20.1"),),
        states=({"m2r": "0.2.1", "docutils": "0.20.1"},),
        raised="cannot import name 'ErrorString' from 'docutils.core' (x)",
        files=("m2r.py",),
        answers={"uploaded": {"m2r": "2021-06-01T00:00:00+00:00", "docutils": "2023-05-15T00:00:00+00:00"}} | answers,
        **more,
    )


def test_a_fix_ends_right_after_the_last_release_whose_files_have_the_name() -> None:
    failure = gone({"releases": {"docutils": DOCUTILS}, "last_with": {"docutils.core:ErrorString": "0.18"}})

    diagnosis = failure.diagnose()

    assert diagnosis.fix == ("docutils<0.18.1",)
    assert "docutils 0.18 still has it" in diagnosis.evidence


def test_what_files_cannot_tell_is_neither_a_fix_nor_evidence() -> None:
    failure = gone({"releases": {"docutils": DOCUTILS}, "last_with": {"docutils.core:ErrorString": None}})

    diagnosis = failure.diagnose()

    assert not [line for line in diagnosis.evidence if "still has it" in line]
    assert diagnosis.fix == ("docutils<0.19",)


def dated(installed: str, releases: tuple[str, ...], *, then: str = "2023-06-01T00:00:00+00:00") -> Failure:
    """Return a failure of typer in click that no message explains; typer was uploaded ``then``."""
    return Failure(
        steps=(("typer", "click"),),
        states=({"typer": "0.16.0", "click": installed},),
        raised="2",
        kind="builtins.AssertionError",
        files=("click/core.py", "typer/main.py"),
        answers={
            "uploaded": {"typer": then, "click": "2025-01-01T00:00:00+00:00"},
            "releases": {"click": releases, "typer": ("0.16.0 2023",)},
        },
    )


@pytest.mark.parametrize(
    ("installed", "releases", "fix"),
    [
        # Patches rarely break: the whole line that was current is admitted, and no line that does not exist is named.
        ("8.5.1", ("7.4 2021", "8.1.8 2022", "8.1.9 2024", "8.3.0 2024", "8.5.1 2025"), ("click<8.3",)),
        # The line that was current is that of the installed version: a patch broke it.
        ("0.0.15", ("0.0.8 2021", "0.0.9 2022", "0.0.10 2024", "0.0.15 2025"), ("click<0.0.10",)),
        # A whole major version ends at the next one.
        ("2.0.2", ("1.2 2021", "1.9 2022", "2.0 2024", "2.0.2 2025"), ("click<2",)),
        # Before the next major version ends what was announced to fit: the end of the line would be too early.
        ("8.5.1", ("1.5.3 2022", "1.7.1 2024", "2.0 2024", "8.5.1 2025"), ("click<2",)),
        ("0.9", ("0.5 2022", "0.6 2024", "0.9 2025"), ("click<0.6",)),
        # A pre-release does not end a line.
        ("2.0.2", ("1.9 2022", "2.0rc1 2023", "2.0.1 2024", "2.0.2 2025"), ("click<2.0.1",)),
        # What was withdrawn, or is for other Pythons, was never current.
        ("3.0", ("1.0 2021", "2.0 2022 none", "3.0 2025"), ("click<2",)),
    ],
)
def test_without_a_missing_name_a_package_goes_back_to_the_line_that_was_current(
    installed: str, releases: tuple[str, ...], fix: tuple[str, ...]
) -> None:
    assert dated(installed, releases).diagnose().fix == fix


@pytest.mark.parametrize(
    ("python", "user", "fix"),
    [
        ("3.11.7", ("1.34.0 2020", "2.5.0 2021", "3.1.0 2023"), ("user>=3.1.0",)),
        # What was current then is not older than the Python, or the user has no newer release.
        ("3.8.18", ("1.34.0 2020", "2.5.0 2021", "3.1.0 2023"), ("host<6",)),
        ("3.11.7", ("1.34.0 2020",), ("host<6",)),
        ("3.11.7", ("1.34.0 2020", "2.5.0 2021"), ("host<6",)),
    ],
)
def test_what_was_current_before_the_python_came_out_gives_way_to_a_newer_user(
    python: str, user: tuple[str, ...], fix: tuple[str, ...]
) -> None:
    failure = Failure(
        steps=(("user", "host"),),
        states=({"user": "1.34.0", "host": "9.2.0"},),
        raised="it is so",
        kind="builtins.AssertionError",
        files=("host/x.py", "user/x.py"),
        python=python,
        answers={
            "uploaded": {"user": "2020-07-01T00:00:00+00:00", "host": "2026-01-01T00:00:00+00:00"},
            "releases": {"host": ("5.4.3 2020", "6.0 2021", "9.2.0 2026"), "user": user},
        },
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == ("host", "user", fix)


def test_where_nothing_of_the_time_runs_on_this_python_the_oldest_line_that_does_is_nearest_to_it() -> None:
    releases = ("4.2 2022 elsewhere", "4.3.0 2024", "4.3.3 2024", "4.9.0 2024", "4.16.0 2025")

    diagnosis = dated("4.16.0", releases).diagnose()

    assert diagnosis.fix == ("click<4.9",)
    assert "click 4.3.3 is of the oldest release line for Python 3.11" in diagnosis.evidence


def test_a_line_that_had_only_begun_may_be_one_that_nobody_had_adapted_to() -> None:
    releases = ("8.1.8 2022", "8.2.0 2023", "8.5.1 2025")

    adapted = dated("8.5.1", releases, then="2023-06-01T00:00:00+00:00").diagnose()
    too_early = dated("8.5.1", releases, then="2023-01-09T00:00:00+00:00").diagnose()

    assert (adapted.fix, too_early.fix) == (("click<8.5.1",), ("click<8.2",))


def solvable(*pairs: tuple[tuple[str, ...], bool]) -> dict[tuple[str, ...], bool]:
    return dict(pairs)


def test_a_fix_that_the_combo_rules_out_gives_way_to_a_newer_release_of_the_other_party() -> None:
    failure = gone(
        {
            "releases": {"docutils": DOCUTILS, "m2r": ("0.2.1 2021", "0.3 2022", "0.3.1 2024")},
            "last_with": {"docutils.core:ErrorString": "0.18"},
            "solvable": solvable((("m2r==0.2.1", "docutils<0.18.1"), False), (("m2r==0.2.1",), True)),
        }
    )

    diagnosis = failure.diagnose()

    assert diagnosis.fix == ("m2r>=0.3.1",)
    assert "docutils<0.18.1 conflicts with the combo's other requirements" in diagnosis.evidence


def test_no_fix_is_offered_where_every_one_is_known_to_be_impossible() -> None:
    failure = gone(
        {
            "releases": {"docutils": ("0.20.1 2023",), "m2r": ("0.2.1 2021",)},
            "last_with": {"docutils.core:ErrorString": None},
        }
    )

    assert failure.diagnose().fix == ()


@pytest.mark.parametrize(
    ("releases", "objection"),
    [
        (("19.1 2019", "19.2 2020"), "markupsafe==2.0.1"),
        (("2.0.1 2021 none", "2.1.1 2023"), "markupsafe==2.0.1"),
    ],
)
def test_a_fix_that_names_no_release_for_this_python_is_not_offered(releases: tuple[str, ...], objection: str) -> None:
    failure = Failure(
        states=({"jinja2": "2.11.3", "markupsafe": "2.1.1"},),
        raised="cannot import name 'soft_unicode' from 'markupsafe' (x)",
        files=("jinja2/filters.py",),
        answers={"releases": {"markupsafe": releases}},
    )

    diagnosis = failure.diagnose(signature(30))

    assert diagnosis.fix == ()
    assert f"no release of markupsafe for Python 3.11 meets {objection}" in diagnosis.evidence


def test_a_fix_that_must_be_built_because_its_wheels_are_for_other_pythons_is_not_offered() -> None:
    failure = Failure(
        states=({"jinja2": "2.11.3", "markupsafe": "2.1.1"},),
        raised="cannot import name 'soft_unicode' from 'markupsafe' (x)",
        files=("jinja2/filters.py",),
        answers={"releases": {"markupsafe": ("2.0.1 2021 elsewhere", "2.1.1 2023")}},
    )

    assert failure.diagnose(signature(30)).fix == ()

    failure.answers = {"releases": {"markupsafe": ("2.0.1 2021 source", "2.1.1 2023")}}

    assert failure.diagnose(signature(30)).fix == ("markupsafe==2.0.1",)


def test_a_fix_that_admits_what_is_installed_is_not_offered() -> None:
    failure = Failure(
        steps=(("fastapi", "python-multipart"),),
        states=({"fastapi": "0.110", "python-multipart": "0.0.15"},),
        raised="please upgrade python-multipart to 0.0.20",
        files=("fastapi/x.py",),
        answers={"releases": {"python-multipart": ("0.0.15 2024", "0.0.20 2025")}},
    )

    assert failure.diagnose().fix == ("python-multipart>=0.0.20",)

    failure.states = ({"fastapi": "0.110", "python-multipart": "0.0.21"},)

    assert "python-multipart>=0.0.20" not in failure.diagnose().fix


PYTHON: Mapping[str, tuple[Failure, tuple[str, ...]]] = {
    "files show the first release that does without": (
        Failure(
            states=({"pathy": "0.10.2"},),
            raised="cannot import name '_PosixFlavour' from 'pathlib' (x)",
            files=("pathy/__init__.py",),
            python="3.12.1",
            answers={
                "releases": {"pathy": ("0.10.2 2023", "0.10.3 2024", "0.11.0 2025")},
                "without": {("pathy", True): "0.11.0"},
            },
        ),
        ("pathy>=0.11.0",),
    ),
    "a wheel for just this Python": (
        Failure(
            states=({"orjson": "3.8.0"},),
            raised="module 'pkgutil' has no attribute 'ImpImporter'",
            kind="builtins.AttributeError",
            files=("orjson/__init__.py",),
            python="3.12.1",
            answers={
                "releases": {"orjson": ("3.8.0 2022", "3.9.0 2023", "3.9.15 2024 own-wheel", "4.0 2025 own-wheel")}
            },
        ),
        ("orjson>=3.9.15,<4",),
    ),
    "dates, in a later line of the same major version": (
        Failure(
            states=({"django": "3.2.0"},),
            raised="No module named 'distutils'",
            kind="builtins.ModuleNotFoundError",
            files=("django/utils/version.py",),
            python="3.12.1",
            answers={"releases": {"django": ("3.2.0 2021", "3.2.25 2024", "4.1 2022", "4.2.9 2024", "5.0 2024")}},
        ),
        ("django>=4.2.9,<5",),
    ),
    "no release works: Python moves": (
        Failure(
            states=({"nose": "1.3.7"},),
            raised="module 'collections' has no attribute 'Callable'",
            kind="builtins.AttributeError",
            files=("nose/suite.py",),
            python="3.10.1",
            answers={"releases": {"nose": ("1.3.6 2014", "1.3.7 2015")}},
        ),
        ("python<3.10",),
    ),
}


@pytest.mark.parametrize("name", PYTHON)
def test_an_old_package_on_a_new_python_needs_a_newer_release_of_itself(name: str) -> None:
    failure, fix = PYTHON[name]

    diagnosis = failure.diagnose()

    assert diagnosis.fix == fix
    assert {diagnosis.culprit, diagnosis.conflicts_with} == {*failure.states[-1], "python"}


def test_a_provider_that_is_too_old_goes_forward_to_the_release_that_has_the_name() -> None:
    failure = Failure(
        steps=(("grpcio-health-checking==1.60.0",), ("protobuf==3.19.6",)),
        states=(
            {"grpcio-health-checking": "1.60.0", "protobuf": "4.25.1"},
            {"grpcio-health-checking": "1.60.0", "protobuf": "3.19.6"},
        ),
        modules={"grpcio-health-checking": "grpc_health", "protobuf": "google"},
        raised="cannot import name 'builder' from 'google.protobuf.internal' (x)",
        files=("grpc_health/v1/health_pb2.py",),
        answers={
            "releases": {"protobuf": ("3.19.6 2022", "3.20.0 2022", "4.25.1 2023")},
            "last_with": {"google.protobuf.internal:builder": None},
            "first_with": {"google.protobuf.internal:builder": "3.20.0"},
            "solvable": solvable(
                (("grpcio-health-checking==1.60.0", "protobuf>=3.20.0,<4"), False),
                (("grpcio-health-checking==1.60.0",), True),
            ),
        },
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.fix) == ("protobuf", ("protobuf>=3.20.0",))
    assert "protobuf 3.20.0 is the first version that has it" in diagnosis.evidence


@pytest.mark.parametrize(("file", "word"), [("user/x.py", "lib.log"), ("lib/x.py", "log")])
def test_releases_are_asked_for_a_missing_module_as_its_user_writes_it(file: str, word: str) -> None:
    failure = Failure(
        states=({"user": "1.0", "lib": "2.0"},),
        raised="No module named 'lib.log'; 'lib' is not a package",
        files=(file,),
        text="from .log import x",
    )
    lists: dict[Question, Answer] = {
        Releases(package=name): ("1.0 2021-01-01T00:00:00+00:00 wheel",) for name in ("user", "lib")
    }

    asked = [question for questions in rounds(failure.case(), lists) for question in questions]

    assert [question.word for question in asked if isinstance(question, NearestWithout)] == [word]


def test_a_newer_user_of_a_name_goes_back_to_the_last_release_that_does_not_use_it() -> None:
    failure = Failure(
        states=({"langgraph": "1.0.1", "langgraph-prebuilt": "1.0.13"},),
        modules={"langgraph-prebuilt": "langgraph"},
        raised="cannot import name 'ExecutionInfo' from 'langgraph.runtime' (x)",
        files=("langgraph/prebuilt/tool_node.py",),
        answers={
            "uploaded": {
                "langgraph": "2025-10-20T00:00:00+00:00",
                "langgraph-prebuilt": "2026-06-01T00:00:00+00:00",
            },
            "releases": {"langgraph-prebuilt": ("1.0.1 2025", "1.0.8 2026", "1.0.9 2026", "1.0.13 2026")},
            "without": {("langgraph-prebuilt", False): "1.0.8"},
        },
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with) == ("langgraph-prebuilt", "langgraph")
    assert diagnosis.fix == ("langgraph-prebuilt<1.0.9",)


def test_a_package_that_hangs_goes_to_the_next_patch_of_its_line() -> None:
    failure = Failure(
        states=({"pypdf2": "1.27.4"},),
        status=Status.TIMEOUT,
        files=("pypdf2/generic.py",),
        raised="x",
        answers={"releases": {"pypdf2": ("1.27.4 2022", "1.27.5 2022", "1.27.12 2022", "1.28 2022", "3.0.1 2023")}},
    )

    assert failure.diagnose().fix == ("pypdf2>=1.27.5,<1.28",)


@pytest.mark.parametrize("files", [("fast/x.py",), ("/project/p/probe.py",)])
def test_a_package_that_crashes_alone_goes_to_its_next_release(files: tuple[str, ...]) -> None:
    failure = Failure(
        steps=(("fast",),),
        states=({"fast": "5.1.0"},),
        status=Status.CRASH,
        files=files,
        raised="x",
        answers={"releases": {"fast": ("4.3 2021", "5.1.0 2022", "5.2.0 2022", "5.3.0 2023")}},
    )

    assert failure.diagnose().fix == ("fast>=5.2.0",)
    failure.answers["releases"]["fast"] = ("4.3 2021", "5.1.0 2022")
    assert failure.diagnose().fix == (() if files == ("fast/x.py",) else ("fast<5",))


def test_the_only_package_that_the_probe_loaded_goes_below_its_major_version() -> None:
    failure = Failure(
        steps=(("numpy", "pandas"),),
        states=({"numpy": "2.4.0", "pandas": "2.3.3"},),
        loaded=("numpy",),
        raised="malformed node or string on line 1",
        kind="builtins.ValueError",
        files=("/project/p/probe.py",),
        answers={"releases": {"numpy": ("1.26.4 2024", "2.3.0 2025", "2.4.0 2025")}},
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == ("numpy", None, ("numpy<2",))
    assert diagnosis.confidence is Confidence.POSSIBLE


def test_files_are_read_only_when_the_releases_are_known_and_in_the_direction_that_is_still_open() -> None:
    failure = gone({})
    docutils, m2r = Releases(package="docutils"), Releases(package="m2r")
    last = LastWith(package="docutils", installed="0.20.1", module="docutils.core", name="ErrorString")
    first = FirstWith(package="docutils", installed="0.20.1", module="docutils.core", name="ErrorString")
    user = NearestWithout(package="m2r", installed="0.2.1", word="ErrorString", newer=True)
    days: dict[Question, Answer] = {
        Uploaded(package="m2r", version="0.2.1"): "2021-06-01T00:00:00+00:00",
        Uploaded(package="docutils", version="0.20.1"): "2023-05-15T00:00:00+00:00",
    }
    known: dict[Question, Answer] = {
        docutils: tuple(f"{line.split()[0]} 2021-01-01T00:00:00+00:00 wheel" for line in DOCUTILS)
    }

    asked = rounds(failure.case(), {**days, **known})

    assert asked[1:5] == [[docutils, m2r], [last], [first], [user]]


def test_options_of_the_steps_that_decide_what_can_be_resolved_are_part_of_the_question() -> None:
    failure = gone({"releases": {"docutils": DOCUTILS}, "last_with": {"docutils.core:ErrorString": "0.18"}})
    case = failure.case()
    step = Step(lines=("x",), requirements=("m2r",), constraints=("six<2",), options=("--pre", "--upgrade"))
    facts = replace(case.facts, combo=replace(case.facts.combo, steps=(step,)))

    asked = rounds(replace(case, facts=facts), {})

    assert [question for questions in asked for question in questions if isinstance(question, Solvable)] == [
        Solvable(requirements=("m2r", "six<2", "docutils<0.20"), options=("--pre",))
    ]


@pytest.mark.parametrize(
    ("pins", "fix"),
    [
        (
            ("numpy==2.3.1 2025-06-21T00:00:00+00:00", "pandas==2.0.3 2023-06-28T00:00:00+00:00"),
            ("pandas<2.1", "numpy<2"),
        ),
        (("numpy==2.3.1 2025-06-21T00:00:00+00:00", "pandas==2.0.3"), ("pandas<2.1",)),
        (("numpy==1.26.4 2024-02-06T00:00:00+00:00", "pandas==2.0.3 2023-06-28T00:00:00+00:00"), ("pandas<2.1",)),
    ],
)
def test_a_fix_keeps_numpy_back_where_it_takes_a_compiled_package_behind_numpy_2(
    pins: tuple[str, ...], fix: tuple[str, ...]
) -> None:
    failure = Failure(
        steps=(("user", "pandas"),),
        states=({"user": "1.0", "pandas": "2.3.0", "numpy": "2.3.1"},),
        extensions=(("pandas", "2"),),
        raised="cannot import name 'gone' from 'pandas' (x)",
        files=("user/x.py",),
        answers={
            "uploaded": {"user": "2023-01-01T00:00:00+00:00", "pandas": "2025-06-04T00:00:00+00:00"},
            "releases": {"pandas": ("2.0.3 2023", "2.1.0 2024", "2.3.0 2025")},
            "last_with": {"pandas:gone": "2.0.3"},
            "solvable": {("user", "pandas<2.1"): pins},
        },
    )

    assert failure.diagnose().fix == fix


SET = ("lib==1.9 2021-01-01T00:00:00+00:00", "user==1.0 2021-01-01T00:00:00+00:00")


def tried(trials: dict[tuple[str, ...], tuple[str, ...]], **more: Any) -> Failure:
    """Return the failure of a user of something that lib 2 lacks, with what came of ``trials`` of sets of versions."""
    answers: dict[str, dict[Any, Any]] = {
        "uploaded": {"user": "2021-06-01T00:00:00+00:00", "lib": "2023-05-15T00:00:00+00:00"},
        "releases": {"lib": ("1.9 2021", "2.0 2022"), "user": ("1.0 2021", "1.4 2023", "2.0 2024", "5.0 2025")},
        "last_with": {"lib:gone": "1.9"},
        "solvable": dict.fromkeys(trials, SET),
        "trials": trials,
    }
    return Failure(
        steps=(("user==1.0", "lib"),),
        states=({"user": "1.0", "lib": "2.0", "dep": "3.0"},),
        raised=more.pop("raised", "cannot import name 'gone' from 'lib' (x)"),
        files=more.pop("files", ("user/x.py",)),
        answers=answers,
        **more,
    )


def test_a_fix_whose_trial_fails_for_another_reason_gets_what_that_failure_needs() -> None:
    failure = tried(
        {("user==1.0", "lib<2"): ("fail", "ImportError: no dep", "dep<3"), ("user==1.0", "lib<2", "dep<3"): ("pass",)}
    )

    diagnosis = failure.diagnose()

    assert diagnosis.fix == ("lib<2", "dep<3")
    assert "with lib<2, dep<3 the probe passed in a trial" in diagnosis.evidence
    assert "with lib<2 the probe still fails, as a trial showed: ImportError: no dep" in diagnosis.evidence


def test_what_a_failed_trial_says_of_the_same_package_replaces_the_first_bound() -> None:
    failure = tried({("user==1.0", "lib<2"): ("fail", "it warns", "lib<1.5"), ("user==1.0", "lib<1.5"): ("pass",)})
    failure.answers["releases"]["lib"] = ("1.4 2020", "1.9 2021", "2.0 2022")

    assert failure.diagnose().fix == ("lib<1.5",)


def test_a_fix_that_no_trial_confirms_is_not_offered_where_its_trial_failed() -> None:
    failure = tried({("user==1.0", "lib<2"): ("fail", "ImportError: something else")})
    failure.answers["releases"]["user"] = ("1.0 2021",)

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.fix, diagnosis.confidence) == ("lib", (), Confidence.LIKELY)


def test_a_diagnosis_whose_fix_changes_nothing_in_a_trial_is_only_possible() -> None:
    failure = tried({("user==1.0", "lib<2"): ("fail", "script: cannot import name 'gone' from 'lib' (x)")})
    failure.answers["releases"]["user"] = ("1.0 2021",)

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.fix, diagnosis.confidence) == ("lib", (), Confidence.POSSIBLE)


@pytest.mark.parametrize("guess", ["user>=1.4,<2", "user>=2.0,<3", "user>=5.0,<6"])
def test_where_the_culprit_cannot_go_back_its_user_goes_to_the_first_major_version_that_passes(guess: str) -> None:
    failed: dict[tuple[str, ...], tuple[str, ...]] = {
        ("lib", text): ("fail", "no") for text in ("user>=1.4,<2", "user>=2.0,<3", "user>=5.0,<6")
    }
    failure = tried({("user==1.0", "lib<2"): ("fail", "another"), **failed, ("lib", guess): ("pass",)})

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == ("user", "lib", (guess,))


def test_no_fix_is_guessed_without_a_trial_that_passes() -> None:
    failure = tried({("user==1.0", "lib<2"): ("fail", "another"), ("lib", "user>=2.0,<3"): ("fail", "another")})
    failure.answers["solvable"] |= {("lib", "user>=1.4,<2"): SET, ("lib", "user>=5.0,<6"): SET}

    assert failure.diagnose().fix == ()


def test_a_trial_that_passes_makes_a_possible_diagnosis_likely() -> None:
    trials: dict[tuple[str, ...], tuple[str, ...]] = {("lib", "user>=1.4,<2"): ("pass",)}

    diagnosis = tried(trials, raised="2", kind="builtins.AssertionError", files=("lib/x.py", "user/x.py")).diagnose()

    assert (diagnosis.culprit, diagnosis.fix) == ("lib", ("user>=1.4,<2",))
    assert diagnosis.confidence is Confidence.LIKELY


@pytest.mark.parametrize(("ended", "fix"), [(("pass",), ("lib<2",)), (("fail", "it does not build"), ()), (None, ())])
def test_a_fix_that_has_to_be_built_is_offered_where_a_trial_built_it(ended: Any, fix: tuple[str, ...]) -> None:
    failure = tried({("user==1.0", "lib<2"): ended})
    failure.answers["releases"] = {"lib": ("1.8 2020", "1.9 2021 elsewhere", "2.0 2022"), "user": ("1.0 2021",)}

    assert failure.diagnose().fix == fix


def test_a_set_is_tried_when_it_is_known_and_no_more_than_a_few_times() -> None:
    failure = tried({})
    case = failure.case()
    known = {entry.question: entry.answer for entry in case.facts.answers}
    last = LastWith(package="lib", installed="2.0", module="lib", name="gone")
    tries: dict[Question, Answer] = {}
    texts = ("user==1.0", "lib<2"), *(("lib", guess) for guess in ("user>=1.4,<2", "user>=2.0,<3", "user>=5.0,<6"))
    for requirements in texts:
        tries[Solvable(requirements=requirements)] = SET
        tries[Trial(requirements=requirements, probe="works")] = ("fail", "no")

    asked = [question for questions in rounds(case, {**known, last: "1.9", **tries}) for question in questions]

    assert [question.requirements for question in asked if isinstance(question, Trial)] == [
        texts[0],
        texts[2],
        texts[1],
        texts[3],
    ]
    unsolved = {**known, last: "1.9"}
    assert not [each for each in rounds(case, unsolved) if any(isinstance(question, Trial) for question in each)]


def test_a_set_with_the_users_own_project_is_not_tried() -> None:
    failure = tried({("user==1.0", "lib<2"): ("pass",)})
    case = failure.case()
    step = replace(case.facts.combo.steps[0], constraints=("dep<9",))
    facts = replace(case.facts, answers=(), combo=replace(case.facts.combo, steps=(step,)))
    known: dict[Question, Answer] = {entry.question: entry.answer for entry in case.facts.answers}
    known[Solvable(requirements=("user==1.0", "dep<9", "lib<2"))] = SET

    asked = [question for questions in rounds(replace(case, facts=facts), known) for question in questions]

    assert [type(question) for question in asked if isinstance(question, Solvable | Trial)] == [Solvable]


@pytest.mark.parametrize(
    ("uploaded", "other"), [("2020-10-28T00:00:00+00:00", "python"), ("2023-01-01T00:00:00+00:00", None)]
)
def test_a_package_older_than_its_python_that_passes_in_a_newer_release_fails_with_python(
    uploaded: str, other: str | None
) -> None:
    failure = Failure(
        steps=(("old==6.1.2",),),
        states=({"old": "6.1.2"},),
        raised="it has been removed",
        kind="builtins.TypeError",
        files=("old/x.py",),
        answers={
            "uploaded": {"old": uploaded},
            "releases": {"old": ("6.1.2 2020", "6.2.5 2023", "6.3 2024")},
            "solvable": dict.fromkeys([("old<6.1.2",), ("old>=6.2.5,<7",)], ("old==6.2.5",)),
            "trials": {("old>=6.2.5,<7",): ("pass",)},
        },
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == ("old", other, ("old>=6.2.5,<7",))


def test_a_trial_that_fails_as_before_adds_nothing_to_its_fix() -> None:
    failure = tried({("user==1.0", "lib<2"): ("fail", "script: cannot import name 'gone' from 'lib' (x)", "dep<3")})
    failure.answers["trials"][("user==1.0", "lib<2", "dep<3")] = ("pass",)
    failure.answers["solvable"][("user==1.0", "lib<2", "dep<3")] = SET
    failure.answers["releases"]["user"] = ("1.0 2021",)

    assert failure.diagnose().fix == ()


def test_what_python_removed_stays_its_doing_where_a_newer_release_passes_in_a_trial() -> None:
    failure = Failure(
        steps=(("parsimonious==0.8.1",),),
        states=({"parsimonious": "0.8.1"},),
        raised="cannot import name 'getargspec' from 'inspect' (inspect.py)",
        kind="builtins.ImportError",
        files=("parsimonious/expressions.py",),
        python="3.11.7",
        answers={
            "uploaded": {"parsimonious": "2018-06-19T00:00:00+00:00"},
            "releases": {"parsimonious": ("0.8.1 2018", "0.10.0 2022")},
            "solvable": {("parsimonious>=0.10.0,<1",): ("parsimonious==0.10.0",)},
            "trials": {("parsimonious>=0.10.0,<1",): ("pass",)},
        },
    )

    diagnosis = failure.diagnose(*load(OURS))

    assert (diagnosis.signature, diagnosis.fix) == ("python311-removed-names", ("parsimonious>=0.10.0,<1",))
    assert (diagnosis.culprit, diagnosis.conflicts_with) == ("python", "parsimonious")
