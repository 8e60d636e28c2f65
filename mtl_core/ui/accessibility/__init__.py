"""The keyboard focus on all pages."""
