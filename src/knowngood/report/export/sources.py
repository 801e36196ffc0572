"""Where the packages of a run came from, as an installer is told: without anything that is secret."""

from urllib.parse import quote, urlsplit, urlunsplit

from knowngood.model import IndexChoice, Run
from knowngood.report.text import plain

_HIDDEN = "***"
"""What a run records in place of a user, a password or a token."""


def default(run: Run) -> str | None:
    """Return the URL of the default index that the matrix declares; None: each installer's own was used."""
    return next((url(choice) for choice in used(run) if not choice.packages), None)


def own(run: Run) -> tuple[IndexChoice, ...]:
    """Return the indexes that only some packages came from."""
    return tuple(choice for choice in used(run) if choice.packages)


def used(run: Run) -> tuple[IndexChoice, ...]:
    """Return the declared indexes that were used, without those that fell back to the default."""
    return tuple(choice for choice in run.indexes if choice.used != "default")


def url(choice: IndexChoice) -> str:
    """Return the URL of an index as one word, without user, password, query and fragment."""
    parts = urlsplit(plain(choice.used))
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return quote(bare, safe=":/@!&'()*+,;=%~[]")


def told(choice: IndexChoice) -> str:
    """Return a sentence about an index that was used: raw text."""
    packages = f" for {', '.join(choice.packages)}" if choice.packages else ""
    access = "; it wants credentials, which are not told here" if _HIDDEN in choice.used else ""
    return f"{choice.name}: {url(choice)}{packages}{access}"
