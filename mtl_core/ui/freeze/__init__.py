"""The Freeze page."""
