"""Measures of a run beside its losses: movement, similarity, gradient cosines and probes."""
