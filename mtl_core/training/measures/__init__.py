"""What a run measures beside its losses: movement, similarity, gradients, probes."""
