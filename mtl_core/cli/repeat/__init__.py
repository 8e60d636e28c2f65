"""The `repeat` command: trains the runs of a bundle again."""
