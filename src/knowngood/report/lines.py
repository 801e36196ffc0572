"""Lay out lines for a terminal: labels and their lines, titled sections, aligned columns, one line for each name."""

from collections.abc import Iterable, Sequence

from knowngood.report.text import ELLIPSIS, columns, plain, shorten, wrap


def section(title: str, lines: Sequence[str], width: int) -> list[str]:
    """Return ``lines`` below a title; nothing without lines."""
    return [*wrap(title, width, most=2), *(f"  {line}" for line in lines)] if lines else []


def labelled(label: str, lines: Sequence[str], *, width: int) -> list[str]:
    """Return ``lines`` behind a label that takes ``width`` columns and stands in front of the first only."""
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
