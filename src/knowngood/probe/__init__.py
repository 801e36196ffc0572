"""Run a probe inside an environment and read what it recorded."""
