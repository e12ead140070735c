"""Training: examples, the loop with its checkpoints, metrics and the run folder."""
