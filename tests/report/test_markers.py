"""Markers in pages: found where they are ones, and nothing but what stands between them is replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.report.embed.markers import Kind, MarkerError, Wanted, replace, slots
from knowngood.report.embed.rows import Show

MD, RST = Kind.MARKDOWN, Kind.RST
M = Wanted(matrix="m", show=Show.ALL)
TABLE = Wanted(matrix="m", show=Show.TABLE)
OTHER = Wanted(matrix="other", show=Show.DEPENDENCIES)
BLOCKS = {M: "all\n\nof m", TABLE: "table", OTHER: "other"}
BEGIN, END = "<!-- knowngood:begin m -->", "<!-- knowngood:end -->"
PAIRS = {
    MD: (BEGIN, END),
    RST: (".. knowngood:begin m", ".. knowngood:end"),
}


@pytest.mark.parametrize("kind", Kind)
def test_what_stands_between_the_markers_is_replaced(kind: Kind) -> None:
    begin, end = PAIRS[kind]
    page = f"# Title\n\n{begin}\nold\n{end}\n\nrest"

    assert replace(page, BLOCKS, kind) == f"# Title\n\n{begin}\n\nall\n\nof m\n\n{end}\n\nrest"


def test_a_marker_may_ask_for_a_part_and_a_page_may_hold_several() -> None:
    page = (
        "<!-- knowngood:begin m table -->\n<!-- knowngood:end -->\n"
        "a\n<!--knowngood:begin  other\tdependencies-->\nx\n\ny\n<!--knowngood:end-->  \n"
        f"{BEGIN}\n{END}"
    )

    assert [slot.wanted for slot in slots(page, MD)] == [TABLE, OTHER, M]
    assert replace(page, BLOCKS, MD) == (
        "<!-- knowngood:begin m table -->\n\ntable\n\n<!-- knowngood:end -->\n"
        "a\n<!--knowngood:begin  other\tdependencies-->\n\nother\n\n<!--knowngood:end-->  \n"
        f"{BEGIN}\n\nall\n\nof m\n\n{END}"
    )


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_page_keeps_its_line_endings(kind: Kind, ending: str) -> None:
    page = ending.join(["a", "", *PAIRS[kind], "", "b\x0bc\x85d\u2028e", ""])
    done = replace(page, BLOCKS, kind)

    assert done == ending.join(
        ["a", "", PAIRS[kind][0], "", "all", "", "of m", "", PAIRS[kind][1], "", "b\x0bc\x85d\u2028e", ""]
    )


@given(st.sampled_from(Kind), *[st.text(st.characters(exclude_characters="`~<:\t "), max_size=30)] * 3)
def test_whatever_stands_outside_stays_and_a_second_time_changes_nothing(
    kind: Kind, above: str, between: str, below: str
) -> None:
    begin, end = PAIRS[kind]
    page = f"{above}\n\n{begin}\n\n{between}\n\n{end}\n\n{below}"
    done = replace(page, BLOCKS, kind)

    assert done == f"{above}\n\n{begin}\n\nall\n\nof m\n\n{end}\n\n{below}"
    assert replace(done, BLOCKS, kind) == done


@pytest.mark.parametrize(
    "page",
    [
        f"```markdown\n{BEGIN}\n{END}\n```",
        f"~~~~\n~~~\n{BEGIN}\n{END}\n~~~~",
        f"- ```\n  {BEGIN}\n  {END}\n  ```",
        f"1. a\n\n   ```\n   {BEGIN}\n   {END}\n   ```",
        f"````{{note}}\n```\n{BEGIN}\n```\n````",
        f"    {BEGIN}\n    {END}",
        f"> {BEGIN}\n> {END}",
        f"`{BEGIN}` and `{END}`",
        f"text {BEGIN}\n\n{END} text",
        "<!-- matrix:begin -->\n<!-- matrix:end -->",
    ],
)
def test_what_only_tells_of_markers_in_markdown_is_none(page: str) -> None:
    assert slots(page, MD) == ()
    with pytest.raises(MarkerError, match="it has no markers"):
        replace(page, BLOCKS, MD)
    pair = f"\n\n{BEGIN}\n\nall\n\nof m\n\n{END}\n"
    assert replace(page + pair, BLOCKS, MD) == page + pair


@pytest.mark.parametrize(
    "page",
    [
        "a::\n\n  .. knowngood:begin m\n  .. knowngood:end",
        ".. code-block:: rst\n\n   .. knowngood:begin m\n",
        "text .. knowngood:begin m",
        ".. knowngood:: ../reports/m/matrix.json\n   :show: table",
        BEGIN,
    ],
)
def test_what_only_tells_of_markers_in_restructuredtext_is_none(page: str) -> None:
    assert slots(page, RST) == ()


def test_markers_in_an_item_of_a_list_have_their_block_in_it() -> None:
    page = f"- a\n\n  {BEGIN}\n  {END}\n"

    assert replace(page, BLOCKS, MD) == f"- a\n\n  {BEGIN}\n\n  all\n\n  of m\n\n  {END}\n"


@pytest.mark.parametrize(
    ("page", "line", "what", "next_step"),
    [
        ("no marker", 0, "it has no markers", f"put {'<!-- knowngood:begin NAME -->'!r} and {END!r}"),
        (f"a\n\n{BEGIN}\n", 3, "a begin without an end", "put knowngood:end below it"),
        (f"{BEGIN}\n```\n{END}\n", 1, "a begin without an end", "put knowngood:end below it"),
        (f"\n{END}", 2, "an end without a begin", "put knowngood:begin NAME above it"),
        (f"{BEGIN}\n\n{BEGIN}\n{END}\n{END}", 3, "a begin inside that of line 1", "end m before it"),
        ("<!-- knowngood:begin -->", 1, "a begin names one matrix", "write knowngood:begin NAME"),
        ("<!-- knowngood:begin m tabel -->", 1, "'tabel' is nothing that can be shown", "one of: all, table, dep"),
        ("<!-- knowngood:begin m all n -->", 1, "a begin names one matrix", "write knowngood:begin NAME"),
        ("<!-- knowngood:bgin m -->", 1, "'knowngood:bgin m' is no marker", "write knowngood:begin NAME"),
        ("<!-- knowngood: -->", 1, "'knowngood:' is no marker", "write knowngood:begin NAME"),
        (f"{BEGIN}\n<!-- knowngood:end m -->", 2, "'knowngood:end m' is no marker", "or knowngood:end"),
        (f"<!-- knowngood:begin x -->\n{END}", 1, "nothing is known of a matrix 'x'", "name one of: m, other"),
    ],
)
def test_markers_that_cannot_be_used_are_told_with_line_and_next_step(
    page: str, line: int, what: str, next_step: str
) -> None:
    with pytest.raises(MarkerError) as refused:
        replace(page, BLOCKS, MD)

    assert (refused.value.line, refused.value.exit_code) == (line, 2)
    assert refused.value.what.startswith(what)
    assert next_step in refused.value.next_step


def test_with_only_one_matrix_asked_for_the_others_are_left_alone() -> None:
    page = f"<!-- knowngood:begin x -->\nold\n{END}\n\n{BEGIN}\n{END}\n"

    assert replace(page, BLOCKS, MD, only="m") == page.replace(f"{BEGIN}\n", f"{BEGIN}\n\nall\n\nof m\n\n")
    with pytest.raises(MarkerError, match="it has no markers of y"):
        replace(page, BLOCKS, MD, only="y")
