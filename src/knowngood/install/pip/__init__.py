"""Resolve and install with pip, read its output, and route it to the right index."""
