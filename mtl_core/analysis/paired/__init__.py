"""Differences of plans, paired by seed and by sentence, with simultaneous confidence intervals.

`scores` gives each sentence a value, `components` splits the variance of a difference into seeds
and sentences, `intervals` computes the intervals. `planning` computes what a design can find, and
`looks` the level of an interval after seeds were added. Formulas and sources: docs/measures.md.
"""
