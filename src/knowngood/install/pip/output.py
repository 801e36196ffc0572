"""Say what the output of pip means."""

import re
from typing import ClassVar

from packaging.utils import canonicalize_name

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

_GIT = r"^\s*\u00d7 git \S[^\n]* did not run successfully"
_DEPENDENCY = re.compile(
    r"^[ \t]+(?P<package>[\w.-]+) (?P<version>[\w.+!-]+) depends on (?P<requirement>.+)$", re.MULTILINE
)
_REQUIRES_PYTHON = re.compile(
    r"Package '(?P<package>[\w.-]+)' requires a different Python: \S+ not in '(?P<requires>[^']+)'"
)
MISSING = re.compile(r"No matching distribution found for (?P<requirement>.+)")
"""What pip did not find in any index."""

_UNREADABLE = re.compile(r"^Requested (?P<requirement>\S+) from \S+ has invalid metadata: ", re.MULTILINE)

_DOWNLOADING = re.compile(
    r"^ *Downloading (?P<file>\S+?) \((?P<size>[\d.]+) (?P<unit>bytes|[kMG]B)\)$(?P<rest>\n.)?", re.MULTILINE
)
_UNITS = {"bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


class PipOutput(PatternOutput):
    """Reads what pip prints."""

    rules: ClassVar[tuple[Rule, ...]] = (
        rule(Status.INFRA, Reason.NO_SPACE, *NO_SPACE),
        rule(Status.INFRA, Reason.HASH_MISMATCH, r"DO NOT MATCH THE HASHES"),
        rule(
            Status.INFRA,
            Reason.CORRUPT_DOWNLOAD,
            r"^error: incomplete-download",
            r"Wheel '.*' located at .* is invalid",
            *BROKEN_ARCHIVE,
            BROKEN_TRANSFER,
        ),
        rule(
            Status.INFRA,
            Reason.INDEX_REFUSED,
            r"Could not fetch URL \S+: 40[13] ",
            r"HTTP error 40[137] while getting",
            r"is not a trusted or secure host and is being ignored",
        ),
        rule(Status.INFRA, Reason.FILE_MISSING, r"HTTP error 4(04|10) while getting"),
        rule(
            Status.INFRA,
            Reason.INDEX_ERROR,
            SERVER_ERRORS,
            r"HTTP error \d+ while getting",
            r"Could not fetch URL \S+: (4(?!04)|5)\d\d ",
        ),
        rule(Status.INFRA, Reason.INDEX_UNREACHABLE, r"Could not fetch URL \S+: (?!404 )", *NO_CONNECTION),
        rule(Status.INFRA, Reason.GIT_FAILED, _GIT),
        rule(
            Status.BUILD_FAIL,
            Reason.BUILD_ERROR,
            r"subprocess-exited-with-error",
            r"metadata-generation-failed",
            r"Failed building wheel",
            r"Failed to build",
        ),
        rule(Status.UNSOLVABLE, Reason.CONFLICT, r"^ERROR: ResolutionImpossible", r"conflicting dependencies"),
        # The file is not what its name says, and pip goes on as if the index did not have it.
        rule(Status.INFRA, Reason.CORRUPT_DOWNLOAD, r"has inconsistent (?:name|version): expected '"),
        rule(
            Status.UNSOLVABLE,
            Reason.PACKAGE_NOT_FOUND,
            r"\(from versions: none\)[\s\S]*Could not fetch URL \S+: 404 ",
        ),
        rule(
            Status.UNSOLVABLE,
            Reason.NO_MATCHING_FILE,
            r"^ERROR: Package .* requires a different Python",
            # Only for the requested version: pip lists all versions that it passed over.
            r"require a different python version: .*?(?P<asked>[^\s;]+) Requires-Python"
            r"[\s\S]*requirement [^\s=]+==(?P=asked)[ ;]",
            r"\(from versions: none\)",
            r"is not a supported wheel on this platform",
            r"in --require-hashes mode",
            r"has invalid metadata",
        ),
        rule(Status.UNSOLVABLE, Reason.VERSION_NOT_FOUND, r"Could not find a version that satisfies"),
    )
    sentences = patterns(
        rf"^\s*Cloning (?P<place>\S+(?: \(to revision \S+\))?) to (?=[\s\S]*?{_GIT})[\s\S]*?"
        r"^\s*(?:fatal|error): (?P<sentence>.+)$",
        r"The conflict is caused by:\n(?P<sentence>(?: {4}.+\n)+)",
        r"(?P<sentence>Could not fetch URL \S+: (?!404 ).+)$",
        r"^Requested (?P<sentence>\S+) from \S+ (?P<metadata>has invalid metadata: .+)$",
        r"Requested (?P<sentence>\S+) from \S+ (?P<metadata>has inconsistent (?:name|version): .+)$",
        r"^\s*ERROR: (?P<sentence>Could not find a version.+\(from versions: (?!none\)).+)$",
        r"(?P<sentence>Could not fetch URL .+)$",
        r"^\s*ERROR: (?P<sentence>Could not find a version.+|HTTP error.+|Package .+)$",
        r"(?P<sentence>HTTPS?ConnectionPool\(.+)$",
        r"^\s*error: [a-z-]+\n\s*\n\s*\u00d7 (?P<sentence>.+)$",
        r"^\s*(?:error|ERROR): (?P<sentence>.+)$",
    )
    failed_builds = re.compile(
        r"(?:Failed to build '|Failed building wheel for |Failed to build installable wheels .*\("
        r"|Encountered error while generating package metadata\.\n\u2570\u2500> )"
        r"(?P<name>[\w.-]+)(?:==(?P<version>[\w.+!-]+))?"
    )

    def conflict(self, output: str) -> Conflict:
        """Read the list that follows ``The conflict is caused by``, and what pip says about a single package."""
        python, missing = _REQUIRES_PYTHON.search(output), MISSING.search(output)
        unreadable = _UNREADABLE.search(output)
        return Conflict(
            dependencies=tuple(
                Dependency(package=canonicalize_name(match["package"]), requirement=requirement)
                for match in _DEPENDENCY.finditer(output)
                if (requirement := quoted_requirement(match["requirement"])) is not None
            ),
            other_python=python and OtherPython(package=package_name(python["package"]), requires=python["requires"]),
            unreadable=unreadable and unreadable["requirement"],
            missing=missing and missing["requirement"].strip(),
        )

    def downloads(self, output: str) -> tuple[Download, ...]:
        """Return the files that pip reports; it fetches them one after the other."""
        return tuple(
            Download(
                name=_package(match["file"].rpartition("/")[2]),
                size=round(float(match["size"]) * _UNITS[match["unit"]]),
                done=match["rest"] is not None,
            )
            for match in _DOWNLOADING.finditer(output)
        )


def _package(file: str) -> str:
    """Return the canonical name of the package of a wheel or a source distribution."""
    return canonicalize_name(file.partition("-")[0] if file.endswith(".whl") else file.rpartition("-")[0] or file)
