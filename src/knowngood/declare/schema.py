"""Define the tables of a matrix file as strict models: which keys each has, and how their values are checked."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from knowngood.declare import sdists
from knowngood.declare.problems import WrongValueError, kind, parse_choice, shown
from knowngood.declare.values import (
    ID,
    as_of,
    checked_id,
    checked_line,
    days,
    exact_wheel,
    index_url,
    last_day,
    one_line,
    package_name,
    pattern,
    project_path,
    python_version,
    relative_path,
    seconds,
    size,
    text,
    url,
    variable_name,
    variable_value,
)
from knowngood.model import (
    ANY_SDISTS,
    UNDECIDED,
    InstallerName,
    Isolation,
    ResolutionMode,
    Sdists,
    Status,
    WarningPolicy,
)

JSON_SCHEMA = Path(__file__).with_name("matrix-file.schema.json")
"""The JSON Schema of these tables, for editors; ``json_schema`` renders it."""

_COMBO_GLOB = re.compile(r"[\w.*?\[\]!-]{1,100}")


def _id(value: object) -> str:
    return checked_id(text(value, "an id"))


def _warnings(value: object) -> WarningPolicy:
    return parse_choice(value, WarningPolicy)


def _installer(value: object) -> InstallerName:
    return parse_choice(value, InstallerName)


def _isolation(value: object) -> Isolation:
    return parse_choice(value, Isolation)


def _resolution(value: object) -> ResolutionMode:
    return parse_choice(value, ResolutionMode)


def expected_status(value: object) -> Status:
    """Check a status that a combo may declare for its cells: one that says something about the versions."""
    return parse_choice(value, (status for status in Status if status not in UNDECIDED))


def _failing_status(value: object) -> Status:
    return parse_choice(value, (status for status in Status if status not in UNDECIDED and status is not Status.PASS))


def _probe_glob(value: object) -> str:
    glob = text(value, "a probe")
    if not _COMBO_GLOB.fullmatch(glob):
        raise WrongValueError(f"invalid probe id or glob {shown(glob)}", 'write it as "tests" or "test*"')
    return glob


def _combo_glob(value: object) -> str:
    glob = text(value, "a combo")
    if not _COMBO_GLOB.fullmatch(glob):
        raise WrongValueError(f"invalid combo id or glob {shown(glob)}", 'write it as "modern" or "modern*"')
    return glob


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What the values of a table are checked with."""

    find: Callable[[str], str]
    """Returns the id of the probe for an entry of ``probes``, or raises ``WrongValueError``."""
    read_line: Callable[[str], object]
    """Raises ``WrongValueError`` when a line of a step is wrong."""
    has_project: bool = False
    """Whether a combo may have no steps of its own, since ``[project]`` is installed."""


def _script(value: object, info: ValidationInfo) -> str:
    return cast("Context", info.context).find(text(value, "a probe"))


def _install_line(value: object, info: ValidationInfo) -> str:
    line = checked_line(value)
    cast("Context", info.context).read_line(line)
    return line


def _group(value: object) -> str:
    return text(value, "the name of a group").strip()


def _extra(value: object) -> str:
    name = text(value, "the name of an extra")
    return package_name(name) if name else name


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise WrongValueError("must not be empty", "name at least one, or remove the key")
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise WrongValueError(f"duplicate value {shown(value)}", "remove one of them")
        seen.add(value)
    return values


def _one_or_many(value: object) -> object:
    return value if isinstance(value, list) else (python_version(value),)


def _steps(value: object, info: ValidationInfo) -> object:
    if not value and isinstance(value, list | tuple) and cast("Context", info.context).has_project:
        return value
    if value == ():
        hint = 'write steps = [["numpy==1.26.4"]], or add a table [project] to install the project in this folder'
        raise WrongValueError("missing key 'steps'", hint)
    if not isinstance(value, list) or not value:
        what = "must have at least one step" if value == [] else f"must be an array of steps, not {kind(value)}"
        raise WrongValueError(
            what, 'write each step as an array of requirements: [["numpy==1.26.4"], ["torch==2.5.1"]]'
        )
    if all(isinstance(step, str) for step in value):
        others = ", …" if len(value) > 1 else ""
        raise WrongValueError(
            "each step must be an array of requirements, not a string",
            f"wrap them, [[{shown(value[0])}{others}]], to install them in one step",
        )
    return value


def _step(value: object) -> object:
    if isinstance(value, str):
        raise WrongValueError("a step must be an array of requirements, not a string", f"wrap it: [{shown(value)}]")
    if isinstance(value, list) and not value:
        raise WrongValueError("a step must have at least one requirement", "name a package, or remove the step")
    return value


def _json(kind: str = "string", **schema: object) -> WithJsonSchema:
    """Return what the JSON Schema of the file says about a value, which a validator checks more closely."""
    return WithJsonSchema({"type": kind, **schema})


def _choices(choices: Iterable[StrEnum]) -> WithJsonSchema:
    return WithJsonSchema({"enum": [str(choice) for choice in choices]})


_DECISIVE = tuple(status for status in Status if status not in UNDECIDED)

# The types of keys. A validator returns the value in its final form.
Line = Annotated[str, BeforeValidator(one_line), _json(minLength=1)]
Slug = Annotated[str, BeforeValidator(_id), _json(pattern=f"^{ID}$")]
Url = Annotated[str, BeforeValidator(url), _json(pattern="^(https?|file)://?[^@]+$")]
IndexUrl = Annotated[str, BeforeValidator(index_url), _json(pattern=r"^([^@\s:]+|(https?|file)://?[^@\s]+)$")]
RelativePath = Annotated[str, BeforeValidator(relative_path), _json(pattern=r"^[^/\\][^\\]*$")]
Wheel = Annotated[str, BeforeValidator(exact_wheel), _json(pattern=r"^[^=<>!~;]+==[^=<>!~;]+$")]
Pattern = Annotated[str, BeforeValidator(pattern), _json(format="regex")]
Seconds = Annotated[
    float,
    BeforeValidator(seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 604800},
                {"type": "string", "pattern": r"^\d+(\.\d+)?\s*[smh]$"},
            ]
        }
    ),
]
Memory = Annotated[
    int, BeforeValidator(partial(size, of="memory")), _json(pattern=r"^\d+(\.\d+)?\s*[mgtMGT]([iI]?[bB])?$")
]
Disk = Annotated[
    int, BeforeValidator(partial(size, of="the disk")), _json(pattern=r"^\d+(\.\d+)?\s*[mgtMGT]([iI]?[bB])?$")
]
Resolution = Annotated[ResolutionMode, BeforeValidator(_resolution), _choices(ResolutionMode)]
AsOf = Annotated[str, BeforeValidator(as_of), _json(pattern=r"^(now|\d{1,4}d|\d{4}-\d{2}-\d{2})$")]
Days = Annotated[int, BeforeValidator(days), _json(pattern=r"^0*[1-9]\d{0,3}d$")]
IsolationKey = Annotated[Isolation, BeforeValidator(_isolation), _choices(Isolation)]
Installer = Annotated[InstallerName, BeforeValidator(_installer), _choices(InstallerName)]
Warnings = Annotated[WarningPolicy, BeforeValidator(_warnings), _choices(WarningPolicy)]
ExpectedStatus = Annotated[Status, BeforeValidator(expected_status), _choices(_DECISIVE)]
FailingStatus = Annotated[
    Status, BeforeValidator(_failing_status), _choices(status for status in _DECISIVE if status is not Status.PASS)
]
ComboGlob = Annotated[str, BeforeValidator(_combo_glob), _json(pattern=f"^{_COMBO_GLOB.pattern}$")]
ProbeGlob = Annotated[str, BeforeValidator(_probe_glob), _json(pattern=f"^{_COMBO_GLOB.pattern}$")]
CheckGlob = Annotated[str, BeforeValidator(one_line), _json(minLength=1)]
LastDay = Annotated[date, BeforeValidator(last_day), _json(format="date")]
Env = Annotated[
    dict[Annotated[str, BeforeValidator(variable_name)], Annotated[str, BeforeValidator(variable_value)]],
    _json("object", propertyNames={"pattern": r"^[A-Za-z_]\w*$"}, additionalProperties={"type": "string"}),
]

T = TypeVar("T")
Array = Annotated[tuple[T, ...], Field(strict=False)]  # strict mode would refuse TOML arrays, which are lists
_DISTINCT = {"minItems": 1, "uniqueItems": True}
Distinct = Annotated[Array[T], AfterValidator(_distinct), Field(json_schema_extra=_DISTINCT)]

PACKAGE = {"type": "string", "pattern": r"^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$"}
Package = Annotated[str, BeforeValidator(package_name), WithJsonSchema(PACKAGE)]
PYTHON = {"type": "string", "pattern": r"^(pypy)?[1-9]\d?\.\d{1,2}(\.\d{1,3})?t?$"}

SdistsKey = Annotated[Sdists, BeforeValidator(sdists.read), WithJsonSchema(sdists.json_schema(PACKAGE))]

Probes = Distinct[Annotated[str, BeforeValidator(_script)]]
Packages = Distinct[Package]
Pythons = Annotated[
    Distinct[Annotated[str, BeforeValidator(python_version)]],
    BeforeValidator(_one_or_many),
    WithJsonSchema({"anyOf": [PYTHON, {"type": "array", "items": PYTHON, **_DISTINCT}]}),
]
Step = Annotated[
    Array[Annotated[str, BeforeValidator(_install_line), _json(minLength=1)]],
    BeforeValidator(_step),
    Field(json_schema_extra={"minItems": 1}),
]
Steps = Annotated[Array[Step], BeforeValidator(_steps)]


class Table(BaseModel):
    """A table of the file; it has no other keys than those of the model."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    examples: ClassVar[dict[str, str]] = {}
    """An example for each key that must be there, shown when it is missing."""


class MatrixTable(Table):
    """``[matrix]``: defaults of all combos."""

    title: Line | None = None
    python: Pythons | None = None
    probes: Probes | None = None
    reference: str | None = None
    timeout: Seconds | None = None
    memory: Memory | None = None
    installer: Installer | None = None
    warnings: Warnings | None = None
    env: Env = {}
    isolation: IsolationKey | None = None
    sdists: SdistsKey = ANY_SDISTS
    min_free: Disk | None = Field(default=None, alias="min-free")
    stale_after: Days | None = Field(default=None, alias="stale-after")


class ProjectTable(Table):
    """``[project]``: the project that is installed in the first step of every combo."""

    path: Annotated[str, BeforeValidator(project_path)] | None = None
    extras: Distinct[Annotated[str, BeforeValidator(_extra)]] = ()
    groups: Distinct[Annotated[str, BeforeValidator(_group)]] = ()
    editable: bool = False
    tool_uv: bool = Field(default=True, alias="tool-uv")


class IndexTable(Table):
    """``[index.NAME]``: the index of some packages, or without ``packages`` of all others."""

    url: IndexUrl
    packages: Packages | None = None
    fallback: bool = False

    examples: ClassVar[dict[str, str]] = {"url": 'url = "https://download.pytorch.org/whl/cpu"'}


class AssetTable(Table):
    """``[asset.NAME]``: data for probes, taken from one wheel."""

    wheel: Wheel
    path: RelativePath

    examples: ClassVar[dict[str, str]] = {"wheel": 'wheel = "my-model==1.0"', "path": 'path = "my_model/data"'}


class ExpectTable(Table):
    """``expect`` of a combo: the declared outcome of its cells, of those of a probe, or of checks."""

    status: ExpectedStatus
    reason: str = ""
    match: Pattern | None = None
    culprit: Line | None = None
    probe: ProbeGlob | None = None
    check: CheckGlob | None = None

    examples: ClassVar[dict[str, str]] = {"status": 'status = "fail"'}


class SharedTable(Table):
    """The keys that ``[[combo]]`` and ``[[grid]]`` have in common."""

    title: Line | None = None
    probes: Probes | None = None
    env: Env = {}
    timeout: Seconds | None = None
    memory: Memory | None = None
    installer: Installer | None = None
    warnings: Warnings | None = None
    resolution: Resolution | None = None
    as_of: AsOf | None = Field(default=None, alias="as-of")
    expect: Array[ExpectTable] = ()

    @field_validator("expect", mode="before")
    @classmethod
    def _accept_one_and_a_bare_status(cls, value: object) -> object:
        entries = value if isinstance(value, list) else [value]
        return [entry if isinstance(entry, dict) else {"status": expected_status(entry)} for entry in entries]


class ComboTable(SharedTable):
    """``[[combo]]``: one set of versions to test."""

    id: Slug
    steps: Annotated[Steps, Field(validate_default=True)] = ()
    python: Pythons | None = None

    examples: ClassVar[dict[str, str]] = {"id": 'id = "legacy"'}


class GridTable(SharedTable):
    """``[[grid]]``: every combination of the values of its axes. ``grid`` reads the axes."""

    id: Slug | None = None
    """What the ids of its combos begin with."""
    steps: Steps = ()
    axes: dict[str, Any] = {}
    include: Any = ()
    exclude: Any = ()


class KnownTable(Table):
    """``[[known]]``: a known failure that is excused until a date."""

    combo: ComboGlob
    status: FailingStatus
    reason: Line
    expires: LastDay
    probe: ProbeGlob | None = None
    check: CheckGlob | None = None
    url: Url | None = None

    examples: ClassVar[dict[str, str]] = {
        "combo": 'combo = "modern*"',
        "status": 'status = "fail"',
        "reason": 'reason = "no wheel for Python 3.14 yet"',
        "expires": "expires = 2027-01-31",
    }
