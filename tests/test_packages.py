"""Requirements and versions: what is valid, what applies, what satisfies what, where a release line ends."""

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from knowngood import packages


def parsed(text: str) -> Requirement:
    requirement = packages.requirement(text)
    assert requirement is not None
    return requirement


def test_an_invalid_requirement_or_version_is_none() -> None:
    assert packages.requirement("numpy=>2") is None
    assert packages.version("not a version") is None


def test_requirements_leave_out_what_is_invalid_and_names_are_canonical_and_unique() -> None:
    texts = ["Ruamel.YAML>=1", "numpy=>2", "numpy", "ruamel_yaml<2"]

    assert [str(requirement) for requirement in packages.requirements(texts)] == [
        "Ruamel.YAML>=1",
        "numpy",
        "ruamel_yaml<2",
    ]
    assert packages.names(texts) == ("ruamel-yaml", "numpy")


@pytest.mark.parametrize(
    ("text", "python", "applies"),
    [
        ("numpy", "3.11.7", True),
        ("numpy; python_version < '3.12'", "3.11.7", True),
        ("numpy; python_version < '3.12'", "3.12.0", False),
        ("numpy; python_full_version >= '3.11.8'", "3.11.7", False),
        ("numpy; extra == 'test'", "3.11.7", False),
        ("numpy; python_version >= '3'", None, True),
    ],
)
def test_a_marker_is_evaluated_for_the_python_of_the_environment_and_without_extras(
    text: str, python: str | None, applies: bool
) -> None:
    assert packages.applies(parsed(text), python) is applies


@pytest.mark.parametrize(
    ("installed", "text", "satisfies"),
    [
        ("2.1.2+cpu", "torch==2.1.2", True),
        (Version("2.1.2"), "torch==2.1.2", True),
        ("2.0.0rc1", "numpy>=1", True),
        ("2.0.0", "numpy<2", False),
        (None, "numpy", False),
    ],
)
def test_an_installed_version_satisfies_a_requirement(
    installed: str | Version | None, text: str, satisfies: bool
) -> None:
    assert packages.satisfies(installed, parsed(text)) is satisfies


@pytest.mark.parametrize(
    ("version", "constraint"), [("2.0.2", "<2"), ("0.28.1", "<0.28"), ("1.24.4", "<1.24"), ("0.0.3", "<0.0")]
)
def test_below_excludes_the_release_line_of_a_version(version: str, constraint: str) -> None:
    assert packages.below(Version(version)) == constraint


@pytest.mark.parametrize(("version", "line"), [("4.36.2", "4.37"), ("23.2", "23.3"), ("2", "2.1")])
def test_the_next_release_line_follows_that_of_a_version(version: str, line: str) -> None:
    assert packages.next_line(Version(version)) == line
