"""Lessons: what each freezing choice means, in words, with the sources."""
