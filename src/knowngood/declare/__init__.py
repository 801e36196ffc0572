"""Declare what to try: a matrix file becomes checked values. Pure: no I/O, nothing spawned."""
