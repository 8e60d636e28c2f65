"""Trains several runs at once whose plans train only heads."""
