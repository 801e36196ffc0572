"""The code blocks of our pages, as Markdown readers and MyST see them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
WRITTEN = tuple(path for path in sorted(DOCS.rglob("*.md")) if DOCS / "_build" not in path.parents)
"""The pages of the site as we write them, not as they were built."""
PAGES = ("README.md", "CONTRIBUTING.md", *(path.relative_to(ROOT).as_posix() for path in WRITTEN))

_DIRECTIVE = re.compile(r"\{(?P<name>[\w-]+)\}\s*(?P<argument>.*)")
_CAPTION = re.compile(r"^:caption: (.+)$", re.MULTILINE)
_BETWEEN = "();<>|&"
_KEYWORDS = ("do", "else", "fi", "if", "then")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One fenced block."""

    page: str
    """Relative to the project."""
    line: int
    """Counted from 1."""
    language: str
    """``toml``; for a directive other than code-block, its name in braces."""
    caption: str
    """The file that it is to be written to; empty: none."""
    text: str
    not_run: str
    """Why it cannot be run, as the comment in front of it says; empty: it can."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each command of a console block with the lines that are shown below it."""
        lines = self.text.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            yield lines[start].removeprefix("$ "), tuple(lines[start + 1 : end])


def blocks(page: str) -> tuple[Block, ...]:
    """Return all fenced blocks of a page, those in lists, too."""
    tokens = MarkdownIt("commonmark").parse((ROOT / page).read_text(encoding="utf-8"))
    found = []
    before = ""
    for token in tokens:
        if token.type == "fence":
            found.append(_block(page, (token.map or [0])[0] + 1, token.info.strip(), token.content, before))
        before = token.content if token.type == "html_block" else ""
    return tuple(found)


def _block(page: str, line: int, info: str, text: str, before: str) -> Block:
    caption, not_run = "", _NOT_RUN.search(before)
    language = info
    if directive := _DIRECTIVE.fullmatch(info):
        language = f"{{{directive['name']}}}"
        if directive["name"] == "code-block":
            language = directive["argument"]
            options, _, text = text.partition("\n\n")
            named = _CAPTION.search(options)
            caption = named[1] if named else ""
    reason = not_run[1] if not_run else ""
    return Block(page=page, line=line, language=language, caption=caption, text=text, not_run=reason)


def of(*languages: str, pages: tuple[str, ...] = PAGES) -> list[Block]:
    """Return the blocks of all pages in one of ``languages``."""
    return [block for page in pages for block in blocks(page) if block.language in languages]


def split(line: str) -> list[list[str]]:
    """Return the commands of a shell line, each as its words: ``if a; then b > file  # comment`` are ``a`` and ``b``.

    Where a file is named it comes as a command, too.
    """
    # ${FRESH:+--all} is --all, or nothing.
    lexer = shlex.shlex(re.sub(r"\$\{\w+:\+(.*?)\}", r"\1", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set(_BETWEEN) or word in _KEYWORDS:
            commands.append([])
        else:
            commands[-1].append(word)
    return [command for command in commands if command]
