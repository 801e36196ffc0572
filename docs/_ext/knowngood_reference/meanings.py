"""Explain every exit code and reason, and what to do about it. A test checks that none is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from knowngood.errors import ExitCode
from knowngood.model import Reason, Status

EXIT_CODES: Mapping[ExitCode, str] = {
    ExitCode.AS_EXPECTED: "every cell is as expected; for `scan` and `diff`: no complaint",
    ExitCode.DIFFERS: "a cell differs from what is expected of it, or something regressed",
    ExitCode.USAGE: "the command line or a file is invalid; nothing was run",
    ExitCode.UNDECIDED: "some cells are undecided: trouble with index, network, disk or machine, or no time left",
    ExitCode.NOTHING_SELECTED: "nothing is selected to run, which is never a success",
    ExitCode.REFERENCE_FAILED: "the reference combo failed, so the others are not judged against it",
    ExitCode.INTERNAL: "knowngood itself crashed and says nothing about the versions; the message names a file to send",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C); finished combos are kept and the report is written",
    ExitCode.TERMINATED: "terminated (SIGTERM); finished combos are kept and the report is written",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What a reason means."""

    statuses: tuple[Status, ...]
    """The statuses that a cell with this reason can have."""
    text: str
    next_step: str
    """What to do about it; empty if there is nothing to do."""


def _meaning(statuses: Status | tuple[Status, ...], text: str, next_step: str) -> Meaning:
    return Meaning(statuses=statuses if isinstance(statuses, tuple) else (statuses,), text=text, next_step=next_step)


_AGAIN = "run again when it is back; the failure does not count against the versions"

REASONS: Mapping[Reason, Meaning] = {
    Reason.HARNESS_BUG: _meaning(
        Status.ERROR,
        "knowngood itself has a bug",
        "report it and attach the combo's file harness-error.txt; the other combos are not affected",
    ),
    Reason.INTERRUPTED: _meaning(
        Status.NOT_RUN,
        "the run was stopped while the combo was built or probed",
        "run the same command again to resume",
    ),
    Reason.NOT_REACHED: _meaning(
        Status.NOT_RUN, "the run ended before the combo began, or its shard is missing", "run again, or merge the shard"
    ),
    Reason.NOT_COVERED: _meaning(
        Status.NOT_RUN,
        "`--cover` left the combo out: others have the same pairs of values, or it has a pair that is unsolvable",
        "run without `--cover`, or only this combo with `--only`",
    ),
    Reason.OUT_OF_TIME: _meaning(
        Status.NOT_RUN,
        "the time of `--budget` was spent before the combo was finished",
        "run the same command again: it continues with this combo",
    ),
    Reason.NO_SPACE: _meaning(
        Status.INFRA, "the disk is full", "free some space; an environment with torch takes gigabytes"
    ),
    Reason.PYTHON_MISSING: _meaning(
        Status.INFRA, "the machine does not have this Python", "install it with the command that the message names"
    ),
    Reason.INDEX_UNREACHABLE: _meaning(Status.INFRA, "the package index could not be reached", _AGAIN),
    Reason.INDEX_REFUSED: _meaning(
        Status.INFRA, "the index refused access (401, 403, 407)", "check the credentials in ~/.netrc or the keyring"
    ),
    Reason.OFFLINE: _meaning(
        Status.INFRA, "the run is offline, and the package is not on this machine", "run again without `--offline`"
    ),
    Reason.NOT_AN_INDEX: _meaning(
        Status.INFRA, "the address answers, but is not a package index", "correct the address of the index"
    ),
    Reason.NO_UPLOAD_TIMES: _meaning(
        Status.INFRA,
        "the index does not say when files were uploaded, which `as-of` and `spec0` need",
        "take the package from an index that does, such as PyPI, or leave `as-of` out",
    ),
    Reason.INDEX_ERROR: _meaning(Status.INFRA, "the index answered with an error", _AGAIN),
    Reason.GIT_FAILED: _meaning(
        Status.INFRA,
        "git could not get the repository, branch, tag or commit that a requirement names",
        "correct its URL, or run again when the server answers",
    ),
    Reason.FILE_MISSING: _meaning(
        Status.INFRA, "the index lists a file that it does not have", "notify the maintainers of the index"
    ),
    Reason.HASH_MISMATCH: _meaning(
        Status.INFRA,
        "a file does not have the hash that the index or the lock states",
        "clear the installer's cache and run again; if it happens again, distrust the index",
    ),
    Reason.CORRUPT_DOWNLOAD: _meaning(Status.INFRA, "a download was incomplete or damaged", "run again"),
    Reason.KILLED_BY_OTHERS: _meaning(
        Status.INFRA,
        "a signal that knowngood did not send ended the process",
        "find out what sent it; often a container was stopped",
    ),
    Reason.WORKER_LOST: _meaning(
        Status.INFRA,
        "two workers of the cluster were lost while they evaluated the combo",
        "look at the logs of the workers: they may have too little memory; run again",
    ),
    Reason.UNRECOGNISED: _meaning(
        Status.INFRA,
        "no rule recognizes the output of the installer",
        "read its log, and please report the text so that it becomes a rule",
    ),
    Reason.ASSET_UNAVAILABLE: _meaning(
        Status.INFRA, "an asset of the matrix could not be fetched", "check its `[asset.NAME]` and the index"
    ),
    Reason.PROJECT_UNREADABLE: _meaning(
        Status.INFRA, "a file of the project could not be copied", "follow the message, which names the file"
    ),
    Reason.SETUP_FAILED: _meaning(
        Status.INFRA,
        "a `setup` command of the probe failed, so the probe did not run",
        "run the command that the message names by hand",
    ),
    Reason.COMMAND_MISSING: _meaning(
        Status.ERROR,
        "the command is neither in the environment nor on `PATH`, or the environment has no pytest",
        "add the package that provides it to a step, or correct the name",
    ),
    Reason.SHADOWED: _meaning(
        Status.ERROR,
        "the tests imported the sources of the project instead of the installed project",
        'add `"--import-mode=append"` to the arguments of pytest, use a `src` layout, or set `editable = true`',
    ),
    Reason.USAGE_ERROR: _meaning(
        Status.ERROR,
        "pytest refused its arguments or its configuration",
        "correct what the message quotes; often the plugin that provides the option is not installed",
    ),
    Reason.NO_TESTS: _meaning(
        Status.ERROR, "pytest found no test to run", "correct the paths and the selection in the arguments of pytest"
    ),
    Reason.SKIPPED: _meaning(
        Status.NOT_RUN,
        "the probe skipped itself: its command exited 125, or every test was skipped",
        "read in the message why; leave the probe out of combos that it cannot judge",
    ),
    Reason.PACKAGE_NOT_FOUND: _meaning(
        Status.UNSOLVABLE, "the index has no package of that name", "check the spelling, and which index offers it"
    ),
    Reason.VERSION_NOT_FOUND: _meaning(
        Status.UNSOLVABLE,
        "the index has no such version",
        "ask for one that exists; a yanked version counts only when it is pinned",
    ),
    Reason.BUILD_CONFINED: _meaning(
        Status.INFRA,
        "a build failed because the sandbox lets it write only into its own folders, and gives it no network",
        'set `sdists = { network = true }` if it needs the network, or `isolation = "none"` if you trust it',
    ),
    Reason.ONLY_SDIST: _meaning(
        Status.UNSOLVABLE,
        "only a source distribution fits, and `sdists` or `--only-binary` does not let it be built",
        "use a version with a wheel, or let the package be built",
    ),
    Reason.NO_MATCHING_FILE: _meaning(
        Status.UNSOLVABLE,
        "the version exists, but none of its files fits this Python or platform",
        "use another Python, or a version with a wheel for this one",
    ),
    Reason.CONFLICT: _meaning(
        Status.UNSOLVABLE,
        "the requirements exclude each other",
        "read the resolver's proof in the message, and loosen one side",
    ),
    Reason.BUILD_ERROR: _meaning(
        Status.BUILD_FAIL,
        "a source distribution could not be built",
        "use a version with a wheel, or install what the build is missing",
    ),
    Reason.OUT_OF_MEMORY: _meaning(
        (Status.OOM, Status.INFRA),
        "memory ran out: `oom` in a probe, `infra` while installing",
        "give it more memory, or run one combo at a time with --jobs 1",
    ),
    Reason.TIMED_OUT: _meaning(
        (Status.TIMEOUT, Status.INFRA),
        "it exceeded its time limit: `timeout` in a probe, `infra` while installing",
        "read in the message where it hung; raise `timeout` if it is only slow",
    ),
    Reason.SIGNALLED: _meaning(
        Status.CRASH,
        "a signal such as SIGSEGV killed the probe, or a worker of pytest-xdist died",
        "look at the check that was running: usually compiled code was built for other versions",
    ),
    Reason.NO_START: _meaning(
        (Status.CRASH, Status.INFRA),
        "Python ended before the probe began (`crash`), or could not be started at all (`infra`)",
        "read the log: something breaks every start of this Python",
    ),
    Reason.LEFT_EARLY: _meaning(
        Status.CRASH, "the process exited in the middle of a check", "find what calls `os._exit` in that check"
    ),
    Reason.PIN_VIOLATED: _meaning(
        Status.FAIL,
        "an installed version violates one of the combo's own pins",
        "repeat the pin in the step that moved it, which the report names",
    ),
    Reason.PLUGIN_ERROR: _meaning(
        Status.FAIL,
        "pytest, or a plugin of pytest that is installed, could not be loaded",
        "read the diagnosis: usually the plugin does not fit this version of pytest or Python",
    ),
    Reason.INTERNAL_ERROR: _meaning(
        Status.FAIL,
        "pytest itself failed, or a plugin inside it",
        "read the diagnosis: usually a plugin does not fit this version of pytest",
    ),
    Reason.COLLECTION_ERROR: _meaning(
        Status.FAIL,
        "a test module or a `conftest.py` raised an exception when it was imported",
        "read the diagnosis with `knowngood explain`",
    ),
    Reason.CHECK_FAILED: _meaning(Status.FAIL, "a check failed", "read the diagnosis with `knowngood explain`"),
    Reason.EXIT_CODE: _meaning(
        Status.FAIL,
        "every check ran, and then the probe exited with a code other than 0",
        "see what it does at its exit",
    ),
    Reason.NO_CHECKS: _meaning(
        Status.FAIL, "no check ran, so nothing was shown to work", "see what the checks `need`, or add a check"
    ),
    Reason.NOT_FINITE: _meaning(
        Status.FAIL, "a recorded array holds NaN or infinity", "do not trust any other number of this environment"
    ),
    Reason.ALARM: _meaning(
        Status.FAIL,
        'the probe passed but printed an alarm, and the matrix has `warnings = "fail"`',
        "treat it as the failure that it announces",
    ),
    Reason.NUMBERS_MOVED: _meaning(
        Status.MOVED,
        "the probe passed, but its recorded numbers differ from those of the reference combo",
        "read in the report whether stored vectors must be recomputed",
    ),
    Reason.ALL_PASSED: _meaning(Status.PASS, "every check passed", ""),
}
