"""Read the output of an installer by a table of patterns, and hold the patterns that no installer owns.

The exit code does not say whose fault a failure is: uv exits 1 for "no solution" and for a wrong hash alike, and pip
says "No matching distribution found" when the index is down. So each installer has a table of rules in a fixed order;
the first rule that matches the text counts. Text that no rule matches is ``infra``: it is never held against the
versions.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from knowngood.model import Action, Ending, Reason, Status
from knowngood.packages import requirement

NO_SPACE = (r"No space left on device", r"Disk quota exceeded")
"""What the operating system says about a full disk."""

BROKEN_ARCHIVE = (r"IncompleteRead\(", r"BadZipFile", r"(Failed to|failed to) (extract|unzip|unpack)")
"""What Python and Rust programs say about a file that was cut short: an installer, or a build that it runs."""

NO_CONNECTION = (r"HTTPS?ConnectionPool\(", r"Failed to establish a new connection", r"error sending request for url")
"""What urllib3 and reqwest say when nothing answers: an installer uses one of them, and a build may use the other."""

BROKEN_TRANSFER = r"error decoding response body"
"""What reqwest says when a transfer ends early."""

SERVER_ERRORS = r"too many \d+ error responses"
"""What urllib3 says when it gives up."""

OURS = "knowngood: "
"""What begins a line that we add to the output of an installer, see ``routing``."""

NOT_BUILT = "its source distribution may not be built: sdists or --only-binary forbids it"
"""What we add where an installer does not say why it passed over a source distribution."""

_BUILD_ERROR = re.compile(
    r"^[ \t]*(?P<key>{})$".format(
        "|".join(
            (
                r"[\w./+-]+:\d+(:\d+)?: (fatal )?error: .+",
                r"[\w+-]+: fatal error: .+",
                r"[\w.]*(?:Error|Exception|Exit): .+",
                r"error in \S+ setup command: .+",
            )
        )
    ),
    re.MULTILINE,
)
"""What compilers and Python say. The last match is the cause; the backend itself only says "exit status 1"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """The status and reason of every output in which ``pattern`` is found."""

    status: Status
    reason: Reason
    pattern: re.Pattern[str]


def patterns(*sources: str) -> tuple[re.Pattern[str], ...]:
    """Compile each of ``sources``, ``^`` and ``$`` at the start and end of any line."""
    return tuple(re.compile(source, re.MULTILINE) for source in sources)


def rule(status: Status, reason: Reason, *patterns: str) -> Rule:
    """Return a rule that matches when one of ``patterns`` does, ``^`` at the start of any line."""
    return Rule(status=status, reason=reason, pattern=re.compile("|".join(patterns), re.MULTILINE))


INDEX_RULES = (
    rule(Status.INFRA, Reason.OFFLINE, rf"^{OURS}this run is offline"),
    rule(Status.INFRA, Reason.INDEX_UNREACHABLE, rf"^{OURS}.* cannot be reached: "),
    rule(Status.INFRA, Reason.INDEX_REFUSED, rf"^{OURS}.* refuses access: "),
    rule(Status.INFRA, Reason.INDEX_ERROR, rf"^{OURS}.* answered with an error: "),
    rule(Status.INFRA, Reason.NO_UPLOAD_TIMES, rf"^{OURS}.* does not say when files were uploaded"),
    rule(Status.INFRA, Reason.NOT_AN_INDEX, rf"^{OURS}.* is not a package index: "),
    rule(Status.INFRA, Reason.BUILD_CONFINED, rf"^{OURS}a build .* in the sandbox: "),
    rule(Status.UNSOLVABLE, Reason.PACKAGE_NOT_FOUND, rf"^{OURS}.* does not have it$"),
    rule(Status.UNSOLVABLE, Reason.CONFLICT, rf"^{OURS}.* which no release replaces; "),
    rule(Status.UNSOLVABLE, Reason.ONLY_SDIST, rf"^{OURS}.* has no wheel that fits, and {NOT_BUILT}"),
)
"""What our own lines mean. They come first: an installer calls a package that it could not look up "not found"."""


class PatternOutput:
    """Reads output by patterns: the part of ``InstallerOutput`` that works alike for every installer."""

    rules: ClassVar[tuple[Rule, ...]]
    """The first one that matches decides."""
    sentences: ClassVar[tuple[re.Pattern[str], ...]]
    """Where the output says why, the most specific place first; the named groups are joined."""
    failed_builds: ClassVar[re.Pattern[str]]
    """Groups ``name`` and ``version`` of the package that did not build; ``version`` may match nothing."""

    def classify(self, action: Action) -> tuple[Status, Reason]:
        """Return the status and reason that a failed command stands for."""
        match action.exit.ending:
            case Ending.CANCELLED:
                return Status.NOT_RUN, Reason.INTERRUPTED
            case Ending.SIGNALLED:
                return Status.INFRA, Reason.KILLED_BY_OTHERS
            case Ending.OUT_OF_MEMORY:
                return Status.INFRA, Reason.OUT_OF_MEMORY
            case Ending.TIMED_OUT:
                return Status.INFRA, Reason.TIMED_OUT
            case Ending.NOT_STARTED:
                return Status.INFRA, Reason.NO_START
            case Ending.EXITED:
                for rule in (*INDEX_RULES, *self.rules):
                    if rule.pattern.search(action.output):
                        return rule.status, rule.reason
                return Status.INFRA, Reason.UNRECOGNISED

    def message(self, action: Action, status: Status) -> str:
        """Return the one sentence of the output that says why, on one line."""
        if action.exit.ending is not Ending.EXITED:
            return action.exit.note or action.exit.ending.value.replace("-", " ")
        output = action.output
        if status is Status.BUILD_FAIL:
            errors = [match["key"].strip() for match in _BUILD_ERROR.finditer(output)]
            causes = [error for error in errors if "CalledProcessError" not in error]
            if errors:
                return (causes or errors)[-1]
        for pattern in (_OUR_SENTENCE, *self.sentences):
            if match := pattern.search(output):
                return _on_one_line(": ".join(part for part in match.groupdict().values() if part))
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {action.exit.code}, no output"

    def failed_build(self, action: Action) -> tuple[str, str | None] | None:
        """Return the canonical name and, where the output gives it, the version of the package that did not build."""
        match = self.failed_builds.search(action.output)
        return (canonicalize_name(match["name"]), match["version"]) if match else None


def _on_one_line(sentence: str) -> str:
    """Return a sentence on one line, without the hundreds of versions that pip lists."""
    listed = re.sub(r"\(from versions: (?:[^,()]+, ){5,}([^,()]+)\)", r"(from versions: many, up to \1)", sentence)
    return " ".join(listed.split())


_OUR_SENTENCE = re.compile(rf"^{OURS}(?P<sentence>.+)$", re.MULTILINE)


def package_name(text: str) -> str:
    """Return the canonical name at the start of ``text``: ``numpy`` of ``NumPy==9`` and of ``numpy[extra]>=1``."""
    return canonicalize_name(re.split(r"[<>=!~\[{ ]", text, maxsplit=1)[0])


def quoted_requirement(text: str) -> Requirement | None:
    """Return a requirement as a resolver quotes it, a marker in braces left out; None when it cannot be parsed."""
    return requirement(re.sub(r"\{[^}]*\}", "", text).strip().rstrip(".,"))
