"""Tasks with the labels of their heads, and the labelled sentences."""
