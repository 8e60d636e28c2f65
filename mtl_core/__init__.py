"""Freeze Lab: compare what to freeze when a multi-task transformer is fine-tuned."""

__version__ = "0.1.0"
