"""Start the command line: ``knowngood`` and ``python -m knowngood``."""


def main() -> None:
    """Run the command line."""
    from knowngood.cli.main import main as run

    run(prog_name="knowngood")


if __name__ == "__main__":
    main()
