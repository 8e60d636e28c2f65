"""The claims by topic, each with its rule, bar and margin, as planned before the runs."""
