"""Tables of tested versions for somebody's docs, rendered from a published report without another run."""
