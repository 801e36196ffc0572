"""A run that is to leave some of the disk free."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import disk_usage

from knowngood.model import Phase, Reason, Status
from support.index import Index
from support.runs import cells, matrix, names, record, request
from support.wheels import build_wheel
from support.workshop import combo

MUCH = 64 * 2**20  # bytes


def test_without_enough_of_the_disk_nothing_is_built_and_the_cell_says_how_much_there_is(
    index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "solid", "1.0")
    subject = replace(matrix(tmp_path, index.url, (combo(("solid",)),)), min_free=2**60)

    events = record(request(subject, tmp_path / "runs" / "tiny" / "one", environ))

    cell = cells(events)["one"]
    expected = (Status.INFRA, Phase.INSTALL, Reason.NO_SPACE)
    assert (cell.verdict.status, cell.verdict.phase, cell.verdict.reason) == expected
    assert "GiB left, and min-free keeps 1073741824.00 GiB of it free" in cell.message
    assert "environment-created" not in names(events)
    again = record(request(subject, tmp_path / "runs" / "tiny" / "two", environ, min_free=0))
    assert cells(again)["one"].verdict.status is Status.PASS


def test_a_probe_that_fills_the_disk_up_to_the_limit_is_not_held_against_the_versions(
    index: Index, environ: Mapping[str, str], tmp_path: Path
) -> None:
    build_wheel(index.folder, "solid", "1.0")
    full = tmp_path / "full"
    probe = f"import solid; open({str(full)!r}, 'wb').write(b'x' * {2 * MUCH}); raise SystemError('no room for more')"
    subject = matrix(tmp_path, index.url, (combo(("solid",)),), probes={"works": probe})
    subject = replace(subject, min_free=disk_usage(tmp_path).free - MUCH)

    events = record(request(subject, tmp_path / "runs" / "tiny" / "one", environ))

    full.unlink()
    verdict = cells(events)["one"].verdict
    assert (verdict.status, verdict.phase, verdict.reason) == (Status.INFRA, Phase.PROBE, Reason.NO_SPACE)
