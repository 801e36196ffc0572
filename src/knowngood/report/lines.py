"""Lines for a terminal: a word and what it is about, a title and what is below it, one line for each cell."""

from collections.abc import Iterable, Sequence

from knowngood.model import Cell
from knowngood.report import words
from knowngood.report.text import ELLIPSIS, columns, plain, shorten, wrap


def section(title: str, lines: Sequence[str], width: int) -> list[str]:
    """Return ``lines`` below a title; nothing for nothing."""
    return [*wrap(title, width, most=2), *(f"  {line}" for line in lines)] if lines else []


def labelled(label: str, lines: Sequence[str], *, width: int = 8) -> list[str]:
    """Return ``lines`` behind a word that takes ``width`` columns; only the first has it."""
    return [f"  {'' if index else label:<{width}}{line}" for index, line in enumerate(lines)]


def wrapped(texts: Iterable[str], width: int, *, most: int) -> list[str]:
    """Return each of ``texts`` wrapped, every line break in it kept; ``most`` lines in all, the rest is cut."""
    parts = [part for text in texts for part in plain(text, lines=True).split("\n")]
    lines = [line for part in parts for line in wrap(part, width, most=most)]
    return lines if len(lines) <= most else [*lines[: most - 1], shorten(f"{lines[most - 1]} {lines[most]}", width)]


def filled(items: Iterable[str], width: int, *, gap: str = "  ", most: int) -> list[str]:
    """Return ``items`` as lines that are broken only between them; ``most`` lines, the rest is cut."""
    lines: list[str] = []
    for item in filter(None, map(plain, items)):
        if lines and columns(longer := f"{lines[-1]}{gap}{item}") <= width:
            lines[-1] = longer
        else:
            lines += [f"{lines.pop()}{gap.rstrip()}", item] if lines else [item]
    shown = [line if columns(line) <= width else shorten(line, width) for line in lines[:most]]
    return [*shown[:-1], f"{shorten(shown[-1], width - 4)} {ELLIPSIS}"] if len(lines) > most else shown


def aligned(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the rows as lines, each column as wide as what is in it, a line that is too long cut in its last."""
    told = [[plain(text) for text in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(*told, strict=True)]
    lines = []
    for *head, last in told:
        start = "".join(f"{text}{' ' * (wide - columns(text))}  " for text, wide in zip(head, widths, strict=False))
        room = width - columns(start)
        lines.append(f"{start}{shorten(last, room)}".rstrip() if room > 0 else shorten(f"{start}{last}", width))
    return lines


def compact(told: Sequence[tuple[Cell, str, str]], width: int) -> list[str]:
    """Return one line for each (cell, text, end): the names aligned, the text cut so that the end is not."""
    names = [shorten(words.name(cell), max(0, width - 4)) for cell, _, _ in told]
    aligned = min(max(map(columns, names), default=0), width // 3)
    lines = []
    for name, (_, text, end) in zip(names, told, strict=True):
        head = f"{name}{' ' * max(0, aligned - columns(name))}  "
        room = width - 2 - columns(head)
        lines.append(head + ended(text, end, room))
    return lines


def ended(text: str, end: str, width: int) -> str:
    """Return ``text`` and ``end`` in one line; where there is no room for both, the text is cut, then the end too."""
    end = shorten(end, max(0, width // 2))
    return f"{shorten(text, width - columns(end) - 1)} {end}".strip() if end else shorten(text, width)
