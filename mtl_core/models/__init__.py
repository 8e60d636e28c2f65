"""Checkpoints: the catalogue, their architectures and weights, and the multi-task model."""
