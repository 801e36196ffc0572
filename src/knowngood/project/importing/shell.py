"""Split a shell script into its commands, and expand the variables whose values the file states. Nothing is run."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

_MOST_COMMANDS = 20_000
_DEEPEST = 20  # variables inside variables
_BLOCKS = {"if": "fi", "for": "done", "while": "done", "until": "done", "case": "esac", "select": "done"}
_INSIDE = frozenset({"then", "else", "elif", "do", "fi", "done", "esac", "in", "{", "}", "time"})
_OPERATOR = re.compile(r"&&|\|\||;;|<<<|<<-?|>>|&>>?|>\||[0-9]?>&[0-9-]?|[;|&()<>\n]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"(?P<name>[A-Za-z_]\w*|[0-9@*])(?:(?P<how>:?[-+=?])(?P<word>.*))?", re.DOTALL | re.ASCII)
_FUNCTION = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)
_ALL = frozenset({'"$@"', "$@", '"$*"', "$*", '"${@}"', "${@}"})
"""How a function names all its arguments."""
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.DOTALL | re.ASCII)
_TESTS = frozenset({"[", "[[", "test"})


class UnknownValueError(ValueError):
    """A word depends on something that the file does not state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What decides whether a command is run."""

    why: str
    """In words."""
    test: tuple[str, ...] = ()
    """The words of the test as they are written; empty when it is more than a test of text."""
    wanted: bool = True

    def holds(self, variables: Mapping[str, str]) -> bool | None:
        """Return whether the command is run; None when the file does not say."""
        try:
            words = [word for each in self.test for word in expand(each, variables)]
        except UnknownValueError:
            return None
        result = _tested([word for word in words if word not in ("[", "[[", "]", "]]", "test")])
        return None if result is None else result == self.wanted


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command of a script, with its words as they are written."""

    raw: tuple[str, ...]
    line: int
    guards: tuple[Guard, ...] = ()
    subshell: int = 0
    """Which of the subshells of the script it is in, counted from 1; 0: none."""
    function: str = ""
    """The function that it is in the body of; empty: none."""

    def assignments(self) -> tuple[tuple[str, str, bool], ...]:
        """Return the variables that are set in front of the command, or by ``export``.

        Each with its value as written, and whether that is added to the value before.
        """
        words = self.raw[1:] if self.raw[:1] in (("export",), ("declare",), ("local",)) else self.raw
        changes = []
        for word in words:
            match = _ASSIGNMENT.fullmatch(word)
            if match is None:
                break
            changes.append((match[1], match[3], bool(match[2])))
        return tuple(changes)

    def words(self, variables: Mapping[str, str]) -> tuple[str, ...]:
        """Return the words after the assignments, expanded. Raises ``UnknownValueError``."""
        raw = list(self.raw)
        while raw and _ASSIGNMENT.fullmatch(raw[0]):
            raw.pop(0)
        return tuple(word for each in raw for word in expand(each, variables))


class _Block:
    """An ``if``, a loop or a ``case`` that a command is inside of."""

    def __init__(self, kind: str, subshells: int) -> None:
        self.kind = kind
        self.subshells = subshells
        """How many subshells it is in; the ``)`` of a pattern of ``case`` ends none of them."""
        self.in_condition = True
        self.before: list[Guard] = []
        """The tests of the branches before, none of which held."""
        self.now: list[Guard] = []

    def test(self, words: Sequence[str]) -> None:
        """Add a command of the condition; only a single test of text is understood."""
        is_test = self.kind == "if" and words[0] in _TESTS and not self.now
        why = f"it is inside {'an' if self.kind == 'if' else 'a'} {self.kind!r}"
        self.now = [Guard(why=why, test=tuple(words) if is_test else ())]

    def next_branch(self, token: str) -> None:
        """Begin the branch of ``token``, which is ``elif`` or ``else``."""
        self.in_condition = token == "elif"
        self.before += [replace(guard, wanted=False) for guard in self.now]
        self.now = []

    @property
    def guards(self) -> tuple[Guard, ...]:
        if self.kind != "if":
            return (Guard(why=f"it is inside a {self.kind!r}"),)
        return (*self.before, *self.now)


def commands(text: str, first_line: int = 1) -> Iterator[Command]:
    """Yield the commands of a script in order."""
    blocks: list[_Block] = []
    chain: list[Guard] = []
    words: list[str] = []
    start, subshells, begun, count = first_line, 0, 0, 0
    skips_target = False
    defined, function = "", ""
    braces, level = 0, 0  # of the body of the function: how deep in {}, or in how many subshells () it is one of
    for token, line in _tokens(text, first_line):
        operator = token[1:] if token.startswith("\0") else ""
        in_condition = bool(blocks) and blocks[-1].in_condition
        if operator == "(" and not (in_condition or level) and (name := _defined(words)):
            defined, words = name, []
        elif operator == ")" and defined:
            pass
        elif token == "{" and words[:1] == ["function"] and len(words) == 2:
            function, braces, words = words[1], 1, []
        elif token in ("{", "}") and not (words or level) and (defined or function):
            braces += 1 if token == "{" else -1
            function, defined = (defined or function) if braces else "", ""
        elif operator in ("<", ">", ">>", ">|", "<<<") or operator.startswith("&>"):
            skips_target = True
        elif re.fullmatch(r"[0-9]?>&[0-9-]", operator):
            pass
        elif not operator and skips_target:
            skips_target = False
            if words and len(words[-1]) == 1 and words[-1].isdigit():
                words.pop()
        elif not operator and not words and token in (*_BLOCKS, *_INSIDE, "elif"):
            if token in _BLOCKS:
                blocks.append(_Block(token, subshells))
            elif blocks and token == _BLOCKS[blocks[-1].kind]:
                blocks.pop()
            elif blocks and token in ("elif", "else"):
                blocks[-1].next_branch(token)
            elif blocks and token in ("then", "do", "in"):
                blocks[-1].in_condition = False
        elif token == "in" and in_condition and blocks[-1].kind == "case":
            blocks[-1].in_condition, words = False, []
        elif not operator:
            start = start if words else line
            words.append(token)
        else:
            skips_target = False
            if words and in_condition:
                blocks[-1].test(words)
            elif words:
                guards = (*(guard for block in blocks for guard in block.guards), *chain)
                subshell = begun if subshells else 0
                yield Command(raw=tuple(words), line=start, guards=guards, subshell=subshell, function=function)
                count += 1
            if count > _MOST_COMMANDS:
                return
            chain = _chained(chain, words, operator)
            words = []
            if operator == "(":
                begun += not subshells
                subshells += 1
                if defined:
                    function, defined, level = defined, "", subshells
            elif operator == ")":
                subshells = max(blocks[-1].subshells if blocks else 0, subshells - 1)
                if subshells < level:
                    function, level = "", 0
    # The tokens end with a line break, so no words are left.


def _defined(words: Sequence[str]) -> str:
    """Return the function that the words before a ``(`` define; empty when they define none."""
    name = words[-1] if len(words) == 1 or (len(words) == 2 and words[0] == "function") else ""
    return name if _FUNCTION.fullmatch(name) else ""


def _chained(chain: list[Guard], words: Sequence[str], operator: str) -> list[Guard]:
    """Return what decides about the command after ``&&`` or ``||``."""
    text = " ".join(words)[:60]
    test = tuple(words) if words and words[0] in _TESTS else ()
    if operator == "||":
        return [Guard(why=f"it is run only if {text!r} fails", test=test, wanted=False)]
    if operator == "&&" and test:
        return [*chain, Guard(why=f"it is run only if {text!r} is true", test=test)]
    return [] if operator in ("\n", ";", ";;", "&") else chain


def _tested(words: Sequence[str]) -> bool | None:
    """Return the result of a test of text; None for any other, such as whether a file exists."""
    match list(words):
        case ["!", *rest]:
            result = _tested(rest)
            return None if result is None else not result
        case ["-n", text]:
            return text != ""
        case ["-z", text]:
            return text == ""
        case [left, "=" | "==", right]:
            return left == right if not set(right) & set("*?[") else None
        case [left, "!=", right]:
            return left != right if not set(right) & set("*?[") else None
        case _:
            return None


def expand(raw: str, variables: Mapping[str, str], depth: int = 0) -> tuple[str, ...]:
    """Return the words that a word as written stands for: quotes removed, variables replaced.

    Raises ``UnknownValueError``: it depends on something that is not in ``variables``.
    """
    if depth > _DEEPEST:
        raise UnknownValueError("its variables are nested too deeply")
    if raw in _ALL and "@" in variables:
        return tuple(shlex.split(variables["@"]))
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
            value, position = _variable(raw, position, variables, depth)
            add(value, splits=not inside)
        else:
            pieces[-1] += letter
            position += 1
    return tuple(piece for piece in pieces if piece or quoted)


def _variable(raw: str, position: int, variables: Mapping[str, str], depth: int) -> tuple[str, int]:
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
            value = " ".join(expand(word, variables, depth + 1)) if value else ""
        elif how[-1:] in ("-", "=") and not value:
            value = " ".join(expand(word, variables, depth + 1))
        if value is None:
            raise UnknownValueError(f"${name} has no value in the file")
        return value, position + 1 + end + 1
    plain = _NAME.match(rest) or re.match("[0-9@*]", rest)
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
