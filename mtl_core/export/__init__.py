"""Export: runs as files to take along, a note for a design doc, figures, tables and scripts."""
