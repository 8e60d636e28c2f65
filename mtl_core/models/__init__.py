"""Checkpoints: what exists, what each is made of, and the multi-task model on top."""
