"""Ids: short readable slugs that are safe as file names, session names and table cells."""

import hashlib
import re

from packaging.utils import canonicalize_name

from knowngood.declare.wording import WrongValueError, shown

LONGEST = 100
"""Characters that an id may have."""

_SLUG = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{LONGEST - 1}}}", re.ASCII)
_OPERATORS = (
    ("===", "is"),
    (">=", "ge"),
    ("<=", "le"),
    ("==", "eq"),
    ("!=", "ne"),
    ("~=", "like"),
    (">", "gt"),
    ("<", "lt"),
)


def slug(text: str) -> str:
    """Make an id of any text; empty when nothing of it can stand in one."""
    return re.sub(r"[^a-z0-9._]+", "-", text[:1000].lower()).lstrip("._-")[:LONGEST].rstrip("._-")


def checked_id(value: str) -> str:
    """Give an id back.

    Raises ``WrongValueError``: it is not a slug; the hint holds one.
    """
    if _SLUG.fullmatch(value):
        return value
    rule = (
        f"an id has at most {LONGEST} lower-case letters, digits, '.', '_' and '-', and begins with a letter or digit"
    )
    suggested = slug(value)
    raise WrongValueError(f"{shown(value)} is not an id: {rule}", f'write "{suggested}"' if suggested else "")


def collision_key(combo_id: str) -> str:
    """Give what an id comes down to where only letters, digits and ``-`` count, as in nox's folder names."""
    return canonicalize_name(combo_id).strip("-")


def fitted(combo_id: str) -> str:
    """Cut a generated id that is too long; a digest of the whole keeps it apart from others."""
    if len(combo_id) <= LONGEST:
        return combo_id
    digest = hashlib.sha256(combo_id.encode()).hexdigest()[:8]
    return f"{combo_id[: LONGEST - 9].rstrip('._-')}-{digest}"


def version_slug(package: str, version: str) -> str:
    """Name a package with a value of its axis: ``numpy1.24.3``, ``numpy-ge2-lt3``, ``numpy-latest``."""
    value = "".join(version.split()).replace(".*", ".x")
    for operator, word in _OPERATORS:
        value = value.replace(operator, word)
    value = slug(value)
    joint = "" if value[:1].isdigit() and not package[-1:].isdigit() else "-"
    return f"{package}{joint}{value}"
