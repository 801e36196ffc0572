"""Where combos are evaluated: on this machine or, behind the same protocol, elsewhere."""
