"""Start the command line: ``knowngood`` and ``python -m knowngood``."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from knowngood.cli.main import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run(prog_name="knowngood")


if __name__ == "__main__":
    main()
