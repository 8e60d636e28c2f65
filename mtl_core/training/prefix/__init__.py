"""Outputs of frozen layers, computed once per sentence, stored and reused."""
