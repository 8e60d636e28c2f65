"""Play: two short runs side by side on the Freeze page, for a first impression."""
