"""The rules of a diagnosis. Each one asks questions and diagnoses one kind of failure."""
