"""Report a judged run: one module for each format, each ``render(judged) -> str``. Pure: no I/O."""
