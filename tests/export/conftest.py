"""Fixtures of stored runs."""

from tests.stored_runs import keep, pair, plans, read, store

__all__ = ["keep", "pair", "plans", "read", "store"]
