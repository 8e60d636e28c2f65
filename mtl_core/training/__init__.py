"""Training: options and specs of runs, the training loop, and the events that a run yields."""
