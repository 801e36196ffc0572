"""Name the sessions that a noxfile gets from ``knowngood.nox``, also for code that runs without nox."""

from collections.abc import Mapping

VERBS: Mapping[str, str] = {
    "init": "Write the first matrix of a project, and the files around it.",
    "import": "Turn the file named after ``--`` into a matrix, and print it; ``-- --write FILE`` writes it.",
    "plan": "Resolve only: print which combos are solvable and which a run would probe; ``-- --format github`` for CI.",
    "explain": "Explain the combo named after ``--``, or every cell that is not as expected.",
    "fix": "Find the smallest change with which the combo named after ``--`` works, and verify it.",
    "frontier": "Find out which versions of a package work in a combo: ``-- COMBO PACKAGE``.",
    "timeline": "Find out which release broke the combo named after ``--``, and when; ``--since 2025-11-01``.",
    "upgrade": "Find a path from the combo named after ``--`` to newer versions on which every step works.",
    "forecast": "Find out what will break when a cooldown admits the releases that it still holds back.",
    "confluence": "Find out whether all orders of the steps of the combo named after ``--`` lead to the same set.",
    "report": "Render the last run, or the event logs named after ``--``, as a report.",
    "diff": "Compare the last run with the baseline, and fail if something regressed.",
    "publish": "Publish the newest complete run in reports/, red or green; ``-- --accept`` also makes it the baseline.",
    "export": "Export the proven combo named after ``--`` as requirements, constraints, ``pylock.toml`` or Dockerfile.",
    "docs": "Update the tested-versions tables in the docs; ``-- --check`` fails if a page is stale.",
    "list": "List the combos of a matrix.",
    "cache": "List or share the cached verdicts: ``-- ls``, ``-- export FILE``, ``-- import FILE``.",
    "scan": "Predict which compiled files of the wheels named after ``--`` cannot work with a version of NumPy.",
}
"""Verb -> its sentence in ``nox -l``."""

SESSIONS = frozenset({"matrix", "combo", *VERBS})
"""The names of all sessions without a prefix; ``matrix`` and ``combo`` are those of the verb ``run``."""
