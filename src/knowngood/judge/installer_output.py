"""Declare what a judge asks about the output of an installer; each installer answers for its own output."""

from typing import Protocol

from knowngood.model import Action, Reason, Status


class InstallerOutput(Protocol):
    """Reads the output of one installer: text in, meaning out."""

    def classify(self, action: Action) -> tuple[Status, Reason]:
        """Return the status and reason that a failed resolve, create or install stands for."""
        ...

    def message(self, action: Action, status: Status) -> str:
        """Return the one sentence of the output that says why, on one line."""
        ...

    def failed_build(self, action: Action) -> tuple[str, str | None] | None:
        """Return the canonical name and, where the output names it, the version of the package that did not build."""
        ...
