"""The verb ``cache``: what knowngood remembers, for people to look at, to clear, and to hand on."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from knowngood.cli.options import PATH
from knowngood.errors import UsageError

if TYPE_CHECKING:
    from knowngood.cache.verdicts import Entry, Verdicts


@click.group()
def cache() -> None:
    """Look at the cache of verdicts, clear it, or hand it on to another machine."""


@cache.command("ls")
def list_entries() -> None:
    """List what is known, the most lately used last: key, when it was found out, matrix, combo, verdicts."""
    from knowngood.report.text import plain, size

    total = entries = 0
    for stored in _verdicts():
        entry = _read(stored.path)
        if entry is not None:
            told = ", ".join(f"{probe} {status}" for probe, status in entry.statuses.items())
            where = f"{entry.matrix}/{entry.reused.combo}"
            click.echo(f"{stored.key[:12]}  {entry.reused.recorded[:10]}  {plain(where)}  {plain(told)}")
            total, entries = total + stored.size, entries + 1
    click.echo(f"{entries} known, {size(total)}, in {_folder() / 'verdicts'}")


@cache.command()
@click.argument("key")
def show(key: str) -> None:
    """Show all that the verdict under KEY depends on, and where it comes from. The beginning of a key is enough."""
    found = [one for one in _verdicts() if key and one.key.startswith(key)]
    if len(found) != 1:
        what = f"{len(found)} entries begin with {key[:64]!r}" if found else f"no entry begins with {key[:64]!r}"
        raise UsageError(what, next_step="see them all with `knowngood cache ls`")
    entry = _read(found[0].path)
    if entry is None:
        raise UsageError(f"{key[:64]} cannot be read", next_step="remove it with `knowngood cache prune --all`")
    told = {
        "key": entry.reused.key,
        "run": entry.reused.run,
        "combo": entry.reused.combo,
        "recorded": entry.reused.recorded,
        "matrix": entry.matrix,
        "verdicts": dict(entry.statuses),
        "depends on": dict(entry.ingredients),
    }
    click.echo(json.dumps(told, indent=2))


@cache.command()
@click.option("--all", "everything", is_flag=True, help="Remove everything, bytecode included.")
@click.option("--older-than", type=click.IntRange(0), metavar="DAYS", help="Remove what was not used for so many days.")
def prune(everything: bool, older_than: int | None) -> None:
    """Bring the cache below its size; or remove what is old, or all of it."""
    import shutil

    from knowngood.report.text import count, size

    gone = freed = 0
    limit = datetime.now(UTC).timestamp() - (older_than or 0) * 86400
    for stored in _verdicts():
        if everything or (older_than is not None and stored.used < limit):
            stored.path.unlink(missing_ok=True)
            gone, freed = gone + 1, freed + stored.size
    if everything:
        shutil.rmtree(_folder() / "bytecode", ignore_errors=True)
    pruned, more = _verdicts().prune()
    click.echo(f"removed {count(gone + pruned, 'verdict')}, {size(freed + more)}")


@cache.command("export")
@click.argument("file", type=PATH)
def export_to(file: Path) -> None:
    """Write everything that is known into FILE, for another machine to import."""
    from knowngood.cache import verdicts
    from knowngood.report.text import count

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        exported = verdicts.export(_verdicts(), file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written", cause=str(error), next_step="name another file") from error
    click.echo(f"exported {count(exported, 'verdict')} to {file}")


@cache.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PATH)
def import_from(files: tuple[Path, ...]) -> None:
    """Add what is known in each FILE, as `cache export` wrote it. What does not fit its own key is left out."""
    from knowngood.cache import verdicts
    from knowngood.report.text import count

    for file in files:
        try:
            taken, refused = verdicts.take_in(_verdicts(), file)
        except (OSError, zipfile.BadZipFile) as error:
            next_step = "name a file that `knowngood cache export` wrote"
            raise UsageError(f"{file} is no exported cache", cause=str(error), next_step=next_step) from error
        left_out = f", left out {refused} that do not fit" if refused else ""
        click.echo(f"imported {count(taken, 'verdict')} from {file}{left_out}")


def _read(path: Path) -> "Entry | None":
    from knowngood.cache.verdicts import parse

    try:
        return parse(path.read_bytes())
    except OSError:  # another run has just evicted it
        return None


def _folder() -> Path:
    from knowngood.run import host

    return host.cache_folder()


def _verdicts() -> "Verdicts":
    from knowngood.cache.verdicts import Verdicts

    return Verdicts(folder=_folder() / "verdicts")
