"""Tests of JSON from elsewhere: no number gets in that computing with would fail."""

import pytest

from knowngood import strict_json


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e301", "9" * 301, "-" + "9" * 300, "1" * 10_000]
)
def test_a_number_that_cannot_be_computed_with_is_refused_wherever_it_is(number: str) -> None:
    with pytest.raises(ValueError, match="no number to compute with"):
        strict_json.loads(f'{{"a": [1, {number}]}}')


def test_other_numbers_are_read_as_json_reads_them() -> None:
    assert strict_json.loads(b'{"a": [1, -2.5, 1e300, 18446744073709551615, true, "NaN"]}') == {
        "a": [1, -2.5, 1e300, 2**64 - 1, True, "NaN"]
    }
