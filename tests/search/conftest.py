"""An index of tiny packages that break each other, and a project that uses them."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from knowngood import search
from support.index import Index
from support.project import Project
from support.wheels import build_wheel

SCHEMA = json.loads((Path(search.__file__).parent / "search.schema.json").read_text(encoding="utf-8"))
DAY = "2024-{month:02}-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Universe:
    """A project whose packages come from an index on loopback."""

    index: Index
    project: Project
    environment: Mapping[str, str]

    def release(self, name: str, *versions: str, month: int = 1, **options: Any) -> None:
        """Put releases of a package on the index; ``files`` may have ``VERSION`` in their text."""
        files = options.pop("files", None)
        for version in versions:
            own = {path: text.replace("VERSION", version) for path, text in files.items()} if files else None
            wheel = build_wheel(self.index.folder, name, version, files=own, **options)
            self.index.dates[wheel.name] = DAY.format(month=month)

    def matrix(self, combos: str, probe: str) -> None:
        """Write the matrix file: TOML tables of combos, and the script of its only probe."""
        self.project.write(f"[[probe]]\nid = \"works\"\nsource = '''\n{probe}\n'''\n{combos}")

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run ``knowngood`` with ``arguments``."""
        return self.project.run(*arguments, folder=None, **self.environment)

    def fix(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run ``knowngood fix`` with ``arguments``."""
        return self.run("fix", *arguments)

    def found(self, *arguments: str) -> dict[str, Any]:
        """Return what ``knowngood fix`` prints as JSON."""
        result = self.fix(*arguments, "--format", "json")
        assert result.stdout, result.stderr
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    def searched(self, verb: str, *arguments: str) -> dict[str, Any]:
        """Return what another verb that searches prints as JSON, which its schema describes."""
        result = self.run(verb, *arguments, "--format", "json")
        assert result.stdout, result.stderr
        document: dict[str, Any] = json.loads(result.stdout)
        jsonschema.validate(document, SCHEMA)
        return document


@pytest.fixture
def universe(tmp_path: Path, index: Index) -> Universe:
    """Return an empty universe."""
    folder = tmp_path / "project"
    folder.mkdir()
    environment = {"UV_DEFAULT_INDEX": index.url, "PIP_INDEX_URL": index.url, "UV_CACHE_DIR": str(tmp_path / "uv")}
    return Universe(index=index, project=Project(folder=folder), environment=environment)
