"""Cost: memory, FLOPs and time of a plan, before anything runs."""
