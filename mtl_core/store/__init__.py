"""The store: runs and their events in one SQLite file. The only package that uses SQL."""
