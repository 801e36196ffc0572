"""What exit codes and reasons mean, and what to do about them. A test holds that none is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from knowngood.errors import ExitCode
from knowngood.model import Reason, Status

EXIT_CODES: Mapping[ExitCode, str] = {
    ExitCode.AS_EXPECTED: "all cells are as expected; for `scan` and `diff`: nothing to complain about",
    ExitCode.DIFFERS: "a cell differs from what is expected of it, or something regressed",
    ExitCode.USAGE: "the command line or a file is wrong; nothing was run",
    ExitCode.UNDECIDED: (
        "something outside the versions stood in the way (index, machine, our own bug), so nothing can be said"
    ),
    ExitCode.NOTHING_SELECTED: "the selection leaves nothing to run: never a success",
    ExitCode.REFERENCE_FAILED: "the reference combo failed, so nobody else is blamed",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C); what is done is kept and the report written",
    ExitCode.TERMINATED: "terminated (SIGTERM); what is done is kept and the report written",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What is told of a reason."""

    statuses: tuple[Status, ...]
    """Those that a cell with this reason can have."""
    means: str
    next: str
    """What to do about it; empty: nothing."""


def _told(statuses: Status | tuple[Status, ...], means: str, what_to_do: str) -> Told:
    return Told(statuses=statuses if isinstance(statuses, tuple) else (statuses,), means=means, next=what_to_do)


_AGAIN = "run again once it is back; nothing is held against the versions"

REASONS: Mapping[Reason, Told] = {
    Reason.HARNESS_BUG: _told(
        Status.ERROR,
        "a bug of ours stood in the way",
        "report it with the file harness-error.txt of the combo; the other combos went on",
    ),
    Reason.INTERRUPTED: _told(
        Status.NOT_RUN, "it was stopped while it was built or probed", "run the same command again: it resumes"
    ),
    Reason.NOT_REACHED: _told(
        Status.NOT_RUN, "the run ended before it began, or its shard is missing", "run again, or merge the shard"
    ),
    Reason.NO_SPACE: _told(Status.INFRA, "the disk is full", "free some space; a torch environment takes gigabytes"),
    Reason.PYTHON_MISSING: _told(
        Status.INFRA, "this machine has no such Python", "install it: the message names the command"
    ),
    Reason.INDEX_UNREACHABLE: _told(Status.INFRA, "the package index could not be reached", _AGAIN),
    Reason.INDEX_REFUSED: _told(
        Status.INFRA, "the index refused access (401, 403, 407)", "check the credentials in ~/.netrc or the keyring"
    ),
    Reason.INDEX_ERROR: _told(Status.INFRA, "the index answered with an error", _AGAIN),
    Reason.FILE_MISSING: _told(
        Status.INFRA, "the index lists a file that it does not have", "tell whoever runs the index"
    ),
    Reason.HASH_MISMATCH: _told(
        Status.INFRA,
        "a file is not the one that the index or the lock promised",
        "clear the installer's cache and run again; when it stays, distrust the index",
    ),
    Reason.CORRUPT_DOWNLOAD: _told(Status.INFRA, "a download was cut short or damaged", "run again"),
    Reason.KILLED_BY_OTHERS: _told(
        Status.INFRA, "a signal that we did not send ended it", "find out who did: often a container that was stopped"
    ),
    Reason.UNRECOGNISED: _told(
        Status.INFRA,
        "the installer said something that no rule knows",
        "read its log; please report the text, it becomes a rule",
    ),
    Reason.ASSET_UNAVAILABLE: _told(
        Status.INFRA, "an asset of the matrix could not be fetched", "check its `[asset.NAME]` and the index"
    ),
    Reason.PACKAGE_NOT_FOUND: _told(
        Status.UNSOLVABLE, "the index has no package of that name", "check the spelling, and which index offers it"
    ),
    Reason.VERSION_NOT_FOUND: _told(
        Status.UNSOLVABLE,
        "the index has no such version",
        "ask for one that exists; yanked ones count only when pinned",
    ),
    Reason.NO_MATCHING_FILE: _told(
        Status.UNSOLVABLE,
        "the version exists, but no file of it fits this Python or platform",
        "use another Python, or a version with a wheel for this one",
    ),
    Reason.CONFLICT: _told(
        Status.UNSOLVABLE, "the requirements rule each other out", "read the proof in the message, and loosen one side"
    ),
    Reason.BUILD_ERROR: _told(
        Status.BUILD_FAIL,
        "a source distribution could not be built",
        "use a version with a wheel, or install what the build misses",
    ),
    Reason.OUT_OF_MEMORY: _told(
        (Status.OOM, Status.INFRA),
        "memory ran out: `oom` in a probe, `infra` while installing",
        "give it more memory, or run fewer at a time with --jobs 1",
    ),
    Reason.TIMED_OUT: _told(
        (Status.TIMEOUT, Status.INFRA),
        "it did not end in time: `timeout` in a probe, `infra` while installing",
        "look where it hung, which the message tells; raise `timeout` if it is only slow",
    ),
    Reason.SIGNALLED: _told(
        Status.CRASH,
        "the probe died of a signal, such as SIGSEGV",
        "look at the open check: compiled code that does not fit",
    ),
    Reason.NO_START: _told(
        (Status.CRASH, Status.INFRA),
        "Python ended before the probe began (`crash`), or could not be started at all (`infra`)",
        "read the log: something breaks every start of this Python",
    ),
    Reason.LEFT_EARLY: _told(
        Status.CRASH, "the process left in the middle of a check", "find who calls `os._exit` in the open check"
    ),
    Reason.PIN_VIOLATED: _told(
        Status.FAIL,
        "what ended up installed is not what the combo pinned",
        "repeat the pin in the step that moved it, which the report names",
    ),
    Reason.CHECK_FAILED: _told(Status.FAIL, "a check raised or said no", "read the diagnosis with `knowngood explain`"),
    Reason.EXIT_CODE: _told(
        Status.FAIL, "every check was done, and then the probe ended with an exit code", "see what it does at its exit"
    ),
    Reason.NO_CHECKS: _told(
        Status.FAIL, "no check was run, so nothing was shown to work", "check what the checks `need`, or add one"
    ),
    Reason.NOT_FINITE: _told(
        Status.FAIL, "a recorded array holds NaN or infinity", "trust no other number of this environment"
    ),
    Reason.ALARM: _told(
        Status.FAIL,
        'it passed, but printed an alarm, and the matrix has `warnings = "fail"`',
        "treat it as the failure that it announces",
    ),
    Reason.NUMBERS_MOVED: _told(
        Status.MOVED,
        "it passed, but recorded numbers are not those of the reference combo",
        "read whether stored vectors must be computed anew",
    ),
    Reason.ALL_PASSED: _told(Status.PASS, "every check passed", ""),
}
