"""What the tests build for real: tiny wheels, an index on loopback, projects on disk."""
