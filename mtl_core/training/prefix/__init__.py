"""Frozen layers' outputs: computed once, stored and reused."""
