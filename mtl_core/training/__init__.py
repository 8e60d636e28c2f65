"""Training: what a run is told, what it does, and the events it says."""
