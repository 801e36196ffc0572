from pathlib import Path

import pytest

from knowngood.errors import UsageError
from support.importing import PROJECT, imported, line_with

ASV = """{
    // Comments are allowed, and "//" in a text is none: "https://example.org".
    "project": "shop", "project_url": "https://example.org/shop",
    "repo": "..", // or
    // "repo": ["elsewhere"],
    "environment_type": "conda",
    "pythons": ["3.11", "3.12"],
    "matrix": {
        "numpy": ["1.26", ""],
        "pip+six": [], /* the newest */
        "tables": [null, ""],
        "pytables": [null, ""],
    },
    "exclude": [
        {"environment_type": "conda", "tables": ""},
        {"environment_type": "(?!conda).*", "tables": null},
        {"environment_type": "(?!conda).*", "pytables": ""},
        {"python": "3\\\\.12", "numpy": "1\\\\.26"},
    ],
    "include": [{"python": "3.13", "numpy": "2.1"}],
}
"""


def test_the_matrix_of_asv_is_read_with_its_exclusions_and_missing_packages(tmp_path: Path) -> None:
    result = imported(tmp_path, "bench/asv.conf.json", ASV, {"pyproject.toml": PROJECT})

    cells = sorted((combo.python, *sorted(combo.steps[0].lines)) for combo in result.matrix.combos)
    assert cells == [
        ("3.11", ".", "numpy", "six", "tables"),
        ("3.11", ".", "numpy==1.26", "six", "tables"),
        ("3.12", ".", "numpy", "six", "tables"),
        ("3.13", ".", "numpy==2.1"),
    ]
    assert "conda" in result.remark(line_with(ASV, '    "environment_type"'))


def test_the_variables_of_asv_are_an_axis_and_a_project_elsewhere_is_named(tmp_path: Path) -> None:
    text = '{"repo": "https://example.org/shop.git",\n"matrix": {"req": {"six": [""]}, "env": {"MODE": ["a", "b"]}}}'
    result = imported(tmp_path, "asv.conf.json", text)

    assert [(combo.steps[0].lines, dict(combo.env)) for combo in result.matrix.combos] == [
        (("six",), {"MODE": "a"}),
        (("six",), {"MODE": "b"}),
    ]
    assert "https://example.org/shop.git is not here" in result.remark(1)


@pytest.mark.parametrize("text", ["[", "[]", "{}", '{"repo": 1}', '{"matrix": 1, "pythons": [[]]}'])
def test_what_is_not_the_json_of_asv_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        imported(tmp_path, "asv.conf.json", text)


EDGETEST = """
[edgetest]
command = "pytest tests -m 'not slow'"
[edgetest.envs.core]
python_version = "3.12"
conda_install = ["openjdk=17"]
extras = ["s3, test"]
deps = ["pytest-cov"]
upgrade = ["boto", "pandas[excel]"]
[edgetest.envs.lower]
lower = ["pandas", "numpy"]
"""
BOUNDED = PROJECT.replace("optional-dep", 'dependencies = ["pandas>=1.5,<3", "numpy"]\noptional-dep')


def test_edgetest_upgrades_and_lowers_dependencies_after_the_project(tmp_path: Path) -> None:
    text = BOUNDED + EDGETEST
    result = imported(tmp_path, "pyproject.toml", text)

    assert result.steps == {
        "core": [[".[s3,test]", "pytest-cov"], ["--upgrade", "boto", "pandas[excel]"]],
        "lower": [["."], ["pandas==1.5"]],
    }
    assert result.pythons["core"] == "3.12"
    assert {probe.arguments for probe in result.matrix.probes} == {("tests", "-m", "not slow")}
    assert "openjdk=17" in result.remark(line_with(text, "envs.core"))
    assert "numpy is left out" in result.remark(line_with(text, "envs.lower"))


def test_edgetest_in_a_setup_cfg_is_read(tmp_path: Path) -> None:
    text = "[options]\ninstall_requires =\n    pandas>=1.5\n[edgetest.envs.one]\nextras =\n    s3\n    test\n"
    text += "upgrade =\n    pandas\nlower =\n    pandas\n"
    result = imported(tmp_path, "setup.cfg", text, {"pyproject.toml": PROJECT})

    assert result.steps == {"one": [[".[s3,test]"], ["--upgrade", "pandas"], ["pandas==1.5"]]}
