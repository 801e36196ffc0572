"""Judge recorded facts. Pure: no input or output, and no process."""
