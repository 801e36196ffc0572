"""Read files of signatures: the ones that knowngood ships, and the user's own."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from knowngood import patterns
from knowngood.declare.problems import did_you_mean, dotted, kind, shown
from knowngood.declare.toml import LineIndex
from knowngood.errors import UsageError
from knowngood.judge.diagnosis.signatures import Signature
from knowngood.process.files import read_given
from knowngood.project.files import near

OURS = Path(__file__).parents[1] / "judge" / "diagnosis" / "signatures.toml"
_NAMED = 3  # mistakes that a message says before it only counts
_TYPES = {
    "string_type": "a string",
    "int_type": "a number",
    "int_from_float": "a whole number",
    "list_type": "an array",
}


class _Match(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    type: str | None = None
    message: str | None = None
    output: str | None = None
    phase: str | None = None
    status: str | None = None
    frames: str | None = None
    installed: list[str] = []

    @field_validator("type", "message", "output")
    @classmethod
    def _pattern(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.context != OURS:
            try:
                patterns.check(value)
            except ValueError as error:
                raise ValueError(f"invalid regular expression: {error}") from None
        return value

    @field_validator("installed")
    @classmethod
    def _specifiers(cls, value: list[str]) -> list[str]:
        for text in value:
            try:
                Requirement(text)
            except InvalidRequirement as error:
                raise ValueError(f"{text!r} is not a valid requirement: {error}") from error
        return value


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    family: str
    priority: Annotated[int, Field(ge=0, le=100)]
    match: _Match
    culprit: str
    conflicts_with: str = ""
    cause: str
    fix: list[str] = []
    reference: str = ""
    reproduction: dict[str, Any] | None = None
    reproduction_of: str | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    signature: list[_Table]


def load(*paths: Path) -> tuple[Signature, ...]:
    """Return the signatures of all ``paths``; a later one replaces an earlier one with the same id.

    Raises ``UsageError``: a file cannot be read, or is not a valid signatures file.
    """
    signatures: dict[str, Signature] = {}
    for path in paths:
        for table in (_ours() if path == OURS else _read(path)).signature:
            conditions = table.match.model_dump(exclude_none=True, exclude={"installed"})
            signatures[table.id] = Signature(
                id=table.id,
                family=table.family,
                priority=table.priority,
                culprit=table.culprit,
                conflicts_with=table.conflicts_with,
                cause=table.cause,
                fix=tuple(table.fix),
                reference=table.reference,
                match=conditions,
                installed=tuple(table.match.installed),
            )
    return tuple(signatures.values())


@cache
def _ours() -> _File:
    return _read(OURS)


def _read(path: Path) -> _File:
    text = ""
    try:
        text = read_given(path).decode("utf-8")
        return _File.model_validate(tomllib.loads(text), context=path)
    except ValidationError as error:
        index, details = LineIndex(text), error.errors(include_url=False)
        wrong = [f"line {index.line(detail['loc'])}: {_worded(detail)}" for detail in details[:_NAMED]]
        more = f", and {len(details) - _NAMED} more" if len(details) > _NAMED else ""
        cause = "; ".join(wrong) + more
    except RecursionError:
        cause = "arrays, tables or keys are nested too deeply"
    except (OSError, ValueError) as error:
        cause = str(error)
    raise _invalid(path, cause)


def _worded(detail: ErrorDetails) -> str:
    """Return what is wrong, and where, for an error of pydantic."""
    loc, value = detail["loc"], detail["input"]
    match detail["type"]:
        case "missing":
            return f"{dotted(loc[:-1])} lacks the key {shown(loc[-1])}".strip()
        case "extra_forbidden":
            tables: dict[int, type[BaseModel]] = {1: _File, 3: _Table}
            hint = did_you_mean(str(loc[-1]), tables.get(len(loc), _Match).model_fields)
            return f"unknown key {dotted(loc)}" + (f", {hint}" if hint else "")
        case "value_error":
            return f"{dotted(loc)}: {detail['ctx']['error']}"
        case "string_pattern_mismatch":
            return f"{dotted(loc)}: {shown(value)} has other characters than a-z, 0-9, dots, dashes and underscores"
        case "greater_than_equal" | "less_than_equal":
            return f"{dotted(loc)}: {shown(value)} is not from 0 to 100"
        case type_:
            return f"{dotted(loc)} must be {_TYPES.get(type_, 'a table')}, not {kind(value)}"


def _invalid(path: Path, cause: str) -> UsageError:
    return UsageError(
        f"{near(path)} is not a valid signatures file",
        cause=cause,
        next_step="fix it; knowngood's own signatures.toml shows the format",
    )
