"""When a run was: its start as a point in time, for the formats that want one."""

from datetime import UTC, datetime

from knowngood.model import RunInfo

UNKNOWN = datetime.fromtimestamp(0, UTC)
"""What stands for a start that cannot be read, where a format must have one."""


def started(info: RunInfo) -> datetime | None:
    """Return when a run was started, in UTC, to the second; None when its log does not tell, or tells no time."""
    return moment(info.started)


def moment(text: str) -> datetime | None:
    """Return the time that an ISO 8601 text tells, in UTC, to the second; None when it tells none."""
    try:
        told = datetime.fromisoformat(text)
        zoned = told if told.tzinfo else told.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):  # a log that somebody wrote by hand
        return None
