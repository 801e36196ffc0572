"""Diagnose a failure: the package whose version must move, what it conflicts with, why, and what fixes it.

Each module holds one way to tell, ``rule(case) -> Diagnosis | None``; ``diagnose`` asks them in order. A guess is never
dressed as a fact: a diagnosis says how sure it is and what it rests on, and "unknown" is an answer.
"""
