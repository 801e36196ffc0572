"""Look at a project, and propose its first matrix and the files around it."""
