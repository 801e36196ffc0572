"""Messages that name a package and what is to be done with it, and facts that no message has."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from knowngood.judge.diagnosis.case import Case
from knowngood.judge.diagnosis.diagnose import diagnose
from knowngood.judge.diagnosis.questions import Answers
from knowngood.model import (
    ComboFacts,
    Confidence,
    InstallerName,
    Phase,
    Reason,
    Status,
    StepFacts,
    Verdict,
)
from support.facts import BAD, RULES, action, answered, combo
from support.failures import Failure

OLD, NEW = "2021-01-01T00:00:00+00:00", "2024-01-01T00:00:00+00:00"
RAISE = "builtins.RuntimeError"


def message(said: str, installed: dict[str, str], *files: str, **more: object) -> Failure:
    """Return a failure that says ``said``; the combo asks for all that is installed."""
    return Failure(
        steps=(tuple(installed),),
        states=(installed,),
        raised=said,
        kind=RAISE,
        files=files,
        **more,  # type: ignore[arg-type]
    )


MESSAGES: Mapping[str, tuple[Failure, str | None, str | None, tuple[str, ...]]] = {
    "a requirement that is absent": (
        message(
            "Mime type rendering requires nbformat>=4.2.0 but it is not installed",
            {"plotly": "5.24.1", "ipython": "9.1"},
            "plotly/io.py",
        ),
        "nbformat",
        "plotly",
        ("nbformat>=4.2.0",),
    ),
    "an optional dependency": (
        message("Missing optional dependency 'openpyxl'. Use pip or conda.", {"pandas": "2.2"}, "pandas/io.py"),
        "openpyxl",
        "pandas",
        ("openpyxl",),
    ),
    "a command of pip": (
        message("h5py is missing, try: pip install -U 'h5py>=3.1'", {"keras": "3.1"}, "keras/saving.py"),
        "h5py",
        "keras",
        ("h5py>=3.1",),
    ),
    "an extra of a package that is installed": (
        message(
            "email-validator is needed: `pip install pydantic[email]`",
            {"pydantic": "2.5"},
            "pydantic/networks.py",
            requires={"pydantic": ('email-validator>=2; extra == "email"',)},
        ),
        "email-validator",
        "pydantic",
        ("pydantic[email]",),
    ),
    "a package that is there, but is not recognized": (
        message(
            'Form data requires "python-multipart" to be installed.',
            {"fastapi": "0.110.1", "python-multipart": "0.0.15"},
            "fastapi/dependencies/utils.py",
            answers={
                "uploaded": {"fastapi": OLD, "python-multipart": NEW},
                "releases": {"python-multipart": ("0.0.9 2020", "0.0.10 2022", "0.0.15 2024")},
            },
        ),
        "python-multipart",
        "fastapi",
        ("python-multipart<0.0.10",),
    ),
    "generated code that depends on a newer package": (
        message(
            "The grpc package installed is at version 1.80.0, but the generated code in x_pb2_grpc.py depends on "
            "grpcio>=1.81.1. Please upgrade your grpc module to grpcio>=1.81.1 or downgrade your generated code.",
            {"smg-grpc-proto": "0.4.10", "grpcio": "1.80.0"},
            "smg_grpc_proto/x_pb2_grpc.py",
            answers={"uploaded": {"smg-grpc-proto": NEW, "grpcio": OLD}},
        ),
        "grpcio",
        "smg-grpc-proto",
        ("grpcio>=1.81.1",),
    ),
    "a version to go back to": (
        message("Please downgrade snorkel to 0.2.1.", {"snorkel": "0.3", "user": "1"}, "user/x.py"),
        "snorkel",
        "user",
        ("snorkel<=0.2.1",),
    ),
    "a release line to go back to": (
        message("1. Downgrade the protobuf package to 3.20.x or lower.", {"protobuf": "4.1", "u": "1"}, "u/x_pb2.py"),
        "protobuf",
        "u",
        ("protobuf<=3.20.999",),
    ),
    "a package to remove": (
        message(
            "The official package has been renamed from `pinecone-client` to `pinecone`. Please remove "
            "`pinecone-client` from your project dependencies and add `pinecone` instead.",
            {"pinecone": "7.3.0", "pinecone-client": "6.0.0"},
            "pinecone/__init__.py",
            modules={"pinecone-client": "pinecone"},
        ),
        "pinecone-client",
        "pinecone",
        ("pinecone-client; python_version < '0'",),
    ),
    "a requirement in a warning of Python": (
        message(
            "wrong result",
            {"scipy": "1.10", "numpy": "2.4"},
            "scipy/x.py",
            warnings=("UserWarning: A NumPy version >=1.22.4 and <2.3.0 is required for this version of SciPy",),
        ),
        "numpy",
        "scipy",
        ("numpy<2.3.0,>=1.22.4",),
    ),
    "files that two distributions own": (
        message(
            "module 'jwt' has no attribute 'encode'",
            {"pyjwt": "2.8", "jwt": "1.3"},
            "/project/p/probe.py",
            modules={"pyjwt": "jwt"},
            remarks=("jwt and pyjwt both own jwt/__init__.py and 2 more, with different contents: the last one won",),
        ),
        "jwt",
        "pyjwt",
        ("jwt; python_version < '0'",),
    ),
    "a plugin that uses a hook of an older pytest": (
        message(
            "",
            {"pytest": "9.2", "pytest-black": "0.3.12", "black": "24.1"},
            output="pluggy._manager.PluginValidationError: Plugin 'black' for hook 'pytest_collect_file'\n"
            "hookimpl definition: pytest_collect_file(file_path, path, parent)\n"
            "Argument(s) {'path'} are declared in the hookimpl but can not be found in the hookspec\n",
            answers={
                "uploaded": {"pytest": NEW, "pytest-black": OLD},
                "releases": {"pytest": ("8.4 2023", "9.0 2023", "9.2 2024")},
                "last_with": {":pytest_collect_file(path)": "8.4"},
            },
        ),
        "pytest",
        "pytest-black",
        ("pytest<9",),
    ),
    "a plugin without a name that uses a hook of an older pytest": (
        message(
            "",
            {"pytest": "9.2", "pytest-pylint": "0.18", "pytest-other": "1.0"},
            requires={"pytest-pylint": ("pytest",), "pytest-other": ("pytest",)},
            output="INTERNALERROR> pluggy._manager.PluginValidationError: Plugin '139692322690384' for hook "
            "'pytest_collect_file'\n"
            "INTERNALERROR> hookimpl definition: pytest_collect_file(path, parent)\n"
            "INTERNALERROR> Argument(s) {'path'} are declared in the hookimpl but can not be found in the hookspec\n",
            answers={
                "uploaded": {"pytest": NEW, "pytest-pylint": OLD},
                "releases": {"pytest": ("8.4 2023", "9.0 2023", "9.2 2024")},
                "last_with": {":pytest_collect_file(path)": "8.4"},
                "definitions": {"pytest_collect_file": ("pytest", "pytest-pylint")},
            },
        ),
        "pytest",
        "pytest-pylint",
        ("pytest<9",),
    ),
    "a fixture that a plugin no longer brings": (
        message(
            "",
            {"pytest": "8.2", "pytest-asyncio": "1.0"},
            requires={"pytest-asyncio": ("pytest",)},
            output="E       fixture 'event_loop' not found\n",
            answers={
                "releases": {"pytest-asyncio": ("0.21 2022", "0.26 2023", "1.0 2024")},
                "last_with": {":event_loop": "0.26"},
            },
        ),
        "pytest-asyncio",
        None,
        ("pytest-asyncio<1",),
    ),
    "a fixture that a plugin no longer brings, beside another plugin": (
        message(
            "",
            {"pytest": "8.2", "pytest-aiohttp": "1.1", "pytest-asyncio": "1.0"},
            requires={"pytest-asyncio": ("pytest",), "pytest-aiohttp": ("pytest", "pytest-asyncio")},
            output="E       fixture 'event_loop' not found\n",
            answers={
                "releases": {"pytest-asyncio": ("0.21 2022", "0.26 2023", "1.0 2024"), "pytest-aiohttp": ("0.3 2020",)},
                "last_with": {"pytest-aiohttp|:event_loop": None, "pytest-asyncio|:event_loop": "0.26"},
            },
        ),
        "pytest-asyncio",
        None,
        ("pytest-asyncio<1",),
    ),
    "a module that the failing line names": (
        message(
            "'DEFAULT'",
            {"ipython-sql": "0.5.0", "prettytable": "3.16", "ipython": "9.1"},
            "sql/run.py",
            "IPython/core.py",
            modules={"ipython-sql": "sql", "ipython": "IPython"},
            text="self.style = prettytable.__dict__[config.style.upper()]",
            answers={
                "uploaded": {"ipython-sql": OLD, "prettytable": NEW, "ipython": NEW},
                "releases": {"prettytable": ("3.6 2020", "3.12 2023", "3.16 2024")},
            },
        ),
        "prettytable",
        "ipython-sql",
        ("prettytable<3.12",),
    ),
    "a version of another package that is asked for": (
        message(
            "Pandas requires version '3.1.0' or newer of 'openpyxl' (version '3.0.10' currently installed).",
            {"pandas": "2.2", "openpyxl": "3.0.10"},
            "pandas/compat.py",
        ),
        "openpyxl",
        "pandas",
        ("openpyxl>=3.1.0",),
    ),
    "a version that another package must have at least": (
        message("lib version must be at least 2.4.1", {"user": "2.2", "lib": "2.4.0"}, "user/x.py"),
        "lib",
        "user",
        ("lib>=2.4.1",),
    ),
    "a version that another package must have, or a newer one": (
        message("the lib version must be 2.4.1 or newer", {"user": "2.2", "lib": "2.4.0"}, "user/x.py"),
        "lib",
        "user",
        ("lib>=2.4.1",),
    ),
    "the least version that a package supports": (
        message("user supports at least lib 2.4.1.", {"user": "2.2", "lib": "2.4.0"}, "user/x.py"),
        "lib",
        "user",
        ("lib>=2.4.1",),
    ),
    "two versions, of which the lower one is installed": (
        message(
            "Incompatible versions when loading a.proto: gencode 5.29.0 runtime 5.27.0. Runtime version cannot be "
            "older than the linked gencode version.",
            {"runtime": "5.27.0", "user": "1.71.0"},
            "runtime/version.py",
            "user/a_pb2.py",
        ),
        "runtime",
        "user",
        ("runtime>=5.29.0",),
    ),
    "a function that only says that something was taken away": (
        message(
            '"safe_load()" has been removed, use another one',
            {"reader": "0.19.1"},
            "reader/main.py",
            text="raise AttributeError(s)",
            answers={
                "releases": {"reader": ("0.16 2020", "0.17.9 2022", "0.18 2023", "0.19.1 2025")},
                "without": {("reader", False): "0.17.9"},
            },
        ),
        "reader",
        None,
        ("reader<0.18",),
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_names_a_package_is_read(name: str) -> None:
    failure, culprit, conflict, fix = MESSAGES[name]

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == (culprit, conflict, fix), diagnosis


@pytest.mark.parametrize(
    "text",
    [
        "please install it first",
        "remove the package",
        "it depends on numpy>=1.20",
        "upgrade numpy to 1.26 or later",
        "you can use numpy>=1.20 here",
        "user supports at least numpy 1.20",
        "requires version 1.20 of numpy",
    ],
)
def test_a_message_that_asks_for_nothing_that_is_missing_says_nothing(text: str) -> None:
    diagnosis = message(text, {"numpy": "1.26.4", "user": "1.0"}, "user/x.py").diagnose()

    assert diagnosis.confidence in (Confidence.POSSIBLE, Confidence.UNKNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "gencode 5.29.0, runtime 5.27.0",
        "runtime 5.29.0 is not older than 5.30.0",
        "runtime 5.27.0 is older than 5.29.0 and 5.30.0",
        "runtime 5.27.0 is older than 5.25.0",
    ],
)
def test_versions_in_a_message_say_nothing_unless_the_lower_of_two_is_installed(text: str) -> None:
    diagnosis = message(text, {"lib": "5.27.0", "user": "1.71.0"}, "lib/version.py", "user/a.py").diagnose()

    assert diagnosis.confidence is Confidence.POSSIBLE


def test_a_fixture_that_an_installed_plugin_defines_says_nothing() -> None:
    failure = MESSAGES["a fixture that a plugin no longer brings"][0]
    defined = replace(failure, answers={**failure.answers, "definitions": {"event_loop": ("pytest-asyncio",)}})

    assert defined.diagnose().why != failure.diagnose().why


def test_what_failed_names_the_other_party_of_a_pin_that_nobody_asked_to_move() -> None:
    failure = Failure(
        steps=(("jax==0.4.23", "jaxlib==0.4.23"), ("jaxlib==0.4.30",)),
        states=({"jax": "0.4.23", "jaxlib": "0.4.23"}, {"jax": "0.4.23", "jaxlib": "0.4.30"}),
        raised="jaxlib version 0.4.30 is newer than and incompatible with jax version 0.4.23",
        kind=RAISE,
        files=("jax/_src/lib/__init__.py",),
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with) == ("jaxlib", "jax")
    assert len(set(diagnosis.evidence)) == len(diagnosis.evidence)


def test_what_declares_another_version_is_the_other_party_of_a_pin_that_nobody_asked_to_move() -> None:
    failure = Failure(
        steps=(("sanic", "sanic-routing==22.3.0"), ("sanic-routing",)),
        states=(
            {"sanic": "22.3.2", "sanic-routing": "22.3.0", "other": "1"},
            {"sanic": "22.3.2", "sanic-routing": "23.6.0", "other": "1"},
        ),
        requires={"sanic": ("sanic-routing~=22.0",), "other": ("sanic-routing>=20",)},
    )

    assert (failure.diagnose().culprit, failure.diagnose().conflicts_with) == ("sanic-routing", "sanic")


@pytest.mark.parametrize(
    ("raised", "kind", "python", "party"),
    [
        ("cannot import name '_PosixFlavour' from 'pathlib' (x)", "ImportError", "3.12.1", "python"),
        ("cannot import name '_PosixFlavour' from 'pathlib' (x)", "ImportError", "3.11.7", None),
        ("No module named 'importlib.resources._legacy'", "ModuleNotFoundError", "3.13.0", "python"),
        ("module 'inspect' has no attribute 'getargspec'", "AttributeError", "3.11.7", "python"),
        ("'Thread' object has no attribute 'isAlive'", "AttributeError", "3.9.18", "python"),
        ("open_connection() got an unexpected keyword argument 'loop'", "TypeError", "3.10.13", "python"),
        ("open_connection() got an unexpected keyword argument 'loop'", "TypeError", "3.9.18", None),
        ("ForwardRef._evaluate() missing 1 required keyword-only argument: 'recursive_guard'", "TypeError", "3.13.0",
         "python"),
        ("cannot import name '_Union' from 'typing' (x)", "ImportError", "3.11.7", "python"),
    ],
)  # fmt: skip
def test_what_a_python_removed_or_changed_always_brings_in_python(
    raised: str, kind: str, python: str, party: str | None
) -> None:
    failure = Failure(
        states=({"old": "1.0"},), raised=raised, kind=f"builtins.{kind}", files=("old/x.py",), python=python
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with) == ("old", party)
    assert (diagnosis.confidence is Confidence.CERTAIN) == (party == "python")


def test_what_a_python_is_known_to_have_removed_goes_before_what_only_age_explains() -> None:
    failure = Failure(
        states=({"old": "1.0"},),
        causes=("module 'json' has no attribute '_unheard_of'",),
        raised="module 'uuid' has no attribute '_load_system_functions'",
        kind="builtins.AttributeError",
        files=("old/x.py",),
        python="3.13.0",
        answers={"uploaded": {"old": BEFORE}},
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.confidence, diagnosis.evidence[0]) == (Confidence.CERTAIN, failure.raised)


BEFORE, SINCE = "2015-01-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00"
LACKING = "cannot import name '_unheard_of' from 'json' (x)"
EVERY_CLASS = "Class <class 'x.Y'> has additional attributes {'__firstlineno__'}"
MADE_UP = "No module named 'old.six.moves'"


@pytest.mark.parametrize(
    ("raised", "python", "uploaded", "answers", "party"),
    [
        # A newer package may want what only a newer Python has; the age of many is not known.
        (LACKING, "3.11.7", BEFORE, {}, "python"),
        (LACKING, "3.11.7", SINCE, {}, None),
        (LACKING, "3.11.7", None, {}, None),
        (EVERY_CLASS, "3.13.0", BEFORE, {}, "python"),
        (EVERY_CLASS, "3.12.1", BEFORE, {}, None),
        # A module that other releases have as a file was left out of this one.
        (MADE_UP, "3.12.1", BEFORE, {}, "python"),
        (MADE_UP, "3.12.1", BEFORE, {"last_with": {"old.six.moves:": "0.9"}}, None),
        (MADE_UP, "3.12.1", BEFORE, {"first_with": {"old.six.moves:": "1.1"}}, None),
        (MADE_UP, "3.12.1", SINCE, {}, None),
    ],
)
def test_what_only_the_age_of_a_package_explains_brings_in_python(
    raised: str, python: str, uploaded: str | None, answers: dict[str, dict[str, str]], party: str | None
) -> None:
    releases = {"old": ("0.9 2014", "1.0 2015", "1.1 2016", "2.0 2025")}
    failure = Failure(
        states=({"old": "1.0"},),
        raised=raised,
        kind="builtins.ImportError" if raised != EVERY_CLASS else "builtins.AssertionError",
        files=("old/x.py",),
        text="from .six.moves import x" if raised == MADE_UP else "raise AssertionError(x)",
        python=python,
        answers={"releases": releases, **({"uploaded": {"old": uploaded}} if uploaded else {}), **answers},
    )

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.conflicts_with) == ("old", party)
    assert diagnosis.confidence is not Confidence.CERTAIN
    assert (diagnosis.fix == ("old>=2.0",)) == (party == "python")


def test_a_class_of_a_package_is_not_taken_for_one_of_the_standard_library() -> None:
    failure = Failure(
        states=({"old": "1.0", "threads": "2.0"},),
        raised="'Thread' object has no attribute 'isAlive'",
        kind="builtins.AttributeError",
        files=("old/x.py",),
        answers={"definitions": {"Thread": ("threads",)}, "uploaded": {"old": OLD, "threads": NEW}},
    )

    assert (failure.diagnose().culprit, failure.diagnose().conflicts_with) == ("threads", "old")


PIP = (
    "Requested celery==5.0.5 from https://host/celery-5.0.5-py3-none-any.whl has invalid metadata: Expected matching "
    "RIGHT_PARENTHESIS for LEFT_PARENTHESIS, after version specifier\n    pytz (>dev)\n         ~^\n"
    "Please use pip<24.1 if you need to use this version.\n"
    "ERROR: Could not find a version that satisfies the requirement celery==5.0.5 (from versions: 0.1.2, 0.1.4, 0.1.6, "
    "0.1.7, 0.1.8, 0.1.10, 5.6.0)\nERROR: No matching distribution found for celery==5.0.5\n"
)


def unsolvable(installer: InstallerName, text: str, *asked: str) -> Case:
    failed = action(BAD, text)
    subject = replace(combo("one", asked), installer=installer)
    return Case(
        facts=ComboFacts(
            combo=subject,
            steps=(StepFacts(number=1, requirements=asked, resolve=failed),),
            answers=answered({}, releases={"celery": ("5.0.5 2020", "5.1.0 2021", "6.0 2026")}),
        ),
        verdict=Verdict(status=Status.UNSOLVABLE, phase=Phase.RESOLVE, reason=Reason.NO_MATCHING_FILE),
        probe=None,
        action=failed,
        rules=RULES,
    )


def test_metadata_that_pip_refuses_is_not_taken_for_a_release_that_does_not_exist() -> None:
    case = unsolvable(InstallerName.PIP, PIP, "celery==5.0.5")

    diagnosis = diagnose(case, Answers(case.facts.answers))

    assert diagnosis is not None
    assert (diagnosis.culprit, diagnosis.conflicts_with, diagnosis.fix) == ("celery", "pip", ("celery>=5.1.0,<6",))
    assert diagnosis.why == "celery==5.0.5 has metadata that the pip of this combo refuses"


def test_the_list_of_versions_that_pip_prints_is_cut_from_the_message() -> None:
    text = PIP[PIP.index("ERROR: Could") :]

    message = RULES.installers[InstallerName.PIP].message(action(BAD, text), Status.UNSOLVABLE)

    assert message == (
        "Could not find a version that satisfies the requirement celery==5.0.5 (from versions: many, up to 5.6.0)"
    )


def test_no_package_is_called_one() -> None:
    text = (
        "error: No solution found when resolving dependencies\n  cause: Because all versions of a depend on at least "
        "one of b>=2 and c>=2, we can conclude that your requirements are unsatisfiable.\n"
    )
    case = unsolvable(InstallerName.UV, text, "a")

    diagnosis = diagnose(case, Answers(case.facts.answers))

    assert diagnosis is not None
    assert diagnosis.culprit not in ("at", "least", "one")


@pytest.mark.parametrize(
    ("newer", "culprit", "confidence"),
    [("openpyxl", "openpyxl", Confidence.CERTAIN), ("pandas", "pandas", Confidence.LIKELY)],
)
def test_which_of_two_packages_must_move_is_not_certain_where_only_dates_say_so(
    newer: str, culprit: str, confidence: Confidence
) -> None:
    failure = message(
        "Pandas requires version '3.1.0' or newer of 'openpyxl' (version '3.0.10' currently installed).",
        {"pandas": "2.2.3", "openpyxl": "3.0.10"},
        "pandas/io.py",
    )
    failure.answers = {"uploaded": {name: NEW if name == newer else OLD for name in ("pandas", "openpyxl")}}

    diagnosis = failure.diagnose()

    assert (diagnosis.culprit, diagnosis.confidence) == (culprit, confidence)
