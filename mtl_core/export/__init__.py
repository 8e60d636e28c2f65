"""Export of runs as files: a note for a design document, figures, tables and scripts."""
