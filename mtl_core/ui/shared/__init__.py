"""What several pages use: the visitor's choice, page layout, widget keys, caches."""
