"""Render a judged run for GitHub: the summary of a job, annotations, and an issue."""
