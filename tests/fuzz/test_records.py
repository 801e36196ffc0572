"""Read random records of probes, sealed as the probe API seals them: any file is a transcript that can be judged."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from knowngood.model import ProbeFacts, Run
from knowngood.probe.transcript import read
from support.facts import BAD, GOOD, action, facts, info
from support.fuzz import changed, fuzzed, report, written

NONCE = "n0"
FRAME = {"file": "site-packages/solid.py", "line": 3, "function": "f", "text": "1 / 0", "values": ["solid"]}
RAISED = [{"type": "builtins.ValueError", "message": "no", "frames": [FRAME], "owners": ["solid"]}]
RECORDS: tuple[dict[str, Any], ...] = (
    {"kind": "hello"},
    {"kind": "watched"},
    {"kind": "begin", "check": "script"},
    {"kind": "begin", "check": "a"},
    {"kind": "read", "path": "/etc/hostname", "what": "file"},
    {"kind": "spawned", "program": "/bin/ls"},
    {"kind": "connected"},
    {"kind": "warned", "check": "a", "warning": "old", "by": "site-packages/solid.py"},
    {
        "kind": "end",
        "check": "a",
        "outcome": "failed",
        "seconds": 0.5,
        "message": "no",
        "raised": RAISED,
        "metrics": {"n": 1, "x": 0.5, "ok": True, "word": "w", "none": None},
        "arrays": {"v": {"dtype": "float32", "shape": [2, 1], "encoding": "f4", "data": "AAAA"}},
        "warnings": ["old"],
        "warned_by": {"old": "site-packages/solid.py"},
    },
    {"kind": "collected", "count": 2},
    {"kind": "modules", "modules": {"solid": "site-packages/solid.py"}},
    {"kind": "problem", "problem": "collection", "message": "none", "raised": RAISED},
    {"kind": "end", "check": "script", "outcome": "passed", "seconds": 1.5},
    {"kind": "bye", "loaded": ["solid"], "asked": ["solid"]},
)


def sealed(record: object) -> bytes:
    body = written(record)
    seal = hashlib.blake2b(body, key=NONCE.encode(), digest_size=16).hexdigest()
    return body[:-1] + f', "seal": "{seal}"}}'.encode()


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Draw the records of a probe, some of them changed, left out, doubled, in another place, cut short or foreign."""
    records: list[Any] = [{**record, "number": number} for number, record in enumerate(RECORDS)]
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(records) - 1))
        match draw(st.sampled_from(["change", "change", "change", "leave out", "move"])):
            case "change":
                records[place] = draw(changed(records[place]))
            case "leave out" if len(records) > 2:
                del records[place]
            case _:
                records.insert(draw(st.integers(0, len(records))), records.pop(place))
    lines = [sealed(record) for record in records]
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), draw(st.binary(max_size=20)))
    if draw(st.booleans()):
        lines[-1] = lines[-1][: draw(st.integers(0, 200))]
    return b"\n".join(lines)


def test_the_records_themselves_are_read() -> None:
    transcript = read(b"\n".join(sealed({**record, "number": n}) for n, record in enumerate(RECORDS)), nonce=NONCE)

    assert transcript.hello and transcript.bye and not transcript.bad_lines
    assert json.dumps(transcript.checks[0].metrics)


@fuzzed(100)
@given(data=files(), code=st.sampled_from([GOOD, BAD]))
def test_any_records_are_a_transcript_that_can_be_judged_and_reported(data: bytes, code: Any) -> None:
    transcript = read(data, nonce=NONCE)
    attempt = ProbeFacts(probe="works", action=action(code), transcript=transcript)
    report(Run(info=info("one"), combos=(facts(attempt),), finished=True))
