"""The command line, with all functions of the pages."""
