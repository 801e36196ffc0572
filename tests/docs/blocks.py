"""Parse the code blocks of our pages, as a Markdown reader and MyST see them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
WRITTEN = tuple(path for path in sorted(DOCS.rglob("*.md")) if DOCS / "_build" not in path.parents)
"""The sources of the pages of the site, without anything that a build wrote."""
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
    """The file that a reader writes it to; empty if there is none."""
    text: str
    not_run: str
    """The reason, from the comment in front of it, why no test runs it; empty if a test does."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each command of a console block with the output shown below it."""
        lines = self.text.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            yield lines[start].removeprefix("$ "), tuple(lines[start + 1 : end])


def blocks(page: str) -> tuple[Block, ...]:
    """Return all fenced blocks of a page, including those in lists."""
    tokens = MarkdownIt("commonmark").parse((ROOT / page).read_text(encoding="utf-8"))
    fenced = []
    before = ""
    for token in tokens:
        if token.type == "fence":
            fenced.append(_block(page, (token.map or [0])[0] + 1, token.info.strip(), token.content, before))
        before = token.content if token.type == "html_block" else ""
    return tuple(fenced)


def _block(page: str, line: int, info: str, text: str, before: str) -> Block:
    caption, not_run = "", _NOT_RUN.search(before)
    language = info
    if directive := _DIRECTIVE.fullmatch(info):
        language = f"{{{directive['name']}}}"
        if directive["name"] == "code-block":
            language = directive["argument"]
            options, _, text = text.partition("\n\n")
            match = _CAPTION.search(options)
            caption = match[1] if match else ""
    reason = not_run[1] if not_run else ""
    return Block(page=page, line=line, language=language, caption=caption, text=text, not_run=reason)


def of(*languages: str, pages: tuple[str, ...] = PAGES) -> list[Block]:
    """Return the blocks of ``pages`` that are written in one of ``languages``."""
    return [block for page in pages for block in blocks(page) if block.language in languages]


def split(line: str) -> list[list[str]]:
    """Return the commands of a shell line as lists of words: ``if a; then b > file  # comment`` gives ``a`` and ``b``.

    The target of a redirection is returned as a command of its own.
    """
    # ${FRESH:+--fresh} stands for --fresh or for nothing.
    lexer = shlex.shlex(re.sub(r"\$\{\w+:\+(.*?)\}", r"\1", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set(_BETWEEN) or word in _KEYWORDS:
            commands.append([])
        else:
            commands[-1].append(word)
    return [command for command in commands if command]
