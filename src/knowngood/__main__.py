"""Start the command line: ``knowngood`` and ``python -m knowngood``."""

import signal
import sys


def main() -> None:
    """Run the command line."""
    try:
        from knowngood.cli.main import main as run
        from knowngood.cli.streams import guarded
    except KeyboardInterrupt:
        sys.exit(130)
    # Only a run prints for people alone; what the other verbs print may be read by a program.
    code = guarded(lambda: run(prog_name="knowngood"), prints_data=sys.argv[1:2] != ["run"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the code is known, and nothing is left but to exit
    sys.exit(code)


if __name__ == "__main__":
    main()
