"""Results of finished runs as figures, tables and words: one module per topic."""
