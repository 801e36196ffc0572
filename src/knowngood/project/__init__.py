"""A project on disk: its matrix, runs, signatures and baseline."""
