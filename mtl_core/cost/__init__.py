"""Estimates of the memory, FLOPs and time of a plan, without running it."""
