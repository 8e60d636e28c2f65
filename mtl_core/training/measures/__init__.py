"""Measures of a run beyond its losses: movement, similarity, gradient cosines and probes."""
