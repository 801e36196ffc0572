from dataclasses import replace

import pytest

from knowngood.model import Confidence, Diagnosis, JudgedRun, Numbers, Reason, Reused
from knowngood.report import table, words
from knowngood.report.columns import columns_of, key_metrics, key_packages, metric
from knowngood.report.summary import summary
from knowngood.report.text import columns
from report.factory import combo, diagnosed, mission, only, passing, run

WIDE = """\
combo               python  numpy   torch      sentence-     transformers  verdict                why
                                               transformers
------------------  ------  ------  ---------  ------------  ------------  ---------------------  ----------------
legacy              3.11.7  1.24.3  2.1.2      2.2.2         4.36.2        pass                   1 warning
legacy-numpy2       3.11.7  2.3.5   2.1.2      2.2.2         4.36.2        fail (expected)        numpy and torch…
legacy-wrong-order  3.11.7  1.24.3  2.9.0 !    2.2.2         4.36.2        fail (expected)        pin-violated
numpy2-torch21      3.11.7  -       -          -             -             unsolvable (expected)  conflict
modern-loose        3.11.7  2.3.5   2.9.0+cpu  5.1.2         4.57.1        PASS, expected fail
modern              3.11.7  -       -          -             -             infra                  index-unreachab…
modern-py313        3.13    -       -          -             -             not-run                interrupted

! the installed version violates the combo's own pin
infra, not-run: undecided, says nothing about the versions
"""

NARROW = """\
combo               verdict
------------------  --------------------
legacy              pass
legacy-numpy2       fail (expected)
legacy-wrong-order  fail (expected)
numpy2-torch21      unsolvable (expecte…
modern-loose        PASS, expected fail
modern              infra
modern-py313        not-run

! the installed version violates the
combo's own pin
infra, not-run: undecided, says nothing
about the versions
"""


@pytest.mark.parametrize(("width", "shown"), [(114, WIDE), (40, NARROW)])
def test_the_table_shows_what_was_installed_and_what_became_of_it(width: int, shown: str) -> None:
    assert table.render(mission(), width=width) == shown


@pytest.mark.parametrize("width", range(24, 201))
def test_the_table_fits_and_always_names_combo_and_verdict(width: int) -> None:
    lines = table.render(mission(), width=width).splitlines()
    assert max(map(columns, lines)) <= width
    assert lines[0].startswith("combo")
    assert "verdict" in lines[0]


def test_columns_come_back_as_the_terminal_grows() -> None:
    heads = [set(table.render(mission(), width=width).split("---")[0].split()) for width in (40, 60, 80, 110, 140, 170)]
    assert heads[-1] >= {"python", "numpy", "torch", "transformers", "why", "time", "encode", "sentences"}
    assert heads[0] == {"combo", "verdict"}
    assert [len(head) for head in heads] == sorted(len(head) for head in heads)


def test_versions_are_printed_as_they_are() -> None:
    cells = (passing(combo("zero"), installed={"numpy": "1.10", "torch": "2.0", "transformers": "1e5"}),)
    row = table.render(JudgedRun(run=run(cells), cells=cells)).splitlines()[3]
    assert row.split()[:7] == ["zero", "3.11.7", "1.10", "2.0", "-", "1e5", "pass"]


def test_the_probe_is_named_where_there_are_several() -> None:
    both = combo("legacy", probes=("embedding", "numbers"))
    cells = (passing(both), passing(both, probe="numbers"))
    assert table.render(JudgedRun(run=run(cells), cells=cells), width=40).split()[:3] == ["combo", "probe", "numpy"]


def test_a_flaky_pass_and_a_warned_one_say_so() -> None:
    cells = (passing(combo("a"), attempts=2, warnings=("x", "y")),)
    assert "attempt 2, 2 warnings" in table.render(JudgedRun(run=run(cells), cells=cells))


def test_nothing_judged_is_no_empty_table() -> None:
    assert table.render(replace(mission(), cells=())) == "no cells\n"


def test_wide_characters_keep_the_columns_aligned() -> None:
    cells = (passing(combo("日本語")), passing(combo("plain")))
    first, second = table.render(JudgedRun(run=run(cells), cells=cells)).splitlines()[3:5]
    assert columns(first[: first.index("3.11.7")]) == columns(second[: second.index("3.11.7")])


def test_the_packages_that_most_combos_name_are_the_columns() -> None:
    assert key_packages(mission()) == ("numpy", "torch", "sentence-transformers", "transformers")


def test_only_requirements_name_packages() -> None:
    cells = (passing(combo("own", steps=((".", "-r x", "Torch_Vision[a]>=1; python_version > '3'"),))),)
    assert key_packages(JudgedRun(run=run(cells), cells=cells)) == ("torch-vision",)


def test_the_metrics_of_the_real_work_are_the_columns() -> None:
    assert key_metrics(mission().cells) == ("encode_seconds", "sentences_per_second")


def test_of_packages_that_equally_many_name_the_columns_are_those_asked_for_in_more_ways() -> None:
    steps = [(("torch==1", "torchvision==1", "torchaudio==1", "numpy"), (f"transformers=={each}",)) for each in "12"]
    cells = tuple(passing(combo(str(number), steps=each)) for number, each in enumerate(steps))
    judged = JudgedRun(run=run(cells), cells=cells)
    assert key_packages(judged) == ("torch", "torchvision", "torchaudio", "transformers")


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
        ("certain", "torch", "numpy", ("numpy<2", "torch>=2.2"), "needs numpy<2, torch>=2.2"),
        ("certain", "torch", None, ("torch==2.1.2",), "needs torch==2.1.2 in step 3"),
        ("possible", "numpy", None, ("numpy<2",), "may need numpy<2"),
        ("likely", "torch", "numpy", (), "torch 2.15.0 vs numpy 1.24.3"),
        ("likely", "torch", "python", (), "torch 2.15.0 vs Python 3.11.7"),
        ("likely", "absent", None, (), "sentence-transformers imports: absent"),
        ("unknown", None, None, (), "sentence-transformers imports, cause unknown"),
    ],
)
def test_the_cause_is_told_in_a_few_words(
    confidence: str, culprit: str | None, other: str | None, fix: tuple[str, ...], shown: str
) -> None:
    found = Diagnosis(culprit=culprit, conflicts_with=other, why="long", fix=fix, confidence=Confidence(confidence))
    assert words.why(diagnosed(diagnosis=found, flaky=None)) == shown
    assert words.why(diagnosed(diagnosis=found, flaky="1/3")) == f"{shown}, flaky 1/3"
    assert shown in table.render(only(diagnosed(diagnosis=found)))


def test_numbers_that_moved_say_how_far() -> None:
    numbers = Numbers(
        cosine=0.98765, difference=1, norm=0, dtype=None, order_changed=False, finite=True, moved=True, says="so"
    )
    assert words.why(diagnosed(diagnosis=None, flaky=None)) == "sentence-transformers imports"
    moved = passing(combo("a"), numbers=numbers)
    moved = replace(moved, verdict=replace(moved.verdict, reason=Reason.NUMBERS_MOVED))
    assert words.why(moved) == "numbers moved, cosine 0.9877"


def test_a_flaky_pass_says_how_many_attempts_passed() -> None:
    assert words.why(passing(combo("a"), attempts=2, flaky="1/2")) == "flaky 1/2"


def test_where_each_combo_has_a_probe_of_its_own_the_cause_is_missed_more() -> None:
    found = diagnosed(flaky=None)
    cells = (found, passing(combo("a", probes=("p",)), probe="p" * 40))
    shown = table.render(only(*cells), width=100)
    assert "probe" not in shown.splitlines()[0]
    assert "needs huggingf" in shown


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
def test_a_cached_verdict_is_marked_with_its_age_and_took_no_time(recorded: str, shown: str) -> None:
    known = passing(combo("a"), reused=Reused(run="r0", combo="a", recorded=recorded, key="k"))
    judged = only(known, passing(combo("b")))
    info = replace(judged.run.info, started="2026-01-11T00:00:00+00:00")
    judged = replace(judged, run=replace(judged.run, info=info))

    found = {column.header: column.values for column in columns_of(judged)}

    assert found["reused"] == (shown, "")
    assert found["time"] == ("-", "8.3s")
    assert summary(judged).endswith("; 1 cached")


def test_a_verdict_that_was_just_shared_names_whose_it_is() -> None:
    judged = only(passing(combo("a")), passing(combo("b")))
    shared = Reused(run=judged.run.info.id, combo="a", recorded="2026-01-01T00:00:00+00:00", key="k")
    cells = (judged.cells[0], replace(judged.cells[1], reused=shared))

    assert [words.age(cell, judged.run.info) for cell in cells] == ["", "as a"]
