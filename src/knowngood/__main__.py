"""Start the command line: ``knowngood`` and ``python -m knowngood``."""

import _signal  # type: ignore[import-not-found]  # signal takes longer to import than all the rest of this file
import os
import sys


def _leave(*_: object) -> None:
    """End the process on Ctrl-C while it only imports: an exception there could end in a traceback."""
    os.write(2, b"error: interrupted, before anything was done\n")
    os._exit(130)


def refusal(platform: str) -> str:
    """Return why knowngood does not work on a platform, as ``sys.platform`` names it; empty where it does."""
    if platform not in ("win32", "cygwin"):
        return ""
    return (
        "error: knowngood does not run on Windows\n"
        "cause: it ends what a probe leaves running with process groups and signals, which Windows does not have\n"
        "next: run it in WSL, in a container, or in CI on Linux"
    )


def main() -> None:
    """Run the command line."""
    if refused := refusal(sys.platform):
        print(refused, file=sys.stderr)  # noqa: T201
        sys.exit(2)
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
