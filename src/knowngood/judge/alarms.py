"""Find alarms in output: text about versions that do not fit, from a process that went on.

Every pattern is text that a combo that works never prints. These look alike and are left out for that reason:

- ``Failed to initialize NumPy: No module named 'numpy'`` (torch before 1.12: ``numpy.core.multiarray failed to
  import``): torch alone, for which NumPy is optional.
- ``RuntimeWarning: numpy.dtype size changed, may indicate binary incompatibility``: built for an older NumPy, which is
  harmless, see https://github.com/numpy/numpy/pull/11634. The harmful direction raises a ``ValueError``.
- ``A NumPy version >=1.22.4 and <2.3.0 is required for this version of SciPy``: its upper bound is only a guess.
- ``PyTorch was not found. Models won't be available``: printed by transformers where only its tokenizers are used.
- ``Failed to load image Python extension`` of torchvision without an undefined symbol: the system lacks libjpeg.
"""

import re

from knowngood.model import ProbeFacts
from knowngood.tracebacks import shorten_paths

_REST = r"[^\r\n]*"
_ALARM = re.compile(
    "|".join(
        (
            r"A module that was compiled using NumPy 1\.x cannot be run in\s+NumPy \w+(?:\.\w+)*",
            r"Failed to initialize NumPy: (?!No module named 'numpy'|numpy\.core\.multiarray failed)[^\r\n(]+",
            r"module (?:was )?compiled against (?:ABI|API|NumPy C-API) version 0x\w+(?: \(NumPy [^)]*\))?"
            r" but (?:this version of numpy is|the running NumPy has C-API version) 0x\w+",
            r"ValueError: numpy\.\w+ size changed, may indicate binary incompatibility" + _REST,
            r"Numba needs NumPy [\d.]+ or (?:less|greater)" + _REST,
            r"Disabling PyTorch because PyTorch \S+ \S+ is required but found \S+",
            r"(?<![^\s'\"])[^\s'\"]+: undefined symbol: _ZNK?(?:3c10|5torch|2at)\w*",
            r"operator torchvision::\w+ does not exist",
        )
    )
)


def alarms(facts: ProbeFacts) -> tuple[str, ...]:
    """Return the alarms in the output of one attempt at a probe, each once and on one line, in order of appearance.

    Python's own warnings, which a transcript records by check, are not alarms: they may be mere deprecations.
    """
    lines = (" ".join(alarm[0].split()) for alarm in _ALARM.finditer(facts.action.output))
    return tuple(dict.fromkeys(map(shorten_paths, lines)))
