"""The store: every run and every event it said, in one SQLite file. The only room with SQL."""
