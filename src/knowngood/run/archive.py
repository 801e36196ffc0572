"""The cache of verdicts as one file, a zip archive, to hand on to another machine; what comes in is not trusted."""

import contextlib
import zipfile
import zlib
from pathlib import Path
from secrets import token_hex

from knowngood.run.keys import key
from knowngood.run.verdicts import LARGEST, Verdicts, parse


def export(verdicts: Verdicts, target: Path) -> int:
    """Write all entries into ``target``; return how many. Raises ``OSError``: nothing was changed."""
    partial = target.with_name(f"{target.name}.{token_hex(4)}")
    count = 0
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in verdicts:
                with contextlib.suppress(FileNotFoundError):  # another run pruned it
                    archive.writestr(f"{one.key}.jsonl", one.path.read_bytes())
                    count += 1
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return count


def take_in(verdicts: Verdicts, source: Path) -> tuple[int, int]:
    """Add the entries of ``source``; return how many were taken, and how many were none or did not fit their key.

    Raises ``OSError`` or ``zipfile.BadZipFile`` when it is not such a file.
    """
    taken = refused = 0
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            data = _member(archive, member)
            entry = parse(data)
            # The name of a member is not trusted: the key follows from what is inside.
            if entry is None or key(entry.ingredients) != entry.reused.key:
                refused += 1
                continue
            verdicts.write(entry.reused.key, data)
            taken += 1
    return taken, refused


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return what a member of an archive holds; nothing when it is too large, damaged, or not as we write them."""
    if member.file_size > LARGEST or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return b""
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):  # RuntimeError: it is encrypted
        return b""
