"""Make a probe of a command that tests something: pytest however it is started, or the command as it is."""

import itertools
import posixpath
import re
from collections.abc import Iterator, Sequence

from knowngood.project.importing.parts import Probe

_AROUND = frozenset(
    {
        "bash",
        "cat",
        "codecov",
        "cp",
        "curl",
        "diff-cover",
        "echo",
        "export",
        "git",
        "ls",
        "mkdir",
        "mv",
        "pip",
        "pip3",
        "pwd",
        "pre-commit",
        "rm",
        "set",
        "sh",
        "sleep",
        "source",
        "touch",
        "true",
        "twine",
        "uname",
        "which",
    }
)
"""Programs that are run before or after tests, and in a matrix would test nothing."""
_SERVICES = frozenset({"docker", "docker-compose", "podman", "systemctl", "service", "pg_ctl"})
_WITH_VALUE = frozenset({"-W", "-X"})
_BUNDLED = re.compile(r"-([bBdEiIOqsSuvx]+)([mc])(.*)", re.DOTALL)
"""Options of the interpreter in one word, such as ``-Im``."""
_NAMES_A_FILE = re.compile(
    r"--(junitxml|junit-xml|junit-prefix)=|--override-ini=junit_|--cov-report=(html|xml|json|lcov|annotate):"
)
_COVERAGE_WITH_VALUE = frozenset(
    {"--rcfile", "--source", "--include", "--omit", "--context", "--data-file", "--concurrency"}
)


def probe(words: Sequence[str]) -> Probe | None:
    """Return the probe that a command is; None when it tests nothing, such as ``coverage report``."""
    words = [word for word in words if word]
    options: list[str] = []
    while words:
        program = posixpath.basename(words[0])
        if program in ("uv", "poetry", "pdm", "hatch", "pipenv", "rye") and words[1:2] == ["run"]:
            words = _without_options(words[2:])
        elif program in ("xvfb-run", "time", "env", "catchsegv", "nice"):
            words = _without_options(words[1:])
        elif re.match(r"\w+=", words[0]):
            words = words[1:]
        elif re.fullmatch(r"(python|pypy)[\d.]*", program):
            given, rest = _python_options(words[1:])
            if rest[:1] == ["-m"] and len(rest) > 1 and rest[1] in ("pytest", "coverage", "tox", "nox", "pip", "build"):
                options += given
                words = rest[1:]
            elif not rest or rest[:1] in (["--version"], ["-V"]):
                return None
            else:
                return Probe(words=("python", *options, *words[1:]), pytest=False)
        elif program == "coverage":
            if words[1:2] != ["run"]:
                return None
            words = _covered(words[2:])
        elif program in ("pytest", "py.test"):
            return Probe(words=tuple(_without_reports(words[1:])), python_options=tuple(options))
        elif (
            program in _AROUND or program in _SERVICES or program in ("build", "tox", "nox") or program.startswith("#")
        ):
            return None
        else:
            return Probe(words=tuple(words), pytest=False)
    return None


def around(words: Sequence[str]) -> str:
    """Return what to do with a command that prepares tests and is not a probe; empty when it needs nothing."""
    program = posixpath.basename(words[0]) if words else ""
    return "a probe has setup = [[…]] and teardown for it" if program in _SERVICES else ""


def _python_options(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the options of the interpreter that a probe may have, and the rest of the words."""
    words = list(words)
    options: list[str] = []
    position = 0
    while position < len(words) and words[position].startswith("-") and words[position] not in ("-m", "-c", "-"):
        word = words[position]
        if match := _BUNDLED.fullmatch(word):
            apart = [*(f"-{flag}" for flag in match[1]), f"-{match[2]}", *filter(None, [match[3]])]
            words[position : position + 1] = apart
            continue
        if word in _WITH_VALUE and position + 1 < len(words):
            options += words[position : position + 2]
            position += 1
        elif re.match(r"-[WX].", word) or word in ("-O", "-OO", "-b", "-bb", "-B", "-d", "-R", "-v"):
            options.append(word)
        elif word in ("--version", "-V"):
            break
        position += 1
    return options, words[position:]


def _covered(words: list[str]) -> list[str]:
    """Return the command that ``coverage run`` measures."""
    position = 0
    while position < len(words):
        word = words[position]
        if word in ("-m", "--module"):
            return ["python", "-m", *words[position + 1 :]]
        if not word.startswith("-"):
            return ["python", *words[position:]]
        position += 2 if word in _COVERAGE_WITH_VALUE else 1
    return []


def _without_reports(words: list[str]) -> Iterator[str]:
    """Yield the arguments of pytest without those that name a file for its report, which differs by environment."""
    position = 0
    while position < len(words):
        word, value = words[position], "".join(words[position + 1 : position + 2])
        names_a_file = word == "--cov-report" and re.match(r"(html|xml|json|lcov|annotate):", value)
        if (
            word in ("--junitxml", "--junit-xml", "--junit-prefix")
            or (word == "-o" and value.startswith("junit_"))
            or names_a_file
        ):
            position += 2
            continue
        position += 1
        if not _NAMES_A_FILE.match(word):
            yield word


def _without_options(words: list[str]) -> list[str]:
    return list(itertools.dropwhile(lambda word: word.startswith("-"), words))
