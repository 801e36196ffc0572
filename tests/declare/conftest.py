from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from knowngood.declare.matrix_file import parse
from knowngood.errors import MatrixFileError, Problem
from knowngood.model import Matrix
from support.files import MemoryFiles

FILES = {"probes/imports.py": "import numpy\n", "probes/embedding.py": "import torch\n", "deep/My Probe.py": "pass\n"}

Read: TypeAlias = Callable[..., Matrix]
ProblemsOf: TypeAlias = Callable[..., tuple[Problem, ...]]


def _read(text: str | bytes, files: Mapping[str, str] = FILES) -> Matrix:
    path = Path("matrices/Embedding Stack.toml")
    return parse(text, path=path, project=Path("/project"), files=MemoryFiles(files))


def _problems_of(text: str | bytes, files: Mapping[str, str] = FILES) -> tuple[Problem, ...]:
    with pytest.raises(MatrixFileError) as caught:
        _read(text, files)
    assert caught.value.problems
    return caught.value.problems


@pytest.fixture(scope="session")
def read() -> Read:
    """Return a function that parses a matrix file of a project with ``FILES``."""
    return _read


@pytest.fixture(scope="session")
def problems_of() -> ProblemsOf:
    """Return a function that parses a wrong matrix file and returns its problems."""
    return _problems_of
