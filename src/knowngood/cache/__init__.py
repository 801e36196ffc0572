"""Reuse across runs: keys, verdicts, environments and bytecode."""
