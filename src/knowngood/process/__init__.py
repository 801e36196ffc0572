"""The only room that spawns: commands, each under a supervisor that ends its whole tree, and what deletes folders."""

from knowngood.process.commands import Processes
from knowngood.process.removal import Remover

__all__ = ["Processes", "Remover"]
