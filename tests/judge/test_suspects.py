"""Which packages are suspects: what the probe loaded, and where it saw the values of the failing line come from."""

from dataclasses import replace
from typing import Any

import pytest

from knowngood.model import Answer, Confidence, NearestWithout, ProjectStatus, Question, Releases
from support.failures import Failure, rounds

OLD, NEW = "2021-01-01T00:00:00+00:00", "2024-01-01T00:00:00+00:00"
KEYWORD = "builtins.TypeError"
ATTRIBUTE = "builtins.AttributeError"


def two(*loaded: str, spawned: tuple[str, ...] = ()) -> Failure:
    """Return a failure in the probe itself, of a combo that asks for an older ``a`` and a newer ``b``."""
    return Failure(
        steps=(("a", "b"),),
        states=({"a": "1", "b": "1"},),
        raised="it is so",
        files=("/project/p/probe.py",),
        loaded=loaded,
        spawned=spawned,
        answers={"uploaded": {"a": OLD, "b": NEW}},
    )


@pytest.mark.parametrize(
    ("loaded", "spawned", "culprit"),
    [
        (("a",), (), "a"),
        (("a", "b"), (), "b"),
        # What a program loads that the probe starts, nobody sees: then all packages are suspects.
        (("a",), ("/env/bin/tool",), "b"),
        ((), (), "b"),
    ],
)
def test_only_what_the_probe_loaded_is_a_suspect_if_that_record_is_complete(
    loaded: tuple[str, ...], spawned: tuple[str, ...], culprit: str
) -> None:
    assert two(*loaded, spawned=spawned).diagnose().culprit == culprit


def test_a_class_is_that_of_the_package_which_the_value_came_from_not_of_one_with_a_class_of_the_same_name() -> None:
    failure = Failure(
        states=({"user": "1", "lib": "2", "twin": "3"},),
        raised="'Config' object has no attribute 'dump'",
        kind=ATTRIBUTE,
        files=("user/x.py",),
        owners=("lib.settings:Config", "twin:Base"),
        answers={"definitions": {"Config": ("twin", "lib")}, "uploaded": {"user": OLD, "lib": NEW, "twin": NEW}},
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with) == ("lib", "user")
    assert "Config comes from lib" in diagnosis.evidence


def test_what_super_looked_for_is_looked_for_in_the_package_of_the_base_class() -> None:
    failure = Failure(
        states=({"user": "1", "lib": "2"},),
        raised="'super' object has no attribute 'transform'",
        kind=ATTRIBUTE,
        files=("user/x.py",),
        owners=("lib.core:Stream",),
        answers={
            "uploaded": {"user": OLD, "lib": NEW},
            "releases": {"lib": ("0.9 2019", "1.4 2022", "1.5 2023", "2 2024")},
            "last_with": {":Stream.transform": "1.4"},
        },
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == ("lib", "user", ("lib<1.5",))


@pytest.mark.parametrize(
    ("first", "second", "culprit"),
    [
        # Of several newer packages, the one that has begun another major version since then.
        (("1.0 2020", "1.9 2024"), ("1.0 2020", "2.0 2024"), "second"),
        (("1.0 2020", "2.0 2024"), ("1.0 2020", "1.9 2024"), "first"),
        # If both have, or none has, nothing tells them apart.
        (("1.0 2020", "2.0 2024"), ("1.0 2020", "2.0 2024"), "user"),
        (("1.0 2020", "1.9 2024"), ("1.0 2020", "1.9 2024"), "user"),
    ],
)
def test_of_several_newer_packages_that_a_package_needs_the_one_that_announced_a_break_is_the_culprit(
    first: tuple[str, ...], second: tuple[str, ...], culprit: str
) -> None:
    failure = Failure(
        steps=(("user",),),
        states=({"user": "1", "first": first[-1].split()[0], "second": second[-1].split()[0]},),
        requires={"user": ("first", "second")},
        raised="it is so",
        files=("user/x.py",),
        text="return len(answer)",
        answers={
            "uploaded": {"user": OLD, "first": NEW, "second": NEW},
            "releases": {"first": first, "second": second},
        },
    )

    diagnosis = failure.diagnose()
    known = {answer.question: answer.answer for answer in failure.facts().answers}
    asked = [question for questions in rounds(failure.case(), known) for question in questions]

    assert diagnosis.culprit == culprit
    assert culprit == "user" or (diagnosis.conflicts_with, diagnosis.fix) == ("user", (f"{culprit}<2",))
    assert {Releases(package="first"), Releases(package="second")} <= set(asked)


@pytest.mark.parametrize(
    ("called", "values", "culprit"),
    [
        # The function that refuses the argument is named, and the line calls it.
        ("Client.__init__", ("lib.Client=lib.client:Client",), "lib"),
        ("connect", ("lib.connect=lib.core:connect",), "lib"),
        # The line calls a function that hands the argument on to Python itself.
        ("Loop.create_connection", ("lib.connect=lib.core:connect",), "lib"),
    ],
)
def test_an_argument_that_is_refused_leads_to_what_the_line_calls(
    called: str, values: tuple[str, ...], culprit: str
) -> None:
    failure = Failure(
        states=({"user": "1", "lib": "2", "create": "3"},),
        raised=f"{called}() got an unexpected keyword argument 'proxies'",
        kind=KEYWORD,
        files=("/usr/lib/python3.11/asyncio/base_events.py", "user/x.py"),
        text=f"{values[0].partition('=')[0]}(proxies=None)",
        values=values,
        answers={"definitions": {"create_connection": ("create",)}, "uploaded": {"user": OLD, "lib": NEW}},
    )

    assert (failure.diagnose().culprit, failure.diagnose().conflicts_with) == (culprit, "user")


def test_an_argument_that_is_handed_on_leads_to_the_package_whose_function_is_known_to_refuse_it() -> None:
    failure = Failure(
        states=({"user": "1", "lib": "2"},),
        raised="Connection.execute() got an unexpected keyword argument 'proxies'",
        kind=KEYWORD,
        files=("user/x.py",),
        text="user.query(proxies=None)",
        values=("user.query=user:Database.query", "self.connection.execute=lib.base:Connection.execute"),
        answers={"definitions": {"Connection": ("lib", "user")}, "uploaded": {"user": OLD, "lib": NEW}},
    )

    assert (failure.diagnose().culprit, failure.diagnose().conflicts_with) == ("lib", "user")


@pytest.mark.parametrize(
    ("answers", "fix"),
    [
        ({"first_with": {"lib.part:": "8.4.1"}}, ("lib>=8.4.1",)),
        ({"last_with": {"lib.part:": "8.3"}}, ("lib<8.4",)),
        ({"without": {("lib", False): "8.3"}}, ("lib<8.4",)),
        ({}, ("lib<8.4",)),
    ],
)
def test_a_release_that_lacks_a_part_of_itself_goes_to_one_that_does_not(
    answers: dict[str, dict[str, str]], fix: tuple[str, ...]
) -> None:
    failure = Failure(
        states=({"lib": "8.4"},),
        raised="No module named 'lib.part'",
        kind="builtins.ModuleNotFoundError",
        files=("lib/__init__.py", "/project/p/probe.py"),
        text="from .part import thing",
        answers={"releases": {"lib": ("8.3 2023", "8.4 2024", "8.4.1 2024")}, **answers},
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == ("lib", None, fix)


def test_a_release_that_expects_another_type_goes_back_to_the_last_one_that_does_not() -> None:
    failure = Failure(
        states=({"plugin": "1", "host": "8.1"},),
        raised="'str' object has no attribute 'parents'",
        kind=ATTRIBUTE,
        files=("host/x.py", "plugin/y.py"),
        answers={
            "uploaded": {"plugin": OLD, "host": NEW},
            "definitions": {"str": ("host",), "parents": ("host",)},
            "releases": {"host": ("7.4 2021", "8.0 2023", "8.1 2024"), "plugin": ("1 2021",)},
            "without": {("host", False): "8.0"},
        },
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == ("host", "plugin", ("host<8.1",))
    assert "host 8.0 does not mention parents" in diagnosis.evidence


@pytest.mark.parametrize(
    ("answers", "files", "fix"),
    [
        ({"without": {("lib", False): "1.4"}}, ("/project/p/probe.py",), ("lib<1.5",)),
        ({"without": {("lib", False): "1.4"}}, ("user/x.py",), ("lib<1.5",)),
        # A newer user that does without it goes first, and so does a release that has it.
        ({"without": {("lib", False): "1.4", ("user", True): "1.1"}}, ("user/x.py",), ("user>=1.1",)),
        ({"without": {("lib", False): "1.4"}, "last_with": {":Client.open": "1.5"}}, ("user/x.py",), ("lib<2",)),
        ({}, ("/project/p/probe.py",), ("lib<2",)),
    ],
)
def test_a_member_that_no_release_ever_had_leads_to_the_last_one_without_the_class(
    answers: dict[str, dict[Any, str]], files: tuple[str, ...], fix: tuple[str, ...]
) -> None:
    failure = Failure(
        states=({"user": "1", "lib": "2"},),
        raised="'Client' object has no attribute 'open'",
        kind=ATTRIBUTE,
        files=files,
        owners=("lib.core:Client",),
        answers={
            "uploaded": {"user": OLD, "lib": NEW},
            "releases": {"lib": ("1.4 2019", "1.5 2022", "2 2024"), "user": ("1 2021", "1.1 2025")},
            **answers,
        },
    )

    assert failure.diagnose().fix == fix
    # A word that other files may have says nothing about a class of which nobody knows where it is.
    assert replace(failure, owners=()).diagnose().fix != ("lib<1.5",)


def test_the_class_is_asked_for_when_no_release_has_the_member() -> None:
    failure = Failure(
        states=({"lib": "2"},),
        raised="'Client' object has no attribute 'open'",
        kind=ATTRIBUTE,
        files=("/project/p/probe.py",),
        owners=("lib.core:Client",),
    )
    lists: dict[Question, Answer] = {Releases(package="lib"): ("1.4 2019-01-01T00:00:00+00:00 wheel",)}

    asked = [question for questions in rounds(failure.case(), lists) for question in questions]

    assert NearestWithout(package="lib", installed="2", word="Client", newer=False, module="lib.core") in asked


def test_who_warns_of_a_version_is_the_code_that_the_warning_is_about() -> None:
    text = "UserWarning: A NumPy version >=1.22.4 and <2.3.0 is required for this version of SciPy"
    failure = Failure(
        steps=(("numpy", "scipy"),),
        states=({"numpy": "2.4", "scipy": "1.10"},),
        raised="wrong result",
        files=("/project/p/probe.py",),
        warnings=(text,),
        warned_by={text: "scipy/__init__.py"},
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with) == ("numpy", "scipy")


@pytest.mark.parametrize(("yanked", "said"), [(("lib",), True), (("user",), False)])
def test_a_culprit_that_the_index_has_withdrawn_is_said_to_be(yanked: tuple[str, ...], said: bool) -> None:
    failure = Failure(
        states=({"user": "1", "lib": "2"},),
        raised="cannot import name 'gone' from 'lib' (x)",
        files=("user/x.py",),
        yanked=yanked,
        answers={"uploaded": {"user": OLD, "lib": NEW}},
    )

    assert ("lib 2 was yanked from its index" in failure.diagnose().evidence) == said


@pytest.mark.parametrize(
    ("status", "evidence"),
    [
        ("archived", "the index says that the project lib is archived"),
        ("deprecated: use newlib", "the index says that the project lib is deprecated: use newlib"),
        ("active", None),
    ],
)
def test_the_status_of_a_project_is_evidence_unless_it_is_active(status: str, evidence: str | None) -> None:
    failure = Failure(
        states=({"user": "1", "lib": "2"},),
        raised="cannot import name 'gone' from 'lib' (x)",
        files=("user/x.py",),
        answers={"uploaded": {"user": OLD, "lib": NEW}, "status": {"lib": status}},
    )

    said = [line for line in failure.diagnose().evidence if line.startswith("the index says")]

    assert said == ([evidence] if evidence else [])
    assert ProjectStatus(package="user") in rounds(failure.case(), {})[-1]


@pytest.mark.parametrize(
    ("reason", "culprit", "fix"),
    [
        # The consumer is the newer one, and would be the culprit without what the index says.
        ("broken with user>=1", "lib", ("lib>=2.0.1,<2.1",)),
        ("a security issue", "user", ()),
    ],
)
def test_a_release_that_was_yanked_for_its_partner_is_the_culprit(
    reason: str, culprit: str, fix: tuple[str, ...]
) -> None:
    failure = Failure(
        states=({"user": "1", "lib": "2"},),
        raised="it is so",
        files=("lib/x.py", "user/x.py"),
        yanked=("lib",),
        yank_reasons={"lib": reason},
        answers={
            "uploaded": {"user": NEW, "lib": OLD},
            "releases": {"lib": ("1.9 2020", "2 2021", "2.0.1 2021", "2.1 2024"), "user": ("1 2024",)},
        },
    )
    raised = replace(failure, raised="f() takes 1 positional argument", values=("f=lib:f",), text="f(2)", kind=KEYWORD)

    assert (raised.diagnose().culprit, raised.diagnose().fix) == (culprit, fix)
    assert f"lib 2 was yanked from its index: {reason}" in failure.diagnose().evidence


@pytest.mark.parametrize(("yanked", "culprit"), [(("old",), "old"), (("old", "new"), "new"), ((), "new")])
def test_without_a_better_clue_the_one_suspect_that_was_yanked_is_the_culprit(
    yanked: tuple[str, ...], culprit: str
) -> None:
    failure = Failure(
        states=({"old": "1", "new": "2", "elsewhere": "1"},),
        raised="it is so",
        files=("old/x.py", "new/x.py"),
        yanked=(*yanked, "elsewhere"),
        answers={"uploaded": {"old": OLD, "new": NEW}, "releases": {"old": ("0.9 2020", "1 2021")}},
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.confidence) == (culprit, Confidence.POSSIBLE)
    assert yanked != ("old",) or diagnosis.fix == ("old<1",)
