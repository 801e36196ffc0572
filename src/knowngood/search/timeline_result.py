"""Render when a combo broke, and which release broke it: for a terminal, as Markdown and as JSON. Pure."""

from collections.abc import Iterator

from knowngood.model import Searched
from knowngood.report.markup import inline, joined, table
from knowngood.report.text import aligned, count, strict_json, wrap
from knowngood.search.blame import Moved
from knowngood.search.timeline import Course, Moment, Timeline
from knowngood.search.trail import Trail, message

SCHEMA = 1
"""Version of the JSON; it changes when a reader of the old one would be wrong."""


def sentence(found: Timeline) -> str:
    """Return the outcome in one sentence."""
    combo = found.base.combo.id
    match found.course:
        case Course.WORKS:
            return f"{combo} works today"
        case Course.BROKE:
            day = f"{found.bad.time:%Y-%m-%d}" if found.bad else "an unknown day"
            return f"{combo} broke on {day}: {culprit(found)}"
        case Course.NEVER_WORKED:
            return f"{combo} fails today, and {found.why}"
        case Course.UNDECIDED:
            return f"undecided: {found.why or 'it could not be tested'}"


def culprit(found: Timeline) -> str:
    """Return what broke a combo, as far as that is known."""
    if found.blame is None:
        uploaded = f"; uploaded at that time: {', '.join(found.released)}" if found.released else ""
        return f"since then no set of versions can be resolved{uploaded}"
    named = [_move(each) for each in found.blame.moved if each.package in found.blame.culprits]
    if not named:
        return "the release that broke it could not be found"
    return named[0] if len(named) == 1 else f"{' and '.join(named)} together"


def _move(each: Moved) -> str:
    return f"{each.package} {each.before} -> {each.after}"


def text(found: Timeline, trail: Trail, *, width: int) -> str:
    """Return the result for a terminal, ending in a newline."""
    lines = wrap(f"{sentence(found)}.", width, most=4)
    if found.good is not None and found.bad is not None:
        cause = message(found.bad.answer) if found.bad.answer is not None else message(found.base)
        rows = [
            ("last good", _time(found.good), ""),
            ("first bad", _time(found.bad), cause),
        ]
        lines += [f"  {line}" for line in aligned(rows, max(20, width - 2))]
    if found.blame is not None and found.blame.moved:
        lines += [
            f"  {line}" for line in aligned([_row(each, found) for each in found.blame.moved], max(20, width - 2))
        ]
        lines += wrap(f"  {confirmation(found)}", width, most=3)
    lines += [line for each in found.approximate for line in wrap(f"approximate: {each}", width, most=3)]
    if found.sets:
        lines.append(f"scope  {count(found.sets, 'distinct set')} between the days that were looked at")
    return "\n".join([*lines, trail.line]) + "\n"


def _time(moment: Moment) -> str:
    return f"{moment.time:%Y-%m-%d %H:%M} UTC"


def _row(each: Moved, found: Timeline) -> tuple[str, str, str]:
    blamed = found.course is Course.BROKE and found.blame is not None and each.package in found.blame.culprits
    file = f"{each.file}{f', uploaded {each.uploaded}' if each.uploaded else ''}"
    return f"{'✗' if blamed else '·'} {_move(each)}", "; ".join(_trials(each)), file


def _trials(each: Moved) -> Iterator[str]:
    if each.back is not None:
        yield f"reverted alone: {each.back}"
    if each.forward is not None:
        yield f"applied alone: {each.forward}"


def confirmation(found: Timeline) -> str:
    """Return how sure it is which release did it."""
    if found.course is Course.UNDECIDED:
        return "not confirmed: the search ended early"
    if found.blame is None or not found.blame.culprits:
        return "not confirmed: no release that moved breaks it alone, and no set of them was found that does"
    names = ", ".join(found.blame.culprits)
    if found.blame.confirmed:
        return f"confirmed both ways: the good set fails with the new {names}, and the bad set works without"
    return f"not confirmed: the good set fails with the new {names}, but the bad set does not work without"


def markdown(found: Timeline, trail: Trail) -> str:
    """Return the result as a section of Markdown, ending in a newline."""
    rows = []
    if found.blame is not None:
        rows = [(_move(each), "; ".join(_trials(each)), each.file, each.uploaded) for each in found.blame.moved]
    said = sentence(found)
    known = [f"- {inline(each)}" for each in (*found.approximate, trail.line)]
    return (
        joined(
            [
                [f"### {inline(found.base.combo.id)} over time"],
                [inline(f"{said[0].upper()}{said[1:]}.")],
                table(("moved", "tried", "file", "uploaded"), rows) if rows else [],
                known,
            ]
        )
        + "\n"
    )


def searched(found: Timeline, trail: Trail) -> Searched:
    """Return what is kept of the search for reports."""
    moved = found.blame.moved if found.blame is not None else ()
    rows = tuple((_move(each), "; ".join(_trials(each)), each.file, each.uploaded) for each in moved)
    known = [confirmation(found)] if rows else []
    known += [f"last good {_time(found.good)}, first bad {_time(found.bad)}"] if found.good and found.bad else []
    return trail.searched(
        "timeline",
        found.base,
        sentence(found),
        str(found.course).replace("-", " "),
        headers=("moved", "tried", "file", "uploaded") if rows else (),
        rows=rows,
        notes=(*known, *(f"approximate: {each}" for each in found.approximate)),
    )


def as_json(found: Timeline, trail: Trail) -> str:
    """Return the result as strict JSON, ending in a newline; ``search.schema.json`` describes it."""
    blamed = found.blame
    return strict_json(
        {
            "schema": SCHEMA,
            "search": "timeline",
            "combo": found.base.combo.id,
            "course": str(found.course),
            "good": _moment(found.good),
            "bad": _moment(found.bad),
            "culprits": list(blamed.culprits) if blamed is not None and found.course is Course.BROKE else [],
            "confirmed": blamed is not None and blamed.confirmed,
            "moved": [
                {
                    "package": each.package,
                    "from": each.before,
                    "to": each.after,
                    "file": each.file,
                    "uploaded": each.uploaded,
                    "back": str(each.back) if each.back is not None else None,
                    "forward": str(each.forward) if each.forward is not None else None,
                    "cause": each.cause,
                }
                for each in (blamed.moved if blamed is not None else ())
            ],
            "released": list(found.released),
            "sets": found.sets,
            "approximate": list(found.approximate),
            "why": found.why,
            **trail.document,
        }
    )


def _moment(moment: Moment | None) -> dict[str, object] | None:
    if moment is None:
        return None
    return {
        "time": moment.time.isoformat(timespec="seconds"),
        "versions": dict(sorted(moment.resolved.versions.items())),
        "combo": moment.answer.combo.id if moment.answer is not None else None,
        "cause": message(moment.answer) if moment.answer is not None else "",
    }
