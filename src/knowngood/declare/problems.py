"""Everything that is wrong with one matrix file, collected so that it is told at once."""

from functools import cached_property

from knowngood.declare.locate import LineIndex, Where
from knowngood.declare.wording import dotted
from knowngood.errors import MatrixFileError, Problem

_MOST = 200  # of a file with more, the rest are counted


class Problems:
    """Problems of the matrix file ``path``, whose TOML ``text`` tells their lines."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._found: list[Problem] = []
        self._left_out = 0
        self._sections: set[str | int] = set()

    @cached_property
    def _index(self) -> LineIndex:
        return LineIndex(self._text)

    @property
    def has_room(self) -> bool:
        """Whether one more problem would be told, not just counted."""
        return len(self._found) < _MOST

    def line(self, where: Where) -> int:
        """Give the line of a value, counted from 1."""
        return self._index.line(where)

    def add(self, where: Where, what: str, hint: str = "") -> None:
        """Note one problem of the value at ``where``."""
        self._sections.update(where[:1])
        if self.has_room:
            self._found.append(Problem(line=self.line(where), where=dotted(where), what=what, hint=hint))
        else:
            self._left_out += 1

    def within(self, section: str) -> bool:
        """Tell whether a section of the file, such as ``axes``, has problems."""
        return section in self._sections

    def raise_if_any(self) -> None:
        """Raise a ``MatrixFileError`` that holds them all, in the order of the file."""
        if not self._found:
            return
        problems = sorted(self._found, key=lambda problem: problem.line)
        if self._left_out:
            problems.append(Problem(line=0, where="", what=f"and {self._left_out:,} more problems"))
        raise MatrixFileError(self._path, tuple(problems))
