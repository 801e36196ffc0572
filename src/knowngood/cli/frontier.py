"""The verb ``frontier``: find out which versions of a package work in a combo."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import complete_combos, format_option
from knowngood.cli.output import width
from knowngood.cli.searching import Searching, SearchOptions, package_name, print_as, search_options, searching
from knowngood.errors import ExitCode, UsageError
from knowngood.project.files import near

if TYPE_CHECKING:
    from knowngood.search.frontier_result import Result


@click.command(short_help="Find out which versions of a package work in a combo.")
@click.argument("combo", shell_complete=complete_combos)
@click.argument("package")
@click.argument("second", metavar="[PACKAGE]", required=False)
@click.option(
    "--last",
    type=click.IntRange(0),
    default=12,
    show_default=True,
    help="Release lines of each package in a map; 0: all.",
)
@click.option(
    "--bounds/--no-bounds",
    default=True,
    help="Also run the versions just outside declared bounds.",
)
@click.option("--write", is_flag=True, help="Write the bounds that work into the project's pyproject.toml.")
@format_option("text", "markdown", "json")
@search_options
def frontier(
    search: SearchOptions,
    combo: str,
    package: str,
    second: str | None,
    last: int,
    bounds: bool,
    write: bool,
    format_: str,
) -> None:
    """Find out which versions of PACKAGE work in COMBO, as intervals with their causes; for two packages, as a map.

    Each release line is represented by its last release. Where the result changes, the single releases of the line run,
    and spot checks look for exceptions elsewhere. Versions that the resolver rules out do not run. Versions that could
    not be tested are unknown, not failures. The result compares the declared bounds with what works.

    Exit codes: 0 if a version works, 1 if none does, 3 if that is undecided.
    """
    from knowngood.search import frontier_result as result

    with searching(search, (combo,), single=True) as ready:
        if second is not None:
            if write:
                raise UsageError("--write needs one package", next_step=f"knowngood frontier {combo} {package} --write")
            _map(ready, (package, second), last, format_)
            return
        found = _find(ready, package, bounds=bounds)
        ready.keep(result.searched(found))
        print_as(
            format_,
            text=lambda: result.text(found, width=width()),
            markdown=lambda: result.markdown(found),
            json=lambda: result.as_json(found),
        )
        if write:
            _write(ready, found)
        sys.exit(ready.code or _code(found))


def _find(ready: Searching, package: str, *, bounds: bool) -> "Result":
    from knowngood.search.frontier import find
    from knowngood.search.frontier_result import Result
    from knowngood.search.trail import trail_of

    with ready.oracle("frontier", ready.combos[0]) as oracle:
        name = package_name(oracle, package)
        base = oracle.ask_first()
        found = find(oracle, name, base, bounds=bounds)
        return Result(frontier=found, trail=trail_of(oracle))


def _map(ready: Searching, names: tuple[str, str], last: int, format_: str) -> None:
    """Print the map of two packages, and exit."""
    from knowngood.search import map as maps
    from knowngood.search.ask import Says
    from knowngood.search.trail import trail_of

    with ready.oracle("map", ready.combos[0]) as oracle:
        first, second = (package_name(oracle, name) for name in names)
        if first == second:
            raise UsageError(f"both packages are {first}", next_step=f"knowngood frontier {oracle.combo.id} {first}")
        base = oracle.ask_first()
        found = maps.find(oracle, (first, second), base, last=last)
        trail = trail_of(oracle)
    ready.keep(maps.searched(found, trail))
    print_as(
        format_,
        text=lambda: maps.text(found, trail, width=width()),
        markdown=lambda: maps.markdown(found, trail),
        json=lambda: maps.as_json(found, trail),
    )
    says = {cell.says for row in found.cells for cell in row}
    undecided = ExitCode.UNDECIDED if Says.UNKNOWN in says else ExitCode.DIFFERS
    sys.exit(ready.code or (ExitCode.AS_EXPECTED if Says.WORKS in says else undecided))


def _code(found: "Result") -> ExitCode:
    from knowngood.search.ask import Says

    if found.frontier.works is not None:
        return ExitCode.AS_EXPECTED
    unknown = any(each.says is Says.UNKNOWN for each in found.frontier.intervals)
    return ExitCode.UNDECIDED if unknown else ExitCode.DIFFERS


def _write(ready: Searching, found: "Result") -> None:
    """Write the bounds that were found into each project of the user that declares some. Raises ``UsageError``."""
    from packaging.requirements import Requirement

    from knowngood.process.files import write_atomically
    from knowngood.search.declared import with_bounds
    from knowngood.search.frontier_result import suggestion

    package, folder = found.frontier.package, ready.project.folder
    origins = dict.fromkeys(bound.origin for bound in found.bounds if bound.origin)
    files = [folder / origin / "pyproject.toml" for origin in origins or (".",)]

    def bounded(requirement: Requirement) -> Requirement:
        specifier = suggestion(found.frontier, requirement.specifier)
        requirement.specifier = requirement.specifier if specifier is None else specifier
        return requirement

    if found.frontier.works is None or found.trail.interrupted or found.trail.spent:
        raise UsageError(
            "nothing was written: the bounds are not known", next_step="repeat the search; what it ran is reused"
        )
    for file in filter(Path.is_file, files):
        before = file.read_bytes()
        after, changed = with_bounds(before.decode(), package, bounded)
        if after.encode() != before:
            write_atomically(file.resolve(), after.encode())
        for old, new in changed:
            click.echo(f"written  {near(file)}: {old} is now {new}" if old != new else f"right    {old}", err=True)
        if changed:
            return
    raise UsageError(
        f"nothing was written: no pyproject.toml of the project requires {package}",
        cause=f"looked in {', '.join(near(file) for file in files)}",
        next_step="install the project in the combo with a line such as '.'",
    )
