"""What was tested with what as GitHub-flavoured Markdown, to stand between the markers of a page."""

from collections.abc import Sequence

from knowngood.report.embed.rows import Caption, Heading, Items, Part, Table
from knowngood.report.markup import inline, paragraph, table


def render(parts: Sequence[Part], *, evidence: str | None = None) -> str:
    """Return ``parts`` as blocks with blank lines between them, without one at the end.

    ``evidence`` is the link from the page to ``matrix.md``, encoded as a URL is; None: there is no such page.
    """
    return "\n\n".join("\n".join(_block(part, evidence)) for part in parts)


def _block(part: Part, evidence: str | None) -> list[str]:
    match part:
        case Caption():
            return [f"{paragraph(part.text)}{f' [Report]({evidence})' if evidence else ''}"]
        case Heading():
            return [f"**{inline(part.text)}**"]
        case Items():
            return [f"- {paragraph(text)}" for text in part.texts]
        case Table():
            return _table(part, evidence)


def _table(part: Table, evidence: str | None) -> list[str]:
    head, rule, *rows = table(part.headers, part.rows)
    if evidence and part.anchors:
        names = [inline(row[0]) for row in part.rows]
        rows = [
            f"| [{name}]({evidence}#{anchor}){row.removeprefix(f'| {name}')}" if name else row
            for name, anchor, row in zip(names, part.anchors, rows, strict=True)
        ]
    return [head, rule, *rows]
