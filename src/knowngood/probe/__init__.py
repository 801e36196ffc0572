"""Run a probe inside an environment and read the records it wrote."""
