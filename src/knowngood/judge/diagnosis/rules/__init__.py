"""The rules of a diagnosis, one module each."""
