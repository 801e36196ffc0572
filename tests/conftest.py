import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support import fuzz
from support.index import Index, serve
from support.workshop import outside

# With this variable every process of the tests compiles every module that it imports, which doubles the time of all.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A slow example means a busy machine, not a slow program.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--examples", type=int, metavar="N", help="draw N random inputs for each fuzz test")


def pytest_configure(config: pytest.Config) -> None:
    fuzz.EXAMPLES[:] = filter(None, [config.getoption("--examples")])


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return environment variables with caches for these tests only, and without settings of this machine."""
    return outside(tmp_path_factory.mktemp("home"))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """Serve an empty index on loopback."""
    folder = tmp_path / "index"
    folder.mkdir()
    with serve(folder) as running:
        yield running
