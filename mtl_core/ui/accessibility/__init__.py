"""Keyboard focus and reduced motion on all pages."""
