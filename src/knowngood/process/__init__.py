"""Run commands and delete folders. Nothing outside this room starts a process.

Each command runs under a supervisor process that ends its whole process tree.
"""

from knowngood.process.commands import Processes
from knowngood.process.helpers import Remover, answer_of

__all__ = ["Processes", "Remover", "answer_of"]
