"""The tables of a matrix file as strict models: unknown keys are refused and all wrong values are told."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from knowngood.declare.fields import (
    Combos,
    Env,
    ExpectedStatus,
    FailingStatus,
    Installer,
    LastDay,
    Line,
    Packages,
    Pattern,
    Probes,
    Pythons,
    RelativePath,
    Seconds,
    Slug,
    Steps,
    Url,
    Warnings,
    Wheel,
    expected_status,
)
from knowngood.declare.wording import WrongValueError


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
