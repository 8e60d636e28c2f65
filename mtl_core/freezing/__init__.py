"""Freeze plans, selectors and scenarios, and the parameter table of a plan for a model."""
