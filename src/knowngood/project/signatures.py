"""Read files of signatures: the ones that knowngood ships, and the user's own."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from knowngood import patterns
from knowngood.errors import UsageError
from knowngood.judge.diagnosis.signatures import Signature

OURS = Path(__file__).parents[1] / "judge" / "diagnosis" / "signatures.toml"


class _Match(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    type: str | None = None
    message: str | None = None
    output: str | None = None
    phase: str | None = None
    status: str | None = None
    frames: str | None = None
    installed: list[str] = []

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
        for table in _read(path).signature:
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
            for key in ("type", "message", "output") if path != OURS else ():
                try:
                    patterns.check(conditions.get(key, ""))
                except ValueError as error:
                    raise _invalid(path, f"{table.id}: invalid regular expression: {error}") from None
    return tuple(signatures.values())


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        cause = f"{where}: {first['msg']}" + (
            f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
        )
    except (OSError, ValueError) as error:
        cause = str(error)
    raise _invalid(path, cause)


def _invalid(path: Path, cause: str) -> UsageError:
    return UsageError(
        f"{path} is not a valid signatures file",
        cause=cause,
        next_step="fix it; knowngood's own signatures.toml shows the format",
    )
