"""The command line: everything the pages do, headless."""
