"""The `compare` command: trains several scenarios with several seeds and compares them."""
