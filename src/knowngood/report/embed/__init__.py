"""Tables of tested versions for a project's docs, rendered from a published report without another run."""
