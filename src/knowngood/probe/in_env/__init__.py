"""What runs inside an environment under test: one stdlib-only file, never imported by the harness."""
