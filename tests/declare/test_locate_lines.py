"""Find the lines of values in TOML texts."""

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.declare.toml import LineIndex, Where

TEXT = '''# first
[matrix]
title = """
two
lines [not.a.table]
"""
python = ["3.11",  # with a comment, and a ]
  "3.12"
]
"quoted.key" = 'a # b'

[ index . "pytorch-cpu" ]
url = "https://x/#y"

[[combo]]
id = "a"
steps = [
  ["numpy==1", "x,y"],

  [
    "torch",
    # a comment
    "vision",
  ],
]
expect = { status = "fail", reason = "a}b" }
[combo.env]
A = "1"
[[combo]]
id = "b"
env.B = "2"
env.C = """\\"""" # one quote
when = 1979-05-27 07:32:00
size = 3.11
[[grid]]
exclude = [{ numpy = "1" },
           { numpy = "2", torch = "3" }]
axes = { numpy = ["1"], env.DB = [
  "a",
  "b"] }
[[grid]]
[grid.axes]
env.DB = ["a",
          "b"]
'''


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ((), 1),
        (("matrix",), 2),
        (("matrix", "title"), 3),
        (("matrix", "python"), 7),
        (("matrix", "python", 0), 7),
        (("matrix", "python", 1), 8),
        (("matrix", "quoted.key"), 10),
        (("index", "pytorch-cpu"), 12),
        (("index", "pytorch-cpu", "url"), 13),
        (("combo",), 15),
        (("combo", 0), 15),
        (("combo", 0, "id"), 16),
        (("combo", 0, "steps", 0, 1), 18),
        (("combo", 0, "steps", 1), 20),
        (("combo", 0, "steps", 1, 0), 21),
        (("combo", 0, "steps", 1, 1), 23),
        (("combo", 0, "expect", "reason"), 26),
        (("combo", 0, "env"), 27),
        (("combo", 0, "env", "A"), 28),
        (("combo", 1), 29),
        (("combo", 1, "env", "B"), 31),
        (("combo", 1, "env", "C"), 32),
        (("combo", 1, "when"), 33),
        (("combo", 1, "size"), 34),
        (("grid", 0, "exclude", 1, "torch"), 37),
        (("grid", 0, "axes", "env", "DB", 1), 40),
        (("grid", 1, "axes", "env", "DB", 1), 44),
    ],
)
def test_every_value_has_its_line(where: Where, line: int) -> None:
    tomllib.loads(TEXT)
    assert LineIndex(TEXT).line(where) == line


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("combo", 1, "steps"), 29),
        (("combo", 0, "steps", 9, 9), 17),
        (("nothing", "here"), 1),
        (("matrix", "python", 1, "x", 3), 8),
    ],
)
def test_a_missing_value_has_the_line_of_what_encloses_it(where: Where, line: int) -> None:
    assert LineIndex(TEXT).line(where) == line


def test_a_windows_line_ending_counts_once() -> None:
    assert LineIndex("[a]\r\nb = 1\r\n\r\nc = 2\r\n").line(("a", "c")) == 4


@given(st.text(alphabet="[]{}=.,\"'#\n ab1\\", max_size=60))
def test_any_text_yields_a_line(text: str) -> None:
    assert 1 <= LineIndex(text).line(("a", 0, "b")) <= text.count("\n") + 1


def test_deep_nesting_does_not_confuse_the_lines() -> None:
    deep = "a = " + "[" * 100_000 + "]" * 100_000 + "\nb = 1\n" + ".".join("k" * 50_000) + " = 1\nz = 2"
    index = LineIndex(deep)
    assert index.line(("b",)) == 2
    assert index.line(("z",)) == 4


KEY = st.sampled_from(["a", "b c", "d.e", "f"])
VALUE = st.recursive(
    st.sampled_from(['"x"', "'[y'", "1.5", "true", '"""m\nn"""', "1979-05-27"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ",\n".join(items) + "\n]")
        | st.dictionaries(KEY, inner, max_size=2).map(
            lambda table: "{" + ", ".join(f'"{key}" = {value}' for key, value in table.items()) + "}"
        )
    ),
    max_leaves=8,
)


def paths(value: object, where: Where = ()) -> Iterator[Where]:
    yield where
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*where, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from paths(inner, (*where, position))


@given(st.dictionaries(KEY, VALUE, min_size=1, max_size=4))
def test_every_path_of_a_file_has_a_line_and_every_top_key_its_own(values: dict[str, str]) -> None:
    text = ""
    expected = {}
    for key, value in values.items():
        expected[key] = text.count("\n") + 1
        text += f'"{key}" = {value}\n'
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # before TOML 1.1, an inline table must not contain line breaks
        return
    index = LineIndex(text)
    assert {key: index.line((key,)) for key in values} == expected
    assert all(where in index._lines for where in paths(parsed))
