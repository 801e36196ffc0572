"""The verb ``scan``: predict from the files of an environment or of wheels what cannot work with NumPy."""

import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from knowngood.errors import ExitCode, UsageError


@click.command(short_help="Predict which files cannot work with a NumPy version.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--numpy", "version", metavar="VERSION", help="NumPy version to predict for.  [default: the one in PATH]")
def scan(paths: tuple[Path, ...], version: str | None) -> None:
    """Predict which compiled modules cannot work with a version of NumPy, because they were built for another.

    PATH is one environment, or wheels that would be installed together. Nothing in them is run. Exits 1 when an
    extension is predicted to fail, and 0 otherwise.
    """
    from packaging.version import VERSION_PATTERN

    from knowngood.install.environment import Environment
    from knowngood.install.inspect import read
    from knowngood.judge.diagnosis.rules.numpy_abi import predict, sentence
    from knowngood.model import Distribution
    from knowngood.report.text import plain

    if version is not None and not re.fullmatch(VERSION_PATTERN, version, re.VERBOSE | re.IGNORECASE):
        raise UsageError(f"invalid version {version[:40]!r}", next_step="write it as --numpy 2.0.2")
    with tempfile.TemporaryDirectory(prefix="knowngood-scan-") as folder:
        environment = Environment(folder=_unpacked(paths, Path(folder), version))
        if not environment.site_packages():
            raise UsageError(
                f"{paths[0]} is not an environment", cause="it has no site-packages", next_step="name a venv, or wheels"
            )
        facts = read(environment)
    if version is not None:
        others = tuple(distribution for distribution in facts.distributions if distribution.name != "numpy")
        facts = replace(facts, distributions=(*others, Distribution(name="numpy", version=version)))
    misfits = predict(facts)
    for extension in facts.extensions:
        verdict = "cannot work" if extension in misfits else "fits"
        built = "NumPy 1.x only" if extension.numpy == "1" else "NumPy 2, and runs on 1.x"
        click.echo(plain(f"{extension.distribution} {extension.file} built for {built}: {verdict}"))
    for remark in facts.remarks:
        click.echo(plain(f"remark: {remark}"))
    click.echo(plain(sentence(facts) or f"nothing is predicted to fail ({len(facts.extensions)} extensions use NumPy)"))
    raise SystemExit(ExitCode.DIFFERS if misfits else ExitCode.AS_EXPECTED)


def _unpacked(paths: Sequence[Path], folder: Path, numpy: str | None) -> Path:
    """Return the environment in ``paths``, or unpack wheels into an environment in ``folder`` and return that."""
    if len(paths) == 1 and paths[0].is_dir():
        return paths[0]
    site_packages = folder / "lib" / "python3" / "site-packages"
    site_packages.mkdir(parents=True)
    if numpy is not None:
        metadata = site_packages / f"numpy-{numpy}.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text(f"Metadata-Version: 2.1\nName: numpy\nVersion: {numpy}\n", encoding="utf-8")
    for path in paths:
        try:
            with zipfile.ZipFile(path) as wheel:
                wheel.extractall(site_packages)
        except (OSError, zipfile.BadZipFile) as error:
            raise UsageError(
                f"{path} is not a wheel", cause=str(error), next_step="name one environment, or wheels"
            ) from error
    return folder
