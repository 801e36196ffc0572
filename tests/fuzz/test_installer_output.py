"""Read random output of installers: any text has a status, a message on one line, and a diagnosis."""

from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowngood.install import lock
from knowngood.install.registry import OUTPUTS
from knowngood.model import InstallerName, Phase, Run, StepFacts
from support.facts import BAD, action, combo, facts, info
from support.fuzz import fuzzed, report

RECORDED = Path(__file__).parents[1] / "install" / "recorded"


@cache
def pieces(installer: InstallerName) -> tuple[str, ...]:
    """Return every line that the installer printed in real runs, and every word of them."""
    texts = [file.read_text(encoding="utf-8") for file in sorted(RECORDED.glob(f"{installer}.*.txt"))]
    lines = list(chain.from_iterable(text.splitlines(keepends=True) for text in texts))
    return tuple(dict.fromkeys([*lines, *chain.from_iterable(line.split(" ") for line in lines)]))


def outputs(installer: InstallerName) -> st.SearchStrategy[str]:
    odd = st.sampled_from(
        ["\0", "\r", "\x85", "\u2028", "\x1b[2J", "==", "(", "{", "[", "\\", "==1!2.0.post1+x", "9" * 5000, "a" * 9000]
    )
    return st.lists(st.sampled_from(pieces(installer)) | odd | st.text(max_size=5), max_size=30).map("".join)


@pytest.mark.parametrize("installer", InstallerName)
@fuzzed(150)
@given(data=st.data())
def test_any_output_has_a_status_a_message_and_a_diagnosis(installer: InstallerName, data: st.DataObject) -> None:
    reader = OUTPUTS[installer]
    text = data.draw(outputs(installer))
    failed = action(BAD, text)

    status, reason = reader.classify(failed)
    message = reader.message(failed, status)
    assert status.value and reason.value
    assert len(message.splitlines()) <= 1, message
    reader.failed_build(failed)
    reader.conflict(text)
    assert all(download.size >= 0 for download in reader.downloads(text))

    subject = combo("one", ("numpy",), ("solid",))
    asked = StepFacts(number=1, requirements=("numpy",), resolve=failed)
    judged = report(Run(info=info("one"), combos=(facts(of=subject, steps=(asked,)),), finished=True))
    (cell,) = judged.cells
    assert cell.verdict.phase is Phase.RESOLVE


LOCKS = st.lists(
    st.sampled_from(
        [
            *("numpy", "==", "1.26.4", " @ ", "https://x/y-1.0-py3-none-any.whl", "git+https://x/y@", "a" * 40, "\n"),
            *(" \\\n    ", "--hash=sha256:", "0" * 64, "[extra]", " ; python_version < '3'", "# ", "-e .", "\\", " "),
        ]
    )
    | st.text(max_size=4),
    max_size=25,
).map("".join)


@fuzzed(200)
@given(text=LOCKS)
def test_any_lock_is_read(text: str) -> None:
    pins = tuple(lock.pins(text))

    assert all(pin.name for pin in pins)
    lock.recorded(text, {})
    lock.changed(text, without={"numpy"}, hashes={"numpy": ("sha256:0",)})
    lock.direct(pins, {pin.name: pin.version or "0" for pin in pins}, {})
