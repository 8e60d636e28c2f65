"""Words of the pages, explained where they stand."""
