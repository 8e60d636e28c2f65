"""Analysis of stored runs: summaries of single runs, and comparisons of several. No torch."""
