"""The guide: chapters, scenario lessons, claims with their experiments, and sources."""
