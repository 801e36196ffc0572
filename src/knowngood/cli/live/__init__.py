"""The live terminal: what a run shows while it works."""
