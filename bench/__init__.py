"""Measure knowngood and the tools that one would use instead, on the same combos in the same run: ``nox -s bench``."""
