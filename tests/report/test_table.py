"""The result table: which columns it has, how it fits a width, and what its cells say."""

import re
from dataclasses import replace

import pytest

from knowngood.model import Confidence, Diagnosis, JudgedRun, Numbers, Phase, Reason, Reused, Status
from knowngood.report import table, words
from knowngood.report.summary import summary
from knowngood.report.table import age, columns_of, key_metrics, key_packages, metric
from knowngood.report.text import columns
from report.factory import cell, combo, diagnosed, mission, only, passing, run

WIDE = """\
combo               python  numpy   torch      sentence-     transformers  verdict                why
                                               transformers
------------------  ------  ------  ---------  ------------  ------------  ---------------------  ----------------
legacy              3.11.7  1.24.3  2.1.2      2.2.2         4.36.2        pass                   1 warning
legacy-numpy2       3.11.7  2.3.5   2.1.2      2.2.2         4.36.2        fail (expected)        numpy and torch…
legacy-wrong-order  3.11.7  1.24.3  2.9.0 !    2.2.2         4.36.2        fail (expected)        pin-violated
numpy2-torch21      3.11.7  -       -          -             -             unsolvable (expected)  conflict
modern-loose        3.11.7  2.3.5   2.9.0+cpu  5.1.2         4.57.1        UNEXPECTED PASS
modern              3.11.7  -       -          -             -             infra                  index-unreachab…
modern-py313        3.13    -       -          -             -             not-run                interrupted

! the installed version violates the combo's own pin
infra, not-run: could not be tested, not counted as a failure
"""

NARROW = """\
combo               verdict
------------------  --------------------
legacy              pass
legacy-numpy2       fail (expected)
legacy-wrong-order  fail (expected)
numpy2-torch21      unsolvable (expecte…
modern-loose        UNEXPECTED PASS
modern              infra
modern-py313        not-run

infra, not-run: could not be tested, not
counted as a failure
"""


@pytest.mark.parametrize(("width", "shown"), [(114, WIDE), (40, NARROW)])
def test_the_table_shows_versions_and_verdicts(width: int, shown: str) -> None:
    assert table.render(mission(), width=width) == shown


@pytest.mark.parametrize("width", range(24, 201))
def test_the_table_fits_every_width_and_always_has_combo_and_verdict(width: int) -> None:
    lines = table.render(mission(), width=width).splitlines()
    assert max(map(columns, lines)) <= width
    assert lines[0].startswith("combo")
    assert "verdict" in lines[0]


def test_a_wider_terminal_shows_more_columns() -> None:
    heads = [set(table.render(mission(), width=width).split("---")[0].split()) for width in (40, 60, 80, 110, 140, 170)]
    assert heads[-1] >= {"python", "numpy", "torch", "transformers", "why", "time", "encode", "sentences"}
    assert heads[0] == {"combo", "verdict"}
    assert [len(head) for head in heads] == sorted(len(head) for head in heads)


def test_versions_are_printed_as_they_are() -> None:
    cells = (passing(combo("zero"), installed={"numpy": "1.10", "torch": "2.0", "transformers": "1e5"}),)
    row = table.render(JudgedRun(run=run(cells), cells=cells)).splitlines()[3]
    assert row.split()[:6] == ["zero", "3.11.7", "1.10", "2.0", "1e5", "pass"]


def test_the_probe_is_named_where_there_are_several() -> None:
    both = combo("legacy", probes=("embedding", "numbers"))
    cells = (passing(both), passing(both, probe="numbers"))
    assert table.render(JudgedRun(run=run(cells), cells=cells), width=40).split()[:3] == ["combo", "probe", "numpy"]


@pytest.mark.parametrize("width", range(36, 61))
def test_the_probe_is_never_left_out_where_it_identifies_a_row(width: int) -> None:
    both = combo("old-werkzeug3-and-jinja2", probes=("serves", "templates"))
    failed = diagnosed(combo=both, probe="serves", as_expected=False)
    lines = table.render(only(failed, passing(both, probe="templates")), width=width).splitlines()
    assert lines[0].split()[:2] == ["combo", "probe"]
    assert max(map(columns, lines)) <= width


def test_a_mark_is_explained_only_where_a_shown_column_has_it() -> None:
    legend = "the installed version violates"
    assert legend in table.render(mission(), width=114)
    assert legend not in table.render(mission(), width=40)


def test_a_pass_with_warnings_or_several_attempts_says_so() -> None:
    cells = (passing(combo("a"), attempts=2, warnings=("x", "y")),)
    assert "attempt 2, 2 warnings" in table.render(JudgedRun(run=run(cells), cells=cells))


def test_a_run_without_cells_has_a_sentence_instead_of_a_table() -> None:
    assert table.render(replace(mission(), cells=())) == "no cells\n"


def test_wide_characters_keep_the_columns_aligned() -> None:
    cells = (passing(combo("日本語")), passing(combo("plain")))
    first, second = table.render(JudgedRun(run=run(cells), cells=cells)).splitlines()[3:5]
    assert columns(first[: first.index("3.11.7")]) == columns(second[: second.index("3.11.7")])


def test_the_packages_whose_versions_differ_and_that_most_combos_name_are_the_columns() -> None:
    assert key_packages(mission()) == ("numpy", "torch", "sentence-transformers", "transformers")


def test_only_requirements_name_packages() -> None:
    cells = (passing(combo("own", steps=((".", "-r x", "Torch_Vision[a]>=1; python_version > '3'"),))),)
    assert key_packages(JudgedRun(run=run(cells), cells=cells)) == ("torch-vision",)


def test_the_last_recorded_rates_and_durations_are_the_metric_columns() -> None:
    assert key_metrics(mission().cells) == ("encode_seconds", "sentences_per_second")


def test_among_packages_named_equally_often_those_with_more_specifiers_are_the_columns() -> None:
    steps = [(tuple(f"{name}==1" for name in "abcdefg"), (f"h{specifier}",)) for specifier in ("==1", "<2")]
    installed = dict.fromkeys("abcdefgh", "1")
    cells = [passing(combo(specifiers[1][0], steps=specifiers), installed=installed) for specifiers in steps]
    assert key_packages(only(*cells)) == (*"abcde", "h")


def test_packages_whose_versions_differ_are_the_first_columns() -> None:
    steps = (("a==1", "b"),)
    cells = [passing(combo(version, steps=steps), installed={"a": "1", "b": version}) for version in "12"]
    assert key_packages(only(*cells)) == ("b", "a")


def test_a_package_that_is_installed_nowhere_is_not_a_column() -> None:
    assert key_packages(only(passing(combo("a", steps=(("a==1", "b"),)), installed={"b": "1"}))) == ("b",)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "yes"),
        (3, "3"),
        (0.43211, "0.432"),
        (1234.56, "1235"),
        (float("nan"), "nan"),
        ("cpu", "cpu"),
    ],
)
def test_metrics_are_shown_in_few_digits(value: float | str | None, shown: str) -> None:
    assert metric(passing(combo("a"), metrics={"m": value}), "m") == shown


@pytest.mark.parametrize(
    ("confidence", "culprit", "other", "fix", "shown"),
    [
        ("certain", "torch", "numpy", ("numpy<2", "torch>=2.2"), "fix numpy<2, torch>=2.2"),
        ("certain", "torch", None, ("torch==2.1.2",), "fix torch==2.1.2 in step 3"),
        ("possible", "numpy", None, ("numpy<2",), "possible fix numpy<2"),
        ("likely", "torch", "numpy", (), "torch 2.15.0 vs numpy 1.24.3"),
        ("likely", "torch", "python", (), "torch 2.15.0 vs Python 3.11.7"),
        ("likely", "absent", None, (), "sentence-transformers imports: absent"),
        ("unknown", None, None, (), "sentence-transformers imports, cause unknown"),
    ],
)
def test_the_column_why_has_the_fix_or_the_cause_in_a_few_words(
    confidence: str, culprit: str | None, other: str | None, fix: tuple[str, ...], shown: str
) -> None:
    diagnosis = Diagnosis(culprit=culprit, conflicts_with=other, why="long", fix=fix, confidence=Confidence(confidence))
    assert words.why(diagnosed(diagnosis=diagnosis, flaky=None)) == shown
    assert words.why(diagnosed(diagnosis=diagnosis, flaky="1/3")) == f"{shown}, flaky 1/3"
    assert shown in table.render(only(diagnosed(diagnosis=diagnosis)))


def test_moved_numbers_show_their_cosine() -> None:
    numbers = Numbers(
        cosine=0.98765, difference=1, norm=0, dtype=None, order_changed=False, finite=True, moved=True, says="so"
    )
    assert words.why(diagnosed(diagnosis=None, flaky=None)) == "sentence-transformers imports"
    moved = passing(combo("a"), numbers=numbers)
    moved = replace(moved, verdict=replace(moved.verdict, reason=Reason.NUMBERS_MOVED))
    assert words.why(moved) == "numbers moved, cosine 0.9877"


def test_a_flaky_pass_says_how_many_attempts_passed() -> None:
    assert words.why(passing(combo("a"), attempts=2, flaky="1/2")) == "flaky 1/2"


def test_the_probe_column_is_left_out_first_where_the_combo_identifies_the_probe() -> None:
    cells = (diagnosed(flaky=None), passing(combo("a", probes=("p",)), probe="p" * 40))
    shown = table.render(only(*cells), width=100)
    assert "probe" not in shown.splitlines()[0]
    assert "fix huggingface" in shown


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("2026-01-01T00:00:00+00:00", "10d"),
        ("2026-01-10T21:00:00+00:00", "3h"),
        ("2026-01-10T23:30:00+00:00", "30m"),
        ("2026-01-11T00:00:30+00:00", "0m"),
        ("one day", "?"),
    ],
)
def test_a_reused_verdict_is_marked_with_its_age_and_took_no_time(recorded: str, shown: str) -> None:
    reused = passing(combo("a"), reused=Reused(run="r0", combo="a", recorded=recorded, key="k"))
    judged = only(reused, passing(combo("b")))
    info = replace(judged.run.info, started="2026-01-11T00:00:00+00:00")
    judged = replace(judged, run=replace(judged.run, info=info))

    values = {column.header: column.values for column in columns_of(judged)}

    assert values["reused"] == (shown, "")
    assert values["time"] == ("-", "8.3s")
    assert summary(judged).endswith("; 1 reused")


def test_a_verdict_shared_within_a_run_names_the_combo_it_is_from() -> None:
    judged = only(passing(combo("a")), passing(combo("b")))
    shared = Reused(run=judged.run.info.id, combo="a", recorded="2026-01-01T00:00:00+00:00", key="k")
    cells = (judged.cells[0], replace(judged.cells[1], reused=shared))

    assert [age(cell, judged.run.info) for cell in cells] == ["", "as a"]


def test_a_row_that_was_cut_short_says_so_rather_than_the_check_that_was_open() -> None:
    stopped = cell(combo("legacy"), Status.NOT_RUN, Phase.PROBE, Reason.INTERRUPTED, as_expected=None, check="encodes")

    assert "interrupted" in table.render(only(stopped))
    assert "encodes" not in table.render(only(stopped))


def many(count: int) -> JudgedRun:
    """Return a run of combos of which every tenth fails unexpectedly."""
    cells = tuple(
        cell(combo(f"c{number}"), Status.FAIL, Phase.PROBE, Reason.CHECK_FAILED, as_expected=False)
        if number % 10 == 0
        else passing(combo(f"c{number}"))
        for number in range(count)
    )
    return JudgedRun(run=run(cells), cells=cells)


def ids(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if re.match(r"c\d", line)]


def test_a_long_table_keeps_what_is_not_as_expected_in_order_and_counts_the_rest() -> None:
    shown = table.render(many(1000), most=100)
    assert ids(shown) == [f"c{number}" for number in range(0, 1000, 10)]
    assert "\n900 more cells without a row: 900 pass\n" in shown


def test_a_table_of_failures_leaves_out_what_passed() -> None:
    shown = table.render(many(20), only_failed=True)
    assert ids(shown) == ["c0", "c10"]
    assert "\n18 more cells without a row: 18 pass\n" in shown
    assert table.render(only(passing(combo("c"))), only_failed=True) == "no cell failed\n"


def test_colors_do_not_move_the_columns_of_a_table() -> None:
    painted = table.render(many(12), paint=lambda text, _: f"\x1b[31m{text}\x1b[0m")
    assert re.sub(r"\x1b\[\d+m", "", painted) == table.render(many(12))
    assert painted.count("\x1b[31m") == 12, "the verdict of each row, and nothing else"
