"""The verb ``list``: print the combos of a matrix."""

import click

from knowngood.cli.options import only_option, parse_shard, shard_option, takes_matrix


@click.command("list", short_help="List the combos of a matrix.")
@takes_matrix
@only_option
@shard_option
def list_combos(matrix: str | None, only: tuple[str, ...], shard: str | None) -> None:
    """List the combos of MATRIX, a line for each: its id, and what each of its steps installs.

    MATRIX is a matrix file, or the name of one in matrices/. You may omit it if there is only one.
    """
    from knowngood.declare.combo_selection import choose
    from knowngood.project.project import Project

    project = Project.open(matrix)
    for combo in choose(project.matrix.combos, only=only, shard=parse_shard(shard)):
        click.echo(f"{combo.id}  {' | '.join(' '.join(step.lines) for step in combo.steps)}")
