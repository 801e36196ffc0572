"""``knowngood`` and ``python -m knowngood``: a process of its own for one verb."""

import atexit
import gc


def main() -> None:
    """Run the command line in a process that ends with it."""
    # Modules and facts live as long as the process does: looking for garbage among them finds none, and takes longer
    # than reading a matrix; so does taking them apart at the end, when the memory is given back at once.
    gc.set_threshold(100_000, 50, 100)
    atexit.register(gc.freeze)
    from knowngood.cli import main as run

    run()


if __name__ == "__main__":
    main()
