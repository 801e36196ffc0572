"""Search for sets of versions that work: each candidate is a combo that is run and recorded like any other."""
