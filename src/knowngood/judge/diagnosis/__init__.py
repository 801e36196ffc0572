"""Diagnose a failure: the package whose version must move, what it conflicts with, why, and what fixes it.

Each module in ``rules`` knows one kind of failure; ``diagnose`` goes through them in order. A guess never passes for a
fact: a diagnosis says how sure it is and what its evidence is, and "unknown" is an answer.
"""
