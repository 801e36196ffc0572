"""Judge recorded facts. Pure: no I/O, nothing spawned."""
