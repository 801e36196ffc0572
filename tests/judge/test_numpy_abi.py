"""Predictions from the files of an environment, and their scores."""

import pytest

from knowngood.judge.diagnosis.rules.numpy_abi import predict, score, sentence
from knowngood.model import Distribution, EnvironmentFacts, Extension, Score


def environment(*extensions: Extension, **versions: str) -> EnvironmentFacts:
    return EnvironmentFacts(
        distributions=tuple(Distribution(name=name, version=version) for name, version in versions.items()),
        extensions=extensions,
    )


def built(distribution: str, numpy: str = "1", file: str = "") -> Extension:
    return Extension(file=file or f"{distribution}/_core.so", distribution=distribution, numpy=numpy)


TORCH = built("torch", file="torch/lib/libtorch_python.so")


@pytest.mark.parametrize(
    ("numpy", "fails"),
    [
        ("2.4.6", True),
        ("2.0.0", True),
        ("2.0.0rc1", True),
        ("10.0", True),
        ("1.26.4", False),
        ("2.dirty!", False),
    ],
)
def test_an_extension_built_for_numpy_1_is_predicted_to_fail_with_numpy_2(numpy: str, fails: bool) -> None:
    facts = environment(TORCH, torch="2.1.2", numpy=numpy)
    assert predict(facts) == ((TORCH,) if fails else ())
    assert (sentence(facts) is not None) is fails


def test_an_extension_built_for_numpy_2_is_never_predicted_to_fail() -> None:
    for numpy in ("1.26.4", "2.4.6"):
        facts = environment(built("torch", "2"), torch="2.5.1", numpy=numpy)
        assert predict(facts) == ()
        assert sentence(facts) is None


def test_nothing_is_predicted_without_numpy() -> None:
    facts = environment(TORCH, torch="2.1.2")
    assert predict(facts) == ()
    assert sentence(facts) is None


@pytest.mark.parametrize(
    ("files", "where"),
    [
        (("a.so",), "(a.so)"),
        (("a.so", "b.so"), "(a.so and 1 more)"),
        (("a.so", "b.so", "c.so"), "(a.so and 2 more)"),
    ],
)
def test_a_single_distribution_is_named_with_its_file(files: tuple[str, ...], where: str) -> None:
    facts = environment(*(built("torch", file=file) for file in files), torch="2.1.2", numpy="2.4.6")
    assert sentence(facts) == f"torch 2.1.2 was compiled for NumPy 1.x {where}, NumPy 2.4.6 is installed"


@pytest.mark.parametrize(
    ("owners", "names"),
    [
        ("ab", "a 1 and b 1"),
        ("abc", "a 1, b 1 and c 1"),
        ("abcd", "a 1, b 1, c 1 and 1 more"),
        ("abcdef", "a 1, b 1, c 1 and 3 more"),
    ],
)
def test_only_three_of_many_distributions_are_named(owners: str, names: str) -> None:
    facts = environment(*map(built, owners), **dict.fromkeys(owners, "1"), numpy="2.4.6")
    assert sentence(facts) == f"{names} were compiled for NumPy 1.x, NumPy 2.4.6 is installed"


@pytest.mark.parametrize(
    ("predicted", "failed", "expected"),
    [
        (True, True, Score.HIT),
        (True, False, Score.FALSE_ALARM),
        (False, True, Score.MISS),
        (False, False, Score.QUIET),
        (True, None, None),
        (False, None, None),
    ],
)
def test_a_prediction_is_scored_only_by_a_run_that_proves_something(
    predicted: bool, failed: bool | None, expected: Score | None
) -> None:
    assert score(predicted, failed) is expected
