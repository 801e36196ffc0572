"""Render a judged run for CI systems: as test results, and a plan as their jobs."""
