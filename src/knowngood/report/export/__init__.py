"""Exports: a proven combo as a requirements file, a constraints file, ``pylock.toml`` or a Dockerfile fragment."""
