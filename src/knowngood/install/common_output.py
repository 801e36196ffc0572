"""What the words of uv and pip mean: whose fault it is that a step could not be resolved or installed.

An exit code does not tell: uv exits 1 for "no solution" and for a wrong hash alike, and pip says "No matching
distribution found" when the index is down. So the text is read, by rules in a fixed order, of which the first that
fits counts. Text that no rule knows is ``infra``: it is never held against the versions.
"""

import re
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from knowngood.model import Action, Ending, Reason, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rule:
    status: Status
    reason: Reason
    pattern: re.Pattern[str]


def _rule(status: Status, reason: Reason, *patterns: str) -> _Rule:
    return _Rule(status=status, reason=reason, pattern=re.compile("|".join(patterns), re.MULTILINE))


_RULES = (
    _rule(Status.INFRA, Reason.NO_SPACE, r"No space left on device", r"\(os error 28\)", r"Disk quota exceeded"),
    _rule(Status.INFRA, Reason.HASH_MISMATCH, r"Hash mismatch for", r"DO NOT MATCH THE HASHES"),
    _rule(
        Status.INFRA,
        Reason.CORRUPT_DOWNLOAD,
        r"Failed to read from zip file",
        r"^error: incomplete-download",
        r"IncompleteRead\(",
        r"Wheel '.*' located at .* is invalid",
        r"(Failed to|failed to) (extract|unzip|unpack)",
        r"BadZipFile",
        r"cause: .*(unexpected end of file|invalid gzip header|corrupt deflate stream|[Ii]nvalid Zip archive)",
        r"error decoding response body",
    ),
    _rule(
        Status.INFRA,
        Reason.INDEX_REFUSED,
        r"lack of valid authentication credentials",
        r"returned a 403 Forbidden error",
        r"Could not fetch URL \S+: 40[13] ",
        r"HTTP status client error \(40[137] ",
        r"HTTP error 40[137] while getting",
        r"is not a trusted or secure host and is being ignored",
    ),
    _rule(
        Status.INFRA,
        Reason.FILE_MISSING,
        r"HTTP status client error \(4(04|10) ",
        r"HTTP error 4(04|10) while getting",
    ),
    _rule(
        Status.INFRA,
        Reason.INDEX_ERROR,
        r"HTTP status (server|client) error",
        r"too many \d+ error responses",
        r"HTTP error \d+ while getting",
        r"Could not fetch URL \S+: (4(?!04)|5)\d\d ",
    ),
    _rule(
        Status.INFRA,
        Reason.INDEX_UNREACHABLE,
        r"^error: Request failed after",
        r"cause: Request failed after",
        r"cause: Failed to fetch: ",
        r"^error: Failed to fetch: ",
        r"error sending request for url",
        r"Could not fetch URL \S+: (?!404 )",
        r"Failed to establish a new connection",
        r"HTTPS?ConnectionPool\(",
        r"Failed to read `--find-links` URL",
        r"network (was|is) disabled",
    ),
    _rule(
        Status.BUILD_FAIL,
        Reason.BUILD_ERROR,
        r"Failed to (download and )?build",
        r"build backend returned an error",
        r"subprocess-exited-with-error",
        r"metadata-generation-failed",
        r"Failed building wheel",
        r"Failed to build installable wheels",
    ),
    _rule(Status.UNSOLVABLE, Reason.CONFLICT, r"^ERROR: ResolutionImpossible", r"conflicting dependencies"),
    _rule(
        Status.UNSOLVABLE,
        Reason.PACKAGE_NOT_FOUND,
        r"was not found in the (package registry|provided package locations)",
        r"\(from versions: none\)[\s\S]*Could not fetch URL \S+: 404 ",
    ),
    _rule(
        Status.UNSOLVABLE,
        Reason.NO_MATCHING_FILE,
        r"requires Python [<>=!~]",
        r"does not satisfy Python",
        r"^ERROR: Package .* requires a different Python",
        r"require a different python version: .*?(?P<asked>[^\s;]+) Requires-Python"
        r"[\s\S]*requirement [^\s=]+==(?P=asked)[ ;]",
        r"\(from versions: none\)",
        r"has no (usable )?wheels",
        r"no (wheels|source distribution)",
        r"doesn't have a source distribution or wheel",
        r"is not a supported wheel on this platform",
        r"has an invalid package format",
        r"has invalid metadata",
    ),
    _rule(
        Status.UNSOLVABLE,
        Reason.VERSION_NOT_FOUND,
        r"[Bb]ecause there (is|are) no versions? of",
        r"Could not find a version that satisfies",
    ),
    _rule(Status.UNSOLVABLE, Reason.CONFLICT, r"No solution found when resolving"),
)


def classify(action: Action) -> tuple[Status, Reason]:
    """Return the status and reason that a failed resolve, create or install stands for."""
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
            for rule in _RULES:
                if rule.pattern.search(action.output):
                    return rule.status, rule.reason
            return Status.INFRA, Reason.UNRECOGNISED


_BUILD_ERROR = re.compile(
    r"^\s*(?P<key>{})$".format(
        "|".join(
            (
                r"[\w./+-]+:\d+(:\d+)?: (fatal )?error: .+",
                r"(\w+\.)*\w*(Error|Exception|Exit)\b: .+",
                r"error in .+ setup command: .+",
            )
        )
    ),
    re.MULTILINE,
)
"""What compilers and Python say; the last of them is the cause, where "exit status 1" of the backend tells nothing."""

_REASONS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^\s*hint: (?P<said>An index .+(?:credentials|403 Forbidden).*)$",
        r"^\s*cause: (?P<said>(?:Because|Hash mismatch)[\s\S]+?)(?=\n\s*\n|\n\s*(?:cause|hint):|\Z)",
        r"^\s*cause: (?P<said>HTTP status.+)$",
        r"^\s*error: (?P<said>.+)(?:\n\s+cause: .+)*\n\s+cause: (?P<root>.+)$",
        r"The conflict is caused by:\n(?P<said>(?: {4}.+\n)+)",
        r"(?P<said>Could not fetch URL \S+: (?!404 ).+)$",
        r"^\s*ERROR: (?P<said>Could not find a version.+\(from versions: (?!none\)).+)$",
        r"(?P<said>Could not fetch URL .+)$",
        r"^\s*ERROR: (?P<said>Could not find a version.+|HTTP error.+|Package .+)$",
        r"(?P<said>HTTPS?ConnectionPool\(.+)$",
        r"^\s*error: [a-z-]+\n\s*\n\s*\u00d7 (?P<said>.+)$",
        r"^\s*(?:error|ERROR): (?P<said>.+)$",
    )
)
"""Where uv and pip say why, the most telling first."""


def message(action: Action, status: Status) -> str:
    """Return the one sentence of the output that says why, on one line."""
    if action.exit.ending is not Ending.EXITED:
        return action.exit.note or action.exit.ending.value.replace("-", " ")
    output = action.output
    if status is Status.BUILD_FAIL:
        keys = [found["key"].strip() for found in _BUILD_ERROR.finditer(output)]
        causes = [key for key in keys if "CalledProcessError" not in key]
        if keys:
            return (causes or keys)[-1]
    for pattern in _REASONS:
        if found := pattern.search(output):
            return " ".join(": ".join(part for part in found.groupdict().values() if part).split())
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {action.exit.code}, without a word"


_FAILED = re.compile(
    r"Failed to (?:download and )?build [`'](?P<name>[\w.-]+?)(?:==(?P<version>[\w.+!-]+))?[`']"
    r"|Failed building wheel for (?P<wheel>[\w.-]+)|Failed to build installable wheels .*\((?P<last>[\w.-]+)\)"
)


def failed_build(action: Action) -> tuple[str, str | None] | None:
    """Return the canonical name of the package that did not build and, where the output names it, its version."""
    found = _FAILED.search(action.output)
    if found is None:
        return None
    return canonicalize_name(found["name"] or found["wheel"] or found["last"]), found["version"]


class CommonOutput:
    """Reads the output of uv and of pip."""

    def classify(self, action: Action) -> tuple[Status, Reason]:
        """Return the status and reason of a failed command."""
        return classify(action)

    def message(self, action: Action, status: Status) -> str:
        """Return the sentence of the output that says why, on one line."""
        return message(action, status)

    def failed_build(self, action: Action) -> tuple[str, str | None] | None:
        """Return name and version of the package that did not build."""
        return failed_build(action)
