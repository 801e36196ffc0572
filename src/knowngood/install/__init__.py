"""Build the environment of a combo, step by step, and read what is in it."""
