"""Executors: where training runs are carried out, behind one interface."""
