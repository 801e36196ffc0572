"""Split a shell script into its commands, and expand the variables whose values the file states. Nothing is run."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_MOST_COMMANDS = 20_000
_BLOCKS = {"if": "fi", "for": "done", "while": "done", "until": "done", "case": "esac", "select": "done"}
_INSIDE = frozenset({"then", "else", "elif", "do", "fi", "done", "esac", "in", "!", "{", "}", "time"})
_OPERATOR = re.compile(r"&&|\|\||;;|<<<|<<-?|>>|&>>?|>\||[0-9]?>&[0-9-]?|[;|&()<>\n]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-+=?])(?P<word>.*))?", re.DOTALL | re.ASCII)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL | re.ASCII)
_TESTS = frozenset({"[", "[[", "test", "command", "which", "grep", "type", "!"})


class UnknownValueError(ValueError):
    """A word depends on something that the file does not state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command of a script, with its words as they are written."""

    raw: tuple[str, ...]
    line: int
    condition: str = ""
    """What decides whether it is run at all, in words; empty when it always is."""
    in_subshell: bool = False

    def assignments(self) -> tuple[tuple[str, str], ...]:
        """Return the variables that are set in front of the command, or by ``export``, with values as written."""
        words = self.raw[1:] if self.raw[:1] in (("export",), ("declare",), ("local",)) else self.raw
        pairs = []
        for word in words:
            match = _ASSIGNMENT.fullmatch(word)
            if match is None:
                break
            pairs.append((match[1], match[2]))
        return tuple(pairs)

    def words(self, variables: Mapping[str, str]) -> tuple[str, ...]:
        """Return the words after the assignments, expanded. Raises ``UnknownValueError``."""
        raw = list(self.raw)
        while raw and _ASSIGNMENT.fullmatch(raw[0]):
            raw.pop(0)
        return tuple(word for each in raw for word in expand(each, variables))


def commands(text: str, first_line: int = 1) -> Iterator[Command]:
    """Yield the commands of a script in order."""
    blocks: list[str] = []
    before, condition, tested = "", "", False
    words: list[str] = []
    start = first_line
    subshells = 0
    skip_target = False
    count = 0
    for token, line in _tokens(text, first_line):
        is_operator = token.startswith("\0")
        operator = token[1:]
        if is_operator and (operator in ("<", ">", ">>", ">|", "<<<") or operator.startswith("&>")):
            skip_target = True
            continue
        if is_operator and re.fullmatch(r"[0-9]?>&[0-9-]", operator):
            continue
        if not is_operator:
            if skip_target:
                skip_target = False
                if words and words[-1].isdigit() and len(words[-1]) == 1:
                    words.pop()
                continue
            if not words:
                if token in _BLOCKS:
                    blocks.append(token)
                if blocks and token == _BLOCKS[blocks[-1]]:
                    blocks.pop()
                if token in _INSIDE:
                    continue
                start = line
            words.append(token)
            continue
        skip_target = False
        if words and words[0] not in _BLOCKS:
            count += 1
            if count > _MOST_COMMANDS:
                return
            reason = condition
            if blocks:
                reason = f"it is inside {'an' if blocks[-1] == 'if' else 'a'} {blocks[-1]!r}"
            yield Command(raw=tuple(words), line=start, condition=reason, in_subshell=subshells > 0)
        if words:
            tested = words[0] in _TESTS
            before = " ".join(words)[:60]
        subshells = max(0, subshells + (operator == "(") - (operator == ")"))
        if operator == "||":
            condition = f"it is run only if {before!r} fails"
        elif operator == "&&" and (tested or condition):
            condition = condition or f"it is run only if {before!r} is true"
        elif operator in ("\n", ";", ";;", "&"):
            condition = ""
        words = []
    # _tokens ends with a line break.


def expand(raw: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that a word as written stands for: quotes removed, variables replaced.

    Raises ``UnknownValueError``: it depends on something that is not in ``variables``.
    """
    pieces: list[str] = [""]
    quoted = False

    def add(text: str, *, splits: bool) -> None:
        if not splits:
            pieces[-1] += text
            return
        parts = text.split()
        if text[:1].isspace() and pieces[-1]:
            pieces.append("")
        for number, part in enumerate(parts):
            if number:
                pieces.append("")
            pieces[-1] += part

    position = 0
    inside = False
    while position < len(raw):
        letter = raw[position]
        if letter == "'" and not inside:
            end = raw.find("'", position + 1)
            end = len(raw) if end < 0 else end
            pieces[-1] += raw[position + 1 : end]
            quoted, position = True, end + 1
        elif letter == '"':
            inside, quoted, position = not inside, True, position + 1
        elif letter == "\\" and position + 1 < len(raw):
            follower = raw[position + 1]
            pieces[-1] += follower if not inside or follower in '"\\$`' else "\\" + follower
            position += 2
        elif letter == "`":
            raise UnknownValueError("what a command prints is not known: `…`")
        elif letter == "$":
            value, position = _variable(raw, position, variables)
            add(value, splits=not inside)
        else:
            pieces[-1] += letter
            position += 1
    return tuple(piece for piece in pieces if piece or quoted)


def _variable(raw: str, position: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """Return the value of the variable at a ``$``, and the position after it."""
    rest = raw[position + 1 :]
    if rest.startswith("{{"):
        end = rest.find("}}")
        raise UnknownValueError(f"{raw[position : position + 3 + end] if end >= 0 else raw[position:]} is not known")
    if rest.startswith("("):
        raise UnknownValueError("what a command prints is not known: $(…)")
    if rest.startswith("{"):
        end = _closing(rest)
        match = _BRACED.fullmatch(rest[1:end])
        if match is None:
            raise UnknownValueError(f"${rest[: end + 1]} cannot be expanded")
        name, how, word = match["name"], match["how"] or "", match["word"] or ""
        value = variables.get(name)
        if how.endswith("+"):
            value = " ".join(expand(word, variables)) if value else ""
        elif how[-1:] in ("-", "=") and not value:
            value = " ".join(expand(word, variables))
        if value is None:
            raise UnknownValueError(f"${name} has no value in the file")
        return value, position + 1 + end + 1
    plain = _NAME.match(rest)
    if plain is None:
        if not rest or rest[0].isspace():
            return "$", position + 1
        raise UnknownValueError(f"${rest[:1]} is not known")
    if plain[0] not in variables:
        raise UnknownValueError(f"${plain[0]} has no value in the file")
    return variables[plain[0]], position + 1 + len(plain[0])


def _closing(text: str) -> int:
    depth = 0
    for position, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return position
    return len(text)


def _tokens(text: str, line: int) -> Iterator[tuple[str, int]]:
    """Yield words as they are written and operators, which begin with a NUL, each with its line."""
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n") + "\n"
    position, word, start = 0, "", line
    waiting: list[tuple[str, bool]] = []  # here-documents whose bodies begin after the line
    while position < len(text):
        letter = text[position]
        if text.startswith("\\\n", position):
            position, line = position + 2, line + 1
            continue
        if not word:
            start = line
        if letter == "#" and not word:
            end = text.index("\n", position)
            position = end
            continue
        if letter in "'\"`" or text.startswith(("$(", "${", "$(("), position):
            end = _quoted_end(text, position)
            word += text[position:end]
            line += text.count("\n", position, end)
            position = end
            continue
        if letter == "\\" and position + 1 < len(text):
            word += text[position : position + 2]
            position += 2
            continue
        if letter in " \t":
            if word:
                yield word, start
            word, position = "", position + 1
            continue
        operator = _OPERATOR.match(text, position)
        if operator is None or (operator[0][0].isdigit() and word):
            word += letter
            position += 1
            continue
        if word:
            yield word, start
            word = ""
        position = operator.end()
        if operator[0] in ("<<", "<<-"):
            match = re.compile(r"[ \t]*(['\"]?)(\w+)\1").match(text, position)
            if match is not None:
                waiting.append((match[2], operator[0] == "<<-"))
                position = match.end()
            continue
        yield "\0" + operator[0], line
        if operator[0] == "\n":
            line += 1
            for delimiter, is_indented in waiting:
                end = _here_end(text, position, delimiter, is_indented)
                line += text.count("\n", position, end)
                position = end
            waiting = []


def _quoted_end(text: str, position: int) -> int:
    """Return the position after the quotation, substitution or expansion that begins at ``position``."""
    opening = text[position]
    if opening in "'`":
        end = text.find(opening, position + 1)
        return len(text) - 1 if end < 0 else end + 1
    if opening == '"':
        position += 1
        while position < len(text) - 1 and text[position] != '"':
            position += 2 if text[position] == "\\" else 1
        return min(position + 1, len(text) - 1)
    closes = {"{": "}", "(": ")"}[text[position + 1]]
    opens, depth = text[position + 1], 0
    for at in range(position + 1, len(text)):
        depth += (text[at] == opens) - (text[at] == closes)
        if depth == 0:
            return at + 1
    return len(text) - 1


def _here_end(text: str, position: int, delimiter: str, is_indented: bool) -> int:
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) - 1 if end < 0 else end
        row = text[position:end]
        position = end + 1
        if (row.lstrip("\t") if is_indented else row) == delimiter:
            break
    return position
