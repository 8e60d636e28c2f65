"""Tasks and their labelled data: what a head must say, and the sentences it learns from."""
