"""``python -m knowngood``."""

from knowngood.cli import main

if __name__ == "__main__":
    main()
