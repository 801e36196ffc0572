"""Say what ``init`` saw in a project, chose and wrote, and what comes next: the lines for a terminal."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from knowngood.errors import some
from knowngood.project.files import near
from knowngood.project.scaffold.machine import Origin
from knowngood.project.scaffold.propose import Proposal
from knowngood.project.scaffold.survey import Kind, Survey

_KINDS = {
    "package": "the project is installed in every combo",
    "needs": "what its pyproject.toml lists is installed in every combo",
    "files": "what its requirements files list is installed in every combo",
    "image": "what its files install is tried",
}


def chosen(survey: Survey, origin: Origin, *, obtained: str) -> Iterator[str]:
    """Yield what was chosen, and why; ``obtained`` says what came of getting other Pythons."""
    yield f"{survey.name}: {_KINDS[survey.kind]}"
    yield ""
    if survey.kind is Kind.PACKAGE:
        yield _row("modules", f"{', '.join(survey.modules.names) or 'none found'} ({survey.modules.why})")
    pythons = survey.pythons
    yield _row("Pythons", f"{' '.join(pythons.chosen)} ({pythons.why})")
    if pythons.missing:
        yield _row("", f"not {' '.join(pythons.missing)}: {obtained or 'not installed'}")
    lock = survey.lock or (survey.dockerfile if survey.image is not None else "")
    today = f"{lock}, with Python {pythons.today} ({pythons.why_today})" if lock else "no lock"
    yield _row("today", today)
    if survey.split:
        yield _row("", f"{survey.split} is not used: some of its groups or extras conflict, so it has several versions")
    yield from _lowest(survey)
    if survey.tests is None:
        yield _row("tests", "none, so a smoke probe")
    else:
        yield _row("tests", f"{' '.join(survey.tests.arguments)} ({survey.tests.why})")
        yield _row("", survey.tests.needs.why)
        for note in survey.tests.notes:
            yield _row("", note)
    if survey.absent:
        what = f"{some(survey.absent)} not checked out, and the tests may need it: git submodule update --init"
        yield _row("submodules", what)
    if survey.dockerfile and survey.image is None:
        yield _row("image", f"`knowngood import {survey.dockerfile}` makes a combo from its install commands")
    yield _row("knowngood", f"{origin.requirement} ({origin.why})")


def _lowest(survey: Survey) -> Iterator[str]:
    count = len(survey.bounded) + len(survey.unbounded)
    if survey.lock and survey.lock == survey.requirements:
        yield _row("lowest", f"left out: {survey.lock} pins every version")
        return
    if not survey.known:
        yield _row("lowest", "its dependencies are known only after a build; tried all the same")
    elif not survey.bounded:
        yield _row(
            "lowest", "left out: " + ("no dependency states a lower bound" if count else "it has no dependencies")
        )
    else:
        yield _row("lowest", f"{len(survey.bounded)} of {count} dependencies state a lower bound")
    if survey.bounded and survey.unbounded:
        yield _row("", f"without one, and so never tried low: {some(survey.unbounded)}")


def _row(name: str, text: str) -> str:
    return f"  {name:<10} {text}".rstrip()


def written(proposal: Proposal, *, dry_run: bool) -> Iterator[str]:
    """Yield what was written, what was not, and what the user has to add."""
    yield "would write" if dry_run else "wrote"
    width = max(len(near(file.path)) for file in proposal.files)
    for file in proposal.files:
        if not file.kept:
            yield f"  {near(file.path):<{width}}  {file.what}"
    for file in proposal.files:
        if file.kept:
            yield f"  {near(file.path)} exists and stays as it is" + (". Add to it:" if file.advice else "")
            yield from (f"      {line}".rstrip() for line in file.advice)
    for problem in proposal.problems:
        yield f"  left out: {problem}"
    if dry_run:
        yield ""
        yield f"{near(proposal.files[0].path)}:"
        yield from (f"  {line}".rstrip() for line in proposal.files[0].text.splitlines())


def next_steps(proposal: Proposal, survey: Survey) -> Iterator[str]:
    """Yield what to do now, and how to read a red cell."""
    change = "" if survey.folder.path == Path.cwd() else f"cd {shlex.quote(near(survey.folder.path))} && "
    also = f", or nox -s {proposal.session}" if proposal.session else ""
    yield f"next: {change}knowngood run{f' {proposal.matrix}' if proposal.is_one_of_several else ''}{also}"
    yield "Nothing is declared as expected, so every red cell is a finding."
    if proposal.tries_lowest:
        yield "If `lowest` is red, a lower bound of the project does not hold: raise it, or support what it allows."
