"""What GitHub shows of a judged run: the summary of a job, annotations, and the one issue that lives."""
