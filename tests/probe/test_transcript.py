import hashlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.model import Array, Check, Frame, Outcome, Raised, Transcript
from knowngood.probe.transcript import read

NONCE = "n0"


NUMBERS = itertools.count()


def record(kind: str, *, nonce: str = NONCE, **fields: Any) -> bytes:
    return sealed(json.dumps({"kind": kind, "number": next(NUMBERS)} | fields).encode(), nonce)


def sealed(body: bytes, nonce: str = NONCE) -> bytes:
    seal = hashlib.blake2b(body, key=nonce.encode(), digest_size=16).hexdigest()
    return body[:-1] + f', "seal": "{seal}"}}\n'.encode()


def end(check: str, outcome: str = "passed", **fields: Any) -> bytes:
    return record("end", check=check, outcome=outcome, **{"seconds": 0.5} | fields)


def begin(check: str) -> bytes:
    return record("begin", check=check)


HELLO, BYE = record("hello"), record("bye")


def outcomes(transcript: Transcript) -> list[tuple[str, str]]:
    return [(check.name, check.outcome.value) for check in transcript.checks]


@pytest.mark.parametrize(
    ("data", "hello", "bye", "checks", "bad_lines"),
    [
        pytest.param(b"", False, False, [], 0, id="nothing at all"),
        pytest.param(HELLO + BYE, True, True, [], 0, id="no check"),
        pytest.param(HELLO + begin("a") + end("a") + BYE, True, True, [("a", "passed")], 0, id="a pass"),
        pytest.param(HELLO + begin("a"), True, False, [("a", "open")], 0, id="died in a check"),
        pytest.param(HELLO + begin("a") + end("a")[:-9], True, False, [("a", "open")], 1, id="a torn last line"),
        pytest.param(HELLO + b"\n" + BYE, True, True, [], 1, id="an empty line"),
        pytest.param(b"\xff\xfe\x00\n" + HELLO, True, False, [], 1, id="not text"),
        pytest.param(HELLO + record("bye", nonce="n1"), True, False, [], 1, id="a wrong nonce"),
        pytest.param(b'{"kind": "bye"}\n' + HELLO, True, False, [], 1, id="no seal"),
        pytest.param(HELLO + begin("a").replace(b'"a"', b'"b"'), True, False, [], 1, id="a changed record"),
        pytest.param(HELLO + HELLO + BYE, True, True, [], 1, id="a copied record"),
        pytest.param(HELLO + sealed(b'{"kind": "bye"}'), True, False, [], 1, id="a record without a number"),
        pytest.param(b'["n0", "bye"]\n"bye"\n17\nnull\n' + HELLO, True, False, [], 4, id="not an object"),
        pytest.param(HELLO + record("farewell"), True, False, [], 1, id="an unknown kind"),
        pytest.param(HELLO + record("begin"), True, False, [], 1, id="a begin without a name"),
        pytest.param(
            HELLO + begin("a") + end("a", "open-ended"), True, False, [("a", "open")], 1, id="unknown outcome"
        ),
        pytest.param(HELLO + begin("a") + end("a", seconds="soon"), True, False, [("a", "open")], 1, id="bad seconds"),
        pytest.param(HELLO + end("a", metrics={"x": [1]}), True, False, [], 1, id="a metric that is a list"),
        pytest.param(HELLO + end("a", metrics=[1]), True, False, [], 1, id="metrics that are a list"),
        pytest.param(HELLO + end("a", raised=[{"type": "E"}]), True, False, [], 1, id="an exception without frames"),
        pytest.param(HELLO + b"[" * 100_000 + b"\n" + BYE, True, True, [], 1, id="nested beyond reading"),
        pytest.param(HELLO + end("a", "skipped"), True, False, [("a", "skipped")], 0, id="a skip has no begin"),
    ],
)
def test_lines_are_read_one_by_one_and_invalid_ones_are_counted(
    data: bytes, hello: bool, bye: bool, checks: list[tuple[str, str]], bad_lines: int
) -> None:
    transcript = read(data, nonce=NONCE)

    assert (transcript.hello, transcript.bye, outcomes(transcript)) == (hello, bye, checks)
    assert transcript.bad_lines == bad_lines


def test_nested_checks_keep_their_order_and_open_check_is_the_innermost() -> None:
    transcript = read(HELLO + begin("outer") + begin("inner") + end("inner") + begin("last"), nonce=NONCE)

    assert outcomes(transcript) == [("outer", "open"), ("inner", "passed"), ("last", "open")]
    assert transcript.open_check == "last"


def test_an_end_closes_the_inner_one_of_two_checks_with_one_name() -> None:
    transcript = read(HELLO + begin("a") + begin("a") + end("a", "failed"), nonce=NONCE)

    assert outcomes(transcript) == [("a", "open"), ("a", "failed")]


@pytest.mark.parametrize(
    ("rest", "kept"),
    [
        pytest.param(end("a") + end("script"), ["a"], id="it passed"),
        pytest.param(end("a") + end("script", "failed"), ["script", "a"], id="it failed"),
        pytest.param(end("a"), ["script", "a"], id="it died between two checks"),
        pytest.param(b"", ["a"], id="it died in a check"),
    ],
)
def test_the_check_of_the_whole_script_is_kept_only_when_it_went_wrong_outside_its_checks(
    rest: bytes, kept: list[str]
) -> None:
    data = HELLO + begin("script") + begin("a") + rest

    assert [check.name for check in read(data, nonce=NONCE).checks] == kept


def test_a_script_without_checks_is_one_check() -> None:
    assert outcomes(read(HELLO + begin("script") + end("script") + BYE, nonce=NONCE)) == [("script", "passed")]


def test_everything_that_a_check_recorded_is_read() -> None:
    frame = {"file": "a.py", "line": 3, "function": "f", "text": "1 / 0"}
    line = end(
        "a",
        "failed",
        message="no",
        raised=[{"type": "builtins.ValueError", "message": "no", "frames": [frame]}],
        metrics={"n": 1, "x": 0.5, "ok": True, "word": "w", "none": None},
        arrays={"v": {"dtype": "float32", "shape": [2, 1], "encoding": "f4", "data": "AAAA"}},
        warnings=["old"],
    )

    assert read(HELLO + begin("a") + line, nonce=NONCE).checks == (
        Check(
            name="a",
            outcome=Outcome.FAILED,
            seconds=0.5,
            message="no",
            raised=(
                Raised(
                    type="builtins.ValueError",
                    message="no",
                    frames=(Frame(file="a.py", line=3, function="f", text="1 / 0"),),
                ),
            ),
            metrics={"n": 1, "x": 0.5, "ok": True, "word": "w", "none": None},
            arrays={"v": Array(dtype="float32", shape=(2, 1), encoding="f4", data="AAAA")},
            warnings=("old",),
        ),
    )


def test_only_the_beginning_of_a_huge_file_is_read() -> None:
    transcript = read(HELLO + (b"x" * 65_535 + b"\n") * 1100 + BYE, nonce=NONCE)

    assert transcript.hello and not transcript.bye
    assert 1000 < transcript.bad_lines < 1030


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([HELLO, begin("a"), end("a"), BYE])), max_size=8))
def test_reading_never_raises_and_accepts_only_a_real_bye(pieces: list[bytes]) -> None:
    transcript = read(b"".join(pieces), nonce=NONCE)

    assert not transcript.bye or BYE in pieces


@given(st.integers(min_value=0))
def test_a_file_cut_anywhere_yields_nothing_that_was_not_written(cut: int) -> None:
    whole = HELLO + begin("a") + end("a") + begin("b") + end("b", "failed") + BYE
    transcript = read(whole[: cut % len(whole)], nonce=NONCE)

    assert outcomes(transcript) in ([], [("a", "open")], [("a", "passed")], [("a", "passed"), ("b", "open")],
                                [("a", "passed"), ("b", "failed")])  # fmt: skip
    assert transcript.bad_lines <= 1
