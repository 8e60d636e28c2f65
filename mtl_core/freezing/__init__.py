"""Freezing: what a plan is, what it selects, and the parameter table it resolves to."""
