"""Resolve and install with uv, read its output, and route it to the right index."""
