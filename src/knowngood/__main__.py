"""Start the command line: ``knowngood`` and ``python -m knowngood``."""


def main() -> None:
    """Run the command line."""
    from knowngood.cli.main import main as run

    run()


if __name__ == "__main__":
    main(prog_name="knowngood")
