"""The engine: children that use torch, the thread that supervises them, and the lab on top."""
