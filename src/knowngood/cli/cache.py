"""The verb ``cache``: list, show, remove, export and import cached verdicts."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import PATH
from knowngood.errors import UsageError
from knowngood.process.remover import remove_tree

if TYPE_CHECKING:
    from knowngood.cache.verdicts import Entry, Verdicts


@click.group(short_help="List, remove or copy cached verdicts.")
def cache() -> None:
    """List or remove cached verdicts, or copy them to another machine.

    A verdict is cached so that `run` can reuse it as long as its lock, its probes and the machine are the same.
    """


@cache.command("ls", short_help="List cached verdicts.")
def list_entries() -> None:
    """List cached verdicts, most recently used last: key, day of the run, matrix/combo, verdicts."""
    from knowngood.report.text import count, plain, size

    total = entries = 0
    for stored in _verdicts():
        entry = _read(stored.path)
        if entry is not None:
            verdicts = ", ".join(f"{probe} {status}" for probe, status in entry.statuses.items())
            combo = f"{entry.matrix}/{entry.reused.combo}"
            imported = f"  imported from {plain(entry.reused.archive)}" if entry.reused.archive else ""
            line = f"{stored.key[:12]}  {entry.reused.recorded[:10]}  {plain(combo)}  {plain(verdicts)}{imported}"
            click.echo(line)
            total, entries = total + stored.size, entries + 1
    click.echo(f"{count(entries, 'cached verdict')}, {size(total)}, in {_folder() / 'verdicts'}")


@cache.command(short_help="Print what a cached verdict depends on.")
@click.argument("key")
def show(key: str) -> None:
    """Print what the cached verdict with KEY, or a prefix of it, depends on and where it comes from."""
    matching = [stored for stored in _verdicts() if key and stored.key.startswith(key)]
    if len(matching) != 1:
        number = f"{len(matching)} cached verdicts have" if matching else "no cached verdict has"
        raise UsageError(f"{number} a key that begins with {key[:64]!r}", next_step="list them: knowngood cache ls")
    entry = _read(matching[0].path)
    if entry is None:
        raise UsageError(f"{key[:64]} cannot be read", next_step="remove it with `knowngood cache prune --all`")
    document = {
        "key": entry.reused.key,
        "run": entry.reused.run,
        "combo": entry.reused.combo,
        "recorded": entry.reused.recorded,
        "archive": entry.reused.archive,
        "matrix": entry.matrix,
        "verdicts": dict(entry.statuses),
        "depends on": dict(entry.ingredients),
    }
    click.echo(json.dumps(document, indent=2))


@cache.command(short_help="Remove cached verdicts.")
@click.option("--all", "everything", is_flag=True, help="Remove all verdicts and the cached bytecode.")
@click.option(
    "--older-than",
    type=click.IntRange(0),
    metavar="DAYS",
    help="Remove verdicts that were not used for this many days.",
)
def prune(everything: bool, older_than: int | None) -> None:
    """Remove verdicts: by default the least recently used ones, until the cache fits its size limit."""
    from knowngood.report.text import count, size

    removed = freed = 0
    limit = datetime.now(UTC).timestamp() - (older_than or 0) * 86400
    for stored in _verdicts():
        if everything or (older_than is not None and stored.used < limit):
            stored.path.unlink(missing_ok=True)
            removed, freed = removed + 1, freed + stored.size
    if everything:
        remove_tree(_folder() / "bytecode")
    pruned, more = _verdicts().prune()
    click.echo(f"removed {count(removed + pruned, 'verdict')}, {size(freed + more)}")


@cache.command("export", short_help="Write all cached verdicts to FILE.")
@click.argument("file", type=PATH)
def export_to(file: Path) -> None:
    """Write all cached verdicts to FILE, for another machine to import."""
    from knowngood.cache import verdicts
    from knowngood.report.text import count

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        exported = verdicts.export(_verdicts(), file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written", cause=str(error), next_step="name another file") from error
    click.echo(f"exported {count(exported, 'verdict')} to {file}")


@cache.command("import", short_help="Add the cached verdicts in each FILE.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PATH)
def import_from(files: tuple[Path, ...]) -> None:
    """Add the verdicts in each FILE, as written by `cache export`. Others are skipped.

    Reports say of a verdict that it was imported, and from which file. A verdict of your own runs is not replaced.
    """
    from knowngood.cache import verdicts
    from knowngood.report.text import count

    for file in files:
        try:
            taken = verdicts.take_in(_verdicts(), file)
        except (OSError, zipfile.BadZipFile) as error:
            next_step = "name a file that `knowngood cache export` wrote"
            raise UsageError(f"{file} is not an exported cache", cause=str(error), next_step=next_step) from error
        skipped = (
            f", skipped {taken.refused} that this version cannot read or that do not match their key"
            if taken.refused
            else ""
        )
        known = f", kept {taken.known} of your own runs" if taken.known else ""
        click.echo(f"imported {count(taken.added, 'verdict')} from {file}{known}{skipped}")


def _read(path: Path) -> "Entry | None":
    from knowngood.cache.verdicts import LARGEST, parse
    from knowngood.process.files import read_regular

    return parse(read_regular(path, LARGEST))


def _folder() -> Path:
    from knowngood.run import host

    return host.cache_folder()


def _verdicts() -> "Verdicts":
    from knowngood.cache.verdicts import Verdicts

    return Verdicts(folder=_folder() / "verdicts")
