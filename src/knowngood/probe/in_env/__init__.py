"""Hold the file that runs inside an environment under test: stdlib only, never imported by the harness."""
