"""Render a judged run: one module for each format. Pure: no input, no output."""
