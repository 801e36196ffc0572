from collections.abc import Iterator
from pathlib import Path

import pytest

from support.index import Index, serve
from support.project import Project
from support.wheels import build_wheel


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(folder=tmp_path)


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index with ``tiny`` 1.0 and 2.0, and ``mover`` 1.0, which needs tiny 2.0."""
    folder = tmp_path_factory.mktemp("index")
    build_wheel(folder, "tiny", "1.0")
    build_wheel(folder, "tiny", "2.0")
    build_wheel(folder, "mover", "1.0", requires=("tiny>=2",))
    with serve(folder) as running:
        yield running
