"""knowngood proves which sets of package versions work together."""

__version__ = "0.1.0"
