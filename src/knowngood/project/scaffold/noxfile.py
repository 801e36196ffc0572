"""Write the noxfile of a project, or the lines that its noxfile needs."""

import json
import re

from knowngood.project.scaffold.machine import Origin
from knowngood.sessions import SESSIONS

_NOXFILE = '''{header}
"""The sessions of knowngood. `nox -l` lists them."""

import nox
from knowngood.nox import sessions

nox.options.sessions = ["matrix"]

sessions()
'''


def header(origin: Origin) -> str:
    """Return the PEP 723 header of a noxfile: what nox needs to run it."""
    needed = ", ".join(map(json.dumps, ("nox", origin.requirement)))
    block = f'# /// script\n# requires-python = ">=3.11"\n# dependencies = [{needed}]\n# ///\n'
    if origin.path is None:
        return block
    note = f"# The folder of knowngood is on one machine: for others, write {json.dumps(origin.elsewhere)} below,\n"
    return f'{note}# or its repository: "knowngood @ git+https://..."\n{block}'


def noxfile(origin: Origin) -> str:
    """Return a noxfile with the sessions of knowngood and no other."""
    return _NOXFILE.format(header=header(origin))


def prefix(text: str) -> str:
    """Return what the sessions of knowngood begin with in a noxfile, so that none has a name that it uses already."""
    defined = {*re.findall(r"^def (\w+)\(", text, re.MULTILINE), *re.findall(r"name\s*=\s*[\"']([\w-]+)[\"']", text)}
    return "kg-" if defined.intersection(SESSIONS) else ""


def lines_for(text: str, origin: Origin) -> tuple[str, ...]:
    """Return the lines that a noxfile needs for the sessions of knowngood; none if it has them."""
    if "knowngood.nox" in text:
        return ()
    argument = json.dumps(prefix(text)) if prefix(text) else ""
    calls = ("from knowngood.nox import sessions", "", f"sessions({argument})")
    if re.search(r"^# /// script$", text, re.MULTILINE):
        return (
            "in its header, in `dependencies`:",
            f"    {json.dumps(origin.requirement)},",
            "at its end:",
            *_indented(calls),
        )
    return ("at its beginning:", *_indented(header(origin).splitlines()), "at its end:", *_indented(calls))


def _indented(lines: "tuple[str, ...] | list[str]") -> tuple[str, ...]:
    return tuple(f"    {line}".rstrip() for line in lines)
