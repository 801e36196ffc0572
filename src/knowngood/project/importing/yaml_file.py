"""Parse a YAML file such that every text keeps its line, and no file can take more than a moment."""

from typing import Any, Self

from knowngood.errors import UsageError

LARGEST = 512 * 1024
"""Most characters of a YAML file: it is parsed by Python."""
_MOST_NODES = 100_000
_DEEPEST = 100


class Text(str):
    """A scalar, as it is written: ``3.10`` stays that."""

    line: int

    def __new__(cls, text: str, line: int) -> Self:
        """Make a text with the line that it begins on, counted from 1."""
        made = super().__new__(cls, text)
        made.line = line
        return made


def read(text: str, path: str) -> Any:
    """Return the content of a file as dicts, lists and ``Text``; dicts have ``Text`` as keys.

    Raises ``UsageError``: it is not YAML, or larger or deeper than any that people write.
    """
    # Imported late: only these files need it.
    import yaml

    if len(text) > LARGEST:
        raise _unreadable(path, f"it has more than {LARGEST // 1024} KiB")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return _Converter(path).value(node, 0) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        cause = f"{getattr(error, 'problem', None) or error}" + (f" on line {mark.line + 1}" if mark else "")
        raise _unreadable(path, f"it is not YAML: {cause}"[:300]) from error
    except (RecursionError, ValueError) as error:
        raise _unreadable(
            path, "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        ) from error


def line_of(value: Any) -> int:
    """Return the line of a text, or of the first text in a list or dict; 0 when there is none."""
    for _ in range(_DEEPEST):
        if isinstance(value, Text):
            return value.line
        if not value or not isinstance(value, dict | list):
            break
        value = next(iter(value))
    return 0


class _Converter:
    def __init__(self, path: str) -> None:
        self._path = path
        self._count = 0

    def value(self, node: Any, depth: int) -> Any:
        """Return a node as a value. An alias is written out, so that the count stops a bomb of aliases."""
        import yaml

        self._count += 1
        if self._count > _MOST_NODES or depth > _DEEPEST:
            raise _unreadable(self._path, "its aliases or its nesting make it too large")
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return {
                Text(key.value if isinstance(key, yaml.ScalarNode) else "", key.start_mark.line + 1): self.value(
                    value, depth + 1
                )
                for key, value in node.value
            }
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        # The first line of a block is the one below its "|".
        return Text(node.value, line + 1 if node.style in ("|", ">") else line)


def _unreadable(path: str, cause: str) -> UsageError:
    return UsageError(f"{path} cannot be read", cause=cause, next_step="fix it, and try again")
