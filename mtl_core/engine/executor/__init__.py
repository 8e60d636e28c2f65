"""Executors: where training runs are executed, behind one interface."""
