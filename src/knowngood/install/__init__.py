"""Build an environment for one combo, step by step."""
