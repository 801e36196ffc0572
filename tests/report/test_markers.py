"""Test that markers in pages are found and that only the text between them is replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.report.embed.markers import Language, MarkerError, Request, replace, slots
from knowngood.report.embed.parts import Show

MD, RST = Language.MARKDOWN, Language.RST
M = Request(matrix="m", show=Show.ALL)
TABLE = Request(matrix="m", show=Show.TABLE)
OTHER = Request(matrix="other", show=Show.DEPENDENCIES)
BLOCKS = {M: "all\n\nof m", TABLE: "table", OTHER: "other"}
BEGIN, END = "<!-- knowngood:begin m -->", "<!-- knowngood:end -->"
PAIRS = {
    MD: (BEGIN, END),
    RST: (".. knowngood:begin m", ".. knowngood:end"),
}


@pytest.mark.parametrize("language", Language)
def test_the_text_between_the_markers_is_replaced(language: Language) -> None:
    begin, end = PAIRS[language]
    page = f"# Title\n\n{begin}\nold\n{end}\n\nrest"

    assert replace(page, BLOCKS, language) == f"# Title\n\n{begin}\n\nall\n\nof m\n\n{end}\n\nrest"


def test_a_page_may_have_several_pairs_of_markers_each_for_another_part_of_a_report() -> None:
    page = (
        "<!-- knowngood:begin m table -->\n<!-- knowngood:end -->\n"
        "a\n<!--knowngood:begin  other\tdependencies-->\nx\n\ny\n<!--knowngood:end-->  \n"
        f"{BEGIN}\n{END}"
    )

    assert [slot.request for slot in slots(page, MD)] == [TABLE, OTHER, M]
    assert replace(page, BLOCKS, MD) == (
        "<!-- knowngood:begin m table -->\n\ntable\n\n<!-- knowngood:end -->\n"
        "a\n<!--knowngood:begin  other\tdependencies-->\n\nother\n\n<!--knowngood:end-->  \n"
        f"{BEGIN}\n\nall\n\nof m\n\n{END}"
    )


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_page_keeps_its_line_endings(language: Language, ending: str) -> None:
    page = ending.join(["a", "", *PAIRS[language], "", "b\x0bc\x85d\u2028e", ""])
    done = replace(page, BLOCKS, language)

    assert done == ending.join(
        ["a", "", PAIRS[language][0], "", "all", "", "of m", "", PAIRS[language][1], "", "b\x0bc\x85d\u2028e", ""]
    )


@given(st.sampled_from(Language), *[st.text(st.characters(exclude_characters="`~<:\t "), max_size=30)] * 3)
def test_text_outside_the_markers_stays_and_a_second_run_changes_nothing(
    language: Language, above: str, between: str, below: str
) -> None:
    begin, end = PAIRS[language]
    page = f"{above}\n\n{begin}\n\n{between}\n\n{end}\n\n{below}"
    done = replace(page, BLOCKS, language)

    assert done == f"{above}\n\n{begin}\n\nall\n\nof m\n\n{end}\n\n{below}"
    assert replace(done, BLOCKS, language) == done


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
def test_markers_quoted_as_code_in_markdown_are_ignored(page: str) -> None:
    assert slots(page, MD) == ()
    with pytest.raises(MarkerError, match="no markers"):
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
def test_markers_quoted_as_code_in_restructuredtext_are_ignored(page: str) -> None:
    assert slots(page, RST) == ()


def test_a_block_between_markers_in_a_list_item_is_indented_like_them() -> None:
    page = f"- a\n\n  {BEGIN}\n  {END}\n"

    assert replace(page, BLOCKS, MD) == f"- a\n\n  {BEGIN}\n\n  all\n\n  of m\n\n  {END}\n"


@pytest.mark.parametrize(
    ("page", "line", "what", "next_step"),
    [
        ("no marker", 0, "no markers", f"put {'<!-- knowngood:begin NAME -->'!r} and {END!r}"),
        (f"a\n\n{BEGIN}\n", 3, "knowngood:begin without knowngood:end", "put knowngood:end below it"),
        (f"{BEGIN}\n```\n{END}\n", 1, "knowngood:begin without knowngood:end", "put knowngood:end below it"),
        (f"\n{END}", 2, "knowngood:end without knowngood:begin", "put knowngood:begin NAME above it"),
        (
            f"{BEGIN}\n\n{BEGIN}\n{END}\n{END}",
            3,
            "knowngood:begin inside the block that begins in line 1",
            "end m before it",
        ),
        ("<!-- knowngood:begin -->", 1, "knowngood:begin takes a matrix", "write knowngood:begin NAME"),
        ("<!-- knowngood:begin m tabel -->", 1, "cannot show 'tabel'", "one of all, table, dep"),
        ("<!-- knowngood:begin m all n -->", 1, "knowngood:begin takes a matrix", "write knowngood:begin NAME"),
        ("<!-- knowngood:bgin m -->", 1, "invalid marker 'knowngood:bgin m'", "write knowngood:begin NAME"),
        ("<!-- knowngood: -->", 1, "invalid marker 'knowngood:'", "write knowngood:begin NAME"),
        (f"{BEGIN}\n<!-- knowngood:end m -->", 2, "invalid marker 'knowngood:end m'", "or knowngood:end"),
        (f"<!-- knowngood:begin x -->\n{END}", 1, "unknown matrix 'x'", "name one of: m, other"),
    ],
)
def test_an_unusable_marker_is_reported_with_its_line_and_a_next_step(
    page: str, line: int, what: str, next_step: str
) -> None:
    with pytest.raises(MarkerError) as refused:
        replace(page, BLOCKS, MD)

    assert (refused.value.line, refused.value.exit_code) == (line, 2)
    assert refused.value.what.startswith(what)
    assert next_step in refused.value.next_step


def test_with_only_one_matrix_the_markers_of_the_others_keep_their_text() -> None:
    page = f"<!-- knowngood:begin x -->\nold\n{END}\n\n{BEGIN}\n{END}\n"

    assert replace(page, BLOCKS, MD, only="m") == page.replace(f"{BEGIN}\n", f"{BEGIN}\n\nall\n\nof m\n\n")
    with pytest.raises(MarkerError, match="no markers for y"):
        replace(page, BLOCKS, MD, only="y")
