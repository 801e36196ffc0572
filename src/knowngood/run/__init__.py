"""Run combos: evaluate one, schedule many, keep the event log, show what happens."""
