"""Start the command line: ``knowngood`` and ``python -m knowngood``."""

import _signal  # type: ignore[import-not-found]  # signal takes longer to import than all the rest of this file
import os
import sys


def _leave(*_: object) -> None:
    """End the process on Ctrl-C while it only imports: an exception there could end in a traceback."""
    os.write(2, b"error: interrupted, before anything was done\n")
    os._exit(130)


def main() -> None:
    """Run the command line."""
    # A shell has Ctrl-C ignored for a job in the background.
    usual = _signal.getsignal(_signal.SIGINT)
    if usual is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _leave)
    from knowngood.cli.main import main as run
    from knowngood.cli.streams import guarded

    _signal.signal(_signal.SIGINT, usual)
    # Only a run prints for people alone; what the other verbs print may be read by a program.
    code = guarded(lambda: run(prog_name="knowngood"), prints_data=sys.argv[1:2] != ["run"])
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # the code is known, and nothing is left but to exit
    sys.exit(code)


if __name__ == "__main__":
    main()
