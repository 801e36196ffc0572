"""Make text safe to print, cut it, lay it out in lines, and put counts, durations and times into words.

A width is in columns of a terminal; lines are labeled, titled as sections, wrapped or aligned in columns.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import TypeAlias
from unicodedata import category
from xml.etree import ElementTree

from wcwidth import clip, strip_sequences, wcswidth
from wcwidth import wrap as wrap_columns

from knowngood.model import RunInfo

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

ELLIPSIS = "\u2026"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_DROPPED = frozenset({"Cc", "Cf"})
"""Controls (C0 and C1), and format characters: bidi overrides, zero-width and tag characters, the soft hyphen."""


def plain(text: str, *, lines: bool = False) -> str:
    """Return ``text`` without anything that a terminal would obey instead of show.

    Whole escape sequences go with their payload; a lone surrogate becomes U+FFFD. A run of whitespace becomes one
    space; with ``lines``, every kind of line break becomes a newline (also the CR of a progress bar) and tabs stay.
    """
    text = strip_sequences(text)
    if not lines:
        return " ".join(filter(None, map(_without_controls, text.split())))
    return "\n".join(_without_controls(line) for line in text.splitlines())


def _without_controls(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    kept = (character for character in text if character == "\t" or category(character) not in _DROPPED)
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in kept)


def columns(text: str) -> int:
    """Return the width of one line of ``plain`` text, in columns of a terminal."""
    return max(0, wcswidth(text))


def shorten(text: str, width: int) -> str:
    """Return ``text`` as one plain line of at most ``width`` columns; an ellipsis marks a cut."""
    text = plain(text)
    if columns(text) <= width:
        return text
    return f"{(clip(text, 0, max(0, width - 1)) or '').rstrip()}{ELLIPSIS}" if width > 0 else ""


def wrap(text: str, width: int, *, most: int) -> list[str]:
    """Return ``text`` as at most ``most`` plain lines of at most ``width`` columns each; no lines for no text."""
    width = max(2, width)
    # Wrapping a very long word takes very long, and only the first lines are needed.
    enough = clip(plain(text), 0, (most + 2) * (width + 1)) or ""
    # Wrapping counts some marks as narrower than they are. A URL, an id and an option stay whole where they can.
    lines = [shorten(line.rstrip(), width) for line in wrap_columns(enough, width, break_on_hyphens=False)]
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], shorten(f"{lines[most - 1]} {lines[most]}", width)]


def seconds(value: float) -> str:
    """Return a duration in seconds in words: ``0.8s``, ``12s``, ``3m05s``, ``2h07m``."""
    value = max(0.0, value)
    if value < 9.95:
        return f"{value:.1f}s"
    whole = round(value)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def size(count: int) -> str:
    """Return a number of bytes in words, in powers of 1000: ``512 B``, ``1.3 MB``, ``967 MB``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def count(number: int, noun: str) -> str:
    """Return ``1 cell`` or ``7 cells``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


UNKNOWN = datetime.fromtimestamp(0, UTC)
"""The start of a run whose start cannot be read, for formats that require one."""


def started(info: RunInfo) -> datetime | None:
    """Return when a run started, in UTC, to the second; None when its log has no valid time."""
    return moment(info.started)


def published_day(info: RunInfo) -> datetime | None:
    """Return the day of a published run, which is its id; None for a run that is not published.

    ``started`` may be earlier: the day of its oldest verdict.
    """
    try:
        return datetime.combine(date.fromisoformat(info.id), time(), UTC)
    except ValueError:
        return None


def moment(text: str) -> datetime | None:
    """Return the time of an ISO 8601 text, in UTC, to the second; None when it is not one."""
    try:
        parsed = datetime.fromisoformat(text)
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):  # a log that was written by hand
        return None


def brief(value: float) -> str:
    """Return ``<1 ms``, ``43 ms``, ``2.4s`` or ``3m05s`` for a duration in seconds."""
    if value < 0.0005:
        return "<1 ms"
    return f"{1000 * value:.0f} ms" if value < 0.9995 else seconds(value)


def encoded_size(text: str) -> int:
    """Return the bytes of ``text`` in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def first_fitting(texts: Iterable[str], most: int) -> str | None:
    """Return the first of ``texts`` that takes at most ``most`` bytes in UTF-8; None when none does.

    No more texts are taken than needed, so that each may be rendered only when the ones before it are too large.
    """
    return next((text for text in texts if encoded_size(text) <= most), None)


def strict_json(document: object) -> str:
    """Return ``document`` as JSON that every reader accepts: ASCII, indented, ending in a newline.

    A number that is not finite becomes a string, such as ``"nan"``; half of a surrogate pair becomes U+FFFD. Raises
    ``TypeError`` for a value that JSON cannot hold.

    Below the keys of ``document`` there may be iterators: their items are taken one by one.
    """
    return "".join(_json_parts(document)) + "\n"


def _json_parts(document: object) -> Iterator[str]:
    """Yield the parts of a document; the objects of its longest lists one by one, because they take much memory."""
    if not isinstance(document, Mapping) or not document:
        yield _json(document)
        return
    opening = "{"
    for name, value in document.items():
        yield f"{opening}\n  {_json(name)}: "
        if isinstance(value, list | tuple | Iterator):
            empty = True
            for item in value:
                yield f"{'[' if empty else ','}\n    {_json(item, 4)}"
                empty = False
            yield "[]" if empty else "\n  ]"
        else:
            yield _json(value, 2)
        opening = ","
    yield "\n}"


def _json(value: object, indent: int = 0) -> str:
    # No text in JSON has a line break of its own.
    return json.dumps(_strict(value), indent=2, allow_nan=False).replace("\n", "\n" + " " * indent)


def _strict(value: object) -> Json:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case str():
            return _LONE_SURROGATE.sub("\ufffd", value)
        case Mapping():
            return {_LONE_SURROGATE.sub("\ufffd", key): _strict(item) for key, item in value.items()}
        case list() | tuple():
            return [_strict(item) for item in value]
        case _:
            raise TypeError(f"JSON cannot hold a {type(value).__name__}")


_FORBIDDEN = re.compile("[\ufffe\uffff]")
"""Characters that XML 1.0 forbids beside controls and surrogates, which ``plain`` replaces."""


def xml_text(text: str, *, lines: bool = False) -> str:
    """Return ``text`` without forbidden characters, unescaped; on one line, or with ``lines`` with its line breaks."""
    return _FORBIDDEN.sub("\ufffd", plain(text, lines=lines))


def document(root: ElementTree.Element) -> str:
    """Return an element with all its content as an indented document in UTF-8, ending in a newline."""
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def section(title: str, lines: Sequence[str], width: int) -> list[str]:
    """Return ``lines`` below a title; nothing without lines."""
    return [*wrap(title, width, most=2), *(f"  {line}" for line in lines)] if lines else []


def labeled(label: str, lines: Sequence[str], *, width: int) -> list[str]:
    """Return ``lines`` after a label that takes ``width`` columns and is before the first line only."""
    return [f"  {'' if index else label:<{width}}{line}" for index, line in enumerate(lines)]


def wrapped(texts: Iterable[str], width: int, *, most: int) -> list[str]:
    """Return ``texts`` wrapped, with all line breaks in them; at most ``most`` lines, the rest is cut."""
    parts = [part for text in texts for part in plain(text, lines=True).split("\n")]
    lines = [line for part in parts for line in wrap(part, width, most=most)]
    return lines if len(lines) <= most else [*lines[: most - 1], shorten(f"{lines[most - 1]} {lines[most]}", width)]


def filled(items: Iterable[str], width: int, *, gap: str = "  ", most: int) -> list[str]:
    """Return ``items`` as lines that are broken only between items; at most ``most`` lines, the rest is cut."""
    lines: list[str] = []
    for item in filter(None, map(plain, items)):
        if lines and columns(longer := f"{lines[-1]}{gap}{item}") <= width:
            lines[-1] = longer
        else:
            lines += [f"{lines.pop()}{gap.rstrip()}", item] if lines else [item]
    shown = [line if columns(line) <= width else shorten(line, width) for line in lines[:most]]
    return [*shown[:-1], f"{shorten(shown[-1], width - 4)} {ELLIPSIS}"] if len(lines) > most else shown


def aligned(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the rows as lines with aligned columns; a line that is too long is cut in its last column."""
    cells = [[plain(text) for text in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    lines = []
    for *head, last in cells:
        start = "".join(f"{text}{' ' * (wide - columns(text))}  " for text, wide in zip(head, widths, strict=False))
        room = width - columns(start)
        lines.append(f"{start}{shorten(last, room)}".rstrip() if room > 0 else shorten(f"{start}{last}", width))
    return lines


def compact(rows: Sequence[tuple[str, str, str]], width: int) -> list[str]:
    """Return one line for each (name, text, end): names are aligned, and the text is cut so that the end is not."""
    names = [shorten(name, max(0, width - 4)) for name, _, _ in rows]
    name_width = min(max(map(columns, names), default=0), width // 3)
    lines = []
    for name, (_, text, end) in zip(names, rows, strict=True):
        head = f"{name}{' ' * max(0, name_width - columns(name))}  "
        lines.append(head + ended(text, end, width - 2 - columns(head)))
    return lines


def ended(text: str, end: str, width: int) -> str:
    """Return ``text`` and ``end`` in one line of at most ``width`` columns; the text is cut first, then the end."""
    end = shorten(end, max(0, width // 2))
    return f"{shorten(text, width - columns(end) - 1)} {end}".strip() if end else shorten(text, width)
