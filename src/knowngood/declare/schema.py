"""The tables of a matrix file as strict models: unknown keys are refused and all wrong values are told."""

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, ClassVar, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from knowngood.declare.problems import WrongValueError, choose, kind, shown
from knowngood.declare.values import (
    checked_id,
    last_day,
    one_line,
    pattern,
    relative_path,
    seconds,
    url,
    variable_name,
    variable_value,
)
from knowngood.declare.versions import exact_wheel, package_name, python_version, requirement, text
from knowngood.model import UNDECIDED, InstallerName, Status, WarningPolicy


def _id(value: object) -> str:
    return checked_id(text(value, "an id"))


def _warnings(value: object) -> WarningPolicy:
    return choose(value, WarningPolicy)


def _installer(value: object) -> InstallerName:
    return choose(value, InstallerName)


def expected_status(value: object) -> Status:
    """Check a status that can be expected of a cell: one that says something about the versions."""
    return choose(value, (status for status in Status if status not in UNDECIDED))


def _failing_status(value: object) -> Status:
    return choose(value, (status for status in Status if status not in UNDECIDED and status is not Status.PASS))


def _combos(value: object) -> str:
    name = text(value, "the id of a combo")
    if not re.fullmatch(r"[\w.*?\[\]!-]{1,100}", name):
        raise WrongValueError(f"{shown(name)} is neither the id of a combo nor a glob", 'such as "modern" or "modern*"')
    return name


def _script(value: object, info: ValidationInfo) -> str:
    find = cast("Callable[[str], str]", info.context)
    return find(text(value, "a probe"))


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise WrongValueError("is empty", "name at least one, or leave the key out")
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise WrongValueError(f"{shown(value)} is named twice", "leave one out")
        seen.add(value)
    return values


def _one_or_many(value: object) -> object:
    return value if isinstance(value, list) else (python_version(value),)


def _steps(value: object) -> object:
    if not isinstance(value, list) or not value:
        what = "there is no step" if isinstance(value, list) else f"must be an array of steps, not {kind(value)}"
        raise WrongValueError(what, 'each step is an array of requirements: [["numpy==1.26.4"], ["torch==2.5.1"]]')
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
        raise WrongValueError("a step without requirements", "name a package or leave the step out")
    return value


Line = Annotated[str, BeforeValidator(one_line)]
Slug = Annotated[str, BeforeValidator(_id)]
Url = Annotated[str, BeforeValidator(url)]
RelativePath = Annotated[str, BeforeValidator(relative_path)]
Wheel = Annotated[str, BeforeValidator(exact_wheel)]
Pattern = Annotated[str, BeforeValidator(pattern)]
Seconds = Annotated[float, BeforeValidator(seconds)]
Installer = Annotated[InstallerName, BeforeValidator(_installer)]
Warnings = Annotated[WarningPolicy, BeforeValidator(_warnings)]
ExpectedStatus = Annotated[Status, BeforeValidator(expected_status)]
FailingStatus = Annotated[Status, BeforeValidator(_failing_status)]
Combos = Annotated[str, BeforeValidator(_combos)]
LastDay = Annotated[date, BeforeValidator(last_day)]
Env = dict[Annotated[str, BeforeValidator(variable_name)], Annotated[str, BeforeValidator(variable_value)]]

T = TypeVar("T")
Array = Annotated[tuple[T, ...], Field(strict=False)]  # strict would refuse TOML's arrays, which are lists
Distinct = Annotated[Array[T], AfterValidator(_distinct)]

Probes = Distinct[Annotated[str, BeforeValidator(_script)]]
Packages = Distinct[Annotated[str, BeforeValidator(package_name)]]
Pythons = Annotated[Distinct[Annotated[str, BeforeValidator(python_version)]], BeforeValidator(_one_or_many)]
Step = Annotated[Array[Annotated[str, BeforeValidator(requirement)]], BeforeValidator(_step)]
Steps = Annotated[Array[Step], BeforeValidator(_steps)]


class Table(BaseModel):
    """A table of the file: strict, frozen, no other keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    examples: ClassVar[dict[str, str]] = {}
    """What to write for a key that is missing."""


class MatrixTable(Table):
    """``[matrix]``: what holds for all combos unless they say otherwise."""

    title: Line | None = None
    python: Pythons | None = None
    probes: Probes | None = None
    reference: str | None = None
    timeout: Seconds | None = None
    installer: Installer | None = None
    warnings: Warnings | None = None
    env: Env = {}


class IndexTable(Table):
    """``[index.NAME]``: where some packages come from, or without ``packages`` all others."""

    url: Url
    packages: Packages | None = None
    fallback: bool = False

    examples: ClassVar[dict[str, str]] = {"url": 'url = "https://download.pytorch.org/whl/cpu"'}


class AssetTable(Table):
    """``[asset.NAME]``: data for probes, out of one wheel."""

    wheel: Wheel
    path: RelativePath

    examples: ClassVar[dict[str, str]] = {"wheel": 'wheel = "my-model==1.0"', "path": 'path = "my_model/data"'}


class ProbeTable(Table):
    """``[[probe]]``: a script, in the file or beside it."""

    id: Slug
    source: str | None = None
    path: RelativePath | None = None

    examples: ClassVar[dict[str, str]] = {"id": 'id = "imports"'}

    @model_validator(mode="after")
    def _has_one_script(self) -> "ProbeTable":
        if (self.source is None) == (self.path is None):
            both = "both source and path" if self.source is not None else "neither source nor path"
            raise WrongValueError(f"the probe has {both}", 'write path = "probes/imports.py", or the script as source')
        return self


class ExpectTable(Table):
    """``expect`` of a combo: what its cells are declared to be."""

    status: ExpectedStatus
    reason: str = ""
    match: Pattern | None = None
    culprit: Line | None = None

    examples: ClassVar[dict[str, str]] = {"status": 'status = "fail"'}


class ComboTable(Table):
    """``[[combo]]``: one candidate."""

    id: Slug
    steps: Steps
    title: Line | None = None
    python: Pythons | None = None
    probes: Probes | None = None
    env: Env = {}
    timeout: Seconds | None = None
    installer: Installer | None = None
    warnings: Warnings | None = None
    expect: ExpectTable | None = None

    examples: ClassVar[dict[str, str]] = {"id": 'id = "legacy"', "steps": 'steps = [["numpy==1.26.4"]]'}

    @field_validator("expect", mode="before")
    @classmethod
    def _accept_a_bare_status(cls, value: object) -> object:
        return value if isinstance(value, dict) else {"status": expected_status(value)}


class KnownTable(Table):
    """``[[known]]``: a failure that is known, and excused until a date."""

    combo: Combos
    status: FailingStatus
    reason: Line
    expires: LastDay
    probe: Slug | None = None
    url: Url | None = None

    examples: ClassVar[dict[str, str]] = {
        "combo": 'combo = "modern*"',
        "status": 'status = "fail"',
        "reason": 'reason = "no wheel for Python 3.14 yet"',
        "expires": "expires = 2027-01-31",
    }
