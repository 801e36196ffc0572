"""The JSON Schema of the matrix file: in step with the models, and as strict as an editor can be."""

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from docs.blocks import Block, of
from knowngood.declare import json_schema
from knowngood.declare.matrix_file import parse
from knowngood.declare.schema import JSON_SCHEMA
from knowngood.errors import MatrixFileError
from support.files import MemoryFiles

ROOT = Path(__file__).parent.parent.parent
SCHEMA = json.loads(JSON_SCHEMA.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
MATRICES = [*sorted((ROOT / "matrices").glob("*.toml")), *sorted((ROOT / "bench" / "matrices").glob("*.toml"))]

COMBO = '[[combo]]\nid = "a"\nsteps = [["numpy"]]\n'
PROBE = '[[probe]]\nid = "p"\nsource = "import numpy"\n'


def plain(value: Any) -> Any:
    """Return a value of TOML as JSON has it: a day is a string."""
    match value:
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case date():
            return value.isoformat()
        case _:
            return value


def complaints(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(plain(tomllib.loads(text)))]


def whole(block: Block) -> bool:
    """Return whether a block of a page is a matrix, and not a part of one or another file."""
    named = block.caption in ("", "matrices/shop.toml", "matrices/newest.toml")
    return named and any(table in block.text for table in ("[[combo]]", "[[grid]]"))


def test_the_schema_that_is_shipped_is_that_of_the_models() -> None:
    assert JSON_SCHEMA.read_text(encoding="utf-8") == json_schema.render(), "run `python .ci/matrix_schema.py`"


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_every_key_has_a_description_and_is_in_its_model() -> None:
    tables = {"MatrixFile": SCHEMA, **SCHEMA["definitions"]}

    described = {
        (name, key): value["description"] for name, it in tables.items() for key, value in it["properties"].items()
    }
    assert all(text.endswith(".") for text in described.values()), described
    assert described.keys() == {
        (name, key) for name, keys in json_schema.KEYS.items() for key in keys if key in tables[name]["properties"]
    }
    unused = {
        (name, key)
        for name, keys in json_schema.KEYS.items()
        for key in keys.keys() - tables[name]["properties"].keys()
    }
    assert unused <= {("MatrixTable", key) for key in ("resolution", "as-of", "expect", "steps")} | {
        ("GridTable", "python")
    }


@pytest.mark.parametrize("path", MATRICES, ids=lambda path: path.name)
def test_every_matrix_of_this_project_is_valid_and_names_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert complaints(text) == []
    first = text.splitlines()[0]
    assert first.startswith("#:schema "), first
    assert (path.parent / first.removeprefix("#:schema ")).resolve() == JSON_SCHEMA


@pytest.mark.parametrize("block", [block for block in of("toml") if whole(block)], ids=str)
def test_every_matrix_in_the_docs_is_valid(block: Block) -> None:
    assert complaints(block.text) == []


FULL = """
[matrix]
title = "All of it"
python = ["3.11", "3.13t", "pypy3.10"]
probes = ["p"]
timeout = "1.5h"
installer = "pip"
warnings = "fail"
isolation = "none"
sdists = { never = ["numpy"], network = true }
stale-after = "7d"
memory = "2g"
min-free = "500m"
env = { NAME = "value" }

[project]
path = "."
extras = ["s3"]
groups = ["test"]
editable = true
tool-uv = false

[index.own]
url = "https://example.org/simple"
packages = ["torch"]
fallback = true

[index.wheels]
url = "./dist"

[asset.model]
wheel = "my-model==1.0"
path = "my_model/data"

[[probe]]
id = "tests"
pytest = ["tests", "-x"]
inputs = ["tests/**"]
reuse = false
pass-env = ["CI_*"]
network = true
setup = [["make", "data"]]
teardown = [["make", "clean"]]
python-options = ["-W", "error"]

[[combo]]
id = "a"
steps = [["numpy==1.26.4", "-r requirements.txt"], ["torch"]]
timeout = 90
resolution = "lowest-direct"
as-of = "7d"
expect = [{ status = "fail", probe = "p", match = "x+" }, "pass"]

[[combo]]
id = "b"
steps = [["numpy"]]
python = "3.11"
expect = "fail"

[[grid]]
id = "grid"
steps = [["."], ["-r requirements.txt"]]
axes = { numpy = ["oldest", "minors:>=1.26,<3"], python = ["3.11"], env.DB = ["a"], resolution = ["lowest"] }
include = [{ numpy = "pre", python = ["3.14"] }]
exclude = [{ numpy = ["1.26"], env.DB = "a" }]

[[grid]]
[grid.axes]
order = ["together", "as-given", "reversed"]
installer = ["uv"]
as-of = ["now", 2026-01-31]
extras = ["none", ["s3", "cli"]]
with = { new = ["pandas>=2"], none = [] }
"package:installer" = ["1.0"]

[[known]]
combo = "a*"
status = "crash"
reason = "known upstream"
expires = 2027-01-31
url = "https://example.org/1"
"""


def test_a_matrix_with_every_key_is_valid() -> None:
    assert complaints(FULL) == []
    declared = tomllib.loads(FULL)
    for table, model in (("matrix", "MatrixTable"), ("project", "ProjectTable")):
        assert declared[table].keys() >= SCHEMA["definitions"][model]["properties"].keys() - {"reference"}


WRONG = {
    "a table that does not exist": f"{PROBE}{COMBO}[settings]\n",
    "an unknown key": f'{PROBE}{COMBO}timeuot = "5m"\n',
    "axes at the top": f'{PROBE}{COMBO}[axes]\nnumpy = ["1.26.4"]\n',
    "no combo": PROBE,
    "a combo without id": f'{PROBE}[[combo]]\nsteps = [["numpy"]]\n',
    "an id in capitals": f'{PROBE}[[combo]]\nid = "Today"\nsteps = [["numpy"]]\n',
    "a step that is a string": f'{PROBE}[[combo]]\nid = "a"\nsteps = ["numpy"]\n',
    "an empty step": f'{PROBE}[[combo]]\nid = "a"\nsteps = [[]]\n',
    "a combo that is a table": f'{PROBE}[combo]\nid = "a"\n',
    "a version that is a number": f"{PROBE}{COMBO}python = 3.11\n",
    "a Python by another name": f'{PROBE}{COMBO}python = "py311"\n',
    "no Python": f"{PROBE}{COMBO}python = []\n",
    "a Python twice": f'{PROBE}{COMBO}python = ["3.11", "3.11"]\n',
    "a time in words": f'{PROBE}{COMBO}timeout = "5 minutes"\n',
    "a negative time": f"{PROBE}{COMBO}timeout = -1\n",
    "an unknown installer": f'{PROBE}{COMBO}installer = "conda"\n',
    "an unknown status": f'{PROBE}{COMBO}expect = "broken"\n',
    "an undecided status": f'{PROBE}{COMBO}expect = {{ status = "infra" }}\n',
    "an expectation without status": f'{PROBE}{COMBO}expect = {{ reason = "x" }}\n',
    "a variable that is a number": f"{PROBE}{COMBO}env = {{ THREADS = 1 }}\n",
    "a variable with a hyphen": f'{PROBE}{COMBO}env = {{ my-name = "1" }}\n',
    "an unknown resolution": f'{PROBE}{COMBO}resolution = "newest"\n',
    "a probe without anything": f'{COMBO}[[probe]]\nid = "p"\n',
    "a probe of two kinds": f'{PROBE}command = ["x"]\n{COMBO}',
    "a command that is a string": f'[[probe]]\nid = "p"\ncommand = "mytool check"\n{COMBO}',
    "an index without url": f'{PROBE}{COMBO}[index.own]\npackages = ["torch"]\n',
    "an index of another scheme": f'{PROBE}{COMBO}[index.own]\nurl = "ftp://example.org"\n',
    "a package with a version": f'{PROBE}{COMBO}[index.own]\nurl = "dist"\npackages = ["torch==2"]\n',
    "an index without a name": f'{PROBE}{COMBO}[index]\nurl = "dist"\n',
    "a wheel without a version": f'{PROBE}{COMBO}[asset.m]\nwheel = "my-model"\npath = "x"\n',
    "a path that is absolute": f'{PROBE}{COMBO}[asset.m]\nwheel = "m==1"\npath = "/x"\n',
    "a known issue that never expires": f'{PROBE}{COMBO}[[known]]\ncombo = "a"\nstatus = "fail"\nreason = "x"\n',
    "a known issue that passes": (
        f'{PROBE}{COMBO}[[known]]\ncombo = "a"\nstatus = "pass"\nreason = "x"\nexpires = 2027-01-31\n'
    ),
    "a grid without axes": f"{PROBE}[[grid]]\n",
    "a grid with empty axes": f"{PROBE}[[grid]]\naxes = {{}}\n",
    "an axis that is a string": f'{PROBE}[[grid]]\naxes = {{ numpy = "1.26.4" }}\n',
    "an axis of numbers": f"{PROBE}[[grid]]\naxes = {{ numpy = [1.26] }}\n",
    "an axis without values": f"{PROBE}[[grid]]\naxes = {{ numpy = [] }}\n",
    "an unknown order": f'{PROBE}[[grid]]\naxes = {{ numpy = ["1"], order = ["random"] }}\n',
    "an exclude that is a table": f'{PROBE}[[grid]]\naxes = {{ numpy = ["1"] }}\nexclude = {{ numpy = "1" }}\n',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_what_the_schema_refuses_is_refused_by_knowngood_too(text: str) -> None:
    assert complaints(text), "the schema accepts it"
    with pytest.raises(MatrixFileError):
        parse(text, path=Path("m.toml"), project=ROOT, files=MemoryFiles({}))


def test_the_smallest_matrix_is_valid_for_both() -> None:
    assert complaints(PROBE + COMBO) == []
    assert parse(PROBE + COMBO, path=Path("m.toml"), project=ROOT, files=MemoryFiles({})).combos
