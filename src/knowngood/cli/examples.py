"""Group the verbs in ``--help``, and give each of them examples. ``--help`` imports no library for looks."""

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Begin": ("init", "import", "list"),
    "Test": ("plan", "run", "explain", "diff"),
    "Search": ("fix", "frontier", "timeline", "upgrade", "forecast", "confluence"),
    "Report": ("report", "publish", "docs", "export"),
    "More": ("cache", "scan"),
}
"""The verbs by what they are for, in the order in which a user meets them; a test holds that each verb is in one."""

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "init": (("init", "the project in this folder"), ("init --dry-run ../shop", "another one; write nothing")),
    "import": (("import Dockerfile", "print a matrix"), ("import tox.ini --write", "write it into matrices/")),
    "list": (("list --only 'legacy*'", "some combos of the only matrix"),),
    "plan": (
        ("plan", "what a run would download and probe"),
        ("plan --all --format github", "jobs for CI"),
    ),
    "run": (
        ("run", "the only matrix"),
        ("run --only 'legacy*' --fix", "some combos; look for fixes as well"),
        ("run --last-failed", "what was not as expected last time"),
        ("run --budget 15m --publish", "stop in time; publish the report"),
    ),
    "explain": (
        ("explain", "everything that is not as expected"),
        ("explain legacy --format markdown", "one combo, for an issue"),
    ),
    "diff": (("diff", "the last run, compared with the baseline"),),
    "fix": (
        ("fix legacy", "the smallest change with which it works"),
        ("fix legacy --keep torch --to 'numpy>=2'", "with torch as it is and a new NumPy"),
    ),
    "frontier": (
        ("frontier modern transformers", "which versions work"),
        ("frontier modern numpy torch", "a map of two packages"),
    ),
    "timeline": (("timeline modern --since 2026-01-01", "which release broke it since then"),),
    "upgrade": (
        ("upgrade legacy", "to the newest versions that work"),
        ("upgrade legacy --to 'numpy>=2'", "as far as a goal"),
    ),
    "forecast": (("forecast --cooldown 7d", "what releases of the last week will break"),),
    "confluence": (("confluence legacy", "whether the order of its steps matters"),),
    "report": (
        ("report --format html -o page.html", "the last run as a page"),
        ("report shard-1 shard-2 --gate", "shards as one run, with its exit code"),
    ),
    "publish": (("publish", "into reports/MATRIX"), ("publish --accept", "and make it the baseline")),
    "docs": (("docs", "update the tables"), ("docs --check", "fail if one is stale")),
    "export": (
        ("export modern -o requirements.txt", "exact versions with hashes"),
        ("export modern --format dockerfile", "the steps of a Dockerfile"),
    ),
    "scan": (("scan dist/*.whl --numpy 2.0.2", "wheels that were built for another NumPy"),),
    "cache": (("cache ls", "what would be reused"), ("cache export verdicts.tar", "for another machine")),
}
"""Commands and what they do, by verb; each is a command line without ``knowngood``."""


def epilog(verb: str) -> str:
    """Return the examples of a verb as the end of its help; empty without any."""
    examples = EXAMPLES.get(verb, ())
    width = max((len(command) for command, _ in examples), default=0)
    lines = [f"  knowngood {command:<{width}}  {purpose}" for command, purpose in examples]
    # A line with \b keeps click from joining the lines below it.
    return "\n".join(["\b", "Examples:", *lines]) if lines else ""
