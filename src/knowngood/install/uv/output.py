"""Say what the output of uv means."""

import re
from typing import ClassVar

from knowngood.install.common_output import (
    BROKEN_ARCHIVE,
    BROKEN_TRANSFER,
    NO_CONNECTION,
    NO_SPACE,
    SERVER_ERRORS,
    PatternOutput,
    Rule,
    package_name,
    patterns,
    quoted_requirement,
    rule,
)
from knowngood.model import Reason, Status
from knowngood.model.installer_output import Conflict, Dependency, Download, OtherPython

_DEPENDENCY = re.compile(
    r"(?<![\w.-])(?P<package>[A-Za-z][\w.-]*(?:==[\w.+!-]+|[<>=!~]\S{0,200})?) depends? on "
    r"(?!(?:at least )?one of\b)(?P<requirement>[\w.-]+(?:\[[\w,.-]+\])?(?:\{[^}]*\})?(?:[<>=!~][\w.*+!,<>=~-]*)?)"
)
_REQUIRES_PYTHON = re.compile(
    r"(?<![\w.-])(?P<package>[\w.-]+)(?:[<>=!~]=?[\w.+*!-]+)? (?:requires|depends on) "
    r"Python ?(?P<requires>[<>=!~][^\s]+)"
)
_NO_WHEEL = re.compile(r"(?<![\w.-])(?P<package>[\w.-]+)(?:==[\w.+!-]+)? has no wheels with a matching Python")
_MISSING = re.compile(
    r"there (?:is|are) no versions? of (?P<version>[\w.-]+(?:[<>=!~][^\s,]*)?)"
    r"|(?<![\w.-])(?P<package>[\w.-]+) was not found in"
)
_ONLY = re.compile(r"\bonly (?P<versions>[A-Za-z][\w.-]*[<>=!~][^\s,]+) (?:is|are) available")

_STARTED = re.compile(r"^Downloading (?P<name>[\w.-]+) \((?P<size>[\d.]+)(?P<unit>[KMG]iB)\)\s*$", re.MULTILINE)
_FINISHED = re.compile(r"^ Downloaded (?P<name>[\w.-]+)\s*$", re.MULTILINE)
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class UvOutput(PatternOutput):
    """Reads what uv prints."""

    rules: ClassVar[tuple[Rule, ...]] = (
        rule(Status.INFRA, Reason.NO_SPACE, *NO_SPACE, r"\(os error 28\)"),
        # The archive is whole, but uv unpacks no file of such a name.
        rule(Status.BUILD_FAIL, Reason.BUILD_ERROR, r"extraction policy rejected input"),
        rule(Status.INFRA, Reason.HASH_MISMATCH, r"Hash mismatch for"),
        rule(
            Status.INFRA,
            Reason.CORRUPT_DOWNLOAD,
            r"Failed to read from zip file",
            *BROKEN_ARCHIVE,
            r"cause: .*(unexpected end of file|invalid gzip header|corrupt deflate stream|[Ii]nvalid Zip archive)",
            BROKEN_TRANSFER,
            # The file is not what its name says. Metadata with an odd requirement are those of a real release.
            r"Metadata field \S+ not found",
            r"^.*metadata name `[^`\n]*` does not match given name",
            r"which indicates a malformed wheel",
        ),
        rule(
            Status.INFRA,
            Reason.INDEX_REFUSED,
            r"lack of valid authentication credentials",
            r"returned a 403 Forbidden error",
            r"HTTP status client error \(40[137] ",
        ),
        rule(
            Status.INFRA,
            Reason.FILE_MISSING,
            r"HTTP status client error \(4(04|10) ",
            r"^\s*cause: Distribution not found at: ",
        ),
        # The index has a link to a source distribution that leads nowhere, and uv calls that a failed build.
        rule(
            Status.INFRA,
            Reason.NOT_AN_INDEX,
            r"^\s*cause: Could not parse absolute URL",
            r"^\s*cause: builder error for",
        ),
        rule(Status.INFRA, Reason.INDEX_ERROR, r"HTTP status (server|client) error", SERVER_ERRORS),
        rule(
            Status.INFRA,
            Reason.INDEX_UNREACHABLE,
            r"^error: Request failed after",
            r"cause: Request failed after",
            r"cause: Failed to fetch: ",
            r"^error: Failed to fetch: ",
            r"Failed to read `--find-links` URL",
            r"network (was|is) disabled",
            *NO_CONNECTION,
        ),
        rule(Status.INFRA, Reason.GIT_FAILED, r"^\s*cause: Git operation failed"),
        rule(
            Status.UNSOLVABLE,
            Reason.ONLY_SDIST,
            r"^\s*cause: Building source distributions for `[^`]+` is disabled",
            r"^hint: Wheels are required for `[^`]+` because building from source is disabled",
        ),
        rule(
            Status.BUILD_FAIL,
            Reason.BUILD_ERROR,
            r"Failed to (download and )?build",
            r"build backend returned an error",
        ),
        rule(
            Status.UNSOLVABLE,
            Reason.PACKAGE_NOT_FOUND,
            r"was not found in the (package registry|provided package locations)",
        ),
        rule(
            Status.UNSOLVABLE,
            Reason.NO_MATCHING_FILE,
            r"requires Python [<>=!~]",
            r"does not satisfy Python",
            r"has no (usable )?wheels",
            r"no (wheels|source distribution)",
            r"doesn't have a source distribution or wheel",
            r"In `--require-hashes` mode",
            r"has an invalid package format",
            r"has invalid metadata",
        ),
        rule(Status.UNSOLVABLE, Reason.VERSION_NOT_FOUND, r"[Bb]ecause there (is|are) no versions? of"),
        rule(Status.UNSOLVABLE, Reason.CONFLICT, r"No solution found when resolving"),
    )
    sentences = patterns(
        r"`(?P<place>[^`]+)`\n\s*cause: Git operation failed[\s\S]*?^\s*(?:fatal|error): (?P<sentence>.+)$",
        r"^\s*hint: (?P<sentence>Metadata for `[^`\n]+` \S+ could not be parsed):\s+(?P<why>Metadata field .+)$",
        r"^\s*hint: (?P<sentence>An index .+(?:credentials|403 Forbidden).*)$",
        r"^hint: (?P<sentence>Wheels are required for .+)$",
        r"^\s*cause: (?P<sentence>(?:Because|Hash mismatch)[\s\S]+?)(?=\n\s*\n|\n\s*(?:cause|hint):|\Z)",
        r"^\s*cause: (?P<sentence>(?:HTTP status|Could not parse absolute URL).+)$",
        r"^\s*error: (?P<sentence>.+)(?:\n\s+cause: .+)*\n\s+cause: (?P<root>.+)$",
        r"^\s*(?:error|ERROR): (?P<sentence>.+)$",
    )
    failed_builds = re.compile(r"Failed to (?:download and )?build `(?P<name>[\w.-]+?)(?:==(?P<version>[\w.+!-]+))?`")

    def conflict(self, output: str) -> Conflict:
        """Read the proof that follows ``No solution found``: sentences that uv breaks into lines anywhere."""
        text = " ".join(output.split())
        missing = _MISSING.search(text)
        return Conflict(
            dependencies=tuple(
                Dependency(package=package_name(match["package"]), requirement=requirement)
                for match in _DEPENDENCY.finditer(text)
                if (requirement := quoted_requirement(match["requirement"])) is not None
            ),
            other_python=_other_python(text),
            missing=missing and (missing["version"] or missing["package"]),
            only=tuple(match["versions"] for match in _ONLY.finditer(text)),
        )

    def downloads(self, output: str) -> tuple[Download, ...]:
        """Return the files that uv reports, which are those of a megabyte and more."""
        finished = set(_FINISHED.findall(output))
        return tuple(
            Download(name=name, size=round(float(size) * _UNITS[unit]), done=name in finished)
            for name, size, unit in _STARTED.findall(output)
        )


def _other_python(text: str) -> OtherPython | None:
    if match := _REQUIRES_PYTHON.search(text):
        return OtherPython(package=package_name(match["package"]), requires=match["requires"].rstrip(",."))
    if match := _NO_WHEEL.search(text):
        return OtherPython(package=package_name(match["package"]), requires=None)
    return None
